//! `clipper clips`.

mod change;
mod list;

use anyhow::Context;
use clap::Subcommand;
use clipper_domain::ClipId;
use clipper_projections::clips::{self, ClipRow};
use clipper_projections::video_variants::{self, VariantRow};
use serde_json::json;

use super::output::{Output, table};
use crate::config::Config;
use crate::storage::past::{self, Moment};
use crate::storage::{Db, Log, Logs, RawEvent, StoredEvent, people};

#[derive(Debug, Subcommand)]
pub(super) enum ClipsVerb {
    /// List clips, the latest first.
    List(list::ListArguments),
    /// Show a clip and its renditions.
    Show {
        /// Its UUID or slug.
        clip: String,
        /// As it was after a version (`7`) or at a time (`2026-11-24T20:00:00Z`).
        #[arg(long, value_name = "VERSION|TIME")]
        at: Option<Moment>,
    },
    /// Print a clip's events.
    History {
        /// Its UUID or slug.
        clip: String,
    },
    /// Take a clip away from everyone; it may be restored for a while.
    Delete {
        /// Its UUID or slug.
        clip: String,
    },
    /// Give a deleted clip back.
    Restore {
        /// Its UUID or slug.
        clip: String,
    },
    /// Remove the media of a deleted clip for ever, without waiting until it cannot be restored any more.
    Purge {
        /// Its UUID or slug; of all clips that are due, when absent.
        clip: Option<String>,
    },
}

pub(super) async fn run(config: &Config, verb: ClipsVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    match verb {
        ClipsVerb::Show { clip, at } => show(&db, &clip, at, output).await,
        ClipsVerb::History { clip } => history(&db, &clip, output).await,
        ClipsVerb::List(arguments) => list::list(&db, arguments, output).await,
        ClipsVerb::Delete { clip } => change::delete(config, &clip, output).await,
        ClipsVerb::Restore { clip } => change::restore(config, &clip, output).await,
        ClipsVerb::Purge { clip } => change::purge(config, clip.as_deref(), output).await,
    }
}

async fn show(db: &Db, name: &str, at: Option<Moment>, output: Output) -> anyhow::Result<bool> {
    let row = find(db, name).await?;
    let (row, variants) = match at {
        None => {
            let variants = db.all(video_variants::of_clip(row.id.parse()?)).await?;
            (row, variants)
        }
        Some(moment) => {
            let past = past::clip_at(&Logs::new(db.clone()), row.id.parse()?, moment).await?;
            let past = past.with_context(|| format!("`{name}` was not registered then"))?;
            let recorded_at = past.recorded_at.format("%Y-%m-%d %H:%M:%S%.3f");
            output.note(&format!("as of version {}, {recorded_at} UTC", past.version));
            (past.clip, past.variants)
        }
    };
    let owner = people::user_of(db, &row.owner_id).await?;
    let data = json!({
        "id": row.id, "slug": row.slug, "title": row.title, "owner_id": owner, "visibility": row.visibility,
        "description": row.description, "deleted_at": row.deleted_at, "restore_until": row.purge_after,
        "purged_at": row.purged_at,
        "hls_processing_status": row.hls_processing_status, "encoding_state": row.encoding_state,
        "failure_code": row.failure_code, "failure_detail": row.failure_detail,
        "duration": row.duration, "width": row.width, "height": row.height, "created_at": row.created_at,
        "variants": variants.iter().map(|variant| json!({
            "quality": variant.quality, "width": variant.width, "height": variant.height, "bitrate": variant.bitrate,
            "average_bitrate": variant.average_bitrate, "codec": variant.codec, "frame_rate": variant.frame_rate,
            "duration": variant.duration, "segment_count": variant.segment_count, "file_size": variant.file_size,
        })).collect::<Vec<_>>(),
    });
    output.data(&data, || describe(&row, &variants))
}

fn describe(row: &ClipRow, variants: &[VariantRow]) -> String {
    let mut text = format!("{}\n  {} · {} · {}", row.title, row.slug, row.id, row.visibility);
    text += &format!("\n  {} ({})", row.hls_processing_status, row.encoding_state);
    if let (Some(width), Some(height), Some(duration)) = (row.width, row.height, row.duration) {
        text += &format!(" · {width}×{height} · {duration:.1} s");
    }
    if let Some(at) = row.deleted_at {
        text += &format!("\n  deleted at {} UTC", at.format("%Y-%m-%d %H:%M:%S"));
    }
    if let (Some(code), Some(detail)) = (&row.failure_code, &row.failure_detail) {
        text += &format!("\n  {code}: {detail}");
    }
    if variants.is_empty() {
        return text;
    }
    let rows: Vec<_> = variants.iter().map(variant_cells).collect();
    let headings = [
        "quality",
        "size",
        "peak kbit/s",
        "average",
        "fps",
        "segments",
        "MB",
        "codecs",
    ];
    format!("{text}\n\n{}", table(&headings, &rows))
}

fn variant_cells(variant: &VariantRow) -> Vec<String> {
    vec![
        variant.quality.clone(),
        format!("{}×{}", variant.width, variant.height),
        (variant.bitrate / 1_000).to_string(),
        (variant.average_bitrate / 1_000).to_string(),
        format!("{:.3}", variant.frame_rate),
        variant.segment_count.to_string(),
        format!(
            "{}.{}",
            variant.file_size / 1_000_000,
            variant.file_size / 100_000 % 10
        ),
        variant.codec.clone(),
    ]
}

async fn history(db: &Db, name: &str, output: Output) -> anyhow::Result<bool> {
    let id: ClipId = find(db, name).await?.id.parse()?;
    let events = Logs::new(db.clone()).stream(Log::Clip, &id.stream(), 0).await?;
    let data = events
        .iter()
        .map(StoredEvent::to_json)
        .collect::<Result<Vec<_>, _>>()?;
    output.data(&data.into(), || {
        let cells = |stored: &StoredEvent| {
            let event = &stored.event;
            let time = event.recorded_at.format("%Y-%m-%d %H:%M:%S%.3f").to_string();
            vec![
                event.version.to_string(),
                event.position.to_string(),
                time,
                event.event_type.clone(),
                brief(event),
            ]
        };
        let rows: Vec<_> = events.iter().map(cells).collect();
        table(
            &["version", "position", "recorded at (UTC)", "event", "payload"],
            &rows,
        )
    })
}

fn brief(event: &RawEvent) -> String {
    const LENGTH: usize = 90;
    let text: String = event.payload.chars().take(LENGTH).collect();
    if event.payload.chars().count() > LENGTH {
        format!("{text}…")
    } else {
        text
    }
}

async fn find(db: &Db, name: &str) -> anyhow::Result<ClipRow> {
    db.optional(clips::by_name_in(name, clips::Which::All))
        .await?
        .with_context(|| format!("there is no clip `{name}`"))
}
