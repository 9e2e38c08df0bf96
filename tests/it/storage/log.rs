use clipper::storage::{AppendError, Expected, Log, RawEvent};
use futures_util::future::join_all;

use super::{Stage, append, suite};

suite!(
    what_is_appended_is_read_back_in_order,
    a_wrong_version_is_a_conflict_and_changes_nothing,
    a_conflict_costs_only_its_own_request,
    a_repeated_command_is_answered_with_its_first_place,
    events_of_one_append_are_written_together_or_not_at_all,
    positions_are_dense_after_conflicts,
    a_reader_behind_many_writers_misses_nothing,
    appends_to_any_version_follow_each_other,
    a_published_event_cannot_be_changed,
    the_two_logs_count_for_themselves,
    many_appends_at_once_share_transactions,
);

async fn what_is_appended_is_read_back_in_order(stage: &Stage) {
    let first = stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[1, 2], "c1"))
        .await
        .unwrap();
    let second = stage
        .clips
        .append(append("clip-a", Expected::Version(2), &[3], "c2"))
        .await
        .unwrap();
    assert_eq!((first.position, first.version, first.repeated), (2, 2, false));
    assert_eq!((second.position, second.version), (3, 3));
    let events = stream(stage, "clip-a", 1).await;
    let read: Vec<_> = events
        .iter()
        .map(|e| (e.position, e.version, number(&e.payload)))
        .collect();
    assert_eq!(read, [(2, 2, 2), (3, 3, 3)]);
    assert_eq!(
        events[0].recorded_at,
        chrono::DateTime::from_timestamp(1_800_000_000, 0).unwrap()
    );
    assert_eq!(stage.logs.head(Log::Clip).await.unwrap(), 3);
}

async fn a_wrong_version_is_a_conflict_and_changes_nothing(stage: &Stage) {
    stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[1], "c1"))
        .await
        .unwrap();
    let late = stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[9], "c2"))
        .await;
    assert!(matches!(late, Err(AppendError::Conflict { stream }) if stream == "clip-a"));
    assert_eq!(stage.logs.stream(Log::Clip, "clip-a", 0).await.unwrap().len(), 1);
}

async fn a_conflict_costs_only_its_own_request(stage: &Stage) {
    stage
        .clips
        .append(append("clip-x", Expected::Version(0), &[1], "first"))
        .await
        .unwrap();
    let appends = (0..50).map(|n| {
        // Every tenth is a conflict, in the middle of those that are sent with it.
        let (stream, id) = if n % 10 == 5 {
            ("clip-x".to_owned(), n)
        } else {
            (format!("clip-{n}"), n)
        };
        stage
            .clips
            .append(append(&stream, Expected::Version(0), &[n], &format!("c{id}")))
    });
    let verdicts = join_all(appends).await;
    for (n, verdict) in verdicts.iter().enumerate() {
        assert_eq!(verdict.is_err(), n % 10 == 5, "{n}: {verdict:?}");
    }
    assert_eq!(stage.logs.head(Log::Clip).await.unwrap(), 46);
}

async fn a_repeated_command_is_answered_with_its_first_place(stage: &Stage) {
    let command = append("clip-a", Expected::Version(0), &[1, 2], "same");
    let first = stage.clips.append(command.clone()).await.unwrap();
    stage
        .clips
        .append(append("clip-a", Expected::Version(2), &[3], "other"))
        .await
        .unwrap();
    let again = stage.clips.append(command).await.unwrap();
    assert_eq!(
        (again.position, again.version, again.repeated),
        (first.position, first.version, true)
    );
    assert_eq!(stage.logs.stream(Log::Clip, "clip-a", 0).await.unwrap().len(), 3);
}

async fn events_of_one_append_are_written_together_or_not_at_all(stage: &Stage) {
    stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[1, 2, 3], "c1"))
        .await
        .unwrap();
    // Its first event would fit nowhere: the second and third must not be written either.
    let late = stage
        .clips
        .append(append("clip-a", Expected::Version(2), &[7, 8, 9], "c2"))
        .await;
    assert!(matches!(late, Err(AppendError::Conflict { .. })));
    let numbers = stream(stage, "clip-a", 0).await;
    assert_eq!(
        numbers.iter().map(|e| number(&e.payload)).collect::<Vec<_>>(),
        [1, 2, 3]
    );
}

