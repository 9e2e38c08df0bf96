//! Sources that are fetched from elsewhere: what arrives, what does not and why, and who must not be asked.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, clipper};
use crate::support::receiver::{Receiver, Reply};

/// Sources may lie at one address of this machine, and at no other.
async fn spawn(backend: Backend) -> TestApp {
    TestApp::spawn_with(backend, |config| {
        "127.0.0.1/32".clone_into(&mut config.import.allow_private);
        config.upload.max_bytes = 1_000_000;
    })
    .await
}

macro_rules! imported_on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[actix::test]
            async fn $name() {
                let app = super::spawn(crate::support::database::Backend::Sqlite).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
        mod postgres {
            $(#[actix::test]
            async fn $name() {
                let app = super::spawn(crate::support::database::Backend::Postgres).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
    };
}
imported_on_both_databases!(
    a_source_is_fetched_through_redirects_and_taken_in,
    what_cannot_be_fetched_says_why_and_can_be_asked_for_again,
);

/// Asks for an import, which is accepted.
async fn import(app: &TestApp, body: Value) -> Value {
    let response = app.post("/api/clips/import", &body).send().await.unwrap();
    assert_eq!(response.status(), 202, "{}", response.text().await.unwrap());
    response.json().await.unwrap()
}

async fn a_source_is_fetched_through_redirects_and_taken_in(app: &TestApp) {
    let file = std::fs::read(footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[])).unwrap();
    let bytes = file.len();
    let store = Receiver::start(move |_, before| match before.len() {
        // Servers are busy now and then.
        0 => Reply::Status(503),
        _ => Reply::Bytes(file.clone()),
    });
    let to = store.url.replace("/hook", "/files/talk.mp4?signature=x");
    let front = Receiver::start(move |received, _| match received.path.as_str() {
        "/hook" => Reply::Elsewhere("/second".to_owned()),
        _ => Reply::Elsewhere(to.clone()),
    });
    let clip = import(
        app,
        json!({ "url": front.url, "title": "A talk", "slug": "talk" }),
    )
    .await;
    assert_eq!(
        (&clip["slug"], &clip["title"]),
        (&json!("talk"), &json!("A talk"))
    );
    assert_eq!(clip["import"]["state"], "waiting");
    let queued = async || {
        let clip = app.json("/api/clips/talk").await;
        (clip["encoding"]["state"] == "queued").then_some(clip)
    };
    let clip = app.until("the source to be taken in", queued).await;
    assert_eq!((&clip["import"], &clip["width"]), (&json!(null), &json!(320)));
    let request = app
        .client
        .get(app.url("/api/clips/talk/history"))
        .bearer_auth(KEY);
    let history: Value = request.send().await.unwrap().json().await.unwrap();
    let events = history["events"].as_array().unwrap();
    let stored = events
        .iter()
        .find(|event| event["event_type"] == "SourceStored")
        .unwrap();
    assert_eq!(
        (&stored["payload"]["bytes"], &stored["payload"]["filename"]),
        (&json!(bytes), &json!("talk.mp4"))
    );
    // Whoever asked is who stored it.
    assert_eq!(stored["metadata"]["actor"], events[0]["metadata"]["actor"]);
    assert_eq!(store.seen().len(), 2);
    store.stop().await;
    front.stop().await;
}

/// What the clip says when its import has failed.
async fn failed(app: &TestApp, slug: &str) -> Value {
    let path = format!("/api/clips/{slug}");
    let over = async || {
        let clip = app.json(&path).await;
        (clip["import"]["state"] == "failed").then(|| clip["import"]["failure"].clone())
    };
    app.until("the import to fail", over).await
}

async fn what_cannot_be_fetched_says_why_and_can_be_asked_for_again(app: &TestApp) {
    let file = std::fs::read(footage::bars(app.folder.path(), "a.mp4", "320x180", "25", 1, &[])).unwrap();
    // Another address of this machine, where nobody may be asked.
    let inner = Receiver::start_at("127.0.0.2:0", |_, _| Reply::Bytes(vec![1]));
    let to = inner.url.clone();
    let store = Receiver::start(move |received, _| match received.path.as_str() {
        "/missing.mp4" => Reply::Status(404),
        "/text.mp4" => Reply::Bytes(b"a text".to_vec()),
        "/empty.mp4" => Reply::Bytes(vec![]),
        "/large.mp4" => Reply::Bytes(vec![0; 1_000_001]),
        "/round.mp4" => Reply::Elsewhere("/round.mp4".to_owned()),
        "/inner.mp4" => Reply::Elsewhere(to.clone()),
        "/file.mp4" => Reply::Elsewhere("file:///etc/passwd".to_owned()),
        _ => Reply::Bytes(file.clone()),
    });
    let at = |path: &str| store.url.replace("/hook", path);
    for (name, code) in [
        ("missing", "not_given"),
        ("text", "not_a_video"),
        ("empty", "empty_source"),
        ("large", "too_large"),
        ("round", "too_many_redirects"),
        ("inner", "private_address"),
        ("file", "invalid_address"),
    ] {
        import(app, json!({ "url": at(&format!("/{name}.mp4")), "slug": name })).await;
        let failure = failed(app, name).await;
        assert_eq!(failure["code"], code, "{failure}");
        assert!(!failure["detail"].as_str().unwrap().is_empty());
    }
    assert!(inner.seen().is_empty());
    // The same clip, from where it lies indeed.
    import(
        app,
        json!({ "url": at("/whole.mp4"), "title": "missing.mp4", "slug": "missing" }),
    )
    .await;
    let taken = async || {
        let clip = app.json("/api/clips/missing").await;
        (clip["encoding"]["state"] == "queued").then_some(())
    };
    app.until("the source to be taken in", taken).await;
    store.stop().await;
    inner.stop().await;
}

#[actix::test]
async fn private_addresses_are_refused_at_once() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for url in [
        "http://127.0.0.1:9/a.mp4",
        "http://localhost/a.mp4",
        "http://169.254.169.254/a.mp4",
    ] {
        let response = app
            .post("/api/clips/import", &json!({ "url": url }))
            .send()
            .await
            .unwrap();
        assert_problem(response, 422, "private_address").await;
    }
    for url in ["file:///etc/passwd", "talk.mp4"] {
        let response = app
            .post("/api/clips/import", &json!({ "url": url }))
            .send()
            .await
            .unwrap();
        assert_problem(response, 400, "invalid_request").await;
    }
    let listed = app.json("/api/clips").await;
    assert_eq!(listed["clips"], json!([]), "nothing was registered");
    app.finish().await;
}

