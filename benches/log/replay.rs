//! Reading a long log: events per second, beside a bare `SELECT` of its rows; a full rebuild with its memory; and what a
//! snapshot would save.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clipper::commands::{ClipCommands, LoadedClip};
use clipper::storage::{Append, Expected, Log};
use clipper_domain::clip::{ClipEvent, EncodingClass, Registration, Visibility};
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, FrameRate, PersonId, Quality, Segment, Variant, schema};
use futures_util::TryStreamExt;
use futures_util::future::try_join_all;
use sqlx::{Executor, PgPool, Row, SqlitePool};
use uuid::Uuid;

use crate::say;
use crate::stage::Stage;

/// Clips whose lives are appended together.
const AT_ONCE: usize = 500;

pub(crate) async fn compare(stage: &Stage, events: i64) -> anyhow::Result<()> {
    let started = Instant::now();
    let written = fill(stage, events).await?;
    say(&format!(
        "  {written} events of {} clips, appended in {:.0} s",
        written / i64::try_from(life("a").len())?,
        started.elapsed().as_secs_f64()
    ))?;
    let (mut replayed, mut bare) = (0.0, 0.0);
    for _ in 0..2 {
        replayed += replay(stage).await? / 2.0;
        bare += bare_read(stage).await? / 2.0;
    }
    say(&format!(
        "  replay {replayed:.0} events/s, read and understood   bare SELECT {bare:.0} rows/s, {:.0} % of it",
        100.0 * replayed / bare
    ))?;
    for name in [&["clips", "video_variants"][..], &["clips"], &["video_variants"]] {
        rebuild(stage, name, written)?;
    }
    loads(stage).await
}

fn life(slug: &str) -> Vec<ClipEvent> {
    let registration = Registration {
        slug: slug.parse().expect("a slug"),
        title: "Amazing gaming moment".to_owned(),
        owner: PersonId(Uuid::NAMESPACE_OID),
        visibility: Visibility::Public,
        embed_url: Some("https://clips.example/embed".to_owned()),
        twitch_clip_url: None,
        source_url: None,
        views: 0,
        created_at: None,
    };
    let source = StoredSource {
        object: format!("{slug}/source/{}", "ab".repeat(32)),
        bytes: 12_345_678,
        sha256: "ab".repeat(32),
        filename: Some("clip.mp4".to_owned()),
    };
    let qualities = vec![Quality::P480, Quality::P720, Quality::P1080];
    let mut events = vec![
        ClipEvent::ClipRegistered(registration),
        ClipEvent::SourceStored(source),
        ClipEvent::EncodingRequested {
            generation: 1,
            qualities: qualities.clone(),
            priority: 5,
            class: EncodingClass::Fresh,
        },
        ClipEvent::EncodingStarted {
            generation: 1,
            unit: 0,
            token: 1,
            worker: "worker:0190a3c27f4e7cc398c4dc0c0c07398f".to_owned(),
        },
    ];
    events.extend(qualities.iter().map(|quality| ready(slug, *quality)));
    events.push(ClipEvent::EncodingCompleted {
        generation: 1,
        qualities,
        failed: vec![],
    });
    events
}

fn ready(slug: &str, quality: Quality) -> ClipEvent {
    ClipEvent::VariantReady {
        generation: 1,
        variant: Variant {
            quality,
            width: 1_280,
            height: 720,
            bitrate: 2_871_000,
            average_bitrate: 2_410_000,
            codec: "avc1.64001f,mp4a.40.2".to_owned(),
            frame_rate: FrameRate::new(30_000, 1_001).expect("a rate"),
            target_duration: 6,
            segments: vec![
                Segment {
                    duration_90k: 540_540,
                    bytes: 1_807_500,
                    key_frames: vec![],
                };
                5
            ],
            copied: false,
            storage_path: format!("{slug}/1/{}", quality.path()),
        },
    }
}

/// Appends whole lives until the log has this many events.
async fn fill(stage: &Stage, events: i64) -> anyhow::Result<i64> {
    let mut written = 0;
    while written < events {
        let appends = (0..AT_ONCE).map(|_| {
            let clip = ClipId(Uuid::now_v7());
            let life = life(&format!("clip-{}", clip.0.simple()));
            let append = Append {
                stream: clip.stream(),
                expected: Expected::Version(0),
                events: life
                    .iter()
                    .filter_map(|event| schema::write(event).ok())
                    .collect(),
                metadata: r#"{"actor":"bench","node":"bench"}"#.to_owned(),
                command_id: "life".to_owned(),
            };
            stage.writer.append(append)
        });
        let appended = try_join_all(appends).await?;
        written = appended
            .iter()
            .map(|place| place.position)
            .max()
            .unwrap_or_default()
            .max(written);
    }
    Ok(written)
}

