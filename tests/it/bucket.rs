//! Media in a bucket of a real S3 server: the whole way of a clip, workers elsewhere, and what goes wrong on the way.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use chrono::{TimeDelta, Utc};
use clipper::gc::{Action, Gc, Kind};
use futures_util::future::join_all;
use hyper::Method;
use serde_json::Value;

use crate::support::app::{KEY, TestApp, files_below};
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, Worker, clipper};
use crate::support::s3::{Fault, S3};

/// The segments of a finished clip: the address of each, and the object that it is.
async fn segments(app: &TestApp, slug: &str) -> BTreeMap<String, String> {
    let clip = app.json(&format!("/api/clips/{slug}")).await;
    let id = clip["id"].as_str().unwrap();
    let mut found = BTreeMap::new();
    for variant in clip["variants"].as_array().unwrap() {
        let quality = variant["quality"].as_str().unwrap();
        let list = app.text(&format!("/api/video/{slug}/{quality}.m3u8")).await;
        for (number, uri) in list.lines().filter(|line| line.contains(".ts")).enumerate() {
            let object = format!("{id}/1/{quality}/segment-{number:03}.ts");
            found.insert(format!("/api/video/{slug}/{uri}"), object);
        }
    }
    assert!(found.len() >= 6, "{found:?}");
    found
}

/// Whoever asks for a segment gets what is in the bucket, or nothing.
async fn assert_plays(app: &TestApp, s3: &S3, slug: &str) {
    for (address, object) in segments(app, slug).await {
        let answer = app.get(&address).await;
        assert_eq!(answer.status(), 200, "{address}");
        let bytes = answer.bytes().await.unwrap();
        assert!(bytes == s3.file(&object), "{address} is not {object}");
    }
}

/// Eight seconds of real footage, uploaded and encoded.
async fn encoded(app: &TestApp) -> Value {
    app.start_encoder();
    let file = footage::full_hd_seconds(app.folder.path(), 8);
    app.upload("far", &file).await;
    let clip = app.ended("far").await;
    assert_eq!(clip["hls_processing_status"], "completed", "{clip}");
    clip
}

/// Programs that look at the bucket's files play and approve of them.
async fn assert_bucket_plays(s3: &S3, clip: &Value) {
    let master = s3
        .files()
        .join(format!("{}/1/master.m3u8", clip["id"].as_str().unwrap()));
    tokio::task::spawn_blocking(move || assert_tree_is_valid(&master))
        .await
        .unwrap();
}

fn assert_tree_is_valid(master: &Path) {
    let folder = tempfile::tempdir().unwrap();
    let checked = clipper(&folder.path().join("data"), "sqlite::memory:")
        .args(["validate", "--json"])
        .arg(master)
        .output()
        .unwrap();
    let report = String::from_utf8(checked.stdout).unwrap();
    assert!(checked.status.success(), "{report}");
    footage::ffmpeg(&["-i", master.to_str().unwrap(), "-map", "0", "-f", "null", "-"]);
}

/// A server in a process of its own, without encoders.
fn serve_from(s3: &S3, data: &Path, database: &str) -> Server {
    let mut command = clipper(data, database);
    command
        .envs(s3.variables())
        .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"]);
    Server::of(command)
}

async fn app_on(s3: &S3, cache_mib: u32) -> TestApp {
    TestApp::spawn_with(Backend::Sqlite, |config| {
        s3.configure(config);
        config.media.cache_mib = cache_mib;
    })
    .await
}

#[actix::test]
async fn a_clip_lives_in_a_bucket_and_is_played_from_it() {
    let s3 = S3::start();
    let app = app_on(&s3, 1_024).await;
    let clip = encoded(&app).await;
    assert_plays(&app, &s3, "far").await;
    let id = clip["id"].as_str().unwrap().to_owned();
    assert_bucket_plays(&s3, &clip).await;
    for file in ["poster.jpg", "storyboard.vtt", "storyboard-0.jpg", "download.mp4"] {
        let answer = app.get(&format!("/api/video/far/{file}")).await;
        assert_eq!(answer.status(), 200, "{file}");
        assert!(!answer.bytes().await.unwrap().is_empty());
    }
    let local = app.folder.path().join("data/media");
    for name in files_below(&local) {
        assert!(name.starts_with(".cache"), "{name} was left on this machine");
    }
    assert!(!app.folder.path().join("data/video").try_exists().unwrap());
    assert_eq!(app.get("/readyz").await.status(), 200);
    assert_tidied_up(&app, &s3, &id).await;
    assert_plays(&app, &s3, "far").await;
    app.finish().await;
}

