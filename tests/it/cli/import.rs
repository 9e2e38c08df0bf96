//! Clips that live elsewhere: registered from a file, and encoded behind everything else.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::text;
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, clipper};

async fn until(fact: &str, look: impl AsyncFn() -> bool) {
    let began = Instant::now();
    while !look().await {
        assert!(
            began.elapsed() < Duration::from_mins(2),
            "waited in vain for {fact}"
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// Two clips whose source is at hand, one whose source is not, and lines that cannot be used.
fn csv(folder: &Path) -> String {
    let video = footage::bars(folder, "old.mp4", "320x180", "25", 2, &[]);
    let url = format!("file://{}", video.display());
    let gone = format!("file://{}/gone.mp4", folder.display());
    format!(
        "id,title,owner,views,created_at,source_url,embed_url\n\
         liked,\"Liked, a lot\",ann,1000,2024-05-06T07:08:09Z,{url},https://clips.example/embed\n\
         nameless,,ann,1,,,\n\
         quiet,Quiet,bob,7,2020-01-01 00:00:00,{url},\n\
         lost,Lost,bob,3,,{gone},\n\
         Not A Slug,Wrong,bob,,,,\n\
         liked,Stolen,mallory,,,,\n"
    )
}

/// A server without encoders, and a file of clips beside it.
struct Elsewhere {
    folder: TempDir,
    database: TestDatabase,
    server: Server,
    file: String,
}

impl Elsewhere {
    async fn set() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let database = TestDatabase::create(Backend::Postgres).await;
        let server = Server::start_without_workers(&data, &database.url);
        let file = folder.path().join("clips.csv");
        std::fs::write(&file, csv(folder.path())).unwrap();
        Self {
            file: file.to_str().unwrap().to_owned(),
            folder,
            database,
            server,
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn run(&self, arguments: &[&str]) -> (Option<i32>, String) {
        let output = clipper(&self.data(), &self.database.url)
            .args(arguments)
            .output()
            .unwrap();
        (output.status.code(), text(&output))
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let (code, printed) = self.run(&[&["--json"], arguments].concat());
        serde_json::from_str(&printed).unwrap_or_else(|_| panic!("{code:?} {printed}"))
    }

    async fn get(&self, path: &str) -> Value {
        let answer = reqwest::get(format!("{}{path}", self.server.address)).await;
        answer.unwrap().json().await.unwrap()
    }

    /// What the queue shows, as slug and class.
    fn queued(&self) -> Vec<String> {
        let listed = self.json(&["queue", "list"]);
        let entries = listed["entries"].as_array().unwrap().iter();
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        entries
            .map(|entry| format!("{} {}", text(&entry["slug"]), text(&entry["class"])))
            .collect()
    }

    async fn until_queued(&self, expected: &[&str]) {
        until("the queue to follow", async || self.queued() == expected).await;
    }

    fn is_imported(&self) {
        let file = self.file.as_str();
        let (code, said) = self.run(&["import", file, "--dry-run"]);
        assert_eq!(code, Some(1));
        // Lines are compared with the store, not with each other.
        assert!(said.contains("4 to be registered"), "{said}");
        let (_, verified) = self.run(&["events", "verify"]);
        assert!(verified.contains("clip log: 0 events"), "{verified}");

        let (code, said) = self.run(&["import", file]);
        assert_eq!(code, Some(1), "some lines were bad");
        for part in [
            "line 3: `title` is missing",
            "line 6: `id` is neither a UUID nor a slug",
            "line 7: `liked` is somebody else's clip",
            "3 registered, 0 known already, 3 bad lines",
        ] {
            assert!(said.contains(part), "{said}");
        }
        let (_, again) = self.run(&["import", file]);
        assert!(
            again.contains("0 registered, 3 known already, 3 bad lines"),
            "{again}"
        );
    }

    async fn shows_what_they_were(&self) {
        until("the read model to know the clips", async || {
            self.get("/api/clips").await["clips"].as_array().unwrap().len() == 3
        })
        .await;
        let liked = self.get("/api/clips/liked").await;
        assert_eq!(
            (
                &liked["views"],
                &liked["created_at"],
                &liked["title"],
                &liked["owner_id"]
            ),
            (
                &json!(1000),
                &json!("2024-05-06T07:08:09Z"),
                &json!("Liked, a lot"),
                &json!("ann")
            )
        );
    }

    async fn is_queued(&self) {
        let estimate = self.json(&["backfill", "--dry-run"]);
        assert_eq!(
            (&estimate["clips"], &estimate["to_fetch"], &estimate["bytes"]),
            (&json!(3), &json!(3), &Value::Null),
            "nothing was measured yet"
        );
        let (code, said) = self.run(&["backfill", "--order", "popular"]);
        assert_eq!(code, Some(1), "one source is gone");
        assert!(said.contains("2 queued") && said.contains("lost: "), "{said}");
        self.until_queued(&["liked backfill", "quiet backfill"]).await;
        let (_, again) = self.run(&["backfill"]);
        assert!(again.contains("0 queued"), "{again}");
    }

    async fn is_stopped_and_held_back(&self) {
        let says = |arguments: &[&str], expected: &str| {
            let (_, said) = self.run(arguments);
            assert!(said.contains(expected), "{arguments:?}: {said}");
        };
        says(&["cancel", "quiet"], "stopped");
        says(&["cancel", "quiet"], "nothing was being encoded");
        self.until_queued(&["liked backfill"]).await;
        let again = ["encode", "quiet", "--qualities", "480p", "--priority", "9"];
        says(&again, "quiet: generation 2 waits as fresh");
        self.until_queued(&["quiet fresh", "liked backfill"]).await;
        says(&["queue", "pause", "backfill"], "paused");
        says(&["queue", "list"], "backfill is paused since");
        says(&["queue", "resume", "backfill"], "goes on");
        assert_eq!(self.run(&["queue", "pause", "urgent"]).0, Some(2));
    }

    async fn is_encoded(&self) {
        let mut working = Server::start(&self.data(), &self.database.url, "127.0.0.1:0");
        for slug in ["liked", "quiet"] {
            until("it to be encoded", async || {
                let clip = self.get(&format!("/api/clips/{slug}")).await;
                clip["hls_processing_status"] == "completed"
            })
            .await;
        }
        working.terminate();
        let estimate = self.json(&["backfill", "--dry-run"]);
        assert_eq!(estimate["clips"], 1, "only the lost one lacks HLS");
        assert!(estimate["bytes"].as_f64().unwrap() > 0.0, "{estimate}");
        assert!(estimate["encoder_hours"].as_f64().unwrap() > 0.0, "{estimate}");
    }
}

#[tokio::test]
async fn clips_are_imported_and_encoded_behind_everything_else() {
    let elsewhere = Elsewhere::set().await;
    elsewhere.is_imported();
    elsewhere.shows_what_they_were().await;
    elsewhere.is_queued().await;
    elsewhere.is_stopped_and_held_back().await;
    elsewhere.is_encoded().await;
    drop(elsewhere.server);
    elsewhere.database.drop().await;
}
