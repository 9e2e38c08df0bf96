//! `kill -9` and the other ways in which a process ends. What was acknowledged is there afterwards.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, children, clipper, free_ports, signal};

/// A place where servers come and go.
struct Ground {
    folder: TempDir,
    database: TestDatabase,
}

impl Ground {
    async fn lay(backend: Backend) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            database: TestDatabase::create(backend).await,
        }
    }

    fn data(&self) -> PathBuf {
        let data = self.folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        data
    }

    fn start(&self, listen: &str) -> Server {
        Server::start(&self.data(), &self.database.url, listen)
    }

    fn clipper(&self, arguments: &[&str]) -> Command {
        let mut command = clipper(&self.data(), &self.database.url);
        command.args(arguments);
        command
    }

    fn clip(&self, slug: &str) -> Value {
        let output = self.clipper(&["--json", "clips", "show", slug]).output().unwrap();
        serde_json::from_slice(&output.stdout).unwrap_or(Value::Null)
    }

    /// Rebuilt read models equal the live ones, and no event was lost or doubled.
    fn assert_whole(&self) {
        let verified = self.clipper(&["projections", "verify"]).output().unwrap();
        assert!(
            verified.status.success(),
            "{}",
            String::from_utf8_lossy(&verified.stdout)
        );
    }

    fn events(&self, slug: &str) -> Vec<String> {
        let output = self
            .clipper(&["--json", "clips", "history", slug])
            .output()
            .unwrap();
        let events: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
        events
            .iter()
            .map(|event| event["event_type"].as_str().unwrap().to_owned())
            .collect()
    }
}

fn until(fact: &str, patience: Duration, look: impl Fn() -> bool) -> Duration {
    let began = Instant::now();
    while !look() {
        assert!(began.elapsed() < patience, "waited in vain for {fact}");
        std::thread::sleep(Duration::from_millis(100));
    }
    began.elapsed()
}

