//! Overview, series and breakdown against numbers that were computed by hand.

use chrono::Utc;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    figures_equal_those_computed_by_hand,
    owners_see_the_figures_of_their_own_clips,
    questions_that_make_no_sense_are_named,
);

async fn report(app: &TestApp, clip: &str, device: &str, events: &[(i64, Value)]) {
    let now = Utc::now().timestamp_millis();
    let at = now - 120_000;
    let events: Vec<_> = events
        .iter()
        .map(|(after, event)| {
            let mut event = event.clone();
            event["ts"] = (at + after).into();
            event["e"] = "ps".into();
            event
        })
        .collect();
    let body = json!({
        "schema": "qoe.batch.v1", "sid": Uuid::now_v7(), "cid": clip, "batch": 1, "sent_at": now,
        "ctx": { "player": "hls.js/1.7.4", "device": device, "os": "linux" }, "events": events,
    });
    let sent = app
        .client
        .post(app.url("/api/analytics/beacons"))
        .json(&body)
        .send()
        .await
        .unwrap();
    assert_eq!(sent.status(), 202);
}

/// One that plays without a stall, one that stalls for two seconds, and one that fails.
async fn an_audience(app: &TestApp, clip: &str) {
    app.register(clip).await;
    report(
        app,
        clip,
        "desktop",
        &[
            (0, json!({ "sta": "s" })),
            (500, json!({ "sta": "p", "br": { "v": 1_000 } })),
            (20_500, json!({ "sta": "e" })),
        ],
    )
    .await;
    report(
        app,
        clip,
        "phone",
        &[
            (0, json!({ "sta": "s" })),
            (1_500, json!({ "sta": "p", "br": { "v": 3_000 } })),
            (11_500, json!({ "sta": "r" })),
            (13_500, json!({ "sta": "p" })),
            (23_500, json!({ "sta": "q" })),
        ],
    )
    .await;
    report(
        app,
        clip,
        "phone",
        &[
            (0, json!({ "sta": "s" })),
            (300, json!({ "sta": "f", "ec": ["x"] })),
        ],
    )
    .await;
}

async fn asked(app: &TestApp, key: &str, question: &str) -> Value {
    let answer = app.get_as(key, &format!("/api/analytics/{question}")).await;
    assert_eq!(answer.status(), 200, "{question}");
    answer.json().await.unwrap()
}

async fn counted(app: &TestApp, sessions: i64) {
    app.until("the roll-ups", async || {
        let overview = asked(app, KEY, "overview").await;
        (overview["sessions"] == sessions).then_some(())
    })
    .await;
}

fn assert_near(found: &Value, expected: f64) {
    let found = found.as_f64().unwrap_or(f64::NAN);
    assert!((found - expected).abs() < 1e-3, "{found} instead of {expected}");
}

async fn figures_equal_those_computed_by_hand(app: &TestApp) {
    an_audience(app, "watched").await;
    counted(app, 3).await;
    let overview = asked(app, KEY, "overview?clip=watched&compare=previous").await;
    let value = |name: &str| overview["metrics"][name]["value"].clone();
    assert_eq!(
        (value("attempts"), value("plays"), value("watched_ms")),
        (json!(3), json!(2), json!(44_300))
    );
    assert_near(&value("rebuffer_ratio"), 100.0 * 2_000.0 / 44_300.0);
    assert_near(&value("start_failure_pct"), 100.0 / 3.0);
    assert_near(&value("startup_ms"), 1_000.0);
    assert_near(&value("avg_bitrate_kbps"), 2_000.0);
    assert_near(&value("rebuffer_free_share"), 50.0);
    assert_eq!(overview["metrics"]["start_failure_pct"]["n"], 3);
    assert_eq!(overview["metrics"]["start_failure_pct"]["small_sample"], true);
    let p99 = overview["percentiles"]["startup_ms"]["p99"].as_f64().unwrap();
    assert!((p99 - 500.0).abs() <= 5.0, "the first of two: {p99}");
    assert_eq!(overview["concurrent_viewers"]["peak"], 3);
    assert_eq!(overview["previous"]["sessions"], 0);
    assert_eq!(
        overview["previous"]["metrics"]["plays"],
        json!({ "value": 0, "change_percent": null })
    );

    for interval in ["minute", "hour", "day"] {
        let series = asked(app, KEY, &format!("timeseries?from=-2h&interval={interval}&metrics=plays,unique_viewers&percentiles=startup_ms&tz=Asia/Kolkata")).await;
        let points = series["points"].as_array().unwrap();
        let plays: i64 = points
            .iter()
            .map(|point| point["metrics"]["plays"].as_i64().unwrap())
            .sum();
        assert_eq!(plays, 2, "{interval}");
        let peak = points
            .iter()
            .filter_map(|point| point["concurrent_viewers"].as_i64())
            .max();
        assert_eq!(peak, Some(3));
    }
    assert_breakdowns(app).await;
    app.assert_rebuilt_equals_live().await;
}

