//! The whole program inside the test's process, with a database, a media store and a port of its own.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use chrono::Utc;
use clipper::actors::Ambition;
use clipper::clock::SystemClock;
use clipper::config::Config;
use clipper::startup::Services;
use clipper::storage::keys::{self, KeyRow};
use clipper::storage::rebuild::{self, Bench};
use clipper::storage::{Append, Expected, Log, LogWriter};
use clipper_domain::schema::Written;
use clipper_projections::PROJECTIONS;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use tempfile::TempDir;
use uuid::Uuid;

use super::database::{Backend, TestDatabase};

/// The key that tests sign in with.
pub(crate) const KEY: &str = "clk_test";

/// How long a test waits for a fact before it fails.
const PATIENCE: Duration = Duration::from_mins(2);

pub(crate) struct TestApp {
    pub(crate) address: String,
    pub(crate) services: Services,
    pub(crate) folder: TempDir,
    pub(crate) client: Client,
    server: ServerHandle,
    database: TestDatabase,
}

impl TestApp {
    /// Without encoders: nothing happens to an upload until [`TestApp::start_encoder`].
    pub(crate) async fn spawn(backend: Backend) -> Self {
        Self::spawn_with(backend, |_| {}).await
    }

    pub(crate) async fn spawn_with(backend: Backend, change: impl FnOnce(&mut Config)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let database = TestDatabase::create(backend).await;
        let mut config = Config {
            listen: "127.0.0.1:0".to_owned(),
            data_dir: folder.path().join("data"),
            database_url: Some(database.url.clone()),
            admin_key: Some(KEY.to_owned()),
            program: env!("CARGO_BIN_EXE_clipper").into(),
            ..Config::default()
        };
        change(&mut config);
        let services = Services::start(config, Ambition::Lead).await.unwrap();
        services.first_key().await.unwrap();
        let (server, addresses) = services.bind(1).unwrap();
        let address = format!("http://{}", addresses[0]);
        let handle = server.handle();
        actix::spawn(server);
        Self {
            address,
            services,
            folder,
            client: Client::new(),
            server: handle,
            database,
        }
    }

    pub(crate) fn database_url(&self) -> &str {
        &self.database.url
    }

    pub(crate) fn start_encoder(&self) {
        self.services.start_encoders(1);
    }

    /// Ends the program and looks whether it left anything behind.
    pub(crate) async fn finish(self) {
        self.finish_with_its_database().await.drop().await;
    }

    /// The same, leaving the database to be looked into.
    pub(crate) async fn finish_with_its_database(self) -> TestDatabase {
        self.server.stop(true).await;
        let left = files_below(&self.folder.path().join("data/video/.incoming"));
        self.services.stop(std::future::pending()).await;
        assert_eq!(left, Vec::<String>::new(), "uploads left files behind");
        self.database
    }

    /// Every read model comes out of the log as it stands.
    pub(crate) async fn assert_rebuilt_equals_live(&self) {
        let bench = Bench {
            db: &self.services.db,
            logs: &self.services.logs,
            clock: &SystemClock,
            holder: "the test",
        };
        for projection in &PROJECTIONS {
            let verdict = rebuild::verify(bench, projection, |_| {}).await.unwrap();
            assert_eq!(verdict.difference, None, "{}", projection.name);
        }
    }