/// What no event names goes, and what is in use stays.
async fn assert_tidied_up(app: &TestApp, s3: &S3, id: &str) {
    let media = &app.services.media;
    let stray = format!("{id}/7/480p/segment-000.ts");
    assert!(media.put_new(&stray, b"stray".to_vec()).await.unwrap());
    assert!(
        !media.put_new(&stray, b"other".to_vec()).await.unwrap(),
        "the name was given"
    );
    assert_eq!(s3.file(&stray), b"stray");
    let gc = Gc {
        media,
        logs: &app.services.logs,
        now: Utc::now() + TimeDelta::days(2),
        grace: TimeDelta::zero(),
        action: Action::Remove,
    };
    let report = gc.run().await.unwrap();
    let removed: Vec<_> = report
        .removed
        .iter()
        .map(|(kind, amount)| (*kind, amount.objects))
        .collect();
    assert_eq!(removed, [(Kind::Unfinished, 1)]);
    assert!(!media.exists(&stray).await.unwrap());
    assert!(report.kept.objects > 10, "{report:?}");
}

#[actix::test]
async fn players_never_see_a_broken_segment_whatever_the_bucket_does() {
    let s3 = S3::start();
    // Half of all requests go wrong, in turn in every way there is.
    s3.script(|method, _, before| {
        let faults = [
            Fault::Refuse(503),
            Fault::Cut(10_000),
            Fault::Refuse(500),
            Fault::Slow(Duration::from_millis(200)),
            Fault::Garble,
        ];
        let is_read = *method == Method::GET;
        let fault = faults[before / 2 % faults.len()];
        let fits = is_read || matches!(fault, Fault::Refuse(_) | Fault::Slow(_));
        (before % 2 == 0 && fits).then_some(fault)
    });
    let app = app_on(&s3, 1).await;
    let clip = encoded(&app).await;
    for _ in 0..2 {
        assert_plays(&app, &s3, "far").await;
    }
    assert_bucket_plays(&s3, &clip).await;
    app.finish().await;
}

#[actix::test]
async fn many_who_ask_for_one_segment_have_it_fetched_once_and_copies_stay_within_their_bound() {
    let s3 = S3::start();
    let app = app_on(&s3, 1).await;
    encoded(&app).await;
    let (address, object) = segments(&app, "far").await.pop_last().unwrap();
    let end = format!("/{object}");
    let before = s3.asked(&Method::GET, &end);
    s3.script(|_, _, _| Some(Fault::Slow(Duration::from_millis(300))));
    let answers = join_all((0..20).map(|_| app.get(&address))).await;
    s3.heal();
    for answer in answers {
        assert!(answer.bytes().await.unwrap() == s3.file(&object));
    }
    assert_eq!(s3.asked(&Method::GET, &end) - before, 1);
    assert_plays(&app, &s3, "far").await;
    let cache = app.folder.path().join("data/media/.cache");
    let sizes = files_below(&cache)
        .into_iter()
        .map(|name| std::fs::metadata(cache.join(name)).unwrap().len());
    assert!(sizes.sum::<u64>() <= 1 << 20, "copies outgrow their bound");
    app.finish().await;
}

