//! Counting and timing every request under the pattern of its route, so that labels stay few.

use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::StatusCode;
use actix_web::middleware::Next;
use metrics::SharedString;

/// Measures a request.
pub(crate) async fn measure(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let started = Instant::now();
    let method = method(request.method());
    let response = next.call(request).await?;
    let route = response
        .request()
        .match_pattern()
        .unwrap_or_else(|| "none".to_owned());
    let bytes = match response.response().body().size() {
        BodySize::Sized(bytes) => bytes,
        BodySize::None | BodySize::Stream => 0,
    };
    Measured {
        route: route.into(),
        method,
        status: response.status(),
        bytes,
    }
    .record(started);
    Ok(response)
}

/// What is counted of a request.
pub(super) struct Measured {
    /// The pattern of its route.
    pub(super) route: SharedString,
    pub(super) method: &'static str,
    pub(super) status: StatusCode,
    /// Of the answer's body.
    pub(super) bytes: u64,
}

impl Measured {
    pub(super) fn record(self, started: Instant) {
        let route = self.route;
        let status = status_label(self.status);
        metrics::counter!("clipper_http_requests_total", "route" => route.clone(), "method" => self.method, "status" => status)
            .increment(1);
        metrics::histogram!("clipper_http_request_duration_seconds", "route" => route.clone())
            .record(started.elapsed().as_secs_f64());
        metrics::counter!("clipper_http_response_bytes_total", "route" => route).increment(self.bytes);
    }
}

/// Those of media without a new text each time.
fn status_label(status: StatusCode) -> SharedString {
    match status {
        StatusCode::OK => SharedString::const_str("200"),
        StatusCode::PARTIAL_CONTENT => SharedString::const_str("206"),
        StatusCode::NOT_MODIFIED => SharedString::const_str("304"),
        other => other.as_str().to_owned().into(),
    }
}

/// Methods are the caller's choice of text; unknown ones share a label.
pub(super) fn method(method: &actix_web::http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}
