use clipper::storage::rejects::{self, Looked};
use clipper_domain::SessionId;
use clipper_projections::streaming_analytics;
use serde_json::{Value, json};

use crate::support::app::{TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::on_both_databases;

on_both_databases!(
    a_session_in_event_mode_becomes_one_row,
    what_is_wrong_is_set_aside_and_what_is_nothing_is_refused,
    the_validator_names_line_and_key,
);

const T0: i64 = 1_795_388_463_000;

async fn post(app: &TestApp, kind: &'static str, body: String) -> reqwest::Response {
    let request = app
        .client
        .post(app.url("/api/analytics/cmcd"))
        .header("content-type", kind);
    request.body(body).send().await.unwrap()
}

async fn a_session_in_event_mode_becomes_one_row(app: &TestApp) {
    app.register("standard").await;
    let line = |ts: i64, rest: &str| format!("cid=\"standard\",sid=\"player-7\",ts={ts},v=2,{rest}");
    let first = [
        line(T0, "e=ps,sta=s,sn=0"),
        line(T0 + 500, "e=ps,sta=p,sn=1,br=(4200;v),mtp=(8000)"),
    ]
    .join("\n");
    assert_eq!(post(app, "application/cmcd", first.clone()).await.status(), 204);
    // A line feed behind the last record is tolerated, and so is what was sent before.
    let second = [
        line(T0 + 9_500, "e=ps,sta=r,sn=2"),
        line(T0 + 10_500, "e=ps,sta=p,sn=3"),
        line(T0 + 20_500, "e=ps,sta=e,sn=4"),
    ];
    let body = format!("{}\n{first}\n", second.join("\n"));
    assert_eq!(post(app, "text/cmcd", body).await.status(), 204);
    let session = SessionId::of_named("player-7");
    let row = app
        .until("the session's row", async || {
            let row = app
                .services
                .db
                .optional(streaming_analytics::by_id(session))
                .await
                .unwrap();
            row.filter(|row| row.completed)
        })
        .await;
    assert_eq!(
        (row.clip.as_str(), row.clip_id.is_some(), row.startup_ms),
        ("standard", true, Some(500))
    );
    assert_eq!(
        (row.playing_ms, row.rebuffer_ms, row.buffering_events),
        (19_000, 1_000, 1)
    );
    assert_eq!(
        (row.received, row.expected, row.average_bitrate_kbps),
        (5, 5, Some(4_200.0))
    );
    app.assert_rebuilt_equals_live().await;
}

async fn what_is_wrong_is_set_aside_and_what_is_nothing_is_refused(app: &TestApp) {
    let body = format!("e=t,sid=\"a\",ts={T0},v=2\ne=t,sid=\"a\",ts={T0},v=3\ne=t,ts={T0},v=2\n");
    assert_eq!(post(app, "text/plain", body).await.status(), 204);
    let rejected = app
        .until("two records set aside", async || {
            let rows = rejects::latest(&app.services.db, Looked::default(), 10)
                .await
                .unwrap();
            (rows.len() == 2).then_some(rows)
        })
        .await;
    let mut reasons: Vec<_> = rejected
        .iter()
        .map(|row| (row.code.as_str(), row.key.as_str()))
        .collect();
    reasons.sort_unstable();
    assert_eq!(reasons, [("missing", "sid"), ("unknown_version", "v")]);
    assert_problem(
        post(app, "application/cmcd", "%%%".to_owned()).await,
        400,
        "malformed_cmcd",
    )
    .await;
    assert_problem(
        post(app, "application/json", "{}".to_owned()).await,
        415,
        "unsupported_media_type",
    )
    .await;
}

async fn the_validator_names_line_and_key(app: &TestApp) {
    let request = app
        .client
        .post(app.url("/api/analytics/cmcd/validate"))
        .body("e=t,ts=1,v=2\nbl=(5050),e=t,ts=1,v=2");
    let answer: Value = request.send().await.unwrap().json().await.unwrap();
    assert_eq!(
        (&answer["valid"], &answer["records"], &answer["errors"]),
        (&json!(false), &json!(2), &json!(1))
    );
    let issue = &answer["issues"][0];
    assert_eq!(
        (&issue["line"], &issue["key"], &issue["code"]),
        (&json!(2), &json!("bl"), &json!("not_rounded"))
    );
}

#[actix::test]
async fn players_are_told_to_stop_where_reports_are_not_wanted() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| config.analytics.reports = false).await;
    assert_problem(
        post(&app, "application/cmcd", "e=t".to_owned()).await,
        410,
        "reports_unwanted",
    )
    .await;
    app.finish().await;
}
