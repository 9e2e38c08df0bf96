//! Under TLS everything is as it is without, in both versions of HTTP, and certificates change while it runs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use reqwest::{Client, ClientBuilder, Method, Response, Version};
use serde_json::{Value, json};

use crate::connections::large_asset;
use crate::support::app::KEY;
use crate::support::footage;
use crate::support::process::{Server, clipper, signal};

/// A certificate for this machine that nobody vouches for but itself.
struct Certificate {
    chain: PathBuf,
    key: PathBuf,
    pem: String,
}

impl Certificate {
    fn make(folder: &Path, name: &str) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).unwrap();
        let this = Self {
            chain: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            pem: made.cert.pem(),
        };
        std::fs::write(&this.chain, &this.pem).unwrap();
        std::fs::write(&this.key, made.signing_key.serialize_pem()).unwrap();
        this
    }

    /// A client that believes this certificate and no other.
    fn client(&self) -> ClientBuilder {
        let certificate = reqwest::Certificate::from_pem(self.pem.as_bytes()).unwrap();
        Client::builder()
            .tls_certs_only([certificate])
            .redirect(reqwest::redirect::Policy::none())
    }

    fn serve(&self, data: &Path, settings: &[(&str, &str)]) -> Command {
        let mut command = clipper(data, &database(data));
        command
            .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"])
            .env("CLIPPER_HTTP_TLS_CERTIFICATE", &self.chain)
            .env("CLIPPER_HTTP_TLS_KEY", &self.key)
            .envs(settings.iter().copied());
        command
    }
}

fn database(data: &Path) -> String {
    format!("sqlite:{}", data.join("clipper.db").display())
}

/// Status, headers and body; without what differs between any two answers.
type Seen = (u16, BTreeMap<String, String>, Vec<u8>);

async fn seen(answer: Response) -> Seen {
    let ours = [
        "date",
        "x-request-id",
        "connection",
        "transfer-encoding",
        "strict-transport-security",
    ];
    let said = answer.headers().iter();
    let said = said
        .filter(|(name, _)| !ours.contains(&name.as_str()) && !name.as_str().starts_with("ratelimit"))
        .map(|(name, value)| {
            // The order of a list says nothing.
            let mut parts: Vec<_> = value.to_str().unwrap().split(',').map(str::trim).collect();
            parts.sort_unstable();
            (name.to_string(), parts.join(","))
        })
        .collect();
    let status = answer.status().as_u16();
    (status, said, answer.bytes().await.unwrap().to_vec())
}

/// What a player may ask for, once without and once with a key.
async fn everything(client: &Client, address: &str, etag: &str, version: Version) -> Vec<(String, Seen)> {
    let asked: [&[(&str, &str)]; 7] = [
        &[],
        &[("accept-encoding", "gzip")],
        &[("range", "bytes=100-70000")],
        &[("range", "bytes=-5000")],
        &[("range", "bytes=999999999-")],
        &[("range", "bytes=5-9"), ("if-range", "\"other\"")],
        &[("if-none-match", etag)],
    ];
    let mut found = vec![];
    for path in [
        "master.m3u8",
        "480p.m3u8",
        "480p/segment-0.ts?g=1",
        "480p/segment-99.ts",
    ] {
        for (method, key) in [(Method::GET, false), (Method::GET, true), (Method::HEAD, false)] {
            for headers in asked {
                let url = format!("{address}/api/video/clip/{path}");
                let mut request = client.request(method.clone(), url);
                for (name, value) in headers {
                    request = request.header(*name, *value);
                }
                if key {
                    request = request.bearer_auth(KEY);
                }
                let answer = request.send().await.unwrap();
                assert_eq!(answer.version(), version);
                let what = format!("{method} {path} {headers:?} key: {key}");
                found.push((what, seen(answer).await));
            }
        }
    }
    found
}

