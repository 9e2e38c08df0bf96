//! The media store on a real disk.

use clipper::media::MediaStore;
use uuid::Uuid;

use crate::support::app::files_below;

#[tokio::test]
async fn a_new_attempt_removes_what_earlier_ones_left() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(clipper::config::MediaPlace::Folder(folder.path().to_owned()))
        .await
        .unwrap();
    let first = media.begin_work("clip-1-0", 1).await.unwrap();
    let other = media.begin_work("clip-1-01", 1).await.unwrap();
    let second = media.begin_work("clip-1-0", 2).await.unwrap();
    assert!(!first.try_exists().unwrap(), "the first attempt's folder is gone");
    assert!(second.try_exists().unwrap() && other.try_exists().unwrap());
}

#[tokio::test]
async fn an_upload_that_is_dropped_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let media = MediaStore::open(clipper::config::MediaPlace::Folder(folder.path().to_owned()))
        .await
        .unwrap();
    let mut incoming = media.receive(Uuid::now_v7()).await.unwrap();
    incoming.write(b"half", 100).await.unwrap();
    assert_eq!(files_below(folder.path()).len(), 1);
    drop(incoming);
    assert_eq!(files_below(folder.path()), Vec::<String>::new());
}