#[actix::test]
async fn an_import_goes_on_when_its_server_was_killed() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let database = TestDatabase::create(Backend::Sqlite).await;
    let serve = || {
        let mut command = clipper(&data, &database.url);
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"])
            .env("CLIPPER_IMPORT_ALLOW_PRIVATE", "127.0.0.1");
        Server::of(command)
    };
    let file = std::fs::read(footage::bars(folder.path(), "a.mp4", "320x180", "25", 1, &[])).unwrap();
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let store = Receiver::start(move |_, _| match counter.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::Never,
        _ => Reply::Bytes(file.clone()),
    });
    let mut server = serve();
    let body = json!({ "url": store.url, "slug": "talk" });
    let request = Client::new().post(format!("{}/api/clips/import", server.address));
    let response = request.bearer_auth(KEY).json(&body).send().await.unwrap();
    assert_eq!(response.status(), 202);
    let patience = tokio::time::Instant::now() + Duration::from_mins(2);
    while asked.load(Ordering::SeqCst) == 0 {
        assert!(
            tokio::time::Instant::now() < patience,
            "nobody asks for the source"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    server.kill();
    let server = serve();
    loop {
        let clip = reqwest::get(format!("{}/api/clips/talk", server.address))
            .await
            .unwrap();
        let clip: Value = clip.json().await.unwrap();
        if clip["encoding"]["state"] == "queued" {
            break;
        }
        assert!(
            tokio::time::Instant::now() < patience,
            "the source does not arrive: {clip}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    drop(server);
    store.stop().await;
    database.drop().await;
}
