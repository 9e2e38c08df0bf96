//! Order, repetition and giving up.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{TimeDelta, Utc};
use clipper_projections::Statement;
use serde_json::json;

use super::{TOLD, deliveries, get, happen, listen, path, told_of, told_on_both_databases, until_told};
use crate::support::app::{KEY, TestApp};
use crate::support::receiver::{Received, Receiver, Reply};

told_on_both_databases!(
    a_clip_is_told_in_order_and_holds_no_other_up,
    what_is_given_up_lets_the_rest_go_on_and_can_be_tried_again,
    an_endpoint_that_takes_nothing_is_switched_off_and_loses_nothing,
    an_endpoint_is_told_once_more_from_a_position,
);

/// One of the messages about a clip.
fn is(received: &Received, slug: &str, kind: &str) -> bool {
    received.of() == (slug.to_owned(), kind.to_owned())
}

async fn a_clip_is_told_in_order_and_holds_no_other_up(app: &TestApp) {
    // The second of one clip is refused until everything of the other was taken, and the first of it times out once.
    let receiver = Receiver::start(|received, before| {
        let again = before.iter().any(|earlier| earlier.id == received.id);
        if is(received, "one", "clip.registered") && !again {
            Reply::Never
        } else if is(received, "one", "clip.source_stored") && told_of(before, "two").len() < TOLD.len() {
            Reply::Status(500)
        } else {
            Reply::Status(204)
        }
    });
    let webhook = listen(app, &receiver.url, json!({})).await;
    happen(&app.services.db, &["one", "two"]).await;
    let all_taken = async || {
        let deliveries = deliveries(app, &webhook).await;
        let taken = deliveries
            .iter()
            .filter(|one| one["state"] == "delivered")
            .count();
        (taken == 2 * TOLD.len()).then_some(deliveries)
    };
    let deliveries = app.until("everything to be taken", all_taken).await;
    let seen = receiver.seen();
    assert_eq!(told_of(&seen, "two"), TOLD);
    // Repetitions come under the same name, and nothing later before what is earlier was taken.
    let mut one = told_of(&seen, "one");
    one.dedup();
    assert_eq!(one, TOLD);
    let first: Vec<_> = seen
        .iter()
        .filter(|it| is(it, "one", "clip.registered"))
        .collect();
    assert!(first.len() >= 2);
    assert!(
        first
            .iter()
            .all(|again| again.id == first[0].id && again.body == first[0].body)
    );
    let of_first = deliveries
        .iter()
        .find(|one| one["message_id"] == first[0].id)
        .unwrap();
    assert_eq!(of_first["attempts"], first.len());
    assert_eq!(of_first["response_status"], 204);
    assert_eq!(of_first["error"], json!(null));
    receiver.stop().await;
}

/// Sets what an attempt or an endpoint remembers back by days.
async fn days_ago(app: &TestApp, sql: &'static str, days: i64) {
    let then = Utc::now() - TimeDelta::days(days);
    let changed = app
        .services
        .db
        .execute(&Statement::new(sql, vec![then.into()]))
        .await
        .unwrap();
    assert_eq!(changed, 1);
}

async fn what_is_given_up_lets_the_rest_go_on_and_can_be_tried_again(app: &TestApp) {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let receiver = Receiver::start(move |received, _| {
        if is(received, "one", "clip.registered") && !is_well.load(Ordering::SeqCst) {
            Reply::Status(503)
        } else {
            Reply::Status(200)
        }
    });
    let webhook = listen(app, &receiver.url, json!({})).await;
    happen(&app.services.db, &["one"]).await;
    let first_tried = async || {
        let listed = deliveries(app, &webhook).await;
        listed.into_iter().find(|one| one["attempts"].as_i64() >= Some(1))
    };
    let refused = app.until("the first attempt", first_tried).await;
    assert_eq!(
        (&refused["state"], &refused["response_status"]),
        (&json!("pending"), &json!(503))
    );
    assert_eq!(refused["response_body"], "as the test wants");
    assert_eq!(refused["error"], "answered 503 Service Unavailable");
    days_ago(
        app,
        "UPDATE webhook_deliveries SET first_attempt_at = $1 WHERE attempts >= 1",
        3,
    )
    .await;
    let rest = async || {
        let listed = deliveries(app, &webhook).await;
        let taken = listed.iter().filter(|one| one["state"] == "delivered").count();
        (taken == 3).then_some(listed)
    };
    let listed = app.until("the rest to go on", rest).await;
    let parked = listed.iter().find(|one| one["state"] == "parked").unwrap();
    assert_eq!(
        (&parked["type"], &parked["id"]),
        (&json!("clip.registered"), &refused["id"])
    );
    let listed = get(app, &path(&webhook, "/deliveries?state=parked")).await;
    assert_eq!(listed["deliveries"].as_array().unwrap().len(), 1);
    well.store(true, Ordering::SeqCst);
    let retry = path(
        &webhook,
        &format!("/deliveries/{}/retry", parked["id"].as_str().unwrap()),
    );
    let response = app.post(&retry, &json!({})).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let taken = async || {
        let listed = deliveries(app, &webhook).await;
        listed.iter().all(|one| one["state"] == "delivered").then_some(())
    };
    app.until("the parked one to be taken", taken).await;
    receiver.stop().await;
}

