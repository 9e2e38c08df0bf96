//! nginx as an edge cache, with the configuration that is handed out, in front of a real server.

#![expect(clippy::disallowed_methods, reason = "nginx runs in a process of its own")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use reqwest::{Response, StatusCode};
use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp};
use crate::support::database::Backend;
use crate::support::footage;
use crate::support::process::free_ports;

const CONFIGURATION: &str = include_str!("../../packaging/nginx/edge.conf");

struct Edge {
    master: Child,
    address: String,
    client: reqwest::Client,
}

impl Drop for Edge {
    fn drop(&mut self) {
        // The master ends its workers when it is asked to, not when it is killed.
        drop(Command::new("kill").arg(self.master.id().to_string()).status());
        drop(self.master.wait());
    }
}

impl Edge {
    async fn start(folder: &Path, origin: &str) -> Self {
        let folder = folder.join("edge");
        std::fs::create_dir_all(&folder).unwrap();
        let [port] = free_ports();
        let address = format!("127.0.0.1:{port}");
        let place = folder.display().to_string();
        let mut site = CONFIGURATION.to_owned();
        for (ours, theirs) in [
            ("127.0.0.1:8080", origin.trim_start_matches("http://")),
            ("listen 8081", &format!("listen {address}")),
            ("/var/cache/nginx/clipper", &format!("{place}/cache")),
        ] {
            assert!(site.contains(ours), "{ours}");
            site = site.replace(ours, theirs);
        }
        let whole = format!(
            "daemon off; user root; pid {place}/pid; error_log {place}/error.log; worker_processes 1;\n\
             events {{ worker_connections 512; }}\n\
             http {{ access_log off; client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;\n\
             fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;\n{site}}}\n"
        );
        let file = folder.join("nginx.conf");
        std::fs::write(&file, whole).unwrap();
        // Debian keeps it where only the superuser's shell looks.
        let program = ["/usr/sbin/nginx", "/usr/bin/nginx"];
        let program = program.iter().find(|path| Path::new(path).is_file());
        let master = Command::new(program.expect("nginx is not here: run `make test`"))
            .arg("-c")
            .arg(&file)
            .arg("-p")
            .arg(&folder)
            .spawn()
            .unwrap();
        let edge = Self {
            master,
            address: format!("http://{address}"),
            client: reqwest::Client::new(),
        };
        for _ in 0..250 {
            if tokio::net::TcpStream::connect(&address).await.is_ok() {
                return edge;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!(
            "nginx does not listen: {}",
            std::fs::read_to_string(folder.join("error.log")).unwrap()
        );
    }

    async fn get(&self, path: &str) -> Response {
        let url = format!("{}{path}", self.address);
        self.client.get(url).send().await.unwrap()
    }
}

fn cache(answer: &Response) -> String {
    answer.headers()["x-cache"].to_str().unwrap().to_owned()
}

/// What a player asks for that shows a clip in one rung from its beginning to its end.
async fn addresses(app: &TestApp, clip: &str, quality: &str) -> Vec<String> {
    let list = app
        .client
        .get(app.url(&format!("/api/video/{clip}/{quality}.m3u8")));
    let list = list.bearer_auth(KEY).send().await.unwrap().text().await.unwrap();
    let segments = list.lines().filter(|line| line.contains(".ts"));
    let mut found: Vec<_> = segments.map(|uri| format!("/api/video/{clip}/{uri}")).collect();
    assert!(found.len() >= 4, "{list}");
    found.push(format!("/api/video/{clip}/master.m3u8"));
    found.push(format!("/api/video/{clip}/{quality}.m3u8"));
    found
}

async fn token(app: &TestApp, clip: &str) -> String {
    let path = format!("/api/clips/{clip}/playback-token");
    let answer: Value = app
        .post(&path, &json!({}))
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    answer["token"].as_str().unwrap().to_owned()
}

#[actix::test]
async fn an_edge_cache_answers_nearly_everything_and_keeps_private_media_to_holders_of_tokens() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.encode.segment_seconds = 2;
        // All viewers of this test are one address.
        config.limits.media_per_second = 0;
    })
    .await;
    app.start_encoder();
    let file = footage::bars(app.folder.path(), "a.mp4", "640x360", "25", 8, &[]);
    for (clip, visibility) in [("open", "public"), ("closed", "private"), ("other", "private")] {
        let register = json!({ "title": clip, "slug": clip, "visibility": visibility });
        assert_eq!(
            app.post("/api/clips", &register).send().await.unwrap().status(),
            201
        );
        let source = tokio::fs::read(&file).await.unwrap();
        assert_eq!(app.put_source(clip, source).send().await.unwrap().status(), 202);
        app.until("the encoding to end", async || {
            let show = app
                .client
                .get(app.url(&format!("/api/clips/{clip}")))
                .bearer_auth(KEY);
            let clip: Value = show.send().await.unwrap().json().await.unwrap();
            (clip["hls_processing_status"] == "completed").then_some(())
        })
        .await;
    }
    let edge = Edge::start(app.folder.path(), &app.address).await;

    let mut outcomes: BTreeMap<String, u32> = BTreeMap::new();
    let wanted = addresses(&app, "open", "480p").await;
    for viewer in 0..40 {
        for path in &wanted {
            // Reports of players do not part them.
            let separator = if path.contains('?') { '&' } else { '?' };
            let answer = edge
                .get(&format!("{path}{separator}CMCD=sid%3D%22{viewer}%22"))
                .await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            *outcomes.entry(cache(&answer)).or_default() += 1;
            assert!(answer.bytes().await.unwrap() == app.get(path).await.bytes().await.unwrap());
        }
    }
    let (hits, all) = (outcomes["HIT"], outcomes.values().sum::<u32>());
    assert!(hits * 100 > all * 95, "{outcomes:?}");

    let (first, second) = (token(&app, "closed").await, token(&app, "closed").await);
    let wanted = addresses(&app, "closed", "480p").await;
    let segment = &wanted[0];
    let answer = edge.get(&format!("/s/{first}{segment}")).await;
    assert_eq!(
        (answer.status(), cache(&answer).as_str()),
        (StatusCode::OK, "MISS")
    );
    let answer = edge.get(&format!("/s/{second}{segment}")).await;
    assert_eq!(
        (answer.status(), cache(&answer).as_str()),
        (StatusCode::OK, "HIT"),
        "one key per segment"
    );
    assert!(!answer.bytes().await.unwrap().is_empty());
    // What is cached for them is for nobody else.
    assert_eq!(edge.get(segment).await.status(), StatusCode::NOT_FOUND);
    let elsewhere = token(&app, "other").await;
    assert_eq!(
        edge.get(&format!("/s/{elsewhere}{segment}")).await.status(),
        StatusCode::FORBIDDEN
    );
    let mut tampered = first.into_bytes();
    let middle = tampered.len() / 2;
    tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
    let tampered = String::from_utf8(tampered).unwrap();
    assert_eq!(
        edge.get(&format!("/s/{tampered}{segment}")).await.status(),
        StatusCode::FORBIDDEN
    );
    // ffmpeg plays the whole through it.
    let master = format!("{}/s/{second}/api/video/closed/master.m3u8", edge.address);
    tokio::task::spawn_blocking(move || footage::ffmpeg(&["-i", &master, "-map", "0:v", "-f", "null", "-"]))
        .await
        .unwrap();
    drop(edge);
    app.finish().await;
}
