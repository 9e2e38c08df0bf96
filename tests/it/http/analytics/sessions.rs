//! Sessions one by one.

use serde_json::json;

use super::{ago, answer, play, register, watch};
use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    sessions_are_found_by_their_time_state_and_outcome_page_by_page,
    who_asked_not_to_be_followed_is_in_no_list,
    a_session_is_shown_with_what_happened_when,
);

async fn sessions_are_found_by_their_time_state_and_outcome_page_by_page(app: &TestApp) {
    register(app, KEY, "seen", "public").await;
    for (minutes, startup) in [(50, 100), (40, 4_000), (30, 2_000)] {
        watch(app, "seen", ago(minutes * 60), &play(startup)).await;
    }
    let left = [
        (0, json!({ "e": "ps", "sta": "s" })),
        (3_000, json!({ "e": "ps", "sta": "q" })),
    ];
    watch(app, "seen", ago(20 * 60), &left).await;
    let goes_on = [
        (0, json!({ "e": "ps", "sta": "s" })),
        (500, json!({ "e": "ps", "sta": "p", "x": { "q": "720p" } })),
        (1_500, json!({ "e": "t", "sta": "p" })),
    ];
    watch(app, "seen", ago(2), &goes_on).await;
    let startups = async |query: &str| {
        let path = format!("/api/analytics/sessions?{query}");
        let answer = answer(app, KEY, &path).await;
        let rows = answer["sessions"].as_array().unwrap();
        let startups: Vec<_> = rows
            .iter()
            .map(|row| row["startup_ms"].as_i64().unwrap_or(-1))
            .collect();
        (startups, answer["next_cursor"].clone())
    };
    assert_eq!(startups("").await.0, [500, -1, 2_000, 4_000, 100]);
    assert_eq!(startups("sort=worst").await.0, [-1, 4_000, 2_000, 500, 100]);
    assert_eq!(startups("sort=best").await.0, [100, 500, 2_000, 4_000, -1]);
    assert_eq!(startups("from=-45m&to=-25m").await.0, [2_000, 4_000]);
    assert_eq!(startups("state=live").await.0, [500]);
    assert_eq!(startups("state=ended").await.0, [-1, 2_000, 4_000, 100]);
    assert_eq!(startups("outcome=left_before_start").await.0, [-1]);
    assert_eq!(startups("quality=720P").await.0, [500]);
    assert_eq!(startups("quality=1080p").await.0, [0_i64; 0]);
    for sort in ["newest", "oldest", "worst", "best"] {
        let whole = startups(&format!("sort={sort}")).await.0;
        let (mut found, mut next) = startups(&format!("sort={sort}&limit=2")).await;
        while let Some(cursor) = next.as_str() {
            let (page, after) = startups(&format!("sort={sort}&limit=2&cursor={cursor}")).await;
            found.extend(page);
            next = after;
        }
        assert_eq!(found, whole, "{sort}");
    }
}

async fn who_asked_not_to_be_followed_is_in_no_list(app: &TestApp) {
    let body = json!({ "schema": "qoe.batch.v1", "sid": uuid::Uuid::now_v7(), "cid": "seen", "batch": 1,
        "sent_at": ago(0), "events": [{ "ts": ago(10), "e": "ps", "sta": "p" }] });
    let post = app
        .client
        .post(app.url("/api/analytics/beacons"))
        .header("dnt", "1");
    assert_eq!(post.json(&body).send().await.unwrap().status(), 202);
    watch(app, "followed", ago(60), &play(100)).await;
    let answer = answer(app, KEY, "/api/analytics/sessions").await;
    assert_eq!(super::clips_of(&answer), ["followed"]);
}

#[expect(clippy::too_many_lines, reason = "one course, asserted from several sides")]
async fn a_session_is_shown_with_what_happened_when(app: &TestApp) {
    let owner = app.key_of("owner", "clips:write").await;
    let other = app.key_of("other", "clips:write").await;
    register(app, &owner, "own", "public").await;
    let course = [
        (0, json!({ "e": "ps", "sta": "s" })),
        (
            800,
            json!({ "e": "ps", "sta": "p", "pt": 0, "br": { "v": 1_000 }, "bl": { "v": 2_000 }, "x": { "q": "480p" } }),
        ),
        (
            2_800,
            json!({ "e": "bc", "sta": "p", "pt": 2_000, "br": { "v": 4_000 }, "x": { "q": "1080p" } }),
        ),
        (8_800, json!({ "e": "ps", "sta": "r", "pt": 8_000 })),
        (9_301, json!({ "e": "ps", "sta": "p", "pt": 8_000 })),
        (12_301, json!({ "e": "ps", "sta": "e", "pt": 11_000 })),
    ];
    let sid = watch(app, "own", ago(300), &course).await;
    let path = format!("/api/analytics/sessions/{sid}");
    let shown = answer(app, &owner, &path).await;
    assert_eq!(shown["session"]["startup_ms"], 800);
    assert_eq!(shown["session"]["passes"], json!([[0, 11_000]]));
    assert!(shown["session"].get("viewer").is_none(), "{shown}");
    let timeline = &shown["timeline"];
    assert_eq!(timeline["began_at"], shown["session"]["created_at"]);
    let segments: Vec<_> = timeline["segments"]
        .as_array()
        .unwrap()
        .iter()
        .map(|segment| {
            (
                segment["state"].as_str().unwrap(),
                segment["start_ms"].as_i64().unwrap(),
                segment["duration_ms"].as_i64().unwrap(),
            )
        })
        .collect();
    assert_eq!(
        segments,
        [
            ("starting", 0, 800),
            ("playing", 800, 8_000),
            ("stalled", 8_800, 501),
            ("playing", 9_301, 3_000)
        ]
    );
    assert_eq!(timeline["stalls"][0]["duration_ms"], 501);
    assert_eq!(
        timeline["renditions"][1],
        json!({ "at_ms": 2_800, "quality": "1080p", "bitrate_kbps": 4_000 })
    );
    assert_eq!(timeline["bitrate_kbps"], json!([[800, 1_000], [2_800, 4_000]]));
    assert_eq!(timeline["buffer_ms"], json!([[800, 2_000]]));

    assert_problem(app.get_as(&other, &path).await, 404, "session_not_found").await;
    let nowhere = format!("/api/analytics/sessions/{}", uuid::Uuid::now_v7());
    assert_problem(app.get_as(KEY, &nowhere).await, 404, "session_not_found").await;
    assert_problem(
        app.get_as(KEY, &format!("{path}?x=1")).await,
        400,
        "invalid_parameter",
    )
    .await;
}
