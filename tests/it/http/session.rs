use reqwest::header::{COOKIE, HeaderValue, SET_COOKIE};
use serde_json::json;

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    a_key_that_is_handed_in_signs_in_until_it_is_handed_out,
    a_cookie_changes_nothing_from_elsewhere,
    a_cookie_of_the_past_is_a_visitors,
);

/// What the browser sends back.
async fn signed_in(app: &TestApp) -> String {
    let answer = app
        .client
        .post(app.url("/api/session"))
        .json(&json!({ "key": KEY }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 204);
    let set = answer.headers()[SET_COOKIE].to_str().unwrap();
    for attribute in ["HttpOnly", "SameSite=Strict", "Path=/", "Max-Age=2592000"] {
        assert!(set.contains(attribute), "{set}");
    }
    set.split(';').next().unwrap().to_owned()
}

async fn a_key_that_is_handed_in_signs_in_until_it_is_handed_out(app: &TestApp) {
    let wrong = app
        .client
        .post(app.url("/api/session"))
        .json(&json!({ "key": "clk_wrong" }));
    assert_problem(wrong.send().await.unwrap(), 401, "unauthorized").await;
    assert_problem(app.get("/api/session").await, 401, "unauthorized").await;
    let cookie = signed_in(app).await;
    let me = app.client.get(app.url("/api/session")).header(COOKIE, &cookie);
    let me: serde_json::Value = me.send().await.unwrap().json().await.unwrap();
    assert_eq!(me["user"], "admin");
    assert!(me["scopes"].as_array().unwrap().contains(&"ops".into()), "{me}");
    let out = app.client.delete(app.url("/api/session")).send().await.unwrap();
    let set: &HeaderValue = &out.headers()[SET_COOKIE];
    assert!(
        set.to_str().unwrap().contains("clipper_session=; ") && set.to_str().unwrap().contains("Max-Age=0")
    );
}

async fn a_cookie_changes_nothing_from_elsewhere(app: &TestApp) {
    let cookie = signed_in(app).await;
    let post = |name: &'static str, value: &str| {
        app.client
            .post(app.url("/api/clips"))
            .json(&json!({ "title": "x" }))
            .header(COOKIE, &cookie)
            .header(name, value)
            .send()
    };
    let own = app.address.clone();
    for (name, value) in [
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("origin", "https://other.example"),
        ("origin", "null"),
        ("accept", "*/*"),
    ] {
        assert_problem(post(name, value).await.unwrap(), 401, "unauthorized").await;
    }
    for (name, value) in [("sec-fetch-site", "same-origin"), ("origin", own.as_str())] {
        assert_eq!(post(name, value).await.unwrap().status(), 201, "{name}: {value}");
    }
}

async fn a_cookie_of_the_past_is_a_visitors(app: &TestApp) {
    let get = app
        .client
        .get(app.url("/api/clips"))
        .header(COOKIE, "clipper_session=clk_of_yesterday");
    assert_eq!(get.send().await.unwrap().status(), 200);
}
