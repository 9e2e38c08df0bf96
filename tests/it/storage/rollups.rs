//! Roll-ups follow the rows of sessions, and come out the same when everything is counted anew.

use chrono::{DateTime, TimeDelta, Utc};
use clipper::clock::Clock;
use clipper::storage::{Append, Expected, follow, rebuild, retention};
use clipper_domain::SessionId;
use clipper_domain::cmcd::{Mode, read_line};
use clipper_domain::report::{PlaybackEvent, Report, Surroundings};
use clipper_domain::schema;
use clipper_projections::rollups::{Level, PROJECTION};
use clipper_projections::{Query, Statement, streaming_analytics};
use uuid::Uuid;

use super::projections::follow_all;
use super::{Stage, suite};

suite!(
    roll_ups_follow_sessions_and_come_out_the_same_when_counted_anew,
    what_comes_late_is_counted_where_it_belongs,
    roll_ups_outlive_the_reports_that_they_come_of,
    a_cell_that_was_tampered_with_is_found_and_mended,
    the_statements_for_analysts_run_as_they_are_printed,
);

const T0: i64 = 1_799_999_940_000;

async fn send(stage: &Stage, session: SessionId, clip: u128, lines: &[(i64, &str)]) {
    let line = |(at, rest): &(i64, &str)| {
        read_line(&format!("e=ps,ts={},v=2,{rest}", T0 + at), Mode::Event).unwrap()
    };
    let event = PlaybackEvent::PlaybackReported(Report {
        clip: "clip".to_owned(),
        clip_id: Some(Uuid::from_u128(clip)),
        weight: 1,
        audience: Some(format!("viewer {}", session.0.as_u128() % 5)),
        sent_at: T0,
        ctx: Surroundings {
            country: if session.0.as_u128().is_multiple_of(3) {
                "DE"
            } else {
                "AT"
            }
            .to_owned(),
            ..Surroundings::default()
        },
        records: lines.iter().map(line).collect(),
        ..Report::default()
    });
    let event = schema::write(&event).unwrap();
    let append = Append {
        stream: session.stream(),
        expected: Expected::Any,
        command_id: Uuid::now_v7().to_string(),
        events: vec![event],
        metadata: "{}".to_owned(),
    };
    stage.playback.append(append).await.unwrap();
}

