//! What holds back clients that ask too often, or too slowly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use crate::support::app::{KEY, TestApp, assert_problem};
use crate::support::database::Backend;

#[actix::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.limits.reads_per_second = 1;
        config.http.trusted_proxies = "127.0.0.0/8".to_owned();
        config.http.allowed_origins = "https://site.example".to_owned();
    })
    .await;
    let ask = async |address: &str| {
        let request = app.client.get(app.url("/api/clips"));
        let request = request.header("origin", "https://site.example");
        request.header("x-forwarded-for", address).send().await.unwrap()
    };
    for _ in 0..10 {
        assert_eq!(ask("192.0.2.1").await.status(), 200);
    }
    let mut limited = ask("192.0.2.1").await;
    while limited.status() == 200 {
        limited = ask("192.0.2.1").await;
    }
    let said = |name: &str| limited.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(said("ratelimit-policy"), "\"reads\";q=1;w=1");
    assert_eq!(said("access-control-allow-origin"), "https://site.example");
    let wait: u64 = said("retry-after").parse().unwrap();
    assert!((1..=2).contains(&wait), "{wait}");
    assert_problem(limited, 429, "rate_limited").await;
    assert_eq!(ask("192.0.2.2").await.status(), 200, "another client");
    assert_eq!(app.get("/healthz").await.status(), 200);
    tokio::time::sleep(Duration::from_secs(wait)).await;
    assert_eq!(ask("192.0.2.1").await.status(), 200, "after the time it was told");
    let metrics = app.text("/metrics").await;
    assert!(
        metrics.contains("clipper_rate_limited_total{kind=\"reads\"}"),
        "{metrics}"
    );
    app.finish().await;
}

#[actix::test]
async fn a_person_is_held_back_wherever_the_requests_come_from() {
    let app = TestApp::spawn_with(Backend::Sqlite, |config| {
        config.limits.person_per_second = 1;
        config.http.trusted_proxies = "127.0.0.0/8".to_owned();
    })
    .await;
    let mut statuses = vec![];
    for number in 0..15 {
        let request = app.client.get(app.url("/api/clips")).bearer_auth(KEY);
        let request = request.header("x-forwarded-for", format!("192.0.2.{number}"));
        statuses.push(request.send().await.unwrap().status().as_u16());
    }
    assert_eq!(statuses[..10], [200; 10]);
    assert_eq!(statuses[14], 429);
    app.finish().await;
}

#[actix::test]
async fn whoever_sends_headers_slowly_is_let_go_and_disturbs_nobody() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let address = app.address.trim_start_matches("http://").to_owned();
    let attack = tokio::task::spawn_blocking(move || {
        let connect = |_| {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream
                .write_all(b"GET /api/clips HTTP/1.1\r\nHost: a\r\nX-")
                .unwrap();
            stream
        };
        let mut streams: Vec<_> = (0..200).map(connect).collect();
        let began = Instant::now();
        // Now and then a letter, as long as the other side lets it.
        while began.elapsed() < Duration::from_secs(30) && !streams.is_empty() {
            std::thread::sleep(Duration::from_millis(500));
            streams.retain_mut(|stream| {
                let mut answer = [0; 64];
                stream.set_nonblocking(true).unwrap();
                let closed = stream.read(&mut answer).is_ok() || stream.write_all(b"a").is_err();
                !closed
            });
        }
        (streams.len(), began.elapsed())
    });
    let mut slowest = Duration::ZERO;
    while !attack.is_finished() {
        let began = Instant::now();
        assert_eq!(app.get("/healthz").await.status(), 200);
        slowest = slowest.max(began.elapsed());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let (left, took) = attack.await.unwrap();
    assert_eq!(left, 0, "connections outlived their time: {took:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    app.finish().await;
}

#[actix::test]
async fn a_head_beyond_sixteen_kibibytes_is_refused() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    for path in ["/api/clips", "/api/video/a/master.m3u8"] {
        let request = |length| app.client.get(app.url(path)).header("x-long", "a".repeat(length));
        assert!(request(15_000).send().await.unwrap().status().as_u16() < 431);
        assert_problem(request(17_000).send().await.unwrap(), 431, "head_too_large").await;
        let address = app.url(&format!("{path}?{}", "a".repeat(17_000)));
        let refused = app.client.get(address).send().await.unwrap();
        assert_problem(refused, 431, "head_too_large").await;
    }
    assert_eq!(app.get("/healthz").await.status(), 200);
    app.finish().await;
}