    /// An event that this program cannot read, appended beside it as by a newer one.
    pub(crate) async fn poison(&self, stream: &str, version: i64) {
        let (writer, writing) = LogWriter::new(self.services.db.clone(), Log::Clip, Arc::new(SystemClock));
        let writing = actix::spawn(writing);
        let event = Written {
            event_type: "ClipPraised".to_owned(),
            schema_version: 1,
            payload: "{}".to_owned(),
        };
        let append = Append {
            stream: stream.to_owned(),
            expected: Expected::Version(version),
            events: vec![event],
            metadata: "{}".to_owned(),
            command_id: "praise".to_owned(),
        };
        writer.append(append).await.unwrap();
        drop(writer);
        writing.await.unwrap();
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.address)
    }

    pub(crate) async fn get(&self, path: &str) -> Response {
        self.client.get(self.url(path)).send().await.unwrap()
    }

    /// The same for who holds a key.
    pub(crate) async fn get_as(&self, key: &str, path: &str) -> Response {
        let request = self.client.get(self.url(path)).bearer_auth(key);
        request.send().await.unwrap()
    }

    /// A key of somebody else.
    pub(crate) async fn key_of(&self, user: &str, scopes: &str) -> String {
        let key = format!("clk_{}", Uuid::now_v7().simple());
        let owner = KeyRow {
            user_id: user.to_owned(),
            scopes: scopes.to_owned(),
        };
        let stored = keys::store(&self.services.db, Uuid::now_v7(), &key, &owner, Utc::now());
        stored.await.unwrap();
        key
    }

    pub(crate) async fn json(&self, path: &str) -> Value {
        self.get(path).await.json().await.unwrap()
    }

    pub(crate) async fn text(&self, path: &str) -> String {
        let response = self.get(path).await;
        assert_eq!(response.status(), 200, "{path}");
        response.text().await.unwrap()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> RequestBuilder {
        self.client.post(self.url(path)).bearer_auth(KEY).json(body)
    }

    pub(crate) fn put_source(&self, clip: &str, body: impl Into<reqwest::Body>) -> RequestBuilder {
        self.client
            .put(self.url(&format!("/api/clips/{clip}/source")))
            .bearer_auth(KEY)
            .body(body)
    }

    /// Registers a clip under a slug.
    pub(crate) async fn register(&self, slug: &str) -> Value {
        let response = self
            .post("/api/clips", &json!({ "title": slug, "slug": slug }))
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 201);
        response.json().await.unwrap()
    }

    /// Registers a clip and uploads its source, which must be accepted.
    pub(crate) async fn upload(&self, slug: &str, file: &Path) -> Value {
        self.register(slug).await;
        let response = self
            .put_source(slug, tokio::fs::read(file).await.unwrap())
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 202, "{}", response.text().await.unwrap());
        self.json(&format!("/api/clips/{slug}")).await
    }

    /// Waits until the encoding of a clip has ended.
    pub(crate) async fn ended(&self, slug: &str) -> Value {
        self.ended_within(slug, PATIENCE).await
    }

    /// The same, of a clip that takes longer than most.
    pub(crate) async fn ended_within(&self, slug: &str, patience: Duration) -> Value {
        self.until_within(patience, &format!("the encoding of {slug} to end"), async || {
            let clip = self.json(&format!("/api/clips/{slug}")).await;
            let status = clip["hls_processing_status"].as_str().unwrap().to_owned();
            ["completed", "partial", "failed"]
                .contains(&status.as_str())
                .then_some(clip)
        })
        .await
    }

    /// Waits for a fact.
    pub(crate) async fn until<T>(&self, fact: &str, look: impl AsyncFn() -> Option<T>) -> T {
        self.until_within(PATIENCE, fact, look).await
    }

    async fn until_within<T>(&self, patience: Duration, fact: &str, look: impl AsyncFn() -> Option<T>) -> T {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(found) = look().await {
                return found;
            }
            assert!(
                tokio::time::Instant::now() < deadline,
                "waited in vain for {fact}"
            );
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// The names of all files below a folder.
pub(crate) fn files_below(folder: &Path) -> Vec<String> {
    let mut found = vec![];
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else {
                found.push(entry.path().strip_prefix(folder).unwrap().display().to_string());
            }
        }
    }
    found.sort();
    found
}

/// Asserts that an answer is a problem document with this code.
pub(crate) async fn assert_problem(response: Response, status: u16, code: &str) -> Value {
    let kind = response
        .headers()
        .get("content-type")
        .map(|kind| kind.to_str().unwrap().to_owned());
    let found = response.status();
    let body = response.text().await.unwrap();
    let document: Value = serde_json::from_str(&body).unwrap_or_else(|_| panic!("no JSON: {found} {body}"));
    assert_eq!(
        (found.as_u16(), document["code"].as_str()),
        (status, Some(code)),
        "{document}"
    );
    assert_eq!(kind.as_deref(), Some("application/problem+json"));
    assert_eq!(document["status"], status);
    assert_eq!(document["error"], document["detail"]);
    assert!(
        document["detail"].as_str().unwrap().ends_with(['.', '?']),
        "{document}"
    );
    document
}
