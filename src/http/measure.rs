//! Counting and timing every request under the pattern of its route, so that labels stay few.

use std::time::Instant;

use actix_web::body::{BodySize, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::middleware::Next;

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
    let status = response.status().as_str().to_owned();
    metrics::counter!("clipper_http_requests_total", "route" => route.clone(), "method" => method, "status" => status)
        .increment(1);
    metrics::histogram!("clipper_http_request_duration_seconds", "route" => route.clone())
        .record(started.elapsed().as_secs_f64());
    if let BodySize::Sized(bytes) = response.response().body().size() {
        metrics::counter!("clipper_http_response_bytes_total", "route" => route).increment(bytes);
    }
    Ok(response)
}

/// Methods are the caller's choice of text; unknown ones share a label.
fn method(method: &actix_web::http::Method) -> &'static str {
    ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
        .into_iter()
        .find(|known| *known == method.as_str())
        .unwrap_or("other")
}