/// Thirty sessions of two clips within two hours, half a minute each.
async fn an_audience(stage: &Stage) {
    for n in 0..30_u32 {
        let (session, at) = (SessionId(Uuid::from_u128(n.into())), i64::from(n) * 240_000);
        let clip = u128::from(n % 2 + 1);
        send(
            stage,
            session,
            clip,
            &[(at, "sta=s"), (at + 500, "sta=p,br=(1000;v)")],
        )
        .await;
        send(stage, session, clip, &[(at + 30_500, "sta=e")]).await;
    }
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct TotalRow {
    bucket: DateTime<Utc>,
    sessions: i64,
    watched_ms: i64,
}

async fn totals(stage: &Stage, level: Level, clip: &str) -> Vec<TotalRow> {
    let sql = format!(
        "SELECT bucket, sessions, watched_ms FROM {} WHERE clip = $1 AND dimension = '' ORDER BY bucket",
        level.table().name
    );
    stage.db.all(Query::new(sql, vec![clip.into()])).await.unwrap()
}

async fn assert_equal_when_counted_anew(stage: &Stage) {
    let verdict = rebuild::verify(stage.bench(), &PROJECTION, |_| {}).await.unwrap();
    assert_eq!(verdict.difference, None);
}

async fn roll_ups_follow_sessions_and_come_out_the_same_when_counted_anew(stage: &Stage) {
    an_audience(stage).await;
    follow_all(stage).await;
    let minutes = totals(stage, Level::Minute, "").await;
    assert_eq!(minutes.len(), 30);
    assert!(
        minutes
            .iter()
            .all(|row| (row.sessions, row.watched_ms) == (1, 30_500))
    );
    let days = totals(stage, Level::Day, &Uuid::from_u128(2).to_string()).await;
    let (sessions, watched) = days
        .iter()
        .fold((0, 0), |(s, w), row| (s + row.sessions, w + row.watched_ms));
    assert_eq!((sessions, watched), (15, 15 * 30_500));
    assert_equal_when_counted_anew(stage).await;

    let hours = totals(stage, Level::Hour, "").await;
    rebuild::rebuild(stage.bench(), &PROJECTION, None, |_| {})
        .await
        .unwrap();
    assert_eq!(totals(stage, Level::Hour, "").await, hours);
    assert_equal_when_counted_anew(stage).await;

    // Sessions that were made anew are counted anew, by whoever follows.
    rebuild::rebuild(stage.bench(), &streaming_analytics::PROJECTION, None, |_| {})
        .await
        .unwrap();
    let checkpoint = follow::checkpoint(&stage.db, &PROJECTION).await.unwrap().unwrap();
    assert_eq!(checkpoint.version, 0);
    rebuild::rebuild(stage.bench(), &PROJECTION, None, |_| {})
        .await
        .unwrap();
    let head = follow::checkpoint(&stage.db, &streaming_analytics::PROJECTION)
        .await
        .unwrap()
        .unwrap();
    let checkpoint = follow::checkpoint(&stage.db, &PROJECTION).await.unwrap().unwrap();
    assert_eq!(
        (checkpoint.version, checkpoint.position),
        (PROJECTION.version, head.position)
    );
    assert_eq!(totals(stage, Level::Hour, "").await, hours);
}

async fn what_comes_late_is_counted_where_it_belongs(stage: &Stage) {
    let session = SessionId(Uuid::from_u128(1));
    send(stage, session, 1, &[(600_000, "sta=p"), (610_000, "sta=e")]).await;
    follow_all(stage).await;
    let moved = totals(stage, Level::Minute, "").await;
    assert_eq!(moved.len(), 1);
    stage.clock.advance(TimeDelta::hours(20));
    send(stage, session, 1, &[(-7_200_000, "sta=s"), (-7_199_000, "sta=a")]).await;
    follow_all(stage).await;
    let minutes = totals(stage, Level::Minute, "").await;
    assert_eq!(minutes.len(), 1);
    assert_eq!(minutes[0].bucket, moved[0].bucket - TimeDelta::seconds(7_800));
    assert_equal_when_counted_anew(stage).await;
}

async fn roll_ups_outlive_the_reports_that_they_come_of(stage: &Stage) {
    retention::prepare(&stage.db, stage.clock.now()).await.unwrap();
    an_audience(stage).await;
    stage.clock.advance(TimeDelta::days(10));
    retention::prepare(&stage.db, stage.clock.now()).await.unwrap();
    send(
        stage,
        SessionId(Uuid::from_u128(99)),
        1,
        &[(0, "sta=p"), (1_000, "sta=e")],
    )
    .await;
    follow_all(stage).await;
    let hours = totals(stage, Level::Hour, "").await;
    let forgotten = retention::forget(&stage.db, &stage.logs, 7, stage.clock.now())
        .await
        .unwrap();
    assert_eq!(forgotten, 60);
    rebuild::rebuild(stage.bench(), &PROJECTION, None, |_| {})
        .await
        .unwrap();
    assert_eq!(totals(stage, Level::Hour, "").await, hours);
}

async fn a_cell_that_was_tampered_with_is_found_and_mended(stage: &Stage) {
    an_audience(stage).await;
    follow_all(stage).await;
    let tamper = Statement::new(
        "UPDATE qoe_rollups_hour SET plays = plays + 1 WHERE clip = ''",
        vec![],
    );
    assert!(stage.db.execute(&tamper).await.unwrap() > 0);
    let verdict = rebuild::verify(stage.bench(), &PROJECTION, |_| {}).await.unwrap();
    let difference = verdict.difference.unwrap();
    assert_eq!(
        (difference.table, difference.columns),
        ("qoe_rollups_hour", vec!["plays"])
    );
    rebuild::rebuild(stage.bench(), &PROJECTION, None, |_| {})
        .await
        .unwrap();
    assert_equal_when_counted_anew(stage).await;
}

#[derive(sqlx::FromRow)]
struct CountRow {
    rows: i64,
}

async fn the_statements_for_analysts_run_as_they_are_printed(stage: &Stage) {
    an_audience(stage).await;
    follow_all(stage).await;
    let guide = include_str!("../../../docs/analytics.md");
    let (_, cookbook) = guide.split_once("```sql").unwrap();
    let (cookbook, _) = cookbook.split_once("```").unwrap();
    let lines = cookbook
        .lines()
        .filter(|line| !line.trim_start().starts_with("--"));
    let statements = lines.collect::<Vec<_>>().join(" ");
    let mut ran = 0;
    for statement in statements
        .split(';')
        .map(str::trim)
        .filter(|text| !text.is_empty())
    {
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) AS rows FROM ({statement}) AS answer");
        let found = stage.db.optional(Query::<CountRow>::new(sql, vec![])).await;
        assert!(found.unwrap().unwrap().rows > 0, "{statement}");
        ran += 1;
    }
    assert!(ran >= 6);
}
