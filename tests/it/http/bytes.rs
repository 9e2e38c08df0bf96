//! What clients may be sent, and the accounts of what they were.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use clipper::storage::{bandwidth, people};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::{footage, on_both_databases};

on_both_databases!(every_byte_is_accounted_for_by_day_owner_clip_and_rendition);

const MASTER: &str = "/api/video/clip/master.m3u8";
const SEGMENT: &str = "/api/video/clip/720p/segment-0.ts";

/// A clip in two rungs, whose first segment is larger than what is kept in memory.
async fn encoded(app: &TestApp) -> Value {
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "1280x720", "25", 8, &[]);
    app.upload("clip", &file).await;
    app.ended("clip").await
}

async fn token(app: &TestApp, asked: Value) -> String {
    let minted = app.post("/api/clips/clip/playback-token", &asked);
    let minted: Value = minted.send().await.unwrap().json().await.unwrap();
    minted["token"]
        .as_str()
        .unwrap_or_else(|| panic!("{minted}"))
        .to_owned()
}

/// Bytes and answers by rendition.
type Usage = BTreeMap<String, (i64, i64)>;

async fn every_byte_is_accounted_for_by_day_owner_clip_and_rendition(app: &TestApp) {
    let clip = encoded(app).await;
    let mut sent = Usage::new();
    let mut ask = async |quality: &str, path: &str, headers: &[(&str, &str)]| {
        let mut request = app.client.get(app.url(path));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.status().as_u16() < 400, "{path}");
        let bytes = i64::try_from(answer.bytes().await.unwrap().len()).unwrap();
        let (all, answers) = sent.entry(quality.to_owned()).or_default();
        (*all, *answers) = (*all + bytes, *answers + 1);
    };
    // From the application, from what is at hand, in part, with a key, compressed, and through a token.
    let bearer = format!("Bearer {KEY}");
    let token = token(app, json!({})).await;
    for _ in 0..3 {
        ask("other", MASTER, &[]).await;
        ask("other", MASTER, &[("accept-encoding", "gzip")]).await;
        ask("720p", "/api/video/clip/720p.m3u8", &[]).await;
        ask("720p", SEGMENT, &[]).await;
        ask("720p", SEGMENT, &[("range", "bytes=100-70000")]).await;
        ask("720p", SEGMENT, &[("authorization", &bearer)]).await;
        ask(
            "480p",
            &format!("/s/{token}/api/video/clip/480p/segment-1.ts"),
            &[],
        )
        .await;
        ask("480p", "/api/video/clip/480p/iframes.m3u8", &[]).await;
        ask("download", "/api/video/clip/download.mp4", &[]).await;
        ask("other", "/api/video/clip/poster.jpg", &[]).await;
    }
    // What is not sent, is not counted.
    app.client.head(app.url(SEGMENT)).send().await.unwrap();
    assert_problem(app.get("/api/video/clip/4k.m3u8").await, 404, "variant_not_found").await;
    let id = clip["id"].as_str().unwrap().parse().unwrap();
    let owner = people::list(&app.services.db).await.unwrap().remove(0).id;
    let written = app
        .until("the last byte to be written down", async || {
            let rows = bandwidth::of_clip(&app.services.db, id).await.unwrap();
            let written: Usage = rows
                .iter()
                .map(|row| (row.quality.clone(), (row.bytes, row.requests)))
                .collect();
            assert!(rows.iter().all(|row| row.user_id == owner));
            assert!(rows.iter().all(|row| row.day.len() == 10), "{rows:?}");
            let bytes = |usage: &Usage| usage.values().map(|(bytes, _)| bytes).sum::<i64>();
            (bytes(&written) >= bytes(&sent)).then_some(written)
        })
        .await;
    assert_eq!(written, sent);
}

#[actix::test]
async fn what_was_sent_last_is_written_down_before_the_program_ends() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let clip = encoded(&app).await;
    let id = clip["id"].as_str().unwrap().parse().unwrap();
    let mut expected = 0;
    for _ in 0..2 {
        expected += app.get(SEGMENT).await.bytes().await.unwrap().len();
    }
    let database = app.finish_with_its_database().await;
    let db = database.open().await;
    let rows = bandwidth::of_clip(&db, id).await.unwrap();
    let written: i64 = rows.iter().map(|row| row.bytes).sum();
    assert_eq!(usize::try_from(written).unwrap(), expected);
    db.close().await;
    database.drop().await;
}

