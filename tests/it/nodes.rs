//! Two servers on one database: commands from both, each projection owned once, and one that goes on when the other dies.

use std::time::{Duration, Instant};

use clipper_projections::{Statement, clips};
use reqwest::Client;
use serde_json::{Value, json};

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::process::{Server, clipper};

struct Node {
    server: Server,
    client: Client,
}

impl Node {
    fn start(data: &std::path::Path, url: &str) -> Self {
        Self {
            server: Server::start_without_workers(data, url),
            client: Client::new(),
        }
    }

    async fn register(&self, slug: &str) -> (u16, Value) {
        let request = self.client.post(format!("{}/api/clips", self.server.address));
        let body = json!({ "title": slug, "slug": slug });
        let response = request.bearer_auth(KEY).json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.server.address));
        request
            .bearer_auth(KEY)
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap()
    }

    async fn owners(&self) -> Vec<String> {
        let listed = self.get("/api/ops/projections").await;
        let projections = listed["projections"].as_array().unwrap();
        projections
            .iter()
            .map(|one| one["owner"].as_str().unwrap_or_default().to_owned())
            .collect()
    }
}

#[tokio::test]
async fn two_servers_share_a_database_and_one_outlives_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let database = TestDatabase::create(Backend::Postgres).await;
    let [first, mut second] = [(); 2].map(|()| Node::start(&data, &database.url));

    // Commands to the same clips from both: of two that ask for one slug, one gets it; each sees at once what it wrote.
    for n in 0..20 {
        let slug = format!("clip-{n}");
        let (here, there) = tokio::join!(first.register(&slug), second.register(&slug));
        let mut statuses = [here.0, there.0];
        statuses.sort_unstable();
        // The same registration by the same person is no mistake.
        assert_eq!(statuses, [201, 201], "{here:?} {there:?}");
        assert_eq!(here.1["id"], there.1["id"]);
        for node in [&first, &second] {
            assert_eq!(
                node.get(&format!("/api/clips/{slug}")).await["slug"],
                slug.as_str()
            );
        }
    }
    let history = first.get("/api/clips/clip-7/history").await;
    assert_eq!(history["events"].as_array().unwrap().len(), 1, "registered once");

    what_one_hides_the_other_shows_no_more(&first, &second).await;

    // Each projection has one owner, and both see the same.
    let owners = first.owners().await;
    assert!(owners.iter().all(|owner| !owner.is_empty()), "{owners:?}");

    second.server.kill();
    let killed = Instant::now();
    let (status, _) = first.register("afterwards").await;
    assert_eq!(status, 201, "commands need no projection");
    // What was written is read by its name once somebody has taken the projection over.
    let survivor = loop {
        let history = first.get("/api/clips/afterwards/history").await;
        if let Some(node) = history["events"][0]["metadata"]["node"].as_str() {
            break node.to_owned();
        }
        assert!(killed.elapsed() < Duration::from_secs(10), "nobody took over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert!(
        owners.iter().any(|owner| *owner != survivor),
        "the newer one took some over: {owners:?}"
    );
    loop {
        let listed = first.get("/api/clips?limit=1").await;
        let taken_over = first.owners().await.iter().all(|owner| *owner == survivor);
        if listed["clips"][0]["slug"] == "afterwards" && taken_over {
            break;
        }
        assert!(killed.elapsed() < Duration::from_secs(10), "nobody took over");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let verified = clipper(&data, &database.url)
        .args(["projections", "verify"])
        .output()
        .unwrap();
    assert!(
        verified.status.success(),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );
    drop(first);
    database.drop().await;
}

/// A clip that became private on one node is gone on the other, also where that has it at hand.
async fn what_one_hides_the_other_shows_no_more(here: &Node, there: &Node) {
    let master = format!("{}/api/video/clip-3/master.m3u8", there.server.address);
    let code = async || -> Value {
        let answer = there.client.get(&master).send().await.unwrap();
        answer.json::<Value>().await.unwrap()["code"].take()
    };
    assert_eq!(code().await, "hls_not_available", "it is public");
    let path = format!("{}/api/clips/clip-3", here.server.address);
    let hidden = here.client.patch(path).bearer_auth(KEY);
    let hidden = hidden
        .json(&json!({ "visibility": "private" }))
        .send()
        .await
        .unwrap();
    assert_eq!(hidden.status(), 200);
    let began = Instant::now();
    while code().await != "clip_not_found" {
        assert!(began.elapsed() < Duration::from_secs(10), "it is still shown");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// An upgrade: rows that an older program left are made anew at the start, and serve until then.
#[tokio::test]
async fn rows_of_an_older_program_are_made_anew_at_the_start() {
    for backend in [Backend::Sqlite, Backend::Postgres] {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let database = TestDatabase::create(backend).await;
        let mut before = Node::start(&data, &database.url);
        before.register("kept").await;
        before.server.terminate();
        let db = database.open().await;
        for sql in [
            "UPDATE clips SET title = 'As the older program had it'",
            "UPDATE projection_checkpoints SET version = version - 1 WHERE name = 'clips'",
        ] {
            db.execute(&Statement::new(sql, vec![])).await.unwrap();
        }
        db.close().await;
        let after = Node::start(&data, &database.url);
        let started = Instant::now();
        loop {
            let clip = after.get("/api/clips/kept").await;
            if clip["title"] == "kept" {
                break;
            }
            assert_eq!(clip["title"], "As the older program had it", "the old row serves");
            assert!(started.elapsed() < Duration::from_secs(10), "it is not rebuilt");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let listed = after.get("/api/ops/projections").await;
        assert_eq!(listed["projections"][0]["version"], clips::PROJECTION.version);
        drop(after);
        database.drop().await;
    }
}
