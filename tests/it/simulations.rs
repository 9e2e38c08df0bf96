//! A population of players against a running server: what the analytics say is what the players saw.

use std::path::PathBuf;
use std::process::Output;
use std::time::{Duration, Instant};

use clipper::storage::Db;
use clipper_domain::SessionId;
use clipper_projections::streaming_analytics::{self, SessionRow};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, clipper};

const VIEWERS: usize = 30;
const PATIENCE: Duration = Duration::from_secs(30);
/// As far as the analytics may be off the truth.
const TOLERANCE: f64 = 0.01;

/// A server with a clip in it, and networks to watch it over.
struct Theatre {
    folder: TempDir,
    database: TestDatabase,
    server: Server,
}

impl Theatre {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        let database = TestDatabase::create(Backend::Sqlite).await;
        let server = Server::start(&data, &database.url, "127.0.0.1:0");
        let theatre = Self {
            folder,
            database,
            server,
        };
        let file = footage::full_hd_seconds(theatre.folder.path(), 20);
        let uploaded = theatre.run(&["ingest", "--wait", "--slug", "film", file.to_str().unwrap()]);
        assert!(uploaded.status.success(), "{}", text(&uploaded));
        theatre.record_networks();
        theatre
    }

    fn networks(&self) -> PathBuf {
        self.folder.path().join("networks")
    }

    /// One that is good, one that is slow, and one that comes and goes.
    fn record_networks(&self) {
        let step = |ms: u64, kbps: u64, latency: u64| json!({ "duration_ms": ms, "bandwidth_kbps": kbps, "latency_ms": latency });
        let coming_and_going = [
            step(4_000, 9_000, 40),
            step(9_000, 150, 120),
            step(5_000, 3_000, 60),
        ];
        let networks = [
            ("good", vec![step(1_000, 40_000, 20)]),
            ("slow", vec![step(2_500, 2_200, 80), step(1_500, 1_200, 90)]),
            ("mobile", coming_and_going.to_vec()),
        ];
        std::fs::create_dir(self.networks()).unwrap();
        for (name, steps) in networks {
            let file = self.networks().join(format!("{name}.json"));
            std::fs::write(file, serde_json::to_string(&steps).unwrap()).unwrap();
        }
    }

    fn run(&self, arguments: &[&str]) -> Output {
        clipper(&self.folder.path().join("data"), &self.database.url)
            .args(arguments)
            .args(["--server", &self.server.address])
            .output()
            .unwrap()
    }

    /// Has the same thirty viewers watch.
    fn simulate(&self, time_scale: &str, arguments: &[&str]) -> Value {
        let (viewers, networks) = (VIEWERS.to_string(), self.networks());
        let mut all = vec!["simulate", "--json", "--clip", "film", "--viewers", &viewers];
        all.extend(["--traces", networks.to_str().unwrap(), "--seed", "11"]);
        all.extend(["--within", "20", "--time-scale", time_scale]);
        all.extend(["--seek-every", "15", "--pause-every", "15"]);
        all.extend(arguments);
        let output = self.run(&all);
        assert!(output.status.success(), "{}", text(&output));
        serde_json::from_slice(&output.stdout).unwrap()
    }

    /// The analytics of the sessions of a simulation, once they are all there.
    async fn rows(&self, simulated: &Value) -> Vec<SessionRow> {
        let db = self.database.open().await;
        let deadline = Instant::now() + PATIENCE;
        loop {
            if self.followed().await {
                return rows(&db, simulated).await;
            }
            assert!(
                Instant::now() < deadline,
                "the read model does not follow the log"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// Whether the read model has taken everything in.
    async fn followed(&self) -> bool {
        let url = format!("{}/api/ops/projections", self.server.address);
        let request = reqwest::Client::new().get(url).bearer_auth(KEY);
        let listed: Value = request.send().await.unwrap().json().await.unwrap();
        let projections = listed["projections"].as_array().unwrap();
        let sessions = projections
            .iter()
            .find(|one| one["name"] == "video_streaming_analytics")
            .unwrap();
        sessions["lag"] == 0
    }
}

async fn rows(db: &Db, simulated: &Value) -> Vec<SessionRow> {
    let mut found = vec![];
    for session in sessions(simulated) {
        let id: SessionId = session["session"].as_str().unwrap().parse().unwrap();
        found.extend(db.optional(streaming_analytics::by_id(id)).await.unwrap());
    }
    found
}

fn text(output: &Output) -> String {
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    format!("{out}{err}")
}

fn sessions(simulated: &Value) -> &Vec<Value> {
    simulated["sessions"].as_array().unwrap()
}

/// What players did, without what names the run and without what became of their reports.
fn deeds(simulated: &Value) -> Vec<Value> {
    let mut deeds = sessions(simulated).clone();
    for session in &mut deeds {
        let session = session.as_object_mut().unwrap();
        for key in [
            "session",
            "began_at",
            "delivered",
            "lost",
            "lost_records",
            "duplicated",
            "reordered",
            "refused",
        ] {
            session.remove(key).unwrap();
        }
    }
    deeds
}

/// Counts exactly, times within one per cent. A stall that nobody notices is playing.
fn assert_row_is_true(row: &SessionRow, truth: &Value) {
    let number = |key: &str| truth[key].as_i64().unwrap();
    let close = |found: i64, exact: i64| {
        let [off, exact] = [found - exact, exact].map(|ms| f64::from(i32::try_from(ms).unwrap()));
        off.abs() <= TOLERANCE * exact
    };
    let (short, short_ms) = (number("short_rebuffer_count"), number("short_rebuffer_ms"));
    let counts = (row.buffering_events, row.quality_switches);
    assert_eq!(
        counts,
        (number("rebuffer_count") - short, number("switches")),
        "{row:?} {truth}"
    );
    assert_eq!(
        row.quality.as_deref(),
        truth["quality"].as_str(),
        "{row:?} {truth}"
    );
    let startup = truth["startup_ms"].as_i64();
    assert_eq!(row.startup_ms.is_some(), startup.is_some(), "{row:?} {truth}");
    let watched_ms = (row.session_duration * 1_000.0).round();
    let times = [
        (row.startup_ms.unwrap_or_default(), startup.unwrap_or_default()),
        (row.playing_ms, number("playing_ms") + short_ms),
        (row.rebuffer_ms, number("rebuffer_ms") - short_ms),
        (format!("{watched_ms}").parse().unwrap(), number("watched_ms")),
    ];
    assert!(
        times.iter().all(|(found, exact)| close(*found, *exact)),
        "{times:?} {row:?} {truth}"
    );
}

/// A session of which something was lost may be told wrongly; others may not.
fn assert_rows_are_true(rows: &[SessionRow], simulated: &Value) {
    for truth in sessions(simulated) {
        let row = rows.iter().find(|row| truth["session"] == row.id.as_str());
        if truth["lost"] == 0 {
            assert_row_is_true(row.unwrap_or_else(|| panic!("no row: {truth}")), truth);
        }
    }
}

#[actix::test]
async fn the_analytics_of_a_population_are_what_its_players_saw() {
    let theatre = Theatre::open().await;
    let plain = theatre.simulate("12", &[]);
    let truth = &plain["truth"];
    // A population to which nothing happens would prove nothing.
    for key in ["plays", "rebuffer_count", "switches", "seeks", "pauses"] {
        assert!(truth[key].as_u64().unwrap() > 0, "{key}: {truth}");
    }
    assert!(
        truth["outcomes"]["ended"].as_u64().unwrap() > 0 && truth["outcomes"]["left"].as_u64().unwrap() > 0
    );
    assert_eq!(sessions(&plain).len(), VIEWERS);
    let rows = theatre.rows(&plain).await;
    assert_eq!(rows.len(), VIEWERS);
    assert_rows_are_true(&rows, &plain);

    // Twice as fast, and with a tenth of the reports lost: the same viewers do the same.
    let lossy = theatre.simulate("24", &["--lose", "10"]);
    assert_eq!(deeds(&lossy), deeds(&plain));
    let told: Vec<_> = sessions(&lossy)
        .iter()
        .filter(|session| session["lost"] != 0)
        .collect();
    assert!(!told.is_empty() && told.len() < VIEWERS, "{}", lossy["truth"]);
    assert_rows_are_true(&theatre.rows(&lossy).await, &lossy);
}