async fn assert_breakdowns(app: &TestApp) {
    // Cells and sessions give the same, also where two dimensions are named.
    for narrowed in ["", "&player=hls.js", "&player=hls.js&os=linux"] {
        let by = asked(
            app,
            KEY,
            &format!("breakdown?by=device&sort=-plays&metrics=plays,attempts,unique_viewers{narrowed}"),
        )
        .await;
        let rows: Vec<_> = by["rows"]
            .as_array()
            .unwrap()
            .iter()
            .map(|row| {
                (
                    row["value"].as_str().unwrap(),
                    row["metrics"]["plays"].clone(),
                    row["metrics"]["attempts"].clone(),
                )
            })
            .collect();
        assert_eq!(
            rows,
            [("desktop", json!(1), json!(1)), ("phone", json!(1), json!(2))],
            "{narrowed}"
        );
        assert_eq!(by["total_rows"], 2);
    }
    let by = asked(
        app,
        KEY,
        "breakdown?by=clip&limit=1&percentiles=watched_ms&device=phone",
    )
    .await;
    assert_eq!(
        (&by["rows"][0]["slug"], &by["rows"][0]["sessions"]),
        (&json!("watched"), &json!(2))
    );
    let none = asked(app, KEY, "overview?device=tv").await;
    assert_eq!(
        (&none["sessions"], &none["concurrent_viewers"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(none["metrics"]["rebuffer_ratio"]["value"], Value::Null);
}

async fn owners_see_the_figures_of_their_own_clips(app: &TestApp) {
    an_audience(app, "theirs").await;
    counted(app, 3).await;
    let other = app.key_of("somebody else", "clips:write").await;
    assert_eq!(asked(app, &other, "overview").await["sessions"], 0);
    assert_eq!(asked(app, &other, "breakdown?by=clip").await["rows"], json!([]));
    assert_problem(
        app.get_as(&other, "/api/analytics/overview?clip=theirs").await,
        403,
        "forbidden",
    )
    .await;
    let analyst = app.key_of("an analyst", "analytics:read").await;
    assert_eq!(asked(app, &analyst, "overview?clip=theirs").await["sessions"], 3);
}

async fn questions_that_make_no_sense_are_named(app: &TestApp) {
    for question in [
        "overview?compare=tomorrow",
        "overview?metrics=plays",
        "timeseries?metrics=happiness",
        "timeseries?percentiles=plays",
        "timeseries?interval=second",
        "timeseries?from=-30d&interval=minute",
        "breakdown",
        "breakdown?by=viewer",
        "breakdown?by=clip&sort=unique_viewers",
        "breakdown?by=clip&limit=1000",
    ] {
        let answer = app.get_as(KEY, &format!("/api/analytics/{question}")).await;
        assert_problem(answer, 400, "invalid_parameter").await;
    }
}
