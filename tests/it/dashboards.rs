//! Dashboards and rules, asked of a real Prometheus that watches a real server: nothing in them is empty.

#![expect(clippy::disallowed_methods, reason = "tests start processes")]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use reqwest::{Client, StatusCode};
use serde_json::{Value, json};

use crate::support::app::KEY;
use crate::support::footage;
use crate::support::process::{Server, free_ports};

const PATIENCE: Duration = Duration::from_mins(1);

fn dashboards() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards")
}

fn must(command: &mut Command) {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; scripts/need.sh prometheus brings it"));
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{command:?}: {said}{complained}");
}

#[test]
fn prometheus_takes_the_rules_and_they_do_what_they_should() {
    let folder = dashboards().join("prometheus");
    must(
        Command::new("promtool")
            .args(["check", "config", "prometheus.yml"])
            .current_dir(&folder),
    );
    must(
        Command::new("promtool")
            .args(["test", "rules", "alerts.test.yml"])
            .current_dir(&folder),
    );
}

#[test]
fn what_is_generated_is_what_is_committed() {
    must(
        Command::new("node")
            .args(["generate.mjs", "--check"])
            .current_dir(dashboards()),
    );
}

/// A Prometheus that watches one server closely; dropped, it is killed.
struct Prometheus {
    process: Child,
    address: String,
    client: Client,
}

