//! `kill -9` at random moments, again and again, under mixed load: nothing acknowledged is lost, nothing happens twice.
//!
//! `CLIPPER_TEST_KILLS` says how often (the suite's default is a few), `CLIPPER_TEST_KILL_EVENTS` how many events the store
//! holds beforehand.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use clipper::clock::SystemClock;
use clipper::shutdown::Shutdown;
use clipper::storage::{Append, Expected, Log, LogWriter, Logs};
use clipper_domain::{ClipId, schema};
use rand::Rng;
use reqwest::Client;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::storage::whole_story;
use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::process::{Server, clipper, setting};

const CALLERS: usize = 6;

/// What the callers did, kept outside of the program under test.
#[derive(Default)]
struct Record {
    /// Clips by the key that they were registered under, once that was acknowledged.
    clips: HashMap<String, String>,
    /// Reports that were acknowledged, by session.
    reports: HashMap<String, usize>,
    /// Keys of registrations that broke off and were given again.
    repeated: usize,
}

/// One thing that a caller wants done, given again under its key until it is acknowledged.
#[derive(Clone)]
enum Wish {
    Clip { key: String },
    Report { session: String, n: i64 },
}

/// Asks until it is answered; a key that the dead process held is free again in a moment.
async fn grant(client: &Client, address: &str, wish: &Wish) -> Result<Value, ()> {
    loop {
        let answer = ask(client, address, wish).await?;
        if answer["code"] != "idempotency_key_in_use" {
            return Ok(answer);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn ask(client: &Client, address: &str, wish: &Wish) -> Result<Value, ()> {
    let request = match wish {
        Wish::Clip { key } => {
            let body = json!({ "title": format!("Clip {key}") });
            let request = client.post(format!("{address}/api/clips")).bearer_auth(KEY);
            request.header("Idempotency-Key", key).json(&body)
        }
        Wish::Report { session, n } => {
            let state = if n % 2 == 0 { "p" } else { "a" };
            let event = json!({ "ts": n, "e": "ps", "sta": state });
            let batch = json!({ "schema": "qoe.batch.v1", "sid": session, "cid": "x", "sent_at": n, "events": [event] });
            client
                .post(format!("{address}/api/analytics/beacons"))
                .json(&batch)
        }
    };
    let response = request.send().await.map_err(|_cut_off| ())?;
    if response.status().is_success() || response.status() == 409 {
        response.json().await.map_err(|_cut_off| ())
    } else {
        Err(())
    }
}

/// Asks for one thing after the other until the server is gone; what broke off is the first wish of the next life.
async fn call(address: String, open: Option<Wish>, record: Arc<Mutex<Record>>, caller: usize) -> Wish {
    let client = Client::new();
    let (session, began) = (Uuid::now_v7().to_string(), chrono::Utc::now().timestamp_millis());
    let mut wish = open;
    for n in 0.. {
        let next = wish.take().unwrap_or_else(|| match (caller + n) % 2 {
            0 => Wish::Clip {
                key: Uuid::now_v7().to_string(),
            },
            _ => Wish::Report {
                session: session.clone(),
                n: began + i64::try_from(n).unwrap(),
            },
        });
        match grant(&client, &address, &next).await {
            Ok(answer) => record.lock().unwrap().note(&next, &answer),
            Err(()) => return next,
        }
    }
    unreachable!("the server is killed before that")
}

impl Record {
    fn is_of_load(&self) -> bool {
        self.clips.len() > CALLERS && self.reports.len() > CALLERS
    }

    fn note(&mut self, wish: &Wish, answer: &Value) {
        match wish {
            Wish::Clip { key } => {
                self.clips
                    .insert(key.clone(), answer["id"].as_str().unwrap().to_owned());
            }
            Wish::Report { session, .. } => {
                assert_eq!(answer["rejected"], json!([]), "{answer}");
                *self.reports.entry(session.clone()).or_default() += 1;
            }
        }
    }
}

/// A store with a history.
async fn prefill(database: &TestDatabase, events: usize) {
    let db = database.open().await;
    let tasks = Shutdown::new();
    let (writer, writing) = LogWriter::new(db.clone(), Log::Clip, Arc::new(SystemClock));
    tasks.spawn("clip log", writing);
    let story = whole_story("x");
    let mut appends = JoinSet::new();
    for _ in 0..events / story.len() {
        let clip = ClipId(Uuid::now_v7());
        let append = Append {
            stream: clip.stream(),
            expected: Expected::Version(0),
            events: whole_story(&format!("old-{}", clip.0.simple()))
                .iter()
                .map(|event| schema::write(event).unwrap())
                .collect(),
            metadata: "{}".to_owned(),
            command_id: "story".to_owned(),
        };
        let writer = writer.clone();
        appends.spawn(async move { writer.append(append).await.unwrap() });
        if appends.len() > 2_000 {
            appends.join_next().await;
        }
    }
    appends.join_all().await;
    tasks.abandon().await;
    db.close().await;
}

/// Many short lives of one server.
struct Campaign {
    folder: TempDir,
    database: TestDatabase,
    record: Arc<Mutex<Record>>,
    /// What broke off at the last kill.
    open: Vec<Option<Wish>>,
    slowest: Duration,
}

impl Campaign {
    async fn prepare(backend: Backend, events: usize) -> Self {
        let campaign = Self {
            folder: TempDir::new().unwrap(),
            database: TestDatabase::create(backend).await,
            record: Arc::default(),
            open: vec![None; CALLERS],
            slowest: Duration::ZERO,
        };
        prefill(&campaign.database, events).await;
        std::fs::create_dir_all(campaign.data()).unwrap();
        campaign.run(&["projections", "rebuild"]);
        campaign
    }

    fn data(&self) -> std::path::PathBuf {
        self.folder.path().join("data")
    }

    /// A verb of the command line, which must succeed.
    fn run(&self, verb: &[&str]) {
        let output = clipper(&self.data(), &self.database.url)
            .args(verb)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{verb:?}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }

    /// Starts the server. It is ready when something was written and is read again.
    async fn start(&mut self, life: usize) -> Server {
        let started = Instant::now();
        let server = Server::start_without_workers(&self.data(), &self.database.url);
        let wish = Wish::Clip {
            key: format!("first of life {life}"),
        };
        let answer = grant(&Client::new(), &server.address, &wish).await.unwrap();
        self.record.lock().unwrap().note(&wish, &answer);
        self.slowest = self.slowest.max(started.elapsed());
        server
    }

    /// Load until a random moment, then the end without a warning.
    async fn live_and_die(&mut self, life: usize) {
        let mut server = self.start(life).await;
        let mut callers = JoinSet::new();
        for (caller, open) in self.open.iter_mut().enumerate() {
            if matches!(open, Some(Wish::Clip { .. })) {
                self.record.lock().unwrap().repeated += 1;
            }
            callers.spawn(call(
                server.address.clone(),
                open.take(),
                Arc::clone(&self.record),
                caller,
            ));
        }
        if life.is_multiple_of(3) {
            let asked = Client::new().post(format!("{}/api/ops/projections/clips/rebuild", server.address));
            asked.bearer_auth(KEY).send().await.unwrap();
        }
        let moment = rand::rng().random_range(20..500);
        tokio::time::sleep(Duration::from_millis(moment)).await;
        server.kill();
        self.open = callers.join_all().await.into_iter().map(Some).collect();
    }

    /// What broke off last is wished for once more, and granted; then the record is compared with the store.
    async fn reckon(mut self, lives: usize) -> String {
        let mut server = self.start(lives).await;
        for wish in std::mem::take(&mut self.open).into_iter().flatten() {
            let answer = grant(&Client::new(), &server.address, &wish).await.unwrap();
            self.record.lock().unwrap().note(&wish, &answer);
        }
        server.terminate();
        let record = std::mem::take(&mut *self.record.lock().unwrap());
        assert_all_is_there(&self.database, &record).await;
        self.run(&["events", "verify"]);
        self.run(&["projections", "verify"]);
        self.database.drop().await;
        assert!(self.slowest < Duration::from_secs(5), "{:?}", self.slowest);
        format!(
            "{lives} kills, {} clips and {} reports acknowledged, {} given again, slowest restart {:?}",
            record.clips.len(),
            record.reports.values().sum::<usize>(),
            record.repeated,
            self.slowest
        )
    }
}

async fn killed_again_and_again(backend: Backend) {
    let (lives, events) = (
        setting("CLIPPER_TEST_KILLS", 8),
        setting("CLIPPER_TEST_KILL_EVENTS", 7_000),
    );
    let mut campaign = Campaign::prepare(backend, events).await;
    let mut life = 0;
    // A busy machine grants little before the end comes: then there are more lives, though not for ever.
    while life < lives || (life < 4 * lives && !campaign.record.lock().unwrap().is_of_load()) {
        campaign.live_and_die(life).await;
        life += 1;
    }
    let told = campaign.reckon(life).await;
    drop(writeln!(
        std::io::stdout(),
        "{backend:?}, {events} events beforehand: {told}"
    ));
}

/// Each acknowledged wish is in the log, and exactly once.
async fn assert_all_is_there(database: &TestDatabase, record: &Record) {
    let db = database.open().await;
    let logs = Logs::new(db.clone());
    assert!(record.is_of_load(), "there was load");
    for (key, id) in &record.clips {
        let clip: ClipId = id.parse().unwrap();
        let events = logs.stream(Log::Clip, &clip.stream(), 0).await.unwrap();
        assert_eq!(events.len(), 1, "{key}");
        assert!(events[0].event.payload.contains(key.as_str()), "{key}");
    }
    let (mut registered, mut position) = (0, 0);
    loop {
        let page = logs.page(Log::Clip, position, 5_000).await.unwrap();
        let Some(last) = page.last() else { break };
        position = last.position;
        registered += page
            .iter()
            .filter(|event| event.payload.contains("Clip "))
            .count();
    }
    assert_eq!(
        registered,
        record.clips.len(),
        "no clip that nobody was told of, and none twice"
    );
    for (session, acknowledged) in &record.reports {
        let events = logs
            .stream(Log::Playback, &format!("session-{session}"), 0)
            .await
            .unwrap();
        assert_eq!(events.len(), *acknowledged, "{session}");
    }
    db.close().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_kills_on_sqlite() {
    killed_again_and_again(Backend::Sqlite).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_by_kills_on_postgres() {
    killed_again_and_again(Backend::Postgres).await;
}