#[actix::test]
async fn bodies_are_held_to_the_rate_of_their_class_and_come_whole() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.limits.token_classes = "20000, 100000000".to_owned();
    })
    .await;
    encoded(&app).await;
    let whole = app.get(SEGMENT).await.bytes().await.unwrap();
    // Of a burst of four seconds, and one second more.
    let wanted = &whole[..100_000];
    let slow = token(&app, json!({ "rate_class": 1 })).await;
    let took = async |token: &str, key: bool| {
        let began = Instant::now();
        let request = app.client.get(app.url(&format!("/s/{token}{SEGMENT}")));
        let mut request = request.header("range", "bytes=0-99999");
        if key {
            // Goes the way of the application.
            request = request.bearer_auth(KEY);
        }
        let answer = request.send().await.unwrap();
        assert!(answer.bytes().await.unwrap() == wanted);
        began.elapsed()
    };
    assert!(took(&slow, false).await > Duration::from_millis(900));
    // The burst is spent, whichever way is gone.
    assert!(took(&slow, true).await > Duration::from_millis(1_500));
    let fast = token(&app, json!({ "rate_class": 2 })).await;
    assert_eq!(
        app.get(&format!("/s/{fast}{SEGMENT}"))
            .await
            .bytes()
            .await
            .unwrap(),
        whole
    );
    let none = app.post("/api/clips/clip/playback-token", &json!({ "rate_class": 3 }));
    assert_problem(none.send().await.unwrap(), 400, "invalid_request").await;
    app.finish().await;
}

#[actix::test]
async fn whoever_was_sent_enough_for_a_day_begins_nothing_new_and_loses_nothing() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.limits.address_bytes_per_day = 200_000;
        config.limits.person_bytes_per_day = 200_000;
        config.http.trusted_proxies = "127.0.0.0/8".to_owned();
    })
    .await;
    encoded(&app).await;
    let ask = async |path: &str, address: &str, key: bool| {
        let request = app.client.get(app.url(path)).header("x-forwarded-for", address);
        let request = if key { request.bearer_auth(KEY) } else { request };
        request.send().await.unwrap()
    };
    let here = "192.0.2.1";
    assert_eq!(ask(MASTER, here, false).await.status(), 200);
    let segment = ask(SEGMENT, here, false).await.bytes().await.unwrap();
    assert!(segment.len() > 200_000, "{}", segment.len());
    // What plays goes on.
    assert!(ask(SEGMENT, here, false).await.bytes().await.unwrap() == segment);
    for _ in 0..2 {
        let refused = ask(MASTER, here, false).await;
        let said = |name: &str| refused.headers()[name].to_str().unwrap().to_owned();
        assert_eq!(
            said("ratelimit-policy"),
            "\"address-bytes\";q=200000;qu=\"content-bytes\";w=86400"
        );
        let wait: u64 = said("retry-after").parse().unwrap();
        assert!((1..=86_401).contains(&wait), "{wait}");
        assert_problem(refused, 429, "day_is_spent").await;
    }
    let download = ask("/api/video/clip/download.mp4", here, false).await;
    assert_problem(download, 429, "day_is_spent").await;
    assert_eq!(
        ask(MASTER, "192.0.2.2", false).await.status(),
        200,
        "another address"
    );
    // A person is one person from wherever.
    for last in 3..5 {
        let address = format!("192.0.2.{last}");
        assert!(ask(SEGMENT, &address, true).await.bytes().await.unwrap() == segment);
    }
    assert_problem(ask(MASTER, "192.0.2.9", true).await, 429, "day_is_spent").await;
    app.finish().await;
}

#[actix::test]
async fn a_token_plays_for_as_many_as_it_may_at_the_same_time() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.limits.token_streams = 2;
    })
    .await;
    encoded(&app).await;
    let (ann, bob) = (
        token(&app, json!({ "viewer": "ann" })).await,
        token(&app, json!({ "viewer": "bob" })).await,
    );
    assert_ne!(ann, bob);
    let ask = async |token: &str, player: &str, path: &str| {
        let request = app.client.get(app.url(&format!("/s/{token}{path}")));
        request.header("user-agent", player).send().await.unwrap()
    };
    for path in [MASTER, SEGMENT, MASTER, SEGMENT] {
        for player in ["television", "telephone"] {
            assert_eq!(ask(&ann, player, path).await.status(), 200, "{player} {path}");
        }
        let third = ask(&ann, "tablet", path).await;
        assert_eq!(
            third.headers()["ratelimit-policy"],
            "\"streams\";q=2;qu=\"concurrent-requests\""
        );
        assert_problem(third, 429, "too_many_streams").await;
        assert_eq!(ask(&bob, "tablet", path).await.status(), 200);
    }
    app.finish().await;
}
