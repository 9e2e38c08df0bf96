//! `/api/webhooks`: what operators do, and what is refused.

use clipper::storage::keys::{self, KeyRow};
use clipper::storage::webhooks::{self, Endpoint};
use serde_json::json;
use uuid::Uuid;

use super::{get, listen, path, told_on_both_databases};
use crate::support::app::{KEY, TestApp, assert_problem};

told_on_both_databases!(
    operators_add_change_and_remove_endpoints,
    what_makes_no_sense_is_refused
);

async fn operators_add_change_and_remove_endpoints(app: &TestApp) {
    let webhook = listen(
        app,
        "http://127.0.0.1:9/hook",
        json!({ "description": "Catalogue" }),
    )
    .await;
    let secret = webhook["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_"));
    let listed = get(app, "/api/webhooks").await;
    assert_eq!(listed["webhooks"].as_array().unwrap().len(), 1);
    let types = listed["event_types"].as_array().unwrap();
    assert!(types.contains(&json!("clip.playable")), "{listed}");
    let shown = get(app, &path(&webhook, "")).await;
    assert_eq!(shown, listed["webhooks"][0]);
    // A secret is shown once.
    assert!(!listed.to_string().contains(secret));
    assert_eq!(
        (&shown["description"], &shown["events"], &shown["enabled"]),
        (&json!("Catalogue"), &json!([]), &json!(true))
    );
    let change = json!({ "events": ["clip.failed", "clip.ready", "clip.ready"], "enabled": false });
    let request = app.client.patch(app.url(&path(&webhook, ""))).bearer_auth(KEY);
    let changed: serde_json::Value = request.json(&change).send().await.unwrap().json().await.unwrap();
    assert_eq!(changed["events"], json!(["clip.ready", "clip.failed"]));
    assert_eq!(
        (&changed["enabled"], &changed["url"]),
        (&json!(false), &json!("http://127.0.0.1:9/hook"))
    );
    let remove = async || {
        let request = app.client.delete(app.url(&path(&webhook, ""))).bearer_auth(KEY);
        request.send().await.unwrap()
    };
    assert_eq!(remove().await.status(), 204);
    assert_problem(remove().await, 404, "webhook_not_found").await;
    let metrics = app.text("/metrics").await;
    assert!(
        metrics.contains("clipper_webhook_deliveries{state=\"pending\"} 0"),
        "{metrics}"
    );
}

async fn what_makes_no_sense_is_refused(app: &TestApp) {
    let good = "http://127.0.0.1:9/hook";
    for body in [
        json!({ "url": good, "events": ["clip.exploded"] }),
        json!({ "url": good, "after": 1 }),
        json!({ "url": good, "after": -1 }),
        json!({ "url": good, "description": "two\nlines" }),
    ] {
        let response = app.post("/api/webhooks", &body).send().await.unwrap();
        assert_problem(response, 400, "invalid_request").await;
    }
    let webhook = listen(app, good, json!({})).await;
    let nobody = Uuid::now_v7();
    let response = app
        .post(&format!("/api/webhooks/{nobody}/rotate"), &json!({}))
        .send();
    assert_problem(response.await.unwrap(), 404, "webhook_not_found").await;
    let retry = path(&webhook, &format!("/deliveries/{nobody}/retry"));
    let response = app.post(&retry, &json!({})).send().await.unwrap();
    assert_problem(response, 404, "delivery_not_found").await;
    let response = app
        .post(&path(&webhook, "/replay"), &json!({ "after": 7 }))
        .send();
    assert_problem(response.await.unwrap(), 400, "invalid_request").await;
    for query in ["?state=lost", "?limit=0"] {
        let request = app
            .client
            .get(app.url(&path(&webhook, &format!("/deliveries{query}"))));
        let response = request.bearer_auth(KEY).send().await.unwrap();
        assert_problem(response, 400, "invalid_request").await;
    }
    let owner = KeyRow {
        user_id: "somebody".to_owned(),
        scopes: "clips:write".to_owned(),
    };
    let now = chrono::Utc::now();
    keys::store(&app.services.db, Uuid::now_v7(), "clk_other", &owner, now)
        .await
        .unwrap();
    let request = app.client.get(app.url("/api/webhooks")).bearer_auth("clk_other");
    assert_problem(request.send().await.unwrap(), 403, "forbidden").await;
    there_are_many_already(app, good).await;
    let response = app
        .post("/api/webhooks", &json!({ "url": good }))
        .send()
        .await
        .unwrap();
    assert_problem(response, 409, "too_many_webhooks").await;
}

/// One is there; these are the others.
async fn there_are_many_already(app: &TestApp, url: &str) {
    let now = chrono::Utc::now();
    let add = Endpoint {
        id: String::new(),
        url: url.to_owned(),
        description: String::new(),
        events: String::new(),
        secret: String::new(),
        previous_secret: None,
        previous_until: None,
        enabled: false,
        disabled_reason: None,
        position: 0,
        failing_since: None,
        created_at: now,
        updated_at: now,
    };
    for _ in 1..100 {
        webhooks::add(&app.services.db, Uuid::now_v7(), &add)
            .await
            .unwrap();
    }
}
