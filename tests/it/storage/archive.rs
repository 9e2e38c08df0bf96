//! Logs as files: from one store into another, on the same database or the other one.

use clipper::clock::Clock;
use clipper::storage::archive::{self, ArchiveError, Names};
use clipper::storage::audit;
use clipper::storage::{Expected, Log, people};
use clipper_domain::ClipId;
use clipper_projections::{PROJECTIONS, Statement, clips};
use uuid::Uuid;

use super::projections::{follow_all, tell, whole_story};
use super::{Stage, append, suite};
use crate::support::database::Backend;

suite!(
    a_store_moves_to_either_database_and_folds_to_the_same_rows,
    a_file_that_was_changed_or_cut_is_refused,
    a_store_that_has_events_takes_no_file,
    an_audit_finds_what_is_not_as_promised,
);

async fn fill(stage: &Stage) {
    for n in 0..5 {
        tell(
            stage,
            ClipId(Uuid::now_v7()),
            0,
            &whole_story(&format!("clip{n}")),
        )
        .await;
    }
    let report = r#"{"clip":"clip0","clip_id":null,"viewer":null,"sent_at":1,"records":[{"ts":5,"e":"ps","sta":"p"}]}"#;
    for n in 0..3 {
        let mut batch = append(
            &format!("session-{}", Uuid::now_v7()),
            Expected::Any,
            &[1],
            &format!("r{n}"),
        );
        "PlaybackReported".clone_into(&mut batch.events[0].event_type);
        batch.events[0].schema_version = 2;
        report.clone_into(&mut batch.events[0].payload);
        stage.playback.append(batch).await.unwrap();
    }
    people::find_or_add(&stage.db, "ann", Uuid::new_v4(), stage.clock.now())
        .await
        .unwrap();
    follow_all(stage).await;
}

async fn exported(stage: &Stage, names: Names) -> Vec<u8> {
    let mut file = vec![];
    archive::export(&stage.logs, &mut file, names, |_| {})
        .await
        .unwrap();
    file
}

async fn a_store_moves_to_either_database_and_folds_to_the_same_rows(stage: &Stage) {
    fill(stage).await;
    let file = exported(stage, Names::Included).await;
    assert_eq!(archive::check(file.as_slice()).unwrap(), 38);
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let other = Stage::set(backend).await;
        archive::import(&other.db, file.as_slice(), |_| {}).await.unwrap();
        let again = exported(&other, Names::Included).await;
        assert!(again == file, "what is exported again is the same file");
        follow_all(&other).await;
        for position in 0..stage.logs.head(Log::Clip).await.unwrap() {
            let (here, there) = (
                stage.logs.at(Log::Clip, position).await.unwrap(),
                other.logs.at(Log::Clip, position).await.unwrap(),
            );
            assert_eq!(
                here.map(|event| event.to_json().unwrap()),
                there.map(|event| event.to_json().unwrap())
            );
        }
        let rows = |stage: &Stage| {
            let db = stage.db.clone();
            async move {
                db.all(clips::page(clips::Filter::default(), clips::Order::Newest, 100))
                    .await
                    .unwrap()
            }
        };
        assert_eq!(rows(&other).await, rows(stage).await);
        assert!(people::find(&other.db, "ann").await.unwrap().is_some());
        // Positions go on where the file ends.
        let next = append("clip-next", Expected::Version(0), &[1], "next");
        assert_eq!(other.clips.append(next).await.unwrap().position, 36);
        other.strike().await;
    }
}

async fn a_file_that_was_changed_or_cut_is_refused(stage: &Stage) {
    fill(stage).await;
    let file = exported(stage, Names::LeftOut).await;
    let text = String::from_utf8(file).unwrap();
    assert!(!text.contains("ann"), "who is who is left out");
    let changed = text.replacen("The clip3", "The clip4", 1);
    let error = archive::check(changed.as_bytes()).unwrap_err();
    assert!(matches!(error, ArchiveError::Changed { .. }), "{error}");
    let lines: Vec<_> = text.lines().collect();
    let cut = lines[..lines.len() - 1].join("\n");
    let error = archive::check(cut.as_bytes()).unwrap_err();
    assert!(matches!(error, ArchiveError::Truncated), "{error}");
    let error = archive::check(&b"{\"format\":\"other\"}\n"[..]).unwrap_err();
    assert!(matches!(error, ArchiveError::Format), "{error}");
    assert!(matches!(archive::check(&b""[..]), Err(ArchiveError::Format)));
}

async fn a_store_that_has_events_takes_no_file(stage: &Stage) {
    fill(stage).await;
    let file = exported(stage, Names::LeftOut).await;
    let error = archive::import(&stage.db, file.as_slice(), |_| {})
        .await
        .unwrap_err();
    assert!(matches!(error, ArchiveError::NotEmpty), "{error}");
    assert_eq!(stage.logs.head(Log::Clip).await.unwrap(), 35);
}

async fn an_audit_finds_what_is_not_as_promised(stage: &Stage) {
    fill(stage).await;
    let clean = audit::audit(&stage.logs, Log::Clip, |_, _| {}).await.unwrap();
    assert_eq!((clean.events, clean.findings), (35, vec![]));
    assert!(
        clean.types.contains(&("ClipRegistered".to_owned(), 3, 5)),
        "{:?}",
        clean.types
    );

    // An event that nobody can read, and one that is gone although the log is never shortened.
    stage
        .clips
        .append(append("clip-x", Expected::Version(0), &[1], "x"))
        .await
        .unwrap();
    let unprotected = match stage.db.product() {
        "SQLite" => "DROP TRIGGER clip_events_are_kept",
        _ => "DROP TRIGGER clip_events_are_final ON clip_events",
    };
    for sql in [unprotected, "DELETE FROM clip_events WHERE position = 3"] {
        stage.db.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
    let audit = audit::audit(&stage.logs, Log::Clip, |_, _| {}).await.unwrap();
    let problems: Vec<_> = audit
        .findings
        .iter()
        .map(|finding| (finding.position, finding.problem.as_str()))
        .collect();
    assert_eq!(problems[0], (Some(4), "the event before it is 2"));
    assert_eq!(problems[1].0, Some(36));
    assert!(problems[1].1.contains("valid identifier"), "{problems:?}");
    assert!(problems[2].1.ends_with("do not count its events"), "{problems:?}");
    assert!(PROJECTIONS.len() >= 4);
}
