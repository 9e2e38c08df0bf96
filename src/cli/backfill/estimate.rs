//! What a backfill would take, reckoned from what this store has measured itself.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use clipper_domain::clip::ClipEvent;
use clipper_projections::clips::backfill::{self, LackingRow};
use serde_json::{Value, json};

use crate::cli::store::Store;
use crate::storage::Log;

/// Encodings whose times are looked at.
const LOOKED_AT: i64 = 20;

/// What a backfill would take.
#[derive(Debug)]
pub(super) struct Estimate {
    clips: usize,
    /// Those whose source must be fetched first.
    to_fetch: usize,
    source_bytes: i64,
    /// Seconds of video. Clips of unknown length count as long as those that play, on average.
    seconds: f64,
    /// Bytes of renditions for a second of video.
    bytes_per_second: Option<f64>,
    /// Seconds that one encoder takes for a second of video.
    cost: Option<f64>,
}

#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) async fn of(store: &Store, clips: &[LackingRow]) -> anyhow::Result<Estimate> {
    let made = store.db.optional(backfill::made()).await?;
    let made = made.filter(|made| made.seconds > 0.0);
    let mean = made.as_ref().map_or(0.0, |made| made.seconds / made.clips as f64);
    Ok(Estimate {
        clips: clips.len(),
        to_fetch: clips.iter().filter(|clip| clip.source_bytes.is_none()).count(),
        source_bytes: clips.iter().filter_map(|clip| clip.source_bytes).sum(),
        seconds: clips.iter().map(|clip| clip.duration.unwrap_or(mean)).sum(),
        bytes_per_second: made.map(|made| made.bytes as f64 / made.seconds),
        cost: cost(store).await?,
    })
}

/// From the start of each unit's last attempt to its end, for each second of video.
async fn cost(store: &Store) -> anyhow::Result<Option<f64>> {
    let (mut worked, mut made) = (0.0, 0.0);
    for clip in store.db.all(backfill::encoded_lately(LOOKED_AT)).await? {
        let id: ClipId = clip.id.parse()?;
        worked += seconds_worked(store, id).await?;
        made += clip.duration;
    }
    Ok((made > 0.0).then(|| worked / made))
}

async fn seconds_worked(store: &Store, clip: ClipId) -> anyhow::Result<f64> {
    let mut began: HashMap<u32, DateTime<Utc>> = HashMap::new();
    let mut worked = 0.0;
    for stored in store.logs.stream(Log::Clip, &clip.stream(), 0).await? {
        let at = stored.event.recorded_at;
        for event in stored.event.read()? {
            if let ClipEvent::EncodingRequested { .. } = event {
                // Only the last generation counts, which made what is measured.
                began.clear();
                worked = 0.0;
            } else if let ClipEvent::EncodingStarted { unit, .. } = event {
                began.insert(unit, at);
            } else if let ClipEvent::UnitEncoded { unit, .. } = event {
                worked += began
                    .get(&unit)
                    .map_or(0.0, |began| (at - *began).as_seconds_f64());
            }
        }
    }
    Ok(worked)
}

impl Estimate {
    fn bytes(&self) -> Option<f64> {
        self.bytes_per_second.map(|bytes| bytes * self.seconds)
    }

    fn hours(&self) -> Option<f64> {
        self.cost.map(|cost| cost * self.seconds / 3_600.0)
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "clips": self.clips, "to_fetch": self.to_fetch, "source_bytes": self.source_bytes, "seconds": self.seconds,
            "bytes": self.bytes(), "encoder_hours": self.hours(),
            "measured": { "bytes_per_second": self.bytes_per_second, "encoder_seconds_per_second": self.cost },
        })
    }

    pub(super) fn describe(&self) -> String {
        let mut text = format!("{} clips lack HLS", self.clips);
        if self.to_fetch > 0 {
            text += &format!("; the sources of {} are fetched first", self.to_fetch);
        }
        text += &format!("\nabout {:.1} hours of video", self.seconds / 3_600.0);
        match (self.bytes(), self.hours()) {
            (Some(bytes), Some(hours)) => {
                text += &format!(
                    ": {:.2} GB of renditions, {hours:.1} hours of one encoder",
                    bytes / 1e9
                );
            }
            _ => text += "; nothing was encoded here yet that could be reckoned with",
        }
        text
    }
}
