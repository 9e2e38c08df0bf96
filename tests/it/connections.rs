//! Clients that hold connections: there is an end to their number and to the time that they are waited for, and others
//! do not notice.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use clipper::config::Config;
use reqwest::Client;
use tokio::net::TcpSocket;

use crate::support::app::{KEY, TestApp};
use crate::support::database::Backend;
use crate::support::process::{Server, clipper};

/// `CLIPPER_TEST_CONNECTIONS` says how many idle connections there are; the suite's default leaves the machine to others.
#[expect(
    clippy::disallowed_methods,
    reason = "tests are told by the environment how far to go"
)]
fn idle_connections() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, raised).unwrap();
    let asked = std::env::var("CLIPPER_TEST_CONNECTIONS").map_or(2_000, |text| text.parse().unwrap());
    asked.min(maximum.unwrap_or(u64::MAX) / 2)
}

/// The value of a line of `/metrics`.
async fn metric(client: &Client, address: &str, line: &str) -> u64 {
    let text = client.get(format!("{address}/metrics")).send().await.unwrap();
    let text = text.text().await.unwrap();
    let value = text.lines().find_map(|found| found.strip_prefix(line));
    value.map_or(0, |value| value.trim().parse().unwrap())
}

fn dropped(reason: &str) -> String {
    format!("clipper_http_connections_dropped_total{{reason=\"{reason}\"}}")
}

/// The 99th percentile of what a client waits for the answers to requests, one after the other.
async fn p99(client: &Client, url: &str) -> Duration {
    let mut waited = vec![];
    for _ in 0..300 {
        let began = Instant::now();
        let answer = client.get(url).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        answer.bytes().await.unwrap();
        waited.push(began.elapsed());
    }
    waited.sort_unstable();
    waited[waited.len() * 99 / 100]
}

/// Open files and resident memory of a process.
fn held(process: u32) -> (usize, usize) {
    let files = std::fs::read_dir(format!("/proc/{process}/fd")).unwrap().count();
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let memory = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap();
    let kibibytes = memory.trim().trim_end_matches(" kB");
    (files, kibibytes.parse::<usize>().unwrap() * 1_024)
}

/// A connection over which one request was answered.
fn used(address: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
    stream
        .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
        .unwrap();
    let mut heard = vec![];
    while !heard.ends_with(b"}") {
        let mut some = [0; 4_096];
        let count = stream.read(&mut some).unwrap();
        assert!(count > 0);
        heard.extend_from_slice(&some[..count]);
    }
    assert!(heard.starts_with(b"HTTP/1.1 200"));
    stream
}