/// A clip whose first segment is too large to be kept in memory, and what is answered about it without TLS.
async fn plain(data: &Path) -> (String, Vec<(String, Seen)>) {
    let mut server = Server::start(data, &database(data), "127.0.0.1:0");
    let (client, address) = (Client::new(), server.address.clone());
    let file = footage::bars(data.parent().unwrap(), "a.mp4", "1280x720", "25", 8, &[]);
    let register = json!({ "title": "clip", "slug": "clip" });
    let clips = format!("{address}/api/clips");
    let made = client.post(&clips).bearer_auth(KEY).json(&register).send().await;
    assert_eq!(made.unwrap().status(), 201);
    let put = client.put(format!("{clips}/clip/source")).bearer_auth(KEY);
    let put = put.body(std::fs::read(file).unwrap()).send().await.unwrap();
    assert_eq!(put.status(), 202);
    loop {
        let clip: Value = client
            .get(format!("{clips}/clip"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        match clip["hls_processing_status"].as_str().unwrap() {
            "completed" => break,
            "failed" => panic!("{clip}"),
            _ => tokio::time::sleep(Duration::from_millis(100)).await,
        }
    }
    let segment = format!("{address}/api/video/clip/480p/segment-0.ts?g=1");
    let segment = client.get(segment).send().await.unwrap();
    let etag = segment.headers()["etag"].to_str().unwrap().to_owned();
    assert!(segment.bytes().await.unwrap().len() > 100_000);
    let found = everything(&client, &address, &etag, Version::HTTP_11).await;
    server.terminate();
    (etag, found)
}

/// A port that was free a moment ago.
fn free_address() -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().to_string()
}

#[actix::test]
async fn answers_under_tls_are_those_without_and_certificates_change_under_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let (etag, plain) = plain(&data).await;
    let certificate = Certificate::make(folder.path(), "first");
    let redirect = free_address();
    let settings = [
        ("CLIPPER_HTTP_HSTS_SECONDS", "3600"),
        ("CLIPPER_HTTP_REDIRECT_LISTEN", redirect.as_str()),
        ("CLIPPER_LIMITS_MEDIA_PER_SECOND", "0"),
    ];
    let server = Server::of(certificate.serve(&data, &settings));
    let address = server.address.as_str();
    assert!(address.starts_with("https://"));
    let (first, second) = (
        certificate.client().http1_only().build().unwrap(),
        certificate.client().build().unwrap(),
    );
    for (client, version) in [(&first, Version::HTTP_11), (&second, Version::HTTP_2)] {
        let secure = everything(client, address, &etag, version).await;
        assert_eq!(secure.len(), plain.len());
        for (secure, plain) in secure.iter().zip(&plain) {
            assert_eq!(secure.0, plain.0);
            assert_eq!(
                (&secure.1.0, &secure.1.1),
                (&plain.1.0, &plain.1.1),
                "{version:?} {}",
                plain.0
            );
            assert!(secure.1.2 == plain.1.2, "{version:?} {}: other bytes", plain.0);
        }
        signing_in_works(client, address).await;
        let token = client.post(format!("{address}/api/clips/clip/playback-token"));
        let token: Value = token
            .bearer_auth(KEY)
            .json(&json!({}))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let signed = format!("{address}{}", token["url"].as_str().unwrap());
        assert_eq!(client.get(signed).send().await.unwrap().status(), 200);
    }
    // Whoever asks without it is led to it.
    let path = "/api/video/clip/master.m3u8?x=1";
    let led = first
        .get(format!("http://{redirect}{path}"))
        .send()
        .await
        .unwrap();
    assert_eq!(led.status(), 308);
    assert_eq!(led.headers()["location"], format!("{address}{path}"));

    the_certificate_changes(&folder, &certificate, &server, [&first, &second]).await;
}

/// The cookie is for TLS only, and a page of ours is one of ours whatever HTTP calls the host.
async fn signing_in_works(client: &Client, address: &str) {
    let session = format!("{address}/api/session");
    let signed = client
        .post(&session)
        .json(&json!({ "key": KEY }))
        .send()
        .await
        .unwrap();
    assert_eq!(signed.status(), 204);
    assert_eq!(signed.headers()["strict-transport-security"], "max-age=3600");
    let set = signed.headers()["set-cookie"].to_str().unwrap().to_owned();
    assert!(set.contains("; Secure"), "{set}");
    let cookie = set.split(';').next().unwrap();
    for (origin, status) in [(address, 201), ("https://elsewhere.example", 401)] {
        let clip = client.post(format!("{address}/api/clips"));
        let clip = clip.header("cookie", cookie).header("origin", origin);
        let clip = clip.json(&json!({ "title": "Ours" })).send().await.unwrap();
        assert_eq!(clip.status(), status, "{origin}");
    }
}

