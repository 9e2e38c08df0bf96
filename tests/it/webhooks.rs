//! Webhooks from the log to a server that listens: order, repetition, signatures, and who must not be asked.

mod addresses;
mod api;
mod kills;
mod order;
mod signatures;

use std::sync::Arc;

use clipper::clock::SystemClock;
use clipper::config::Config;
use clipper::shutdown::Shutdown;
use clipper::storage::{Append, Db, Expected, Log, LogWriter};
use clipper_domain::{ClipId, schema};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::storage::whole_story;
use crate::support::app::{KEY, TestApp};
use crate::support::database::Backend;
use crate::support::receiver::{Received, Receiver};

/// What is told of a clip whose story is told whole.
const TOLD: [&str; 4] = [
    "clip.registered",
    "clip.source_stored",
    "clip.playable",
    "clip.ready",
];

async fn spawn(backend: Backend) -> TestApp {
    let allow = |config: &mut Config| {
        "127.0.0.0/8".clone_into(&mut config.webhooks.allow_private);
        config.webhooks.timeout_seconds = 5;
    };
    TestApp::spawn_with(backend, allow).await
}

/// Runs each test once per database, where endpoints may lie on this machine.
macro_rules! told_on_both_databases {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[actix::test]
            async fn $name() {
                let app = crate::webhooks::spawn(crate::support::database::Backend::Sqlite).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
        mod postgres {
            $(#[actix::test]
            async fn $name() {
                let app = crate::webhooks::spawn(crate::support::database::Backend::Postgres).await;
                super::$name(&app).await;
                app.finish().await;
            })*
        }
    };
}
pub(crate) use told_on_both_databases;

/// Adds an endpoint, and tells it with its secret.
async fn listen(app: &TestApp, url: &str, more: Value) -> Value {
    let mut body = json!({ "url": url });
    for (name, value) in more.as_object().unwrap() {
        body[name] = value.clone();
    }
    let response = app.post("/api/webhooks", &body).send().await.unwrap();
    assert_eq!(response.status(), 201, "{}", response.text().await.unwrap());
    response.json().await.unwrap()
}

fn path(webhook: &Value, rest: &str) -> String {
    format!("/api/webhooks/{}{rest}", webhook["id"].as_str().unwrap())
}

async fn get(app: &TestApp, path: &str) -> Value {
    let request = app.client.get(app.url(path)).bearer_auth(KEY);
    request.send().await.unwrap().json().await.unwrap()
}

async fn deliveries(app: &TestApp, webhook: &Value) -> Vec<Value> {
    let listed = get(app, &path(webhook, "/deliveries")).await;
    listed["deliveries"].as_array().unwrap().clone()
}

/// Has the lives of these clips happen.
async fn happen(db: &Db, slugs: &[&str]) {
    let tasks = Shutdown::new();
    let (writer, writing) = LogWriter::new(db.clone(), Log::Clip, Arc::new(SystemClock));
    tasks.spawn("clip log", writing);
    for slug in slugs {
        let append = Append {
            stream: ClipId(Uuid::now_v7()).stream(),
            expected: Expected::Version(0),
            events: whole_story(slug)
                .iter()
                .map(|event| schema::write(event).unwrap())
                .collect(),
            metadata: "{}".to_owned(),
            command_id: "story".to_owned(),
        };
        writer.append(append).await.unwrap();
    }
    tasks.abandon().await;
}

/// What was told of a clip, in the order in which it came.
fn told_of(seen: &[Received], slug: &str) -> Vec<String> {
    let of_clip = seen.iter().map(Received::of).filter(|(of, _)| of == slug);
    of_clip.map(|(_, kind)| kind).collect()
}

/// Waits until as much was told.
async fn until_told(app: &TestApp, receiver: &Receiver, count: usize) -> Vec<Received> {
    let enough = async || Some(receiver.seen()).filter(|seen| seen.len() >= count);
    app.until(&format!("{count} messages"), enough).await
}
