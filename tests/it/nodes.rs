//! Two servers on one database: commands from both, each projection owned once, and one that goes on when the other dies.

use std::time::{Duration, Instant};

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
    let first = Node::start(&data, &database.url);
    let mut second = Node::start(&data, &database.url);
    let started = Instant::now();

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

    // The newer one leads, and leads alone.
    let owners = loop {
        let owners = first.owners().await;
        if owners
            .iter()
            .all(|owner| !owner.is_empty() && *owner == owners[0])
        {
            break owners;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{owners:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(second.owners().await, owners);

    second.server.kill();
    let killed = Instant::now();
    let (status, _) = first.register("afterwards").await;
    assert_eq!(status, 201, "commands need no projection");
    loop {
        let listed = first.get("/api/clips?limit=1").await;
        if listed["clips"][0]["slug"] == "afterwards"
            && first.owners().await.iter().all(|owner| *owner != owners[0])
        {
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