#[tokio::test]
async fn a_worker_elsewhere_encodes_what_a_server_took_in_and_another_server_plays_it() {
    let s3 = S3::start();
    let folder = tempfile::tempdir().unwrap();
    let database = TestDatabase::create(Backend::Postgres).await;
    let place = |name: &str| {
        let data = folder.path().join(name).join("data");
        std::fs::create_dir_all(&data).unwrap();
        data
    };
    let serve = |name: &str| serve_from(&s3, &place(name), &database.url);
    let (first, second) = (serve("first"), serve("second"));
    let variables = s3.variables();
    let mut settings: Vec<_> = variables
        .iter()
        .map(|(name, value)| (*name, value.as_str()))
        .collect();
    settings.push(("CLIPPER_ENCODE_RANGE_SECONDS", "10"));
    let _workers = ["third", "fourth"].map(|name| Worker::start(&place(name), &database.url, &settings));
    let client = reqwest::Client::new();
    let file = footage::full_hd_seconds(folder.path(), 14);
    let body = serde_json::json!({ "title": "far", "slug": "far" });
    let register = client.post(format!("{}/api/clips", first.address));
    let answer = register.bearer_auth(KEY).json(&body).send().await.unwrap();
    assert_eq!(answer.status(), 201);
    let put = client.put(format!("{}/api/clips/far/source", first.address));
    let answer = put
        .bearer_auth(KEY)
        .body(std::fs::read(file).unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 202);
    let deadline = tokio::time::Instant::now() + Duration::from_mins(2);
    loop {
        let clip: Value = client
            .get(format!("{}/api/clips/far", second.address))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        match clip["hls_processing_status"].as_str() {
            Some("completed") => break,
            Some("failed" | "partial") => panic!("{clip}"),
            Some(_) | None => assert!(tokio::time::Instant::now() < deadline, "{clip}"),
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let master = format!("{}/api/video/far/master.m3u8", second.address);
    footage::ffmpeg(&["-i", &master, "-map", "0", "-f", "null", "-"]);
    drop((first, second));
    database.drop().await;
}

#[tokio::test]
async fn an_upload_in_parts_that_its_process_did_not_end_is_ended_by_the_next() {
    let s3 = S3::start();
    s3.script(|method, address, _| {
        (*method == Method::PUT && address.contains("partNumber=2")).then_some(Fault::Hang)
    });
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir_all(&data).unwrap();
    let url = format!("sqlite:{}", data.join("clipper.db").display());
    let serve = || serve_from(&s3, &data, &url);
    let mut server = serve();
    let client = reqwest::Client::new();
    let body = serde_json::json!({ "title": "far", "slug": "far" });
    let register = client.post(format!("{}/api/clips", server.address));
    register.bearer_auth(KEY).json(&body).send().await.unwrap();
    let source = std::fs::read(footage::full_hd()).unwrap();
    assert!(source.len() > 16 << 20, "it has three parts");
    let put = client.put(format!("{}/api/clips/far/source", server.address));
    let mut puts = tokio::task::JoinSet::new();
    puts.spawn(put.bearer_auth(KEY).body(source).send());
    let until = async |parts: usize| {
        let deadline = tokio::time::Instant::now() + Duration::from_mins(1);
        while s3.parts() != parts {
            assert!(tokio::time::Instant::now() < deadline, "{} parts", s3.parts());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    until(1).await;
    server.kill();
    assert!(puts.join_next().await.unwrap().unwrap().is_err());
    s3.heal();
    let _server = serve();
    until(0).await;
    assert_eq!(files_below(&s3.files()), Vec::<String>::new());
}

#[actix::test]
async fn media_of_a_folder_is_published_to_a_bucket_and_goes_on_from_there() {
    let s3 = S3::start();
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "small.mp4", "320x180", "25", 4, &[]);
    app.upload("moved", &file).await;
    let clip = app.ended("moved").await;
    let (data, database) = (app.folder.path().join("data"), app.database_url().to_owned());
    let variables = s3.variables();
    let publish = |more: &[&str]| {
        let mut command = clipper(&data, &database);
        let credentials = variables.iter().filter(|(name, _)| name.starts_with("AWS_"));
        command.envs(credentials.map(|(name, value)| (*name, value)));
        let ran = command
            .args(["publish", &S3::url(), "--json"])
            .args(more)
            .output()
            .unwrap();
        assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
        serde_json::from_slice::<Value>(&ran.stdout).unwrap()
    };
    let planned = publish(&["--dry-run"]);
    assert_eq!(files_below(&s3.files()), Vec::<String>::new());
    let copied = publish(&[]);
    assert_eq!(
        (&copied["objects"], &copied["already_there"]),
        (&planned["objects"], &Value::from(0))
    );
    let again = publish(&[]);
    assert_eq!(
        (&again["objects"], &again["already_there"]),
        (&Value::from(0), &copied["objects"])
    );
    let folder = data.join("video");
    for name in files_below(&folder.join(clip["id"].as_str().unwrap())) {
        let object = format!("{}/{name}", clip["id"].as_str().unwrap());
        assert!(
            s3.file(&object) == std::fs::read(folder.join(&object)).unwrap(),
            "{object}"
        );
    }
    assert_bucket_plays(&s3, &clip).await;
    app.finish().await;
}
