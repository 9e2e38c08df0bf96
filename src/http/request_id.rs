//! `X-Request-Id`: what belongs together across requests, events and logs goes by one name, the client's or ours.

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest};
use uuid::Uuid;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");
const MAX_LENGTH: usize = 128;

#[derive(Clone)]
struct RequestId(String);

/// Gives each request its name, and says it in the answer.
pub(crate) async fn name(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    let id = chosen(request.headers());
    request.extensions_mut().insert(RequestId(id.clone()));
    let mut response = next.call(request).await?;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    Ok(response)
}

/// The client's name for a request, if it is fit to be written down, or a new one.
fn chosen(headers: &HeaderMap) -> String {
    let given = headers.get(HEADER).and_then(|value| value.to_str().ok());
    let fits =
        |id: &&str| (1..=MAX_LENGTH).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_graphic());
    given
        .filter(fits)
        .map_or_else(|| Uuid::now_v7().to_string(), str::to_owned)
}

/// Names a request that was answered before it reached the application.
pub(super) fn mark(asked: &HeaderMap, answered: &mut HeaderMap) {
    if let Ok(value) = HeaderValue::from_str(&chosen(asked)) {
        answered.insert(HEADER, value);
    }
}

/// The name of a request.
pub(super) fn of(request: &HttpRequest) -> String {
    let extensions = request.extensions();
    let known = extensions.get::<RequestId>().map(|id| id.0.clone());
    known.unwrap_or_else(|| Uuid::now_v7().to_string())
}