/// Sends heads letter by letter until every connection is closed by the other side.
fn slowloris(mut streams: Vec<TcpStream>) {
    for (stream, letter) in streams
        .iter_mut()
        .zip(std::iter::repeat(b"GET / HTTP/1.1\r\nx: "))
    {
        stream.set_nonblocking(true).unwrap();
        drop(stream.write(letter));
    }
    while !streams.is_empty() {
        streams.retain_mut(|stream| {
            let mut some = [0; 512];
            let open = match stream.read(&mut some) {
                Ok(count) => count > 0,
                Err(error) => error.kind() == std::io::ErrorKind::WouldBlock,
            };
            open && stream.write(b"a").is_ok()
        });
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Attacks with hundreds of connections at once, again and again until it is told to end; tells how often.
fn attack(address: &str, goes_on: &AtomicBool) -> u64 {
    let mut rounds = 0;
    while goes_on.load(Ordering::Relaxed) || rounds == 0 {
        let fresh = (0..100).map(|_| TcpStream::connect(address).unwrap());
        let used = (0..100).map(|_| used(address));
        slowloris(fresh.chain(used).collect());
        rounds += 1;
    }
    rounds
}

/// A server that waits a second for heads and for ever for requests, with one clip.
async fn server_with_a_clip(data: &Path, client: &Client) -> (Server, String) {
    std::fs::create_dir(data).unwrap();
    let mut command = clipper(data, &format!("sqlite:{}", data.join("clipper.db").display()));
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--workers", "0"])
        .envs([
            ("CLIPPER_HTTP_CONNECTIONS_PER_ADDRESS", "0"),
            ("CLIPPER_HTTP_HEAD_SECONDS", "1"),
            ("CLIPPER_HTTP_KEEP_ALIVE_SECONDS", "3600"),
            ("CLIPPER_LIMITS_READS_PER_SECOND", "0"),
        ]);
    let server = Server::of(command);
    let clip = serde_json::json!({ "title": "clip", "slug": "clip" });
    let clips = format!("{}/api/clips", server.address);
    let made = client.post(&clips).bearer_auth(KEY).json(&clip).send().await;
    assert_eq!(made.unwrap().status(), 201);
    (server, format!("{clips}/clip"))
}

#[actix::test]
async fn thousands_who_say_nothing_and_hundreds_who_never_end_leave_others_alone() {
    let (folder, client) = (tempfile::tempdir().unwrap(), Client::new());
    let most = idle_connections();
    let (server, url) = server_with_a_clip(&folder.path().join("data"), &client).await;
    p99(&client, &url).await;
    let (baseline, before) = (p99(&client, &url).await, held(server.id()));

    let plain = server.address.trim_start_matches("http://").to_owned();
    let address = plain.clone();
    let idle = tokio::task::spawn_blocking(move || (0..most).map(|_| used(&address)).collect::<Vec<_>>());
    let idle = idle.await.unwrap();
    let open = async || metric(&client, &server.address, "clipper_http_connections ").await;
    assert!(open().await >= most);
    let goes_on = Arc::new(AtomicBool::new(true));
    let told = Arc::clone(&goes_on);
    let attackers = tokio::task::spawn_blocking(move || attack(&plain, &told));
    let under_attack = p99(&client, &url).await;
    goes_on.store(false, Ordering::Relaxed);
    let (rounds, peak) = (attackers.await.unwrap(), held(server.id()));
    eprintln!("p99 {baseline:?} alone, {under_attack:?} under {rounds} attacks; {before:?}, {peak:?}");
    // What a busy machine does to anybody is not held against the attack.
    let bound = (baseline * 2).max(Duration::from_millis(500));
    assert!(under_attack <= bound, "{under_attack:?}, and {baseline:?} alone");
    let slow = metric(&client, &server.address, &dropped("slow_head")).await;
    assert!(slow >= rounds * 100, "{slow} were let go in {rounds} rounds");
    // Those who are merely silent are still there.
    assert!(open().await >= most);

    drop(idle);
    let deadline = Instant::now() + Duration::from_mins(1);
    let mut after = held(server.id());
    while after.0 > before.0 + 20 || after.1 > before.1 + (48 << 20) {
        assert!(Instant::now() < deadline, "{before:?} before, {after:?} after");
        tokio::time::sleep(Duration::from_millis(100)).await;
        after = held(server.id());
    }
    eprintln!("{after:?} afterwards");
}

/// A server that soon loses its patience.
async fn impatient(change: impl FnOnce(&mut Config)) -> TestApp {
    TestApp::spawn_with(Backend::Sqlite, |config| {
        config.http.body_seconds = 1;
        change(config);
    })
    .await
}

fn plain_address(app: &TestApp) -> SocketAddr {
    app.address.trim_start_matches("http://").parse().unwrap()
}

/// The largest of what the pages consist of.
pub(crate) fn large_asset() -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/web/dist/assets");
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let largest = files.max_by_key(|file| file.metadata().unwrap().len()).unwrap();
    assert!(largest.metadata().unwrap().len() > 100_000);
    format!("/assets/{}", largest.file_name().to_str().unwrap())
}

#[actix::test]
async fn a_client_that_takes_nothing_is_let_go() {
    let app = impatient(|_| {}).await;
    let path = large_asset();
    let socket = TcpSocket::new_v4().unwrap();
    socket.set_recv_buffer_size(4_096).unwrap();
    let stream = socket.connect(plain_address(&app)).await.unwrap();
    let mut stream = stream.into_std().unwrap();
    stream.set_nonblocking(false).unwrap();
    // More than the kernel keeps for a client that does not read.
    let ask = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(ask.repeat(200).as_bytes()).unwrap();
    app.until("the slow reader to be let go", async || {
        let slow = metric(&app.client, &app.address, &dropped("slow_reader")).await;
        (slow >= 1).then_some(())
    })
    .await;
    app.finish().await;
}

#[actix::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = impatient(|_| {}).await;
    let address = plain_address(&app);
    let heard = tokio::task::spawn_blocking(move || {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
        let head = format!("POST /api/clips HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {KEY}\r\n");
        let body = "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"title\":";
        stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
        let mut heard = vec![0; 4_096];
        let count = stream.read(&mut heard).unwrap();
        String::from_utf8_lossy(&heard[..count]).into_owned()
    });
    let heard = heard.await.unwrap();
    assert!(heard.starts_with("HTTP/1.1 4"), "{heard}");
    assert!(metric(&app.client, &app.address, &dropped("slow_body")).await >= 1);
    app.finish().await;
}

#[actix::test]
async fn whoever_is_one_too_many_is_told_so_and_may_come_when_another_leaves() {
    let app = impatient(|config| {
        config.http.max_connections = 6;
        config.http.connections_per_address = 3;
        config.http.keep_alive_seconds = 3_600;
    })
    .await;
    let address = plain_address(&app);
    let from = |host: u8| async move {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(SocketAddr::from(([127, 0, 0, host], 0))).unwrap();
        socket.connect(address).await.unwrap()
    };
    // Ours is none of the addresses below.
    assert_eq!(app.get("/healthz").await.status(), 200);
    let talk = |stream: tokio::net::TcpStream| async move {
        let stream = stream.into_std().unwrap();
        stream.set_nonblocking(false).unwrap();
        let talk = move || {
            let mut stream = stream;
            stream.set_read_timeout(Some(Duration::from_mins(1))).unwrap();
            stream
                .write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                .unwrap();
            let mut heard = vec![0; 4_096];
            let count = stream.read(&mut heard).unwrap();
            (String::from_utf8_lossy(&heard[..count]).into_owned(), stream)
        };
        tokio::task::spawn_blocking(talk).await.unwrap()
    };
    let mut open = vec![];
    for _ in 0..3 {
        let (heard, stream) = talk(from(2).await).await;
        assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
        open.push(stream);
    }
    let refused = async |host| {
        let (heard, _) = talk(from(host).await).await;
        assert!(heard.starts_with("HTTP/1.1 503"), "{heard}");
        assert!(
            heard.contains("\"code\":\"overloaded\"") && heard.contains("Retry-After: "),
            "{heard}"
        );
    };
    refused(2).await;
    for host in [3, 4] {
        let (heard, stream) = talk(from(host).await).await;
        assert!(heard.starts_with("HTTP/1.1 200"), "{heard}");
        open.push(stream);
    }
    refused(5).await;
    for reason in ["address", "total"] {
        let line = format!("clipper_http_connections_refused_total{{reason=\"{reason}\"}}");
        assert_eq!(metric(&app.client, &app.address, &line).await, 1, "{reason}");
    }
    drop(open);
    app.until("the places to be free again", async || {
        let (heard, _) = talk(from(2).await).await;
        heard.starts_with("HTTP/1.1 200").then_some(())
    })
    .await;
    app.finish().await;
}
