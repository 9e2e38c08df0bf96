//! Copies of an embedded store, made while it runs.

use clipper::storage::backup::{self, BackupError, InTheWay};
use clipper::storage::{Db, Expected, Log, Logs, rebuild};
use clipper_domain::ClipId;
use clipper_projections::PROJECTIONS;
use uuid::Uuid;

use super::projections::{follow_all, tell, whole_story};
use super::{Stage, append};
use crate::support::database::Backend;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_made_under_load_is_one_state_and_comes_back() {
    let stage = Stage::set(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    for n in 0..20 {
        tell(
            &stage,
            ClipId(Uuid::now_v7()),
            0,
            &whole_story(&format!("clip{n}")),
        )
        .await;
    }
    follow_all(&stage).await;
    let copy = folder.path().join("monday");
    let writing = async {
        for n in 0..200 {
            stage
                .clips
                .append(append(&format!("clip-{n}"), Expected::Version(0), &[1], "c"))
                .await
                .unwrap();
        }
    };
    let now = chrono::Utc::now();
    let (made, ()) = tokio::join!(backup::make(&stage.db, &copy, now), writing);
    let manifest = made.unwrap();
    assert!((140..=340).contains(&manifest.clip_head), "{manifest:?}");
    let again = backup::make(&stage.db, &copy, now).await;
    assert!(matches!(again, Err(BackupError::Exists(_))), "{again:?}");

    let target = folder.path().join("elsewhere/clipper.db");
    let (restored, moved) = backup::restore(&copy, &target, InTheWay::Keep, now)
        .await
        .unwrap();
    assert_eq!((restored, moved), (manifest.clone(), None));
    let db = Db::open(&format!("sqlite:{}", target.display())).await.unwrap();
    let logs = Logs::new(db.clone());
    assert_eq!(logs.head(Log::Clip).await.unwrap(), manifest.clip_head);
    let bench = rebuild::Bench {
        db: &db,
        logs: &logs,
        ..stage.bench()
    };
    for projection in &PROJECTIONS {
        let verdict = rebuild::verify(bench, projection, |_| {}).await.unwrap();
        assert_eq!(verdict.difference, None);
    }

    // A store that is there is not overwritten, nor one that is in use set aside.
    let kept = backup::restore(&copy, &target, InTheWay::Keep, now).await;
    assert!(matches!(kept, Err(BackupError::Exists(_))), "{kept:?}");
    let in_use = backup::restore(&copy, &target, InTheWay::SetAside, now).await;
    assert!(matches!(in_use, Err(BackupError::InUse(_))), "{in_use:?}");
    db.close().await;
    // Nor is a journal that was left behind taken for the restored store's own.
    let journal = target.with_file_name("clipper.db-wal");
    std::fs::write(&journal, b"left behind").unwrap();
    std::fs::write(&target, b"damaged").unwrap();
    let (_, moved) = backup::restore(&copy, &target, InTheWay::SetAside, now)
        .await
        .unwrap();
    assert!(!journal.try_exists().unwrap());
    assert!(moved.unwrap().try_exists().unwrap());
    stage.strike().await;
}

#[tokio::test]
async fn a_backup_that_was_changed_is_refused() {
    let stage = Stage::set(Backend::Sqlite).await;
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("monday");
    backup::make(&stage.db, &copy, chrono::Utc::now()).await.unwrap();
    let database = copy.join("clipper.db");
    let mut bytes = std::fs::read(&database).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&database, bytes).unwrap();
    let target = folder.path().join("clipper.db");
    let refused = backup::restore(&copy, &target, InTheWay::Keep, chrono::Utc::now()).await;
    assert!(matches!(refused, Err(BackupError::Changed(_))), "{refused:?}");
    assert!(!target.try_exists().unwrap());
    stage.strike().await;
}

#[tokio::test]
async fn a_server_is_backed_up_by_its_own_means() {
    let stage = Stage::set(Backend::Postgres).await;
    let folder = tempfile::tempdir().unwrap();
    let made = backup::make(&stage.db, &folder.path().join("monday"), chrono::Utc::now()).await;
    assert!(matches!(made, Err(BackupError::Server)), "{made:?}");
    stage.strike().await;
}
