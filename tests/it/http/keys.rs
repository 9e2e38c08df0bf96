//! API keys, as the command line makes them and as requests use them.

use chrono::{TimeDelta, Utc};
use clipper::storage::keys::{self, KeyRow};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;
use crate::support::process::clipper;

on_both_databases!(
    a_key_does_what_it_may_until_it_is_revoked,
    a_rotated_key_is_good_for_as_long_as_was_said,
    a_key_ends_when_it_was_said_to_and_its_use_is_written_down_once_a_minute,
    records_that_were_set_aside_are_listed_with_their_reason,
    keys_that_are_made_over_the_api_grant_no_more_than_their_maker_has,
    a_key_is_asked_for_in_words_that_make_sense,
);

async fn run(app: &TestApp, arguments: &[&str]) -> Result<Value, String> {
    let mut command = clipper(&app.folder.path().join("data"), app.database_url());
    command.arg("--json").args(arguments);
    // The program in this process goes on beside it.
    let output = tokio::task::spawn_blocking(move || command.output().unwrap())
        .await
        .unwrap();
    if output.status.success() {
        Ok(serde_json::from_slice(&output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

async fn status(app: &TestApp, key: &str, path: &str) -> u16 {
    let get = app.client.get(app.url(path)).bearer_auth(key);
    get.send().await.unwrap().status().as_u16()
}

const SESSIONS: &str = "/api/analytics/sessions";

async fn make(app: &TestApp, by: &str, wanted: Value) -> reqwest::Response {
    let post = app.client.post(app.url("/api/keys")).bearer_auth(by);
    // It must not be what keeps the answer.
    let post = post.header("Idempotency-Key", "the same");
    post.json(&wanted).send().await.unwrap()
}

async fn keys_that_are_made_over_the_api_grant_no_more_than_their_maker_has(app: &TestApp) {
    let wanted = json!({ "user": "ann", "scopes": ["ops", "clips:write", "ops"], "name": "site", "expires_in_days": 30 });
    let made = make(app, KEY, wanted.clone()).await;
    assert_eq!(made.status(), 201);
    assert_eq!(made.headers()["cache-control"], "no-store");
    let made: Value = made.json().await.unwrap();
    assert_eq!(
        (&made["user"], &made["scopes"]),
        (&json!("ann"), &json!(["clips:write", "ops"]))
    );
    let (ann, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(status(app, ann, "/api/ops/workers").await, 200);
    assert_eq!(status(app, ann, SESSIONS).await, 200);
    let again: Value = make(app, KEY, wanted).await.json().await.unwrap();
    assert_ne!(again["key"], made["key"], "no answer with a key in it is kept");

    // What she lacks she cannot give, neither to a new key nor by making an old one anew.
    let analyst = json!({ "user": "bob", "scopes": ["analytics:read"] });
    assert_problem(make(app, ann, analyst.clone()).await, 403, "forbidden").await;
    let stronger: Value = make(app, KEY, analyst).await.json().await.unwrap();
    let (bob, stronger) = (
        stronger["key"].as_str().unwrap(),
        stronger["id"].as_str().unwrap(),
    );
    let rotate = async |by: &str, id: &str| {
        let path = app.url(&format!("/api/keys/{id}/rotate"));
        app.client.post(path).bearer_auth(by).send().await.unwrap()
    };
    assert_problem(rotate(ann, stronger).await, 403, "forbidden").await;
    assert_problem(
        make(app, bob, json!({ "user": "eve", "scopes": ["analytics:read"] })).await,
        403,
        "forbidden",
    )
    .await;
    let listed = app
        .client
        .get(app.url("/api/keys"))
        .bearer_auth(ann)
        .send()
        .await
        .unwrap();
    let listed = listed.text().await.unwrap();
    assert!(listed.contains(id) && listed.contains("last_used_at"), "{listed}");
    assert!(
        !listed.contains(ann) && !listed.contains(&keys::hash(ann)),
        "{listed}"
    );

    let fresh: Value = rotate(KEY, id).await.json().await.unwrap();
    assert_eq!(
        (&fresh["scopes"], &fresh["expires_at"]),
        (&made["scopes"], &made["expires_at"])
    );
    assert_eq!(status(app, ann, SESSIONS).await, 401);
    let fresh_key = fresh["key"].as_str().unwrap();
    assert_eq!(status(app, fresh_key, SESSIONS).await, 200);
    let path = app.url(&format!("/api/keys/{}", fresh["id"].as_str().unwrap()));
    let revoke = async || app.client.delete(&path).bearer_auth(KEY).send().await.unwrap();
    assert_eq!(revoke().await.status(), 204);
    assert_eq!(status(app, fresh_key, SESSIONS).await, 401);
    assert_problem(revoke().await, 404, "key_not_found").await;
}

async fn a_key_is_asked_for_in_words_that_make_sense(app: &TestApp) {
    for wrong in [
        json!({ "user": " ", "scopes": ["ops"] }),
        json!({ "user": "ann", "scopes": [] }),
        json!({ "user": "ann", "scopes": ["everything"] }),
        json!({ "user": "ann", "scopes": ["ops"], "expires_in_days": 0 }),
        json!({ "user": "ann", "scopes": ["ops"], "name": "x".repeat(201) }),
    ] {
        assert_problem(make(app, KEY, wrong).await, 400, "invalid_request").await;
    }
}

async fn a_key_does_what_it_may_until_it_is_revoked(app: &TestApp) {
    let made = run(
        app,
        &[
            "keys",
            "create",
            "ann",
            "--scope",
            "analytics:read",
            "--name",
            "dashboard",
            "--expires-in",
            "30",
        ],
    )
    .await
    .unwrap();
    let (key, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    assert_eq!(status(app, key, SESSIONS).await, 200);
    assert_eq!(status(app, key, "/api/ops/workers").await, 403);
    let listed = run(app, &["keys", "list"]).await.unwrap();
    let listed = listed
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["id"] == id)
        .unwrap()
        .clone();
    assert_eq!(
        (
            listed["user_id"].as_str(),
            listed["name"].as_str(),
            listed["scopes"].as_str()
        ),
        (Some("ann"), Some("dashboard"), Some("analytics:read"))
    );
    assert!(
        listed["last_used_at"].is_string() && listed["expires_at"].is_string(),
        "{listed}"
    );
    assert!(!listed.to_string().contains(key), "a key is shown once");
    run(app, &["keys", "revoke", id]).await.unwrap();
    assert_eq!(status(app, key, SESSIONS).await, 401);
    assert!(
        run(app, &["keys", "revoke", id])
            .await
            .unwrap_err()
            .contains("there is no key")
    );
    assert!(
        run(app, &["keys", "create", "ann", "--scope", "everything"])
            .await
            .is_err()
    );
}

async fn a_rotated_key_is_good_for_as_long_as_was_said(app: &TestApp) {
    let made = run(
        app,
        &[
            "keys",
            "create",
            "bob",
            "--scope",
            "ops",
            "--scope",
            "clips:write",
        ],
    )
    .await
    .unwrap();
    let (first, id) = (made["key"].as_str().unwrap(), made["id"].as_str().unwrap());
    let second = run(app, &["keys", "rotate", id, "--overlap", "2"]).await.unwrap();
    let (key, id) = (second["key"].as_str().unwrap(), second["id"].as_str().unwrap());
    assert_eq!(
        (
            status(app, first, SESSIONS).await,
            status(app, key, SESSIONS).await
        ),
        (200, 200)
    );
    let third = run(app, &["keys", "rotate", id]).await.unwrap();
    assert_eq!(status(app, key, SESSIONS).await, 401);
    assert_eq!(
        status(app, third["key"].as_str().unwrap(), "/api/ops/workers").await,
        200
    );
    assert!(run(app, &["keys", "rotate", id]).await.is_err());
}

async fn a_key_ends_when_it_was_said_to_and_its_use_is_written_down_once_a_minute(app: &TestApp) {
    let db = &app.services.db;
    let (id, now) = (
        Uuid::now_v7(),
        clipper::clock::Clock::now(&clipper::clock::SystemClock),
    );
    let owner = KeyRow {
        user_id: "eve".to_owned(),
        scopes: "ops".to_owned(),
    };
    let end = now + TimeDelta::minutes(10);
    keys::store_named(db, id, "clk_eve", &owner, "", Some(end), now)
        .await
        .unwrap();
    let mut used = vec![];
    for seconds in [0, 59, 60, 90] {
        let at = now + TimeDelta::seconds(seconds);
        assert!(keys::find(db, "clk_eve", at).await.unwrap().is_some());
        let listed = keys::list(db).await.unwrap();
        let eve = listed.iter().find(|key| key.id == id.to_string()).unwrap();
        used.push((eve.last_used_at.unwrap() - now).num_seconds());
    }
    assert_eq!(used, [0, 0, 60, 60]);
    assert_eq!(keys::find(db, "clk_eve", end).await.unwrap(), None);
    let past = Utc::now() - TimeDelta::days(1);
    keys::store_named(db, Uuid::now_v7(), "clk_old", &owner, "", Some(past), past)
        .await
        .unwrap();
    let get = app.client.get(app.url(SESSIONS)).bearer_auth("clk_old");
    assert_problem(get.send().await.unwrap(), 401, "unauthorized").await;
}

async fn records_that_were_set_aside_are_listed_with_their_reason(app: &TestApp) {
    let sid = Uuid::now_v7();
    let body = json!({ "schema": "qoe.batch.v1", "sid": sid, "cid": "c", "batch": 1, "sent_at": Utc::now().timestamp_millis(),
        "events": [{ "ts": "yesterday", "e": "t" }] });
    let post = app.client.post(app.url("/api/analytics/beacons")).json(&body);
    assert_eq!(post.send().await.unwrap().status(), 202);
    let path = format!("/api/ops/rejects?session={sid}");
    let row = app
        .until("the record to be set aside", async || {
            let get = app.client.get(app.url(&path)).bearer_auth(KEY);
            let answer: Value = get.send().await.unwrap().json().await.unwrap();
            answer["rejects"].get(0).cloned()
        })
        .await;
    assert_eq!(
        (row["form"].as_str(), row["key"].as_str()),
        (Some("json"), Some("ts"))
    );
    let code = row["code"].as_str().unwrap();
    let listed = run(app, &["rejects", "--code", code, "--session", &sid.to_string()])
        .await
        .unwrap();
    assert_eq!(listed, json!([row]));
    let none = run(app, &["rejects", "--form", "cmcd"]).await.unwrap();
    assert_eq!(none, json!([]));
    assert_eq!(status(app, KEY, "/api/ops/rejects?limit=0").await, 400);
    assert_eq!(app.get("/api/ops/rejects").await.status(), 401);
}