async fn replay(stage: &Stage) -> anyhow::Result<f64> {
    let (started, mut position) = (Instant::now(), 0);
    let mut events = stage.logs.events(Log::Clip, 0, i64::MAX)?;
    while let Some(raw) = events.try_next().await? {
        position = raw.position;
        ensure!(raw.read::<ClipEvent>()?.len() == 1, "an event is one event");
    }
    Ok(position as f64 / started.elapsed().as_secs_f64())
}

async fn bare_read(stage: &Stage) -> anyhow::Result<f64> {
    const SQL: &str = "SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS TEXT), \
                       CAST(metadata AS TEXT), recorded_at FROM clip_events ORDER BY position";
    let (started, mut rows, mut bytes) = (Instant::now(), 0_i64, 0);
    if stage.place.url.starts_with("sqlite:") {
        let pool = SqlitePool::connect(&stage.place.url).await?;
        let mut read = pool.fetch(SQL);
        while let Some(row) = read.try_next().await? {
            bytes += row.get::<&str, _>(5).len();
            rows += 1;
        }
    } else {
        let pool = PgPool::connect(&stage.place.url).await?;
        let mut read = pool.fetch(SQL);
        while let Some(row) = read.try_next().await? {
            bytes += row.get::<&str, _>(5).len();
            rows += 1;
        }
    }
    ensure!(bytes > 0, "the rows have payloads");
    Ok(rows as f64 / started.elapsed().as_secs_f64())
}

/// In a process of its own, so that its memory is its own.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark starts the program that it measures"
)]
fn rebuild(stage: &Stage, names: &[&str], events: i64) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut child = std::process::Command::new(env!("CARGO_BIN_EXE_clipper"))
        .args(["projections", "rebuild"])
        .args(names)
        .env("DATABASE_URL", &stage.place.url)
        .stdout(std::process::Stdio::null())
        .spawn()?;
    let mut peak = 0.0_f64;
    let status = loop {
        peak = peak.max(resident_megabytes(child.id()));
        if let Some(status) = child.try_wait()? {
            break status;
        }
        std::thread::sleep(Duration::from_millis(20));
    };
    ensure!(status.success(), "the rebuild failed");
    let seconds = started.elapsed().as_secs_f64();
    let replayed = events as f64 * names.len() as f64;
    say(&format!(
        "  rebuild of {}: {seconds:.1} s, {:.0} events/s, peak {peak:.0} MB",
        names.join(" and "),
        replayed / seconds
    ))
}

/// proc(5): `VmHWM`. Elsewhere than on Linux it is not known and stays 0.
fn resident_megabytes(process: u32) -> f64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kibibytes = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kibibytes.unwrap_or_default() * 1_024.0 / 1e6
}

/// What it costs to load a clip with a history of this length; a snapshot could save no more.
async fn loads(stage: &Stage) -> anyhow::Result<()> {
    const TIMES: u32 = 200;
    let commands = ClipCommands::new(stage.logs.clone(), stage.writer.clone(), "bench".to_owned());
    let mut costs = vec![];
    for length in [8_i64, 100, 1_000] {
        let clip = ClipId(Uuid::now_v7());
        let mut events = life(&format!("clip-{}", clip.0.simple()));
        events.resize_with(usize::try_from(length)?, || ClipEvent::EncodingStarted {
            generation: 1,
            unit: 0,
            token: 1,
            worker: "worker:0190a3c27f4e7cc398c4dc0c0c07398f".to_owned(),
        });
        let append = Append {
            stream: clip.stream(),
            expected: Expected::Version(0),
            events: events
                .iter()
                .filter_map(|event| schema::write(event).ok())
                .collect(),
            metadata: "{}".to_owned(),
            command_id: "life".to_owned(),
        };
        stage.writer.append(append).await?;
        let started = Instant::now();
        for _ in 0..TIMES {
            let loaded = commands.catch_up(clip, LoadedClip::default()).await?;
            ensure!(loaded.version == length, "the whole history was read");
        }
        let micros = started.elapsed().as_secs_f64() * 1e6 / f64::from(TIMES);
        costs.push(format!("{length} events {micros:.0} µs"));
    }
    say(&format!("  loading a clip: {}", costs.join(", "))).context("cannot say")
}
