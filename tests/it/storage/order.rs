//! One order: positions are dense and become visible in order, whoever appends and whatever breaks off.

use std::sync::Arc;
use std::time::Duration;

use clipper::shutdown::Shutdown;
use clipper::storage::{AppendError, Expected, Log, LogWriter};
use clipper_projections::Statement;
use futures_util::future::join_all;

use super::{Stage, append, suite};

suite!(
    a_reader_behind_slow_writers_misses_nothing,
    what_is_refused_in_a_batch_costs_the_others_nothing,
    what_the_database_does_not_take_costs_only_its_own_request,
    a_command_twice_in_a_batch_is_appended_once,
    a_log_that_is_not_written_refuses_instead_of_growing,
    appends_of_writers_that_are_cut_off_are_there_whole_or_not_at_all,
    appends_outlive_connections_that_the_server_ends,
);

const WRITERS: usize = 8;
const APPENDS: usize = 40;

/// Some transactions are slow between taking their position and committing, and some roll back: where positions come
/// from a plain sequence, a reader passes them by.
async fn make_writers_slow(stage: &Stage) {
    for sql in [
        "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN IF random() < 0.3 THEN PERFORM pg_sleep(random() * 0.02); END IF; RETURN NULL; END $$",
        "CREATE TRIGGER dawdle AFTER INSERT ON clip_events FOR EACH STATEMENT EXECUTE FUNCTION dawdle()",
    ] {
        stage.db.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
}

/// Writers as on many nodes, and a reader that follows by position. Tells how many events the reader passed by.
async fn missed_by_a_reader(stage: &Stage) -> usize {
    let mut writing = tokio::task::JoinSet::new();
    (0..WRITERS).for_each(|writer| {
        let log = stage.another_writer();
        writing.spawn(async move {
            for n in 0..APPENDS {
                let stream = format!("clip-{writer}-{n}");
                let written = log
                    .append(append(&stream, Expected::Version(0), &[1], &stream))
                    .await;
                written.unwrap();
            }
        });
    });
    let (mut seen, mut position) = (0, 0);
    loop {
        let finished = writing.is_empty() || {
            while writing.try_join_next().is_some() {}
            writing.is_empty()
        };
        let page = stage.logs.page(Log::Clip, position, 50).await.unwrap();
        seen += page.len();
        position = page.last().map_or(position, |event| event.position);
        if finished && page.is_empty() {
            return WRITERS * APPENDS - seen;
        }
    }
}

async fn a_reader_behind_slow_writers_misses_nothing(stage: &Stage) {
    if stage.db.product() == "PostgreSQL" {
        make_writers_slow(stage).await;
    }
    assert_eq!(missed_by_a_reader(stage).await, 0);
}

/// The test of the test: without the head row, the same reader behind the same writers misses events. A view takes the
/// place of the head row's table and gives positions out of a sequence.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_head_row_the_same_reader_misses_events() {
    let stage = Stage::set(crate::support::database::Backend::Postgres).await;
    make_writers_slow(&stage).await;
    for sql in [
        "CREATE SEQUENCE plain",
        "ALTER TABLE log_head RENAME TO log_head_before",
        "CREATE VIEW log_head AS SELECT * FROM log_head_before",
        "CREATE FUNCTION take() RETURNS trigger LANGUAGE plpgsql AS $$ \
         BEGIN NEW.position := nextval('plain') - 1 + (NEW.position - OLD.position); RETURN NEW; END $$",
        "CREATE TRIGGER take INSTEAD OF UPDATE ON log_head FOR EACH ROW EXECUTE FUNCTION take()",
    ] {
        stage.db.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
    assert!(
        missed_by_a_reader(&stage).await > 0,
        "the writers were too well-behaved to prove anything"
    );
    stage.strike().await;
}

async fn what_is_refused_in_a_batch_costs_the_others_nothing(stage: &Stage) {
    let first = append("clip-old", Expected::Version(0), &[1, 2], "old");
    let place = stage.clips.append(first.clone()).await.unwrap();
    let requests = (0..40).map(|n| {
        let request = match n % 4 {
            0 => first.clone(),
            1 => append("clip-old", Expected::Version(0), &[9], &format!("late-{n}")),
            // Two by two for the same stream: one is first.
            _ => append(
                &format!("clip-{}", n / 4),
                Expected::Version(0),
                &[n],
                &format!("new-{n}"),
            ),
        };
        stage.clips.append(request)
    });
    let verdicts = join_all(requests).await;
    for (n, verdict) in verdicts.iter().enumerate() {
        match n % 4 {
            0 => assert!(matches!(verdict, Ok(again) if again.repeated && again.position == place.position)),
            1 => assert!(
                matches!(verdict, Err(AppendError::Conflict { .. })),
                "{n}: {verdict:?}"
            ),
            _ => {}
        }
    }
    let new = verdicts
        .iter()
        .flatten()
        .filter(|appended| !appended.repeated)
        .count();
    assert_eq!(new, 10, "one of each pair");
    assert_eq!(stage.logs.head(Log::Clip).await.unwrap(), 12);
}

/// PostgreSQL stores no NUL. Whoever smuggles one in harms nobody else.
async fn what_the_database_does_not_take_costs_only_its_own_request(stage: &Stage) {
    let requests = (0..30).map(|n| {
        let stream = format!("clip-{n}");
        let mut request = append(&stream, Expected::Version(0), &[n], &stream);
        if n % 10 == 5 {
            r#"{"number":1,"name":"\u0000"}"#.clone_into(&mut request.events[0].payload);
        }
        stage.clips.append(request)
    });
    for (n, verdict) in join_all(requests).await.iter().enumerate() {
        let refused = n % 10 == 5 && stage.db.product() == "PostgreSQL";
        assert_eq!(verdict.is_err(), refused, "{n}: {verdict:?}");
    }
}

async fn a_command_twice_in_a_batch_is_appended_once(stage: &Stage) {
    let twice = [0, 1].map(|_| {
        let report = append("session-a", Expected::Any, &[1], "same");
        stage.playback.append(report)
    });
    let answers: Vec<_> = join_all(twice).await.into_iter().map(Result::unwrap).collect();
    assert_eq!(answers.iter().filter(|answer| answer.repeated).count(), 1);
    assert_eq!(answers[0].position, answers[1].position);
    assert_eq!(stage.logs.head(Log::Playback).await.unwrap(), 1);
}

async fn a_log_that_is_not_written_refuses_instead_of_growing(stage: &Stage) {
    let waiting = |log: &LogWriter, stream: String, payload: usize| {
        let mut request = append(&stream, Expected::Any, &[1], &stream);
        request.events[0].payload = "x".repeat(payload);
        let log = log.clone();
        async move { tokio::time::timeout(Duration::from_millis(300), log.append(request)).await }
    };
    // The loop that would write is not run.
    let (many, _still) = LogWriter::new(stage.db.clone(), Log::Playback, stage.clock.clone());
    let small = (0..4_200).map(|n| waiting(&many, format!("session-{n}"), 10));
    let refused = join_all(small).await.into_iter().flatten().flatten_err();
    assert_eq!(refused, 4_200 - 4_096);
    let (large, _still) = LogWriter::new(stage.db.clone(), Log::Playback, stage.clock.clone());
    let large = (0..80).map(|n| waiting(&large, format!("session-{n}"), 1 << 20));
    let refused = join_all(large).await.into_iter().flatten().flatten_err();
    assert!(
        (16..=18).contains(&refused),
        "64 MiB wait, and no more: {refused}"
    );
}

trait CountOverloaded: Iterator {
    fn flatten_err(self) -> usize;
}

impl<I: Iterator<Item = Result<clipper::storage::Appended, AppendError>>> CountOverloaded for I {
    fn flatten_err(self) -> usize {
        self.filter(|verdict| matches!(verdict, Err(AppendError::Overloaded)))
            .count()
    }
}

/// A writer ends in the middle of its work, again and again, as a process does that is killed. What it had answered is
/// there, each append is there whole or not at all, and the log has no gap.
async fn appends_of_writers_that_are_cut_off_are_there_whole_or_not_at_all(stage: &Stage) {
    const LIVES: usize = 12;
    let mut acknowledged = vec![];
    for life in 0..LIVES {
        let (writer, writing) = LogWriter::new(stage.db.clone(), Log::Clip, stage.clock.clone());
        let process = Shutdown::new();
        process.spawn("clip log", writing);
        let answers = Arc::new(std::sync::Mutex::new(vec![]));
        let mut callers = tokio::task::JoinSet::new();
        (0..8).for_each(|caller| {
            let (writer, answers) = (writer.clone(), Arc::clone(&answers));
            callers.spawn(async move {
                for n in 0.. {
                    let stream = format!("clip-{life}-{caller}-{n}");
                    match writer
                        .append(append(&stream, Expected::Version(0), &[1, 2, 3], &stream))
                        .await
                    {
                        Ok(appended) => answers.lock().unwrap().push((stream, appended.position)),
                        Err(_cut_off) => return,
                    }
                }
            });
        });
        while answers.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        tokio::time::sleep(Duration::from_millis(7 * life as u64)).await;
        process.abandon().await;
        callers.join_all().await;
        acknowledged.append(&mut answers.lock().unwrap());
    }
    // The last commit may still be under way when its writer is gone; another append comes after it.
    let last = append("the-last", Expected::Version(0), &[1, 2, 3], "the-last");
    stage.clips.append(last).await.unwrap();
    let events = stage.logs.page(Log::Clip, 0, 1_000_000).await.unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(
        positions,
        (1..=stage.logs.head(Log::Clip).await.unwrap()).collect::<Vec<_>>()
    );
    assert!(acknowledged.len() >= LIVES, "each acknowledged something");
    for (stream, position) in acknowledged {
        let of_stream: Vec<_> = events.iter().filter(|event| event.stream_id == stream).collect();
        assert_eq!(of_stream.len(), 3, "{stream}");
        assert_eq!(of_stream[2].position, position, "{stream}");
    }
    for event in &events {
        let third = event.position - (event.version - 1) + 2;
        assert!(positions.contains(&third), "an append is there in part");
    }
}

/// The server ends every connection, again and again; whether a commit had happened is not known then. Appends are tried
/// again, recognised when they are there already, and each is there once.
async fn appends_outlive_connections_that_the_server_ends(stage: &Stage) {
    if stage.db.product() == "SQLite" {
        return;
    }
    let mut callers = tokio::task::JoinSet::new();
    (0..4).for_each(|caller| {
        let log = stage.clips.clone();
        callers.spawn(async move {
            for n in 0..150 {
                let stream = format!("clip-{caller}-{n}");
                log.append(append(&stream, Expected::Version(0), &[1, 2], &stream))
                    .await
                    .unwrap();
            }
        });
    });
    let ending = async {
        for _ in 0..12 {
            tokio::time::sleep(Duration::from_millis(15)).await;
            let end = Statement::new(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                 WHERE datname = current_database() AND pid <> pg_backend_pid()",
                vec![],
            );
            drop(stage.db.execute(&end).await);
        }
    };
    tokio::join!(ending, callers.join_all());
    let events = stage.logs.page(Log::Clip, 0, 10_000).await.unwrap();
    let positions: Vec<i64> = events.iter().map(|event| event.position).collect();
    assert_eq!(
        positions,
        (1..=1_200).collect::<Vec<_>>(),
        "each is there, and once"
    );
}
