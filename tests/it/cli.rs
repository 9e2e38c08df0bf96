//! The command line as a person types it.

mod import;

use std::process::{Command, Output};

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, clipper, free_ports};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[actix::test]
async fn a_worker_tells_how_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let [port] = free_ports();
    let address = format!("127.0.0.1:{port}");
    std::fs::create_dir(&data).unwrap();
    let mut worker = clipper(&data, "sqlite:data/clipper.db")
        .args(["worker", "--workers", "1", "--listen", &address])
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut ask = async |path: &str| loop {
        if let Ok(answer) = reqwest::get(format!("http://{address}{path}")).await {
            return answer.text().await.unwrap();
        }
        assert!(worker.try_wait().unwrap().is_none(), "the worker has ended");
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    };
    let ready = ask("/readyz").await;
    let metrics = ask("/metrics").await;
    let elsewhere = ask("/api/clips").await;
    worker.kill().unwrap();
    worker.wait().unwrap();
    assert!(ready.contains("\"ready\":true"), "{ready}");
    assert!(
        metrics.contains("clipper_encode_attempts_total{outcome=\"done\"} 0"),
        "{metrics}"
    );
    assert_eq!(elsewhere, "");
}

#[test]
fn a_wrong_word_is_a_usage_error_and_names_what_is_known() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let run = |arguments: &[&str]| {
        clipper(&data, "sqlite:data/clipper.db")
            .args(arguments)
            .output()
            .unwrap()
    };
    assert_eq!(run(&["frobnicate"]).status.code(), Some(2));
    assert_eq!(run(&["--help"]).status.code(), Some(0));
    let unknown = clipper(&data, "sqlite:data/clipper.db")
        .env("CLIPPER_LISTN", "x")
        .arg("config")
        .output()
        .unwrap();
    assert_eq!(unknown.status.code(), Some(2));
    assert!(
        text(&unknown).contains("did you mean `CLIPPER_LISTEN`?"),
        "{}",
        text(&unknown)
    );
    let missing = run(&["clips", "show", "nobody"]);
    assert_eq!(missing.status.code(), Some(1));
}

#[test]
fn settings_are_shown_without_their_secrets() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    for form in [&["config"][..], &["--json", "config"]] {
        let shown = clipper(&data, "postgres://clipper:hush@db.example/clipper")
            .env("AWS_SECRET_ACCESS_KEY", "hush")
            .args(form)
            .output()
            .unwrap();
        let shown = text(&shown);
        assert!(
            shown.contains("db.example/clipper") && !shown.contains("hush"),
            "{shown}"
        );
        assert!(!shown.contains(KEY), "{shown}");
    }
}

#[test]
fn doctor_names_what_is_missing_and_what_brings_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let url = format!("sqlite:{}", data.join("clipper.db").display());
    let well = clipper(&data, &url).arg("doctor").output().unwrap();
    assert!(well.status.success(), "{}", text(&well));
    let ill = clipper(&data, &url)
        .env("CLIPPER_ENCODE_FFMPEG", "no-such-ffmpeg")
        .arg("doctor")
        .output()
        .unwrap();
    assert_eq!(ill.status.code(), Some(1));
    assert!(text(&ill).contains("apt-get install ffmpeg"), "{}", text(&ill));
}

#[test]
fn the_first_start_writes_a_private_key_once() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let url = format!("sqlite:{}", data.join("clipper.db").display());
    let start = || {
        let mut command: Command = clipper(&data, &url);
        command
            .env_remove("CLIPPER_ADMIN_KEY")
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"]);
        let mut child = command.stdout(std::process::Stdio::piped()).spawn().unwrap();
        std::thread::sleep(std::time::Duration::from_secs(2));
        child.kill().unwrap();
        String::from_utf8(child.wait_with_output().unwrap().stdout).unwrap()
    };
    let first = start();
    let key = std::fs::read_to_string(data.join("admin.key")).unwrap();
    assert!(first.contains(&format!("#key={}", key.trim())), "{first}");
    assert_eq!(
        std::fs::metadata(data.join("admin.key"))
            .unwrap()
            .permissions()
            .mode()
            & 0o777,
        0o600
    );
    assert!(!start().contains("#key="), "the key is shown once");
    let database = std::fs::read(data.join("clipper.db")).unwrap();
    assert!(
        !database
            .windows(key.trim().len())
            .any(|part| part == key.trim().as_bytes()),
        "the key itself is stored"
    );
}