impl Prometheus {
    fn start(folder: &Path, server: &Server) -> Self {
        let rules = dashboards().join("prometheus/clipper.rules.yml");
        let target = server.address.trim_start_matches("http://");
        let config = json!({
            "global": { "scrape_interval": "500ms", "scrape_timeout": "500ms", "evaluation_interval": "500ms" },
            "rule_files": [rules],
            "scrape_configs": [{ "job_name": "clipper", "static_configs": [{ "targets": [target] }] }],
        });
        // What is JSON is YAML.
        let file = folder.join("prometheus.yml");
        std::fs::write(&file, config.to_string()).unwrap();
        let [port] = free_ports();
        let listen = format!("127.0.0.1:{port}");
        let process = Command::new("prometheus")
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("series").display()))
            .arg(format!("--web.listen-address={listen}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("scripts/need.sh prometheus brings Prometheus");
        Self {
            process,
            address: format!("http://{listen}/api/v1"),
            client: Client::new(),
        }
    }

    async fn ask(&self, path: &str, query: &[(&str, &str)]) -> Option<Value> {
        let url = format!("{}/{path}", self.address);
        let answer = self.client.get(url).query(query).send().await.ok()?;
        answer.json().await.ok()
    }

    /// What is wrong with an expression; its result, when nothing is.
    async fn evaluate(&self, expression: &str) -> Result<Vec<Value>, String> {
        let answer = self
            .ask("query", &[("query", expression)])
            .await
            .ok_or("no answer")?;
        let Some(series) = answer["data"]["result"].as_array() else {
            return Err(answer["error"].to_string());
        };
        let number = |series: &Value| series["value"][1].as_str().unwrap().parse::<f64>().unwrap();
        if series.iter().any(|series| number(series).is_finite()) {
            Ok(series.clone())
        } else {
            Err(format!("no number among {} series", series.len()))
        }
    }

    async fn rules(&self) -> Vec<Value> {
        let answer = self.ask("rules", &[]).await.unwrap_or_default();
        let groups = answer["data"]["groups"].as_array().cloned().unwrap_or_default();
        groups
            .iter()
            .flat_map(|group| group["rules"].as_array().unwrap().clone())
            .collect()
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// Something of everything that a server does.
struct Load<'a> {
    server: &'a Server,
    client: Client,
    footage: Vec<u8>,
}

impl Load<'_> {
    async fn get(&self, path: &str) -> (StatusCode, String) {
        let answer = self
            .client
            .get(format!("{}{path}", self.server.address))
            .send()
            .await
            .unwrap();
        let status = answer.status();
        let bytes = answer.bytes().await.unwrap();
        (status, String::from_utf8_lossy(&bytes).into_owned())
    }

    async fn run(&self, slug: &str) {
        self.upload(slug).await;
        for path in [
            "master.m3u8",
            "480p.m3u8",
            "480p/segment-0.ts",
            "480p/segment-0.ts",
        ] {
            let (status, _) = self.get(&format!("/api/video/{slug}/{path}")).await;
            assert_eq!(status, StatusCode::OK, "{path}");
        }
        let (missing, _) = self.get("/api/clips/nobody-knows-me").await;
        assert_eq!(missing, StatusCode::NOT_FOUND);
        self.watch(slug, "e").await;
        self.watch(slug, "f").await;
    }

    async fn upload(&self, slug: &str) {
        let clips = format!("{}/api/clips", self.server.address);
        let body = json!({ "title": slug, "slug": slug });
        let registered = self.client.post(&clips).bearer_auth(KEY).json(&body).send();
        assert_eq!(registered.await.unwrap().status(), StatusCode::CREATED);
        let source = format!("{clips}/{slug}/source");
        let stored = self
            .client
            .put(source)
            .bearer_auth(KEY)
            .body(self.footage.clone());
        assert_eq!(stored.send().await.unwrap().status(), StatusCode::ACCEPTED);
        let began = Instant::now();
        loop {
            let (_, clip) = self.get(&format!("/api/clips/{slug}")).await;
            let clip: Value = serde_json::from_str(&clip).unwrap();
            if clip["hls_processing_status"] == "completed" {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "{clip}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// A session that starts, plays, waits, plays on and ends.
    async fn watch(&self, slug: &str, ending: &str) {
        let now = std::time::SystemTime::now();
        let now = now.duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        let states = [
            (20_000, "s"),
            (19_500, "p"),
            (9_500, "r"),
            (7_500, "p"),
            (0, ending),
        ];
        let events: Vec<_> = states
            .iter()
            .map(|(ago, state)| json!({ "ts": now - ago, "e": "ps", "sta": state }))
            .collect();
        let session = uuid::Uuid::new_v4();
        let batch = json!({ "schema": "qoe.batch.v1", "sid": session, "cid": slug, "events": events });
        let path = format!("{}/api/sessions/{session}/reports", self.server.address);
        let answer = self.client.post(path).json(&batch).send().await.unwrap();
        assert_eq!(answer.status(), StatusCode::ACCEPTED);
    }
}

/// An expression and where it stands.
struct Asked {
    place: String,
    expression: String,
    legend: String,
}

fn panels() -> Vec<Asked> {
    let mut asked = vec![];
    for file in std::fs::read_dir(dashboards().join("grafana")).unwrap() {
        let path = file.unwrap().path();
        if path.extension().is_none_or(|kind| kind != "json") {
            continue;
        }
        let board: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let panels = board["panels"].as_array().unwrap();
        assert!(!panels.is_empty(), "{}", path.display());
        for (panel, target) in panels.iter().flat_map(|panel| {
            panel["targets"]
                .as_array()
                .unwrap()
                .iter()
                .map(move |t| (panel, t))
        }) {
            let expression = target["expr"].as_str().unwrap();
            asked.push(Asked {
                place: format!("{}, {}", board["title"], panel["title"]),
                expression: expression
                    .replace("$__rate_interval", "1m")
                    .replace("$instance", ".*"),
                legend: target["legendFormat"].as_str().unwrap().to_owned(),
            });
        }
    }
    asked
}

/// Alerts are silent while all is well; what they compare is there all the same.
fn of_rule(rule: &Value) -> Asked {
    let mut expression = rule["query"].as_str().unwrap().to_owned();
    if rule["type"] == "alerting" {
        let quiet = expression.clone();
        for comparison in [" > ", " < ", " == "] {
            expression = expression.replace(comparison, &format!("{comparison}bool "));
        }
        assert_ne!(expression, quiet, "an alert compares");
    }
    Asked {
        place: rule["name"].as_str().unwrap().to_owned(),
        expression,
        legend: String::new(),
    }
}

/// The labels that a legend wants to show.
fn wanted_labels(legend: &str) -> BTreeSet<&str> {
    let parts = legend.split("{{").skip(1);
    parts
        .filter_map(|part| part.split_once("}}").map(|(label, _)| label))
        .collect()
}

async fn complaints(prometheus: &Prometheus, asked: &[Asked]) -> Vec<String> {
    let mut complaints = vec![];
    for Asked {
        place,
        expression,
        legend,
    } in asked
    {
        match prometheus.evaluate(expression).await {
            Err(reason) => complaints.push(format!("{place}: {reason}: {expression}")),
            Ok(series) => complaints.extend(
                wanted_labels(legend)
                    .into_iter()
                    .filter(|label| series.iter().any(|series| series["metric"][label].is_null()))
                    .map(|label| format!("{place}: no label `{label}`: {expression}")),
            ),
        }
    }
    complaints
}

#[actix::test]
async fn every_panel_and_every_rule_shows_something() {
    let folder = tempfile::tempdir().unwrap();
    let clip = footage::bars(folder.path(), "bars.mp4", "320x240", "25", 2, &[]);
    let database = format!("sqlite:{}", folder.path().join("clipper.db").display());
    let server = Server::start(&folder.path().join("data"), &database, "127.0.0.1:0");
    let load = Load {
        server: &server,
        client: Client::new(),
        footage: std::fs::read(clip).unwrap(),
    };
    // A rate needs two looks: at what there was, and at what came after.
    load.run("before").await;
    let prometheus = Prometheus::start(folder.path(), &server);
    let began = Instant::now();
    while prometheus.evaluate("clipper_build_info").await.is_err() {
        assert!(began.elapsed() < PATIENCE, "Prometheus sees nothing");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    load.run("after").await;

    let rules = prometheus.rules().await;
    let asked: Vec<_> = rules.iter().map(of_rule).chain(panels()).collect();
    assert!(
        asked.len() > 100,
        "{} expressions are fewer than there are",
        asked.len()
    );
    let began = Instant::now();
    let left = loop {
        let left = complaints(&prometheus, &asked).await;
        if left.is_empty() || began.elapsed() > Duration::from_secs(15) {
            break left;
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    };
    assert_eq!(left, Vec::<String>::new());

    let nobody = Asked {
        place: "a panel of nothing".to_owned(),
        expression: "clipper_nothing_of_the_kind".to_owned(),
        legend: String::new(),
    };
    assert_eq!(complaints(&prometheus, &[nobody]).await.len(), 1);
    every_alert_has_a_runbook(&rules);
}

fn every_alert_has_a_runbook(rules: &[Value]) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let runbooks = std::fs::read_to_string(root.join("docs/runbooks.md")).unwrap();
    let headings: BTreeSet<_> = runbooks
        .lines()
        .filter_map(|line| line.strip_prefix("## "))
        .map(|heading| format!("docs/runbooks.md#{}", heading.to_lowercase()))
        .collect();
    let linked: BTreeSet<_> = rules
        .iter()
        .filter(|rule| rule["type"] == "alerting")
        .map(|rule| rule["annotations"]["runbook"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(headings, linked);
}
