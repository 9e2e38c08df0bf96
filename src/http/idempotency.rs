//! `Idempotency-Key`: a POST that is repeated under its key gets its first answer
//! (draft-ietf-httpapi-idempotency-key-header).
//!
//! Promises: the answer is kept before it is sent; a request without effect can be tried again under its key; a crash
//! between effect and answer is healed by the commands, which carry the key as their identity.

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{Payload, ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode, header};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError, web};
use chrono::TimeDelta;
use sha2::{Digest, Sha256};

use super::auth::Caller;
use super::problem::{Code, Problem};
use crate::clock::Clock;
use crate::storage::idempotency::{self, Begun, FirstAnswer, Keyed};
use crate::storage::{Db, StorageError};

/// How long a request keeps repetitions waiting. After that its process counts as dead, and the repetition is executed:
/// should the first one live after all, the commands still happen once.
const PATIENCE: TimeDelta = TimeDelta::seconds(2);
/// What belongs to an answer beside its body.
const KEPT_HEADERS: [HeaderName; 2] = [header::CONTENT_TYPE, header::LOCATION];

/// Where first answers are kept, and for how long.
#[derive(Clone)]
pub(crate) struct FirstAnswers {
    pub(crate) db: Db,
    pub(crate) kept_for: TimeDelta,
}

/// The `Idempotency-Key` of a request.
pub(super) fn key_of(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let invalid = || {
        Problem::new(
            Code::InvalidRequest,
            "`Idempotency-Key` must be 1 to 200 visible ASCII characters.",
        )
    };
    let Some(value) = request.headers().get("Idempotency-Key") else {
        return Ok(None);
    };
    let key = value.to_str().ok().filter(|key| (1..=200).contains(&key.len()));
    Ok(Some(key.ok_or_else(invalid)?.to_owned()))
}

/// Answers a repetition from what was kept, and keeps what is answered first.
pub(crate) async fn repeat(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    // What shows a key once is kept nowhere.
    if request.method() != Method::POST || request.path().starts_with("/api/keys") {
        return Ok(next.call(request).await?.map_into_boxed_body());
    }
    let keyed = match keyed(&mut request).await {
        Ok(Some(keyed)) => keyed,
        Ok(None) => return Ok(next.call(request).await?.map_into_boxed_body()),
        Err(error) => return Ok(request.error_response(error)),
    };
    let (Some(answers), Some(clock)) = (
        request.app_data::<web::Data<FirstAnswers>>().cloned(),
        request.app_data::<web::Data<dyn Clock>>().cloned(),
    ) else {
        return Ok(next.call(request).await?.map_into_boxed_body());
    };
    let now = clock.now();
    match idempotency::begin(&answers.db, &keyed, now, now + PATIENCE).await {
        Ok(Begun::First) => {}
        Ok(begun) => return Ok(answer_repetition(request, begun)),
        Err(error) => return Ok(request.error_response(Problem::from(error))),
    }
    let response = next.call(request).await?.map_into_boxed_body();
    let (request, response) = response.into_parts();
    let response = remember(&answers, &**clock, &keyed, response).await;
    let response = response.unwrap_or_else(|error| Problem::from(error).error_response());
    Ok(ServiceResponse::new(request, response))
}

/// The request under its key, if it has one. Reads the body, and puts it back.
async fn keyed(request: &mut ServiceRequest) -> Result<Option<Keyed>, actix_web::Error> {
    let Some(key) = key_of(request.request())? else {
        return Ok(None);
    };
    let caller = request.extract::<Caller>().await?;
    let body = request.extract::<web::Bytes>().await.map_err(|_too_large| {
        Problem::new(
            Code::TooLarge,
            "A request with an `Idempotency-Key` may have at most 1 MiB.",
        )
    })?;
    let target = request.uri().path_and_query().map(ToString::to_string);
    let hash = Sha256::new()
        .chain_update(target.unwrap_or_default())
        .chain_update([0])
        .chain_update(&body);
    // What is put back is what was read: not compressed any more.
    request.headers_mut().remove(header::CONTENT_ENCODING);
    request.set_payload(Payload::from(body));
    let fingerprint = hex::encode(hash.finalize());
    // Those who have not signed in share no keys: each has only its own request.
    let scope = caller
        .person()
        .map_or_else(|| format!("anonymous:{fingerprint}"), |person| person.to_string());
    Ok(Some(Keyed {
        scope,
        key,
        fingerprint,
    }))
}

fn answer_repetition(request: ServiceRequest, begun: Begun) -> ServiceResponse<BoxBody> {
    let problem = match begun {
        Begun::Answered(first) => return request.into_response(again(&first)),
        Begun::Other => Problem::new(
            Code::IdempotencyKeyReused,
            "This key was used for another request.",
        ),
        Begun::First | Begun::UnderWay => Problem::new(
            Code::IdempotencyKeyInUse,
            "The request with this key is under way. Please ask again in a moment.",
        ),
    };
    request.error_response(problem)
}

fn again(first: &FirstAnswer) -> HttpResponse {
    let status = u16::try_from(first.status).ok();
    let status = status.and_then(|status| StatusCode::from_u16(status).ok());
    let mut response = HttpResponse::build(status.unwrap_or(StatusCode::OK));
    let headers: Vec<(String, String)> = serde_json::from_str(&first.headers).unwrap_or_default();
    for (name, value) in headers {
        response.insert_header((name, value));
    }
    response.insert_header(("Idempotency-Replayed", "true"));
    response.body(first.body.clone())
}

/// Keeps an answer that tells of an effect. Any other had none, and the key is free again.
async fn remember(
    answers: &FirstAnswers,
    clock: &dyn Clock,
    keyed: &Keyed,
    response: HttpResponse,
) -> Result<HttpResponse, StorageError> {
    if !response.status().is_success() {
        idempotency::let_go(&answers.db, keyed).await?;
        return Ok(response);
    }
    let (head, body) = response.into_parts();
    let body = to_bytes(body).await.unwrap_or_default();
    let text = |value: &HeaderValue| value.to_str().ok().map(str::to_owned);
    let headers: Vec<_> = KEPT_HEADERS
        .iter()
        .filter_map(|name| Some((name.as_str(), text(head.headers().get(name)?)?)))
        .collect();
    let first = FirstAnswer {
        status: i64::from(head.status().as_u16()),
        headers: serde_json::to_string(&headers).map_err(StorageError::Encode)?,
        body: String::from_utf8_lossy(&body).into_owned(),
    };
    idempotency::keep(&answers.db, keyed, &first, clock.now() + answers.kept_for).await?;
    Ok(head.set_body(BoxBody::new(body)))
}
