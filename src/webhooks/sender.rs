//! Sending a message, and what is kept of the answer.

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::StreamExt;
use reqwest::header::{CONTENT_TYPE, HeaderName};
use reqwest::{Method, Response, StatusCode, Url};

use super::sign::signature;
use crate::outbound::{self, Outbound};
use crate::storage::webhooks::Endpoint;

/// What is kept of an answer's body.
const KEPT: usize = 1 << 10;
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

/// Sends messages to endpoints.
#[derive(Clone, Debug)]
pub struct Sender {
    outbound: Outbound,
    patience: Duration,
}

/// What an endpoint answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status, when it answered.
    pub status: Option<u16>,
    /// The beginning of the body.
    pub body: Option<String>,
    /// Why the message does not count as taken.
    pub error: Option<String>,
}

impl Answer {
    /// Whether the message was taken.
    pub fn is_taken(&self) -> bool {
        self.error.is_none()
    }

    /// Whether the endpoint wants no more.
    pub fn is_gone(&self) -> bool {
        self.status == Some(StatusCode::GONE.as_u16())
    }

    fn failed(error: String) -> Self {
        Self {
            status: None,
            body: None,
            error: Some(error),
        }
    }
}

impl Sender {
    /// Waits no longer than this for an answer.
    pub fn new(outbound: Outbound, patience: Duration) -> Self {
        Self { outbound, patience }
    }

    /// Looks whether messages may be sent to an address.
    pub async fn check(&self, url: &Url) -> Result<(), outbound::Refused> {
        self.outbound.check(url).await
    }

    /// Sends a message once.
    pub async fn send(&self, endpoint: &Endpoint, id: &str, body: &str, now: DateTime<Utc>) -> Answer {
        let Ok(url) = Url::parse(&endpoint.url) else {
            return Answer::failed(format!("`{}` is no address", endpoint.url));
        };
        let timestamp = now.timestamp();
        let request = match self.outbound.request(Method::POST, &url) {
            Ok(request) => request,
            Err(refused) => return Answer::failed(refused.to_string()),
        };
        let sending = request
            .header(CONTENT_TYPE, "application/json")
            .header(ID, id)
            .header(TIMESTAMP, timestamp)
            .header(SIGNATURE, signature(&endpoint.secrets(now), id, timestamp, body))
            .timeout(self.patience)
            .body(body.to_owned())
            .send();
        match sending.await {
            Ok(response) => read(response).await,
            Err(error) => Answer::failed(outbound::causes(&error)),
        }
    }
}

/// The status decides; a body that breaks off does not matter.
async fn read(response: Response) -> Answer {
    let status = response.status();
    let error = if status.is_success() {
        None
    } else if status.is_redirection() {
        Some(format!("answered {status}: redirects are not followed"))
    } else {
        Some(format!("answered {status}"))
    };
    let (mut stream, mut bytes) = (response.bytes_stream(), Vec::new());
    while bytes.len() < KEPT
        && let Some(Ok(part)) = stream.next().await
    {
        bytes.extend(part.iter().take(KEPT - bytes.len()));
    }
    // Text without zeros is what both databases can keep.
    let body = String::from_utf8_lossy(&bytes).replace('\0', "\u{fffd}");
    Answer {
        status: Some(status.as_u16()),
        body: Some(body),
        error,
    }
}