async fn positions_are_dense_after_conflicts(stage: &Stage) {
    for round in 0..20 {
        let stream = format!("clip-{}", round % 3);
        drop(
            stage
                .clips
                .append(append(
                    &stream,
                    Expected::Version(round / 4),
                    &[1],
                    &format!("c{round}"),
                ))
                .await,
        );
    }
    let events = stage.logs.page(Log::Clip, 0, 1_000).await.unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(
        positions,
        (1..=stage.logs.head(Log::Clip).await.unwrap()).collect::<Vec<_>>()
    );
    assert!(!positions.is_empty() && positions.len() < 20);
}

/// Four writers as on four nodes, and a reader that follows by position. Under a plain sequence the reader passes
/// positions whose transactions commit later, and never sees their events.
async fn a_reader_behind_many_writers_misses_nothing(stage: &Stage) {
    const WRITERS: usize = 4;
    const APPENDS: usize = 100;
    let mut tasks = tokio::task::JoinSet::new();
    (0..WRITERS).for_each(|writer| {
        let log = stage.another_writer();
        tasks.spawn(async move {
            for n in 0..APPENDS {
                let stream = format!("clip-{writer}-{n}");
                log.append(append(&stream, Expected::Version(0), &[1], &stream))
                    .await
                    .unwrap();
            }
        });
    });
    let writing = tasks.join_all();
    let reading = async {
        let (mut seen, mut position) = (0, 0);
        while seen < WRITERS * APPENDS {
            for event in stage.logs.page(Log::Clip, position, 50).await.unwrap() {
                assert_eq!(event.position, position + 1, "an event was passed over");
                position = event.position;
                seen += 1;
            }
        }
        seen
    };
    let (_, seen) = tokio::time::timeout(std::time::Duration::from_mins(1), async {
        tokio::join!(writing, reading)
    })
    .await
    .expect("the reader came to its end");
    assert_eq!(seen, WRITERS * APPENDS);
}

async fn appends_to_any_version_follow_each_other(stage: &Stage) {
    let appends = (0..20).map(|n| {
        let log = stage.playback.clone();
        async move {
            log.append(append("session-a", Expected::Any, &[n, n], &format!("c{n}")))
                .await
        }
    });
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    let events = stage.logs.page(Log::Playback, 0, 100).await.unwrap();
    let places: Vec<_> = events.iter().map(|e| (e.position, e.version)).collect();
    assert_eq!(places, (1..=40).map(|n| (n, n)).collect::<Vec<_>>());
}

async fn a_published_event_cannot_be_changed(stage: &Stage) {
    stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[1], "c1"))
        .await
        .unwrap();
    for sql in [
        "UPDATE clip_events SET event_type = 'Other'",
        "DELETE FROM clip_events",
    ] {
        let statement = clipper_projections::Statement::new(sql, vec![]);
        assert!(stage.db.execute(&statement).await.is_err(), "{sql}");
    }
    assert_eq!(
        stage.logs.page(Log::Clip, 0, 10).await.unwrap()[0].event_type,
        "Counted"
    );
}

async fn the_two_logs_count_for_themselves(stage: &Stage) {
    stage
        .clips
        .append(append("clip-a", Expected::Version(0), &[1, 2], "c1"))
        .await
        .unwrap();
    let report = stage
        .playback
        .append(append("session-a", Expected::Any, &[1], "c1"))
        .await
        .unwrap();
    assert_eq!(report.position, 1);
}

async fn many_appends_at_once_share_transactions(stage: &Stage) {
    let appends = (0..2_000).map(|n| {
        let stream = format!("clip-{n}");
        stage
            .clips
            .append(append(&stream, Expected::Version(0), &[n], "c"))
    });
    assert!(join_all(appends).await.iter().all(Result::is_ok));
    let head = stage.clips.head();
    assert_eq!(*head.borrow(), 2_000);
    assert_eq!(stage.logs.head(Log::Clip).await.unwrap(), 2_000);
}

async fn stream(stage: &Stage, name: &str, after: i64) -> Vec<RawEvent> {
    let stored = stage.logs.stream(Log::Clip, name, after).await.unwrap();
    stored.into_iter().map(|stored| stored.event).collect()
}

fn number(payload: &str) -> i64 {
    serde_json::from_str::<serde_json::Value>(payload).unwrap()["number"]
        .as_i64()
        .unwrap()
}
