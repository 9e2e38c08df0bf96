//! Behind a CDN: addresses lead there, its copies serve everybody, nobody comes around it, and it is told what to forget.

use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;
use crate::support::footage;

/// A hook that says no to its first calls, and hands on what it was told.
fn hook(refuses: usize) -> (String, Receiver<Value>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/purge?secret=x", listener.local_addr().unwrap());
    let (told, hears) = channel();
    std::thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            let mut stream = std::io::BufReader::new(stream.unwrap());
            let body = request(&mut stream);
            let status = if number < refuses { "503 Busy" } else { "204 Done" };
            let answer = format!("HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
            std::io::Write::write_all(stream.get_mut(), answer.as_bytes()).unwrap();
            if number >= refuses && told.send(body).is_err() {
                return;
            }
        }
    });
    (address, hears)
}

/// The body of a request.
fn request(stream: &mut impl std::io::BufRead) -> Value {
    let mut length = 0;
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length: ") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            break;
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// The next call about an event.
async fn told_of(hears: &Receiver<Value>, event: &str) -> Value {
    loop {
        match hears.try_recv() {
            Ok(call) if call["events"].as_array().unwrap().contains(&event.into()) => return call,
            Ok(_) => {}
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

fn header<'a>(answer: &'a reqwest::Response, name: &str) -> &'a str {
    answer
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[actix::test]
async fn a_cdn_finds_media_keeps_it_for_all_and_is_told_what_to_forget() {
    const CDN: &str = "https://cdn.example/clips";
    let (purge_url, hears) = hook(2);
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.http.cdn_url = format!("{CDN}/");
        config.http.allowed_origins = "*".to_owned();
        config.http.origin_secret = "s3cret".to_owned();
        config.http.purge_url = purge_url;
    })
    .await;
    let file = footage::bars(app.folder.path(), "a.mp4", "640x360", "25", 4, &[]);
    let clip = app.upload("clip", &file).await;
    app.start_encoder();
    let ended = app.ended("clip").await;
    assert_eq!(ended["hls_url"], format!("{CDN}/api/video/clip/master.m3u8"));
    for member in ["poster_url", "storyboard_url"] {
        assert!(ended[member].as_str().unwrap().starts_with(CDN), "{ended}");
    }
    let list = app.json("/api/clips").await;
    assert_eq!(list["clips"][0]["hls_url"], ended["hls_url"]);

    // The hook said no twice, and was asked again.
    let call = told_of(&hears, "EncodingCompleted").await;
    assert_eq!(call["clip"], clip["id"]);
    for name in ["clip", clip["id"].as_str().unwrap()] {
        let master = format!("{CDN}/api/video/{name}/master.m3u8");
        assert!(
            call["urls"].as_array().unwrap().contains(&json!(master)),
            "{call}"
        );
        assert!(
            call["prefixes"]
                .as_array()
                .unwrap()
                .contains(&json!(format!("{CDN}/api/video/{name}/")))
        );
    }
    let captions = app
        .client
        .put(app.url("/api/clips/clip/captions/de"))
        .bearer_auth(KEY);
    let captions = captions.body("WEBVTT\n\n00:00.000 --> 00:01.000\nHallo\n");
    assert_eq!(captions.send().await.unwrap().status(), 201);
    told_of(&hears, "CaptionsAdded").await;

    // Nobody comes around it.
    for path in [
        "/api/video/clip/master.m3u8",
        "/api/video/clip/480p/segment-0.ts",
        "/s/x/api/video/clip/master.m3u8",
    ] {
        assert_problem(app.get(path).await, 403, "not_through_cdn").await;
    }
    for path in [
        "/api/video/clip/master.m3u8",
        "/api/video/clip/480p/segment-0.ts",
        "/api/video/clip/poster.jpg",
    ] {
        // Both what the application answers and what is at hand afterwards.
        for origin in [None, Some("https://site.example")] {
            let mut asked = app.client.get(app.url(path)).header("X-Origin-Secret", "s3cret");
            if let Some(origin) = origin {
                asked = asked.header("origin", origin);
            }
            let answer = asked.send().await.unwrap();
            assert_eq!(answer.status(), 200, "{path}");
            assert_eq!(header(&answer, "access-control-allow-origin"), "*", "{path}");
            assert!(
                !header(&answer, "vary").to_lowercase().contains("origin"),
                "{path}"
            );
        }
    }
    let page = app.get("/watch/clip").await;
    assert!(header(&page, "link").contains(CDN));
    assert!(header(&page, "content-security-policy").contains("connect-src 'self' https://cdn.example;"));
    app.finish().await;
}