#[tokio::test]
async fn ingest_waits_and_projections_are_listed_rebuilt_and_verified() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let database = TestDatabase::create(Backend::Postgres).await;
    let server = Server::start(&data, &database.url, "127.0.0.1:0");
    let run = |arguments: &[&str]| clipper(&data, &database.url).args(arguments).output().unwrap();
    let file = footage::bars(folder.path(), "My clip.mp4", "640x360", "25", 2, &[]);
    let ingested = run(&[
        "ingest",
        file.to_str().unwrap(),
        "--wait",
        "--server",
        &server.address,
    ]);
    assert!(
        ingested.status.success() && text(&ingested).contains("/watch/my-clip-"),
        "{}",
        text(&ingested)
    );
    let listed = run(&["projections", "list"]);
    assert!(
        text(&listed).contains("video_streaming_analytics"),
        "{}",
        text(&listed)
    );
    let rebuilt = run(&["--json", "projections", "rebuild", "clips"]);
    let rebuilt: serde_json::Value = serde_json::from_slice(&rebuilt.stdout).unwrap();
    assert!(rebuilt[0]["events"].as_i64().unwrap() >= 8, "{rebuilt}");
    assert!(run(&["projections", "verify"]).status.success());
    assert_eq!(run(&["projections", "verify", "nothing"]).status.code(), Some(1));
    drop(server);
    database.drop().await;
}

/// A server with two clips.
async fn two_clips(data: &std::path::Path, url: &str) -> Server {
    let server = Server::start_without_workers(data, url);
    for slug in ["one", "two"] {
        let post = reqwest::Client::new().post(format!("{}/api/clips", server.address));
        let body = serde_json::json!({ "title": slug, "slug": slug });
        let posted = post.bearer_auth(KEY).json(&body).send().await.unwrap();
        assert_eq!(posted.status(), 201);
    }
    server
}

#[tokio::test]
async fn a_store_is_looked_at_and_moves_to_the_other_database() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let url = format!("sqlite:{}", data.join("clipper.db").display());
    let _server = two_clips(&data, &url).await;
    let run = |arguments: &[&str]| clipper(&data, &url).args(arguments).output().unwrap();
    let tailed = run(&["events", "tail", "-n", "1"]);
    let event: serde_json::Value = serde_json::from_slice(&tailed.stdout).unwrap();
    assert_eq!(
        (event["position"].as_i64(), event["payload"]["slug"].as_str()),
        (Some(2), Some("two"))
    );
    assert!(text(&run(&["clips", "show", "one", "--at", "1"])).starts_with("as of version 1, "));
    assert!(text(&run(&["clips", "show", "one", "--at", "2020-01-01"])).contains("was not registered then"));
    assert_eq!(
        run(&["clips", "show", "one", "--at", "soon"]).status.code(),
        Some(2)
    );

    let file = folder.path().join("move.ndjson");
    let exported = run(&["events", "export", file.to_str().unwrap(), "--with-people"]);
    assert!(
        text(&exported).starts_with("2 events written"),
        "{}",
        text(&exported)
    );
    let again = run(&["events", "export", file.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "a file is not overwritten");
    let other = TestDatabase::create(Backend::Postgres).await;
    let there = |arguments: &[&str]| clipper(&data, &other.url).args(arguments).output().unwrap();
    assert!(text(&there(&["events", "import", file.to_str().unwrap()])).starts_with("2 events imported"));
    assert!(there(&["projections", "rebuild"]).status.success());
    assert!(text(&there(&["clips", "show", "two"])).starts_with("two"));
    assert!(text(&there(&["people", "list"])).contains("admin"));
    let verified = text(&there(&["events", "verify"]));
    assert!(
        verified.contains("clip log: 2 events, dense, ordered and readable"),
        "{verified}"
    );
    assert!(text(&there(&["projections", "parked"])).contains("nothing is parked"));
    assert_eq!(
        there(&["projections", "retry", "clips", "1"]).status.code(),
        Some(1)
    );
    other.drop().await;
}

#[tokio::test]
async fn a_store_is_backed_up_while_it_runs_and_brought_back() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let url = format!("sqlite:{}", data.join("clipper.db").display());
    let mut server = two_clips(&data, &url).await;
    let run = |arguments: &[&str]| clipper(&data, &url).args(arguments).output().unwrap();
    let backup = folder.path().join("monday");
    let backed_up = run(&["backup", backup.to_str().unwrap()]);
    assert!(
        text(&backed_up).starts_with("backed up to"),
        "{}",
        text(&backed_up)
    );
    let in_use = run(&["restore", backup.to_str().unwrap(), "--force"]);
    assert!(
        text(&in_use).contains("is in use; stop Clipper first"),
        "{}",
        text(&in_use)
    );
    server.terminate();
    let kept = run(&["restore", backup.to_str().unwrap()]);
    assert!(text(&kept).contains("--force sets it aside"), "{}", text(&kept));
    assert!(run(&["people", "erase", "admin"]).status.success());
    assert!(text(&run(&["people", "list"])).contains("(forgotten)"));
    let restored = run(&["restore", backup.to_str().unwrap(), "--force"]);
    assert!(restored.status.success(), "{}", text(&restored));
    let people = text(&run(&["people", "list"]));
    assert!(
        people.contains("admin"),
        "a backup knows whom was forgotten since: {people}"
    );
    assert!(run(&["projections", "verify"]).status.success());
}
