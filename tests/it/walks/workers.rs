//! Worker processes that share clips of several ranges, on PostgreSQL and one media folder: each range is made once,
//! whatever dies, and the ranges join without a seam.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::app::KEY;
use crate::support::database::{Backend, TestDatabase};
use crate::support::footage;
use crate::support::process::{Server, Worker, clipper, setting};

const RANGES: [(&str, &str); 2] = [
    ("CLIPPER_ENCODE_RANGE_SECONDS", "10"),
    ("CLIPPER_ENCODE_COPY", "false"),
];

struct Floor {
    folder: TempDir,
    database: TestDatabase,
    server: Server,
    client: reqwest::Client,
}

impl Floor {
    async fn open() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir_all(&data).unwrap();
        let database = TestDatabase::create(Backend::Postgres).await;
        let server = Server::start_without_workers(&data, &database.url);
        Self {
            folder,
            database,
            server,
            client: reqwest::Client::new(),
        }
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn worker(&self) -> Worker {
        Worker::start(&self.data(), &self.database.url, &RANGES)
    }

    async fn upload(&self, slug: &str, file: &Path) {
        let address = &self.server.address;
        let register = self.client.post(format!("{address}/api/clips")).bearer_auth(KEY);
        let body = json!({ "title": slug, "slug": slug });
        assert_eq!(register.json(&body).send().await.unwrap().status(), 201);
        let source = std::fs::read(file).unwrap();
        let put = self.client.put(format!("{address}/api/clips/{slug}/source"));
        let put = put.bearer_auth(KEY).body(source).send().await.unwrap();
        assert_eq!(put.status(), 202);
    }

    async fn get(&self, path: &str) -> Value {
        let request = self.client.get(format!("{}{path}", self.server.address));
        let answer = request.bearer_auth(KEY).send().await.unwrap();
        answer.json().await.unwrap()
    }

    async fn is_completed(&self, slug: &str) -> bool {
        let clip = self.get(&format!("/api/clips/{slug}")).await;
        let status = clip["hls_processing_status"].as_str().unwrap().to_owned();
        assert!(!["failed", "partial"].contains(&status.as_str()), "{clip}");
        status == "completed"
    }

    async fn completed(&self, slug: &str, patience: Duration) {
        let began = Instant::now();
        while !self.is_completed(slug).await {
            assert!(began.elapsed() < patience, "{slug} is not completed");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }

    async fn events(&self, slug: &str) -> Vec<Value> {
        let history = self.get(&format!("/api/clips/{slug}/history")).await;
        history["events"].as_array().unwrap().clone()
    }

    fn run(&self, arguments: &[&str]) -> String {
        let output = clipper(&self.data(), &self.database.url)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{arguments:?}: {}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).unwrap()
    }

    /// A rung in one file, as whoever downloads all its segments has it.
    async fn rendition(&self, slug: &str, quality: &str) -> PathBuf {
        let clip = self.get(&format!("/api/clips/{slug}")).await;
        let folder = self
            .data()
            .join("video")
            .join(clip["id"].as_str().unwrap())
            .join("1");
        let mut segments: Vec<_> = std::fs::read_dir(folder.join(quality))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "ts"))
            .collect();
        segments.sort();
        let whole: Vec<u8> = segments
            .iter()
            .flat_map(|path| std::fs::read(path).unwrap())
            .collect();
        let target = self.folder.path().join(format!("{slug}-{quality}.ts"));
        std::fs::write(&target, whole).unwrap();
        target
    }
}

fn named<'a>(events: &'a [Value], name: &'a str) -> impl Iterator<Item = &'a Value> {
    events
        .iter()
        .filter(move |event| event["event_type"] == name)
        .map(|event| &event["payload"])
}

fn workers_of(events: &[Value]) -> BTreeSet<&str> {
    let started = named(events, "EncodingStarted");
    started.map(|start| start["worker"].as_str().unwrap()).collect()
}

/// Every segment was recorded, and none of them twice.
fn assert_recorded_once(events: &[Value]) {
    let planned = named(events, "EncodingPlanned").next().unwrap();
    let count = planned["plan"]["segment_starts"].as_array().unwrap().len() as u64;
    let mut seen: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for stored in named(events, "SegmentsStored") {
        for run in stored["runs"].as_array().unwrap() {
            let first = run["first_segment"].as_u64().unwrap();
            let length = run["segments"].as_array().unwrap().len() as u64;
            let quality = run["quality"].as_str().unwrap().to_owned();
            seen.entry(quality).or_default().extend(first..first + length);
        }
    }
    assert!(!seen.is_empty());
    for (quality, mut numbers) in seen {
        numbers.sort_unstable();
        assert_eq!(numbers, (0..count).collect::<Vec<_>>(), "{quality}");
    }
}