async fn the_certificate_changes(
    folder: &tempfile::TempDir,
    certificate: &Certificate,
    server: &Server,
    clients: [&Client; 2],
) {
    let health = format!("{}/healthz", server.address);
    let other = Certificate::make(folder.path(), "second");
    std::fs::copy(&other.chain, &certificate.chain).unwrap();
    std::fs::copy(&other.key, &certificate.key).unwrap();
    signal("HUP", server.id());
    let asked = async || other.client().build().unwrap().get(&health).send().await;
    while let Err(error) = asked().await {
        assert!(error.is_connect(), "{error}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    // Those who believe the other only have no new connection, and need none.
    assert!(
        certificate
            .client()
            .build()
            .unwrap()
            .get(&health)
            .send()
            .await
            .is_err()
    );
    for client in clients {
        assert_eq!(client.get(&health).send().await.unwrap().status(), 200);
    }
}

#[test]
fn a_certificate_that_cannot_be_used_is_told_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let good = Certificate::make(folder.path(), "good");
    let said = |certificate: &Path, key: &Path, message: &str| {
        let mut command = good.serve(&data, &[]);
        command
            .env("CLIPPER_HTTP_TLS_CERTIFICATE", certificate)
            .env("CLIPPER_HTTP_TLS_KEY", key);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            !output.status.success() && said.contains(message),
            "{message}: {said}"
        );
    };
    let other = Certificate::make(folder.path(), "other");
    let nothing = folder.path().join("nothing.pem");
    let empty = folder.path().join("empty.pem");
    std::fs::write(&empty, "none").unwrap();
    said(&good.chain, &other.key, "is not that of the certificate");
    said(&nothing, &good.key, "cannot read the certificate `");
    said(&empty, &good.key, "there is no certificate in `");
    said(&good.chain, &nothing, "cannot read the certificate's key `");
    said(&good.chain, Path::new(""), "`http.tls_key` is missing");
}

#[actix::test]
async fn over_http_2_each_answer_is_watched_and_idle_connections_end() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    std::fs::create_dir(&data).unwrap();
    let certificate = Certificate::make(folder.path(), "first");
    let settings = [
        ("CLIPPER_HTTP_BODY_SECONDS", "1"),
        ("CLIPPER_HTTP_KEEP_ALIVE_SECONDS", "1"),
    ];
    let server = Server::of(certificate.serve(&data, &settings));
    let watcher = certificate.client().http1_only().build().unwrap();
    let dropped = async |reason: &str| {
        let line = format!("clipper_http_connections_dropped_total{{reason=\"{reason}\"}} ");
        loop {
            let metrics = watcher.get(format!("{}/metrics", server.address)).send();
            let metrics = metrics.await.unwrap().text().await.unwrap();
            let count = metrics
                .lines()
                .find_map(|found| found.strip_prefix(&line))
                .unwrap();
            if count != "0" {
                return;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    // Its window holds a part of the answer, and it takes nothing out of it.
    let client = certificate
        .client()
        .http2_initial_stream_window_size(16_384)
        .build()
        .unwrap();
    let page = client.get(format!("{}/", server.address)).send().await.unwrap();
    assert_eq!(page.version(), Version::HTTP_2);
    page.bytes().await.unwrap();
    let script = client
        .get(format!("{}{}", server.address, large_asset()))
        .send()
        .await
        .unwrap();
    dropped("slow_reader").await;
    drop(script);
    let other = certificate.client().build().unwrap();
    assert_eq!(
        other
            .get(format!("{}/healthz", server.address))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
    dropped("idle").await;
    assert_eq!(
        other
            .get(format!("{}/healthz", server.address))
            .send()
            .await
            .unwrap()
            .status(),
        200
    );
}
