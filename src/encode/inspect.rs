//! Reading a finished rendition back: what its playlists will declare comes from these bytes, and what the validator
//! refuses is not published.

use std::io;

use clipper_domain::plan::PlannedRung;
use clipper_domain::{Segment, Variant};
use tokio::fs;

use super::{Job, rung_dir};
use crate::hls::{
    self, Container, Expected, Finding, MediaPlaylist, PlaylistKind, RenditionFacts, SegmentFacts,
    SegmentNames, Severity,
};

/// A rendition that may be published.
#[derive(Clone, Debug)]
pub struct Inspected {
    /// What was measured.
    pub facts: RenditionFacts,
    /// What the validator would rather have otherwise.
    pub advice: Vec<Finding>,
}

/// Why a rendition may not be published.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// A segment cannot be read from disk.
    #[error("a segment cannot be read")]
    Disk(#[from] io::Error),
    /// A segment is not what a player needs.
    #[error("segment {number} is not valid")]
    Segment {
        /// Counted from 0.
        number: u32,
        /// What is wrong.
        #[source]
        source: hls::InspectError,
    },
    /// The segments do not make a rendition.
    #[error("the segments do not fit together")]
    Measure(#[from] hls::MeasureError),
    /// The validator refuses it.
    #[error("{rule}: {message}")]
    Refused {
        /// The first rule that it breaks.
        rule: &'static str,
        /// What is wrong.
        message: String,
    },
}

/// The highest level that HLS allows (Apple authoring specification 1.2: High 5.2).
const MAX_LEVEL: u8 = 52;

pub(super) async fn inspect(job: Job<'_>, rung: &PlannedRung) -> Result<Inspected, InspectError> {
    let segments = read_segments(job, rung).await?;
    let frame_rate = job.plan.rate_of(rung);
    let facts = hls::measure(&segments, frame_rate)?;
    let expected = Expected {
        width: rung.width,
        height: rung.height,
        frame_rate,
        max_level: MAX_LEVEL,
        duration_90k: job.facts.duration_ms * 90,
    };
    let (refused, advice): (Vec<_>, Vec<_>) = hls::validate_rendition(&facts, &segments, &expected)
        .into_iter()
        .partition(|finding| finding.severity == Severity::Must);
    match refused.into_iter().next() {
        Some(Finding { rule, message, .. }) => Err(InspectError::Refused { rule, message }),
        None => Ok(Inspected { facts, advice }),
    }
}

async fn read_segments(job: Job<'_>, rung: &PlannedRung) -> Result<Vec<SegmentFacts>, InspectError> {
    let folder = rung_dir(job, rung.quality);
    let mut segments = vec![];
    for number in 0.. {
        let bytes = match fs::read(folder.join(format!("segment-{number:03}.ts"))).await {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => break,
            Err(error) => return Err(error.into()),
        };
        segments
            .push(hls::inspect_segment(&bytes).map_err(|source| InspectError::Segment { number, source })?);
    }
    Ok(segments)
}

impl Inspected {
    /// The rendition as it is recorded.
    pub fn variant(
        &self,
        rung: &PlannedRung,
        storage_path: String,
        frame_rate: clipper_domain::FrameRate,
    ) -> Variant {
        let facts = &self.facts;
        let segment = |entry: &hls::SegmentEntry| Segment {
            duration_90k: entry.duration_90k,
            bytes: entry.bytes,
        };
        Variant {
            quality: rung.quality,
            width: facts.width,
            height: facts.height,
            bitrate: facts.peak_bandwidth,
            average_bitrate: facts.average_bandwidth,
            codec: facts.codecs.clone(),
            frame_rate,
            target_duration: facts.target_duration,
            segments: facts.segments.iter().map(segment).collect(),
            copied: false,
            storage_path,
        }
    }

    /// The playlist that lies beside the segments, for any static server.
    pub fn tree_playlist(&self) -> String {
        MediaPlaylist {
            target_duration: self.facts.target_duration,
            kind: PlaylistKind::Vod,
            container: Container::Ts,
            names: SegmentNames::Tree,
            segments: &self.facts.segments,
        }
        .render()
    }
}
