//! The API as a client sees it. A request that finds no server is tried again: the server may be restarting.

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt;
use reqwest::header::CONTENT_LENGTH;
use reqwest::{Body, Client, RequestBuilder};
use serde_json::{Value, json};
use tokio_util::io::ReaderStream;
use uuid::Uuid;

use super::bars::Bars;

const PART: usize = 256 * 1_024;
const PAUSE: Duration = Duration::from_millis(500);

/// Why the API did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum ApiError {
    /// It refused.
    #[error("{detail} ({code})")]
    Refused { code: String, detail: String },
    /// It could not be reached for long.
    #[error("the server at {server} cannot be reached: is `clipper serve` running?")]
    Unreachable {
        server: String,
        #[source]
        source: reqwest::Error,
    },
    /// The file cannot be read.
    #[error("the file cannot be read")]
    File(#[from] std::io::Error),
    /// The client could not be built.
    #[error("the HTTP client cannot be used")]
    Client(#[source] reqwest::Error),
}

pub(in crate::cli) struct Api {
    client: Client,
    server: String,
    key: String,
    patience: Duration,
}

impl Api {
    pub(in crate::cli) fn new(server: &str, key: String, patience: Duration) -> Result<Self, ApiError> {
        // A machine without authorities, as containers often are, can still speak plain HTTP.
        let client = Client::builder()
            .build()
            .or_else(|_| Client::builder().tls_certs_only([]).build())
            .map_err(ApiError::Client)?;
        Ok(Self {
            client,
            server: server.trim_end_matches('/').to_owned(),
            key,
            patience,
        })
    }

    pub(super) fn server(&self) -> &str {
        &self.server
    }

    pub(super) async fn register(&self, title: &str, slug: Option<&str>) -> Result<Value, ApiError> {
        let key = Uuid::now_v7().to_string();
        let body = json!({ "title": title, "slug": slug });
        self.patiently(async || {
            let request = self
                .client
                .post(self.url("/api/clips"))
                .header("Idempotency-Key", &key)
                .json(&body);
            Ok(request)
        })
        .await
    }

    pub(super) async fn clip(&self, id: &str) -> Result<Value, ApiError> {
        self.patiently(async || Ok(self.client.get(self.url(&format!("/api/clips/{id}")))))
            .await
    }

    pub(super) async fn upload(
        &self,
        id: &str,
        file: &Path,
        bytes: u64,
        bars: &Bars,
    ) -> Result<Value, ApiError> {
        let name = file
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or("clip")
            .to_owned();
        let bar = bars.upload_bar();
        self.patiently(async || {
            bar.set_position(0);
            let bar = bar.clone();
            let parts = ReaderStream::with_capacity(tokio::fs::File::open(file).await?, PART)
                .inspect_ok(move |part| bar.inc(part.len() as u64));
            Ok(self
                .client
                .put(self.url(&format!("/api/clips/{id}/source")))
                .query(&[("filename", &name)])
                .header(CONTENT_LENGTH, bytes)
                .body(Body::wrap_stream(parts)))
        })
        .await
    }

    /// What the API answers at a path.
    pub(in crate::cli) async fn get(&self, path: &str) -> Result<Value, ApiError> {
        self.patiently(async || Ok(self.client.get(self.url(path)))).await
    }

    /// Has the API do something.
    pub(in crate::cli) async fn post(&self, path: &str, body: &Value) -> Result<Value, ApiError> {
        let key = Uuid::now_v7().to_string();
        self.patiently(async || {
            let request = self.client.post(self.url(path));
            Ok(request.header("Idempotency-Key", &key).json(body))
        })
        .await
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.server)
    }

    async fn patiently(
        &self,
        request: impl AsyncFn() -> Result<RequestBuilder, ApiError>,
    ) -> Result<Value, ApiError> {
        let began = Instant::now();
        loop {
            let answer = request().await?.bearer_auth(&self.key).send().await;
            match answer {
                Ok(response) if response.status().as_u16() == 503 && began.elapsed() < self.patience => {}
                Ok(response) => return read(response, &self.server).await,
                Err(_) if began.elapsed() < self.patience => {}
                Err(source) => {
                    return Err(ApiError::Unreachable {
                        server: self.server.clone(),
                        source,
                    });
                }
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn read(response: reqwest::Response, server: &str) -> Result<Value, ApiError> {
    let status = response.status();
    let body = response.text().await;
    let body = body.map_err(|source| ApiError::Unreachable {
        server: server.to_owned(),
        source,
    })?;
    let value: Value = serde_json::from_str(&body).unwrap_or(Value::Null);
    if status.is_success() {
        return Ok(value);
    }
    let member = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
    Err(ApiError::Refused {
        code: member("code").unwrap_or_else(|| status.to_string()),
        detail: member("detail").unwrap_or_else(|| "The server refused.".to_owned()),
    })
}