#[actix::test]
async fn two_workers_share_a_clip_and_its_ranges_join_without_a_seam() {
    let floor = Floor::open().await;
    let file = footage::bars(floor.folder.path(), "long.mp4", "640x360", "30000/1001", 40, &[]);
    let (one, other) = (floor.worker(), floor.worker());
    floor.upload("shared", &file).await;
    floor.completed("shared", Duration::from_mins(4)).await;
    let events = floor.events("shared").await;
    assert_recorded_once(&events);
    let plan = &named(&events, "EncodingPlanned").next().unwrap()["plan"];
    let ranges = plan["range_starts"].as_array().unwrap().len();
    assert!(ranges >= 4, "{plan}");
    let done: BTreeSet<_> = named(&events, "UnitEncoded")
        .map(|unit| unit["unit"].as_u64().unwrap())
        .collect();
    assert_eq!(done, (0..ranges as u64).collect(), "every range is done");
    assert_eq!(workers_of(&events).len(), 2, "both have worked");

    // A single worker's encode has as many frames and as much sound, and neither complains when it is decoded.
    drop(other);
    floor.upload("alone", &file).await;
    floor.completed("alone", Duration::from_mins(4)).await;
    let events_alone = floor.events("alone").await;
    assert_eq!(workers_of(&events_alone).len(), 1);
    let (shared, alone) = (
        floor.rendition("shared", "480p").await,
        floor.rendition("alone", "480p").await,
    );
    let pictures = footage::decoded(&shared, "v");
    assert_eq!(pictures.len() as u64, plan["frames"].as_u64().unwrap());
    assert_eq!(pictures.len(), footage::decoded(&alone, "v").len());
    let sound = footage::decoded(&shared, "a").len();
    assert_eq!(sound, footage::decoded(&alone, "a").len());
    // 40.04 s in frames of 1024 samples at 48 kHz, and no more than one beside them.
    assert!((1_875..=1_879).contains(&sound), "{sound}");
    drop(one);
    drop(floor.server);
    floor.database.drop().await;
}

/// How long workers are killed: `CLIPPER_TEST_ENCODE_CLIPS` clips of the file `CLIPPER_TEST_ENCODE_SOURCE`, a kill every
/// `CLIPPER_TEST_ENCODE_KILL_MS` until `CLIPPER_TEST_ENCODE_KILLS` were done or every clip is.
struct Campaign {
    source: PathBuf,
    slugs: Vec<String>,
    pause: Duration,
    kills: usize,
}

impl Campaign {
    fn of(folder: &Path) -> Self {
        let source = std::env::var_os("CLIPPER_TEST_ENCODE_SOURCE").map(PathBuf::from);
        Self {
            source: source.unwrap_or_else(|| footage::bars(folder, "long.mp4", "640x360", "25", 30, &[])),
            slugs: (0..setting("CLIPPER_TEST_ENCODE_CLIPS", 3))
                .map(|n| format!("clip-{n}"))
                .collect(),
            pause: Duration::from_millis(setting("CLIPPER_TEST_ENCODE_KILL_MS", 2_500) as u64),
            kills: setting("CLIPPER_TEST_ENCODE_KILLS", 6),
        }
    }

    /// Kills one of two workers after the other, and tells how many.
    async fn kill(&self, floor: &Floor, workers: &mut [Worker; 2]) -> usize {
        for kill in 0..self.kills {
            tokio::time::sleep(self.pause).await;
            let mut done = true;
            for slug in &self.slugs {
                done &= floor.is_completed(slug).await;
            }
            if done {
                return kill;
            }
            // Dropped, the old one is killed without a warning.
            workers[kill % 2] = floor.worker();
        }
        self.kills
    }
}

#[actix::test]
async fn workers_that_are_killed_again_and_again_lose_and_double_nothing() {
    let floor = Floor::open().await;
    let campaign = Campaign::of(floor.folder.path());
    for slug in &campaign.slugs {
        floor.upload(slug, &campaign.source).await;
    }
    let mut workers = [floor.worker(), floor.worker()];
    let kills = campaign.kill(&floor, &mut workers).await;
    let mut taken_over = 0;
    for slug in &campaign.slugs {
        floor.completed(slug, Duration::from_mins(5)).await;
        let events = floor.events(slug).await;
        assert_recorded_once(&events);
        assert_eq!(named(&events, "EncodingFailed").count(), 0, "{slug}");
        // A unit that was begun twice was taken from a dead worker.
        let begun: Vec<_> = named(&events, "EncodingStarted")
            .map(|start| start["unit"].to_string())
            .collect();
        taken_over += begun.len() - begun.iter().collect::<BTreeSet<_>>().len();
        let plan = &named(&events, "EncodingPlanned").next().unwrap()["plan"];
        let rendition = floor.rendition(slug, "480p").await;
        assert_eq!(
            footage::decoded(&rendition, "v").len() as u64,
            plan["frames"].as_u64().unwrap(),
            "{slug}"
        );
    }
    drop(writeln!(
        std::io::stdout(),
        "{} clips, {kills} kills, {taken_over} units taken over",
        campaign.slugs.len()
    ));
    assert!(taken_over > 0, "no kill fell into work");
    drop(workers);
    floor.run(&["gc", "--grace", "0"]);
    let report: Value =
        serde_json::from_str(&floor.run(&["--json", "gc", "--dry-run", "--grace", "0"])).unwrap();
    assert_eq!(report["total"]["objects"], 0, "{report}");
    assert!(
        report["report"]["kept"]["objects"].as_u64().unwrap() > 15,
        "{report}"
    );
    floor.run(&["projections", "verify"]);
    drop(floor.server);
    floor.database.drop().await;
}