fn ingest(ground: &Ground, server: &str, file: &Path, slug: &str) -> Command {
    let mut command = ground.clipper(&[
        "ingest",
        file.to_str().unwrap(),
        "--slug",
        slug,
        "--server",
        server,
    ]);
    command.stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[actix::test]
async fn ffmpeg_dies_with_the_server_that_is_killed() {
    let ground = Ground::lay(Backend::Sqlite).await;
    let mut server = ground.start("127.0.0.1:0");
    let file = footage::bars(ground.folder.path(), "a.mp4", "1280x720", "25", 20, &[]);
    assert!(
        ingest(&ground, &server.address, &file, "orphan")
            .status()
            .unwrap()
            .success()
    );
    let ffmpeg = || {
        children(server.id())
            .into_iter()
            .find(|(_, name)| name == "ffmpeg")
    };
    until("the encode to be under way", Duration::from_secs(30), || {
        ffmpeg().is_some()
    });
    let (id, _) = ffmpeg().unwrap();
    // Stopped, it cannot end by itself at a pipe that nobody reads any more.
    signal("STOP", id);
    server.kill();
    let state = || std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let gone = || state().is_empty() || state().contains(") Z ");
    until("ffmpeg to be gone", Duration::from_secs(10), gone);
    ground.database.drop().await;
}

async fn a_killed_encode_is_taken_over(backend: Backend) {
    let ground = Ground::lay(backend).await;
    let mut server = ground.start("127.0.0.1:0");
    let file = footage::full_hd_seconds(ground.folder.path(), 12);
    assert!(
        ingest(&ground, &server.address, &file, "killed")
            .status()
            .unwrap()
            .success()
    );
    until("the encode to be under way", Duration::from_secs(30), || {
        ground.clip("killed")["encoding_state"] == "encoding"
    });
    std::thread::sleep(Duration::from_millis(1_500));
    server.kill();
    let acknowledged = ground.events("killed");
    let told = |kind: &str| acknowledged.iter().any(|event| event == kind);
    assert!(
        told("EncodingPlanned") && !told("UnitEncoded"),
        "{acknowledged:?}"
    );

    let next = ground.start("127.0.0.1:0");
    let took = until("another attempt", Duration::from_secs(30), || {
        ground.events("killed").len() > acknowledged.len()
    });
    assert!(took < Duration::from_secs(15), "taken over after {took:?}");
    until("the clip to be completed", Duration::from_mins(2), || {
        ground.clip("killed")["hls_processing_status"] == "completed"
    });
    let events = ground.events("killed");
    assert_eq!(
        events[..acknowledged.len()],
        acknowledged,
        "no acknowledged event is missing"
    );
    let count = |kind: &str| events.iter().filter(|event| *event == kind).count();
    assert_eq!(
        (
            count("EncodingStarted"),
            count("VariantReady"),
            count("EncodingCompleted")
        ),
        // The range twice, and the last look.
        (3, 3, 1)
    );
    ground.assert_whole();
    let work = ground.data().join("video/.work");
    assert_eq!(
        crate::support::app::files_below(&work),
        Vec::<String>::new(),
        "the first attempt left files"
    );
    drop(next);
    ground.database.drop().await;
}

#[tokio::test]
async fn a_killed_encode_is_taken_over_within_fifteen_seconds_on_sqlite() {
    a_killed_encode_is_taken_over(Backend::Sqlite).await;
}

#[tokio::test]
async fn a_killed_encode_is_taken_over_within_fifteen_seconds_on_postgres() {
    a_killed_encode_is_taken_over(Backend::Postgres).await;
}

#[tokio::test]
async fn a_worker_in_a_process_of_its_own_is_killed_and_another_takes_over() {
    let ground = Ground::lay(Backend::Postgres).await;
    let server = Server::start_without_workers(&ground.data(), &ground.database.url);
    let file = footage::full_hd_seconds(ground.folder.path(), 12);
    assert!(
        ingest(&ground, &server.address, &file, "farmed")
            .status()
            .unwrap()
            .success()
    );
    let worker = || {
        ground
            .clipper(&["worker"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap()
    };
    let mut first = worker();
    until("the encode to be under way", Duration::from_secs(30), || {
        ground
            .events("farmed")
            .last()
            .is_some_and(|event| event == "EncodingPlanned")
    });
    first.kill().unwrap();
    first.wait().unwrap();
    let mut second = worker();
    let took = until("another attempt", Duration::from_secs(30), || {
        ground
            .events("farmed")
            .iter()
            .filter(|event| *event == "EncodingStarted")
            .count()
            == 2
    });
    assert!(took < Duration::from_secs(15), "taken over after {took:?}");
    until("the clip to be completed", Duration::from_mins(2), || {
        ground.clip("farmed")["hls_processing_status"] == "completed"
    });
    second.kill().unwrap();
    second.wait().unwrap();
    ground.assert_whole();
    drop(server);
    ground.database.drop().await;
}

#[tokio::test]
async fn an_upload_outlives_the_server_that_it_was_sent_to() {
    let ground = Ground::lay(Backend::Sqlite).await;
    let [port] = free_ports();
    let listen = format!("127.0.0.1:{port}");
    let mut server = ground.start(&listen);
    // Larger than what the sockets between swallow, so that the server dies in the middle.
    let file = footage::full_hd();
    let mut client = ingest(&ground, &server.address, &file, "outlived")
        .arg("--wait")
        .spawn()
        .unwrap();
    let incoming = ground.data().join("video/.incoming");
    until("the upload to begin", Duration::from_secs(20), || {
        !crate::support::app::files_below(&incoming).is_empty()
    });
    server.kill();
    let next = ground.start(&listen);
    let status = client.wait().unwrap();
    assert!(status.success(), "the client gave up");
    assert_eq!(ground.clip("outlived")["hls_processing_status"], "completed");
    assert_eq!(
        ground
            .events("outlived")
            .iter()
            .filter(|event| *event == "SourceStored")
            .count(),
        1
    );
    ground.assert_whole();
    drop(next);
}

#[tokio::test]
async fn a_server_that_is_asked_to_end_does_so_and_leaves_its_work_to_the_next() {
    let ground = Ground::lay(Backend::Sqlite).await;
    let mut server = ground.start("127.0.0.1:0");
    let file = footage::bars(ground.folder.path(), "a.mp4", "1280x720", "25", 6, &[]);
    assert!(
        ingest(&ground, &server.address, &file, "asked")
            .status()
            .unwrap()
            .success()
    );
    until("the encode to be under way", Duration::from_secs(30), || {
        ground.clip("asked")["encoding_state"] != "queued"
    });
    let took = server.terminate();
    assert!(took < Duration::from_mins(1), "{took:?}");
    // The first step finishes what was begun.
    assert_eq!(
        ground.clip("asked")["hls_processing_status"],
        "processing",
        "the last event may not be projected yet"
    );
    let _next = ground.start("127.0.0.1:0");
    until("the clip to be completed", Duration::from_mins(1), || {
        ground.clip("asked")["hls_processing_status"] == "completed"
    });
    assert_eq!(
        ground
            .events("asked")
            .iter()
            .filter(|event| *event == "EncodingStarted")
            .count(),
        2,
        "the range and the last look, each once"
    );
}
