use serde_json::json;

use crate::support::app::{TestApp, assert_problem};
use crate::support::on_both_databases;

on_both_databases!(
    writes_need_a_known_key,
    pages_of_other_origins_may_play_only_when_allowed
);

async fn writes_need_a_known_key(app: &TestApp) {
    let post = || {
        app.client
            .post(app.url("/api/clips"))
            .json(&json!({ "title": "x" }))
    };
    let without = post().send().await.unwrap();
    assert_eq!(without.headers()["www-authenticate"], "Bearer");
    assert_problem(without, 401, "unauthorized").await;
    assert_problem(
        post().bearer_auth("clk_wrong").send().await.unwrap(),
        401,
        "unauthorized",
    )
    .await;
    assert_problem(
        post().header("authorization", "Basic eA==").send().await.unwrap(),
        401,
        "unauthorized",
    )
    .await;
    app.register("owned").await;
    let put = app
        .client
        .put(app.url("/api/clips/owned/source"))
        .body("x")
        .send()
        .await
        .unwrap();
    assert_problem(put, 401, "unauthorized").await;
}

async fn pages_of_other_origins_may_play_only_when_allowed(app: &TestApp) {
    let get = app
        .client
        .get(app.url("/api/clips"))
        .header("origin", "https://other.example");
    let answer = get.send().await.unwrap();
    assert_eq!(answer.status(), 200);
    assert!(!answer.headers().contains_key("access-control-allow-origin"));
}

#[actix::test]
async fn an_allowed_origin_may_play_and_report() {
    let app = TestApp::spawn_with(crate::support::database::Backend::Sqlite, |config| {
        config.http.allowed_origins = "https://site.example".to_owned();
    })
    .await;
    let preflight = app
        .client
        .request(reqwest::Method::OPTIONS, app.url("/api/video/x/master.m3u8"))
        .header("origin", "https://site.example")
        .header("access-control-request-method", "GET")
        .header("access-control-request-headers", "range,cmcd-session")
        .send()
        .await
        .unwrap();
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "https://site.example");
    assert_eq!(headers["access-control-max-age"], "43200");
    let allowed = headers["access-control-allow-headers"]
        .to_str()
        .unwrap()
        .to_lowercase();
    for header in [
        "range",
        "cmcd-request",
        "cmcd-object",
        "cmcd-status",
        "cmcd-session",
    ] {
        assert!(allowed.contains(header), "{allowed}");
    }
    let get = app
        .client
        .get(app.url("/api/clips"))
        .header("origin", "https://site.example")
        .send()
        .await
        .unwrap();
    let exposed = get.headers()["access-control-expose-headers"]
        .to_str()
        .unwrap()
        .to_lowercase();
    assert!(
        exposed.contains("content-length") && exposed.contains("content-range"),
        "{exposed}"
    );
    app.finish().await;
}
