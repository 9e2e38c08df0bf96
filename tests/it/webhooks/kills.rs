//! Servers that die while they tell: what was not written down as taken is told again, under the same name.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use clipper::storage::leases;
use reqwest::Client;
use serde_json::{Value, json};

use super::{TOLD, happen, told_of};
use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::process::{Server, clipper, signal};
use crate::support::receiver::{Received, Receiver, Reply};

fn serve(data: &std::path::Path, database: &TestDatabase) -> Server {
    let mut command = clipper(data, &database.url);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"])
        .env("CLIPPER_WEBHOOKS_ALLOW_PRIVATE", "127.0.0.0/8");
    Server::of(command)
}

async fn listen(server: &Server, url: &str) {
    let request = Client::new().post(format!("{}/api/webhooks", server.address));
    let response = request.bearer_auth(KEY).json(&json!({ "url": url })).send().await;
    assert_eq!(response.unwrap().status(), 201);
}

async fn pending(server: &Server) -> i64 {
    let request = Client::new().get(format!("{}/api/webhooks", server.address));
    let listed: Value = request
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let id = listed["webhooks"][0]["id"].as_str().unwrap();
    let path = format!("{}/api/webhooks/{id}/deliveries?state=pending", server.address);
    let listed: Value = Client::new()
        .get(path)
        .bearer_auth(KEY)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    i64::try_from(listed["deliveries"].as_array().unwrap().len()).unwrap()
}

/// What was told of a clip. On a machine that stands still for long, a server may lose its lease and a message come twice.
fn in_order(seen: &[Received], slug: &str) -> Vec<String> {
    let mut told = told_of(seen, slug);
    told.dedup();
    told
}

/// The server dies while its first message waits for an answer: the endpoint has it, the database does not know.
async fn dies_between_sending_and_writing_down(backend: Backend, others: usize) {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let database = TestDatabase::create(backend).await;
    let mut server = serve(&data, &database);
    let victim = Arc::new(AtomicU32::new(server.id()));
    let to_kill = Arc::clone(&victim);
    let receiver = Receiver::start(move |_, _| {
        let process = to_kill.swap(0, Ordering::SeqCst);
        if process == 0 {
            return Reply::Status(200);
        }
        signal("KILL", process);
        Reply::Never
    });
    listen(&server, &receiver.url).await;
    let db = database.open().await;
    let patience = tokio::time::Instant::now() + std::time::Duration::from_mins(2);
    let until = async |fact: &dyn Fn() -> bool| {
        while !fact() {
            assert!(tokio::time::Instant::now() < patience, "waited in vain");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    while leases::holder(&db, "webhooks").await.unwrap().is_none() {
        assert!(tokio::time::Instant::now() < patience, "nobody tells");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    // On the same database, others stand by.
    let others: Vec<_> = (0..others).map(|_| serve(&data, &database)).collect();
    happen(&db, &["one"]).await;
    until(&|| victim.load(Ordering::SeqCst) == 0).await;
    server.kill();
    let heirs = if others.is_empty() {
        vec![serve(&data, &database)]
    } else {
        others
    };
    until(&|| {
        told_of(&receiver.seen(), "one")
            .last()
            .is_some_and(|kind| kind == "clip.ready")
    })
    .await;
    let seen = receiver.seen();
    assert_eq!(seen[0].id, seen[1].id, "the first is told again under its name");
    assert_eq!(seen[0].body, seen[1].body);
    assert_eq!(in_order(&seen[1..], "one"), TOLD);
    while pending(&heirs[0]).await > 0 {
        assert!(tokio::time::Instant::now() < patience, "it is not written down");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    happen(&db, &["two"]).await;
    until(&|| in_order(&receiver.seen(), "two").len() == TOLD.len()).await;
    assert_eq!(in_order(&receiver.seen(), "two"), TOLD);
    drop(heirs);
    db.close().await;
    receiver.stop().await;
    database.drop().await;
}

#[actix::test]
async fn a_server_that_dies_while_it_tells_tells_again_and_loses_nothing() {
    dies_between_sending_and_writing_down(Backend::Sqlite, 0).await;
}

#[actix::test]
async fn another_server_takes_over_what_the_dead_one_was_telling() {
    dies_between_sending_and_writing_down(Backend::Postgres, 2).await;
}
