use std::fs;
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use clipper::clock::{Clock, SystemClock};
use clipper::gc::{Action, Gc, GcError, Kind, Report};
use clipper::media::MediaStore;
use clipper_domain::clip::{ClipEvent, EncodingClass};
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, Quality};
use tempfile::TempDir;

use super::projections::{registered, tell};
use super::{Stage, suite};
use crate::support::app::files_below;

suite!(
    what_is_left_over_goes_and_nothing_else,
    a_store_beside_an_empty_log_is_left_alone,
);

const KNOWN: &str = "0190f3c0-0000-7000-8000-000000000001";
const STRANGER: &str = "0190f3c0-0000-7000-8000-000000000002";

const IN_USE: [&str; 5] = [
    "source/aa",
    "2/master.m3u8",
    "2/480p/segment-000.ts",
    "4/480p/segment-000.ts",
    "4/sound/128.aac",
];
const LEFT_OVER: [&str; 6] = [
    "source/bb",
    "1/480p/segment-000.ts",
    "3/480p/segment-000.ts",
    "9/480p/segment-000.ts",
    "2/sound/128.aac",
    "2/480p/segment-001.01.partial",
];

fn plant(root: &Path, name: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, b"12345").unwrap();
}

async fn store() -> (TempDir, MediaStore) {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(clipper::config::MediaPlace::Folder(folder.path().to_owned()))
        .await
        .unwrap();
    (folder, media)
}

fn requested(generation: u32) -> ClipEvent {
    ClipEvent::EncodingRequested {
        generation,
        qualities: vec![Quality::P480],
        priority: 5,
        class: EncodingClass::Fresh,
    }
}

fn completed(generation: u32) -> ClipEvent {
    ClipEvent::EncodingCompleted {
        generation,
        qualities: vec![Quality::P480],
        failed: vec![],
    }
}

async fn run(
    stage: &Stage,
    media: &MediaStore,
    now: DateTime<Utc>,
    action: Action,
) -> Result<Report, GcError> {
    let gc = Gc {
        media,
        logs: &stage.logs,
        now,
        grace: TimeDelta::hours(24),
        action,
    };
    gc.run().await
}

fn kinds(report: &Report) -> Vec<(Kind, u64)> {
    report
        .removed
        .iter()
        .map(|(kind, amount)| (*kind, amount.objects))
        .collect()
}

/// A clip that plays its second generation, works on its fourth, and has had two others.
async fn tell_of_generations(stage: &Stage) {
    let clip: ClipId = KNOWN.parse().unwrap();
    let source = StoredSource {
        object: format!("{KNOWN}/source/aa"),
        bytes: 5,
        sha256: "aa".to_owned(),
        filename: None,
    };
    let events = [
        registered("known"),
        ClipEvent::SourceStored(source),
        requested(1),
        completed(1),
        requested(2),
        completed(2),
        requested(3),
        ClipEvent::EncodingCancelled { generation: 3 },
        requested(4),
    ];
    tell(stage, clip, 0, &events).await;
}

async fn what_is_left_over_goes_and_nothing_else(stage: &Stage) {
    let (folder, media) = store().await;
    let root = folder.path();
    let now = SystemClock.now();
    stage.clock.advance(now - stage.clock.now());
    tell_of_generations(stage).await;
    for name in IN_USE.iter().chain(&LEFT_OVER) {
        plant(root, &format!("{KNOWN}/{name}"));
    }
    plant(root, &format!("{STRANGER}/source/cc"));
    plant(root, ".incoming/upload");
    plant(root, ".work/piece-1/range.ts");
    plant(root, "notes.txt");
    let planted = files_below(root).len();

    // Sound serves nothing once its generation is whole; all else waits until nobody can be in the middle of it.
    let soon = now + TimeDelta::minutes(30);
    let counted = run(stage, &media, soon, Action::Count).await.unwrap();
    assert_eq!(kinds(&counted), [(Kind::Sound, 1)]);
    assert_eq!(counted.unknown, ["notes.txt"]);
    assert_eq!(files_below(root).len(), planted, "it was only counted");

    let later = now + TimeDelta::hours(25);
    let everything = [
        (Kind::Replaced, 1),
        (Kind::Unfinished, 2),
        (Kind::Sound, 1),
        (Kind::Source, 1),
        (Kind::Partial, 1),
        (Kind::Abandoned, 2),
    ];
    let tidied = run(stage, &media, later, Action::Tidy).await.unwrap();
    assert_eq!(kinds(&tidied), everything);
    assert_eq!((tidied.total().objects, tidied.total().bytes), (8, 40));
    assert_eq!((tidied.kept.objects, tidied.waiting.objects), (5, 1));
    let stranger = format!("{STRANGER}/source/cc");
    assert!(
        files_below(root).contains(&stranger),
        "the log may be an older one"
    );

    let removed = run(stage, &media, later, Action::Remove).await.unwrap();
    assert_eq!(kinds(&removed), [(Kind::Source, 1)]);
    let mut expected: Vec<_> = IN_USE.iter().map(|name| format!("{KNOWN}/{name}")).collect();
    expected.push("notes.txt".to_owned());
    expected.sort();
    assert_eq!(files_below(root), expected);
    let again = run(stage, &media, later, Action::Remove).await.unwrap();
    assert_eq!(kinds(&again), []);
}

async fn a_store_beside_an_empty_log_is_left_alone(stage: &Stage) {
    let (folder, media) = store().await;
    plant(folder.path(), &format!("{STRANGER}/source/cc"));
    let later = SystemClock.now() + TimeDelta::hours(25);
    let refused = run(stage, &media, later, Action::Remove).await;
    assert!(matches!(refused, Err(GcError::EmptyLog)), "{refused:?}");
    assert_eq!(files_below(folder.path()).len(), 1);
}