async fn an_endpoint_that_takes_nothing_is_switched_off_and_loses_nothing(app: &TestApp) {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = Arc::clone(&well);
    let receiver = Receiver::start(move |received, _| {
        if received.path.ends_with("/gone") {
            Reply::Status(410)
        } else if is_well.load(Ordering::SeqCst) {
            Reply::Status(200)
        } else {
            Reply::Status(500)
        }
    });
    let webhook = listen(app, &receiver.url, json!({})).await;
    happen(&app.services.db, &["one"]).await;
    let shown =
        async || Some(get(app, &path(&webhook, "")).await).filter(|it| it["failing_since"].is_string());
    app.until("the first failure", shown).await;
    days_ago(app, "UPDATE webhook_endpoints SET failing_since = $1", 5).await;
    let off = async || Some(get(app, &path(&webhook, "")).await).filter(|it| it["enabled"] == false);
    let shown = app.until("the endpoint to be switched off", off).await;
    assert_eq!(shown["disabled_reason"], "took nothing for five days");
    // What happens meanwhile is told when it listens again.
    happen(&app.services.db, &["two"]).await;
    well.store(true, Ordering::SeqCst);
    let refused = receiver.seen().len();
    let patch = |change| {
        let request = app.client.patch(app.url(&path(&webhook, ""))).bearer_auth(KEY);
        request.json(&change).send()
    };
    let changed: serde_json::Value = patch(json!({ "enabled": true }))
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(
        (&changed["enabled"], &changed["failing_since"]),
        (&json!(true), &json!(null))
    );
    let seen = until_told(app, &receiver, refused + 2 * TOLD.len()).await;
    assert_eq!(told_of(&seen[refused..], "one"), TOLD);
    assert_eq!(told_of(&seen[refused..], "two"), TOLD);
    // Who says that it is gone is believed at once.
    patch(json!({ "url": format!("{}/gone", receiver.url) }))
        .await
        .unwrap();
    happen(&app.services.db, &["three"]).await;
    let shown = app.until("the endpoint to be gone", off).await;
    assert_eq!(shown["disabled_reason"], "answered 410 Gone");
    receiver.stop().await;
}

async fn an_endpoint_is_told_once_more_from_a_position(app: &TestApp) {
    let receiver = Receiver::start(|_, _| Reply::Status(200));
    happen(&app.services.db, &["before"]).await;
    let wanted = json!({ "events": ["clip.ready", "clip.registered"], "description": "Catalogue" });
    let webhook = listen(app, &receiver.url, wanted).await;
    assert_eq!(webhook["events"], json!(["clip.registered", "clip.ready"]));
    happen(&app.services.db, &["one", "two"]).await;
    let first = until_told(app, &receiver, 4).await;
    let taken = async || {
        let listed = deliveries(app, &webhook).await;
        let taken = listed.iter().filter(|one| one["state"] == "delivered").count();
        (taken == 4).then_some(())
    };
    app.until("all to be taken", taken).await;
    let response = app
        .post(&path(&webhook, "/replay"), &json!({ "after": 0 }))
        .send();
    assert_eq!(response.await.unwrap().status(), 202);
    let seen = until_told(app, &receiver, 4 + 6).await;
    let again = &seen[4..];
    for slug in ["before", "one", "two"] {
        assert_eq!(told_of(again, slug), ["clip.registered", "clip.ready"], "{slug}");
    }
    for told in first {
        let same = again.iter().filter(|it| it.id == told.id).collect::<Vec<_>>();
        assert_eq!(same.len(), 1);
        assert_eq!(same[0].body, told.body);
    }
    receiver.stop().await;
}
