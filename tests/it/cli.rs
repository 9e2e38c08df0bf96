//! The command line as a person types it.

use std::process::{Command, Output};

use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, clipper};

fn text(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
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
