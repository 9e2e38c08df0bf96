//! The playback log forgets its oldest days, and the read models stay right.

use chrono::TimeDelta;
use clipper::clock::Clock;
use clipper::storage::{Append, Expected, Log, follow, rebuild, retention};
use clipper_domain::SessionId;
use clipper_domain::cmcd::{Mode, read_line};
use clipper_domain::report::{PlaybackEvent, PlayerState, Report};
use clipper_domain::schema;
use clipper_projections::{PROJECTIONS, Projection, streaming_analytics};
use uuid::Uuid;

use super::projections::follow_all;
use super::{Stage, suite};

suite!(
    old_reports_go_and_their_sessions_stay,
    nothing_is_forgotten_that_was_not_applied,
    a_session_that_goes_on_over_the_edge_stays_whole,
    what_retention_takes_under_a_rebuild_makes_it_begin_again,
    a_report_that_is_sent_again_after_midnight_is_recognised,
);

const SESSIONS: &Projection = &PROJECTIONS[3];

fn report(ts: i64, state: PlayerState) -> Report {
    let line = format!("e=ps,sta={},ts={ts},v=2", state.token());
    Report {
        clip: "clip".to_owned(),
        sent_at: ts,
        records: vec![read_line(&line, Mode::Event).unwrap()],
        ..Report::default()
    }
}

async fn send(stage: &Stage, session: SessionId, report: Report) -> bool {
    let event = schema::write(&PlaybackEvent::PlaybackReported(report)).unwrap();
    let append = Append {
        stream: session.stream(),
        expected: Expected::Any,
        command_id: event.payload.clone(),
        events: vec![event],
        metadata: "{}".to_owned(),
    };
    stage.playback.append(append).await.unwrap().repeated
}

/// A session that plays for ten seconds.
async fn watched(stage: &Stage) -> SessionId {
    let session = SessionId(Uuid::now_v7());
    send(stage, session, report(1_000, PlayerState::Playing)).await;
    send(stage, session, report(11_000, PlayerState::Ended)).await;
    session
}

async fn playing_ms(stage: &Stage, session: SessionId) -> i64 {
    let row = stage
        .db
        .optional(streaming_analytics::by_id(session))
        .await
        .unwrap();
    row.map_or(-1, |row| row.playing_ms)
}

/// A new day, as the janitor prepares it.
async fn days_pass(stage: &Stage, days: i64) {
    stage.clock.advance(TimeDelta::days(days));
    retention::prepare(&stage.db, stage.clock.now()).await.unwrap();
}

async fn forget(stage: &Stage, days: u32) -> i64 {
    retention::forget(&stage.db, &stage.logs, days, stage.clock.now())
        .await
        .unwrap()
}

async fn old_reports_go_and_their_sessions_stay(stage: &Stage) {
    days_pass(stage, 0).await;
    let mut old = vec![];
    for _ in 0..5 {
        old.push(watched(stage).await);
    }
    days_pass(stage, 10).await;
    let recent = watched(stage).await;
    follow_all(stage).await;
    assert_eq!(forget(stage, 30).await, 0);
    assert_eq!(forget(stage, 7).await, 10);
    assert_eq!(forget(stage, 7).await, 0);
    let extent = stage.logs.extent(Log::Playback).await.unwrap();
    assert_eq!((extent.tail, extent.head), (10, 12));
    assert_eq!(stage.logs.page(Log::Playback, 0, 100).await.unwrap().len(), 2);

    // What the log cannot give back any more is left as it is; what it can give back is made anew.
    rebuild::rebuild(stage.bench(), SESSIONS, None, |_| {})
        .await
        .unwrap();
    for session in old.iter().chain([&recent]) {
        assert_eq!(playing_ms(stage, *session).await, 10_000);
    }
    let verdict = rebuild::verify(stage.bench(), SESSIONS, |_| {}).await.unwrap();
    assert_eq!(verdict.difference, None);
    // Followers go on, and so do positions.
    watched(stage).await;
    follow_all(stage).await;
    assert_eq!(stage.logs.head(Log::Playback).await.unwrap(), 14);
}

async fn nothing_is_forgotten_that_was_not_applied(stage: &Stage) {
    days_pass(stage, 0).await;
    let session = watched(stage).await;
    days_pass(stage, 100).await;
    watched(stage).await;
    assert_eq!(forget(stage, 7).await, 0, "no projection has begun");
    follow::begin(&stage.db, SESSIONS, stage.clock.now())
        .await
        .unwrap();
    assert_eq!(forget(stage, 7).await, 0, "it has applied nothing");
    follow_all(stage).await;
    assert_eq!(forget(stage, 7).await, 2);
    assert_eq!(playing_ms(stage, session).await, 10_000);
}

async fn a_session_that_goes_on_over_the_edge_stays_whole(stage: &Stage) {
    days_pass(stage, 0).await;
    let session = SessionId(Uuid::now_v7());
    send(stage, session, report(1_000, PlayerState::Playing)).await;
    days_pass(stage, 1).await;
    send(stage, session, report(4_000, PlayerState::Paused)).await;
    watched(stage).await;
    follow_all(stage).await;
    days_pass(stage, 7).await;
    assert_eq!(forget(stage, 7).await, 1);
    // Its beginning is gone. A rebuild must not make it anew from its end alone, and what comes is added.
    rebuild::rebuild(stage.bench(), SESSIONS, None, |_| {})
        .await
        .unwrap();
    assert_eq!(playing_ms(stage, session).await, 3_000);
    send(stage, session, report(5_000, PlayerState::Playing)).await;
    follow_all(stage).await;
    // The rebuild takes the row over up to the last event but one, and adds the last.
    send(stage, session, report(7_000, PlayerState::Ended)).await;
    rebuild::rebuild(stage.bench(), SESSIONS, None, |_| {})
        .await
        .unwrap();
    assert_eq!(playing_ms(stage, session).await, 5_000);
    let verdict = rebuild::verify(stage.bench(), SESSIONS, |_| {}).await.unwrap();
    assert_eq!(verdict.difference, None);
}

/// Retention holds back while a rebuild moves. One that was broken off for long begins again: what it had not read is gone.
async fn what_retention_takes_under_a_rebuild_makes_it_begin_again(stage: &Stage) {
    days_pass(stage, 0).await;
    let mut old = vec![];
    for _ in 0..30 {
        old.push(watched(stage).await);
    }
    days_pass(stage, 10).await;
    watched(stage).await;
    follow_all(stage).await;
    let slow = rebuild::rebuild(stage.bench(), SESSIONS, Some(20.0), |_| {});
    drop(tokio::time::timeout(std::time::Duration::from_millis(800), slow).await);
    assert_eq!(forget(stage, 7).await, 0, "a rebuild is under way");
    stage.clock.advance(TimeDelta::minutes(10));
    assert_eq!(forget(stage, 7).await, 60);
    rebuild::rebuild(stage.bench(), SESSIONS, None, |_| {})
        .await
        .unwrap();
    for session in old {
        assert_eq!(playing_ms(stage, session).await, 10_000);
    }
}

async fn a_report_that_is_sent_again_after_midnight_is_recognised(stage: &Stage) {
    days_pass(stage, 0).await;
    let session = SessionId(Uuid::now_v7());
    assert!(!send(stage, session, report(1_000, PlayerState::Playing)).await);
    days_pass(stage, 1).await;
    assert!(send(stage, session, report(1_000, PlayerState::Playing)).await);
    assert_eq!(stage.logs.head(Log::Playback).await.unwrap(), 1);
}
