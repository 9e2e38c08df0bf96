//! The media store on a real disk.

use std::time::Duration;

use clipper::media::MediaStore;
use clipper_domain::ClipId;
use uuid::Uuid;

use crate::support::app::files_below;

#[tokio::test]
async fn what_nobody_touches_any_more_is_swept_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(folder.path().to_owned()).await.unwrap();
    let clip = ClipId(Uuid::now_v7());
    let mut kept = media.receive(Uuid::now_v7()).await.unwrap();
    kept.write(b"whole", 100).await.unwrap();
    let object = media
        .keep_source(kept.finish().await.unwrap(), clip)
        .await
        .unwrap();
    // As a killed process leaves them.
    std::fs::write(folder.path().join(".incoming/upload"), b"half").unwrap();
    let work = media.begin_work("clip-1-0", 1).await.unwrap();
    std::fs::write(work.join("segment-000.ts"), b"half").unwrap();

    let hour = Duration::from_hours(1);
    let now = std::fs::metadata(work.join("segment-000.ts"))
        .unwrap()
        .modified()
        .unwrap();
    assert_eq!(
        media.sweep(now + hour / 2, hour).await.unwrap(),
        0,
        "it may still be under way"
    );
    assert_eq!(media.sweep(now + hour * 2, hour).await.unwrap(), 2);
    assert_eq!(files_below(folder.path()), [object]);
}

#[tokio::test]
async fn a_new_attempt_removes_what_earlier_ones_left() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(folder.path().to_owned()).await.unwrap();
    let first = media.begin_work("clip-1-0", 1).await.unwrap();
    let other = media.begin_work("clip-1-01", 1).await.unwrap();
    let second = media.begin_work("clip-1-0", 2).await.unwrap();
    assert!(!first.try_exists().unwrap(), "the first attempt's folder is gone");
    assert!(second.try_exists().unwrap() && other.try_exists().unwrap());
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(folder.path().to_owned()).await.unwrap();
    let mut incoming = media.receive(Uuid::now_v7()).await.unwrap();
    incoming.write(b"half", 100).await.unwrap();
    assert_eq!(files_below(folder.path()).len(), 1);
    drop(incoming);
    assert_eq!(files_below(folder.path()), Vec::<String>::new());
}
