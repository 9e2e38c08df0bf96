//! Which parts of a clip are watched.

use clipper_projections::Statement;
use serde_json::{Value, json};

use super::{ago, answer, play, register, watch};
use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    what_was_watched_of_a_clip_is_told_bucket_by_bucket,
    the_sessions_of_a_clip_come_to_ratios_of_sums,
);

/// A viewer who sees a part, and another one after a seek.
fn jump(first: i64, to: i64, then: i64) -> Vec<(i64, Value)> {
    vec![
        (0, json!({ "e": "ps", "sta": "s" })),
        (100, json!({ "e": "ps", "sta": "p", "pt": 0 })),
        (100 + first, json!({ "e": "ps", "sta": "k", "pt": to })),
        (200 + first, json!({ "e": "ps", "sta": "p", "pt": to })),
        (
            200 + first + then,
            json!({ "e": "ps", "sta": "q", "pt": to + then }),
        ),
    ]
}

#[expect(clippy::too_many_lines, reason = "one course, asserted from several sides")]
async fn what_was_watched_of_a_clip_is_told_bucket_by_bucket(app: &TestApp) {
    let other = app.key_of("other", "clips:write").await;
    register(app, KEY, "watched", "public").await;
    let path = "/api/analytics/clips/watched/retention";
    assert_problem(app.get_as(KEY, path).await, 404, "hls_not_available").await;
    let long = Statement::new("UPDATE clips SET duration = 10.0 WHERE slug = 'watched'", vec![]);
    app.services.db.execute(&long).await.unwrap();

    // The first four seconds and the last two.
    watch(app, "watched", ago(500), &jump(4_000, 8_000, 2_000)).await;
    // The first six seconds, then four to five again.
    watch(app, "watched", ago(400), &jump(6_000, 4_000, 1_000)).await;
    let told = answer(app, KEY, path).await;
    assert_eq!(
        (told["plays"].as_i64(), told["duration"].as_f64()),
        (Some(2), Some(10.0))
    );
    assert_eq!(told["small_sample"], true);
    let column = |name: &str| {
        let buckets = told["buckets"].as_array().unwrap();
        buckets
            .iter()
            .map(|bucket| bucket[name].as_f64().unwrap_or(-1.0))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        column("retention"),
        [1.0, 1.0, 1.0, 1.0, 0.5, 0.5, 0.0, 0.0, 0.5, 0.5]
    );
    assert_eq!(
        column("passes"),
        [2.0, 2.0, 2.0, 2.0, 2.0, 1.0, 0.0, 0.0, 1.0, 1.0]
    );
    assert_eq!(
        column("rewatch"),
        [1.0, 1.0, 1.0, 1.0, 2.0, 1.0, -1.0, -1.0, 1.0, 1.0]
    );
    assert_eq!(column("skip"), [0.0, 0.0, 0.0, 0.0, 0.5, 0.5, 0.5, 0.5, 0.0, 0.0]);
    assert_eq!(
        column("drop_off"),
        [0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, -1.0, 0.0, 1.0]
    );
    assert_eq!(
        column("start"),
        [0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]
    );
    let quartiles: Vec<_> = told["quartiles"]
        .as_array()
        .unwrap()
        .iter()
        .map(|of| of["plays"].as_i64().unwrap())
        .collect();
    assert_eq!(quartiles, [2, 2, 0, 0]);
    assert_eq!(told["completion"], 0.6);
    let later = answer(app, KEY, &format!("{path}?from=-450s")).await;
    assert_eq!(later["plays"], 1);

    assert_problem(app.get_as(&other, path).await, 403, "forbidden").await;
    assert_problem(
        app.get_as(KEY, &format!("{path}?clip=watched")).await,
        400,
        "invalid_parameter",
    )
    .await;
    assert_problem(
        app.get_as(KEY, "/api/analytics/clips/none/retention").await,
        404,
        "clip_not_found",
    )
    .await;
}

async fn the_sessions_of_a_clip_come_to_ratios_of_sums(app: &TestApp) {
    register(app, KEY, "summed", "public").await;
    let nothing = answer(app, KEY, "/api/analytics/clips/summed").await;
    assert_eq!(
        (
            nothing["totals"]["sessions"].as_i64(),
            nothing["metrics"]["rebuffer_ratio"].as_f64()
        ),
        (Some(0), None)
    );
    for startup in [200, 400, 900] {
        watch(app, "summed", ago(500), &play(startup)).await;
    }
    let stalls = [
        (0, json!({ "e": "ps", "sta": "s" })),
        (500, json!({ "e": "ps", "sta": "p", "br": { "v": 2_000 } })),
        (4_500, json!({ "e": "ps", "sta": "r" })),
        (5_500, json!({ "e": "ps", "sta": "p" })),
        (8_500, json!({ "e": "ps", "sta": "q" })),
    ];
    watch(app, "summed", ago(400), &stalls).await;
    let left = [
        (0, json!({ "e": "ps", "sta": "s" })),
        (2_000, json!({ "e": "ps", "sta": "q" })),
    ];
    watch(app, "summed", ago(300), &left).await;
    watch(app, "another", ago(300), &play(5_000)).await;
    let told = answer(app, KEY, "/api/analytics/clips/summed").await;
    let (totals, metrics) = (&told["totals"], &told["metrics"]);
    let watched = 30_000 + 1_500 + 8_500 + 2_000;
    assert_eq!(
        (
            totals["sessions"].as_i64(),
            totals["attempts"].as_i64(),
            totals["plays"].as_i64(),
            totals["watched_ms"].as_i64()
        ),
        (Some(5), Some(5), Some(4), Some(watched))
    );
    assert_eq!(metrics["rebuffer_ratio"], json!(1_000.0 / 42_000.0 * 100.0));
    assert_eq!(
        (metrics["ebvs_pct"].as_f64(), metrics["abandonment_pct"].as_f64()),
        (Some(20.0), Some(25.0))
    );
    assert_eq!(
        (
            metrics["rebuffer_free_share"].as_f64(),
            metrics["completed_pct"].as_f64()
        ),
        (Some(75.0), Some(75.0))
    );
    assert!(
        (metrics["avg_bitrate_kbps"].as_f64().unwrap() - 2_000.0).abs() < 1e-6,
        "{metrics}"
    );
    assert_eq!(
        told["startup_ms"],
        json!({ "count": 4, "p50": 400, "p90": 900, "p95": 900, "p99": 900 })
    );
}
