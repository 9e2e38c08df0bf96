//! Signing in on the pages: an API key, handed in once and kept in a cookie that no script can read.

use actix_web::cookie::time::Duration;
use actix_web::cookie::{Cookie, SameSite};
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpRequest, HttpResponse, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Keys};
use super::problem::{Code, Problem};
use crate::clock::Clock;
use crate::storage::{Db, people};

const COOKIE: &str = "clipper_session";
const KEPT: Duration = Duration::days(30);

/// What signs in.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct SignIn {
    key: String,
}

/// `POST /api/session`.
pub(super) async fn sign_in(
    request: HttpRequest,
    body: web::Json<SignIn>,
    keys: web::Data<Keys>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    let key = body.key.trim();
    if !keys.knows(key, clock.now()).await? {
        return Err(Problem::new(Code::Unauthorized, "The API key is not known."));
    }
    let cookie = cookie(&request, key.to_owned()).max_age(KEPT).finish();
    Ok(HttpResponse::NoContent().cookie(cookie).finish())
}

/// `DELETE /api/session`.
pub(super) async fn sign_out(request: HttpRequest) -> HttpResponse {
    let cookie = cookie(&request, String::new()).max_age(Duration::ZERO).finish();
    HttpResponse::NoContent().cookie(cookie).finish()
}

/// Somebody who is signed in.
#[derive(JsonSchema, Serialize)]
pub(super) struct SignedIn {
    user: Option<String>,
    scopes: Vec<String>,
}

/// `GET /api/session`: who is signed in, and what they may do.
pub(super) async fn show(caller: Caller, db: web::Data<Db>) -> Result<web::Json<SignedIn>, Problem> {
    let nobody = || Problem::new(Code::Unauthorized, "Nobody is signed in.");
    let person = caller.person().ok_or_else(nobody)?;
    let user = people::user_of(&db, &person.to_string()).await?;
    let scopes = caller.scopes().into_iter().map(str::to_owned).collect();
    Ok(web::Json(SignedIn { user, scopes }))
}

fn cookie(request: &HttpRequest, value: String) -> actix_web::cookie::CookieBuilder<'static> {
    Cookie::build(COOKIE, value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(request.connection_info().scheme() == "https")
}

/// The key in a request's cookie. One that changes something must come from our own pages: a cookie is sent along by
/// whoever makes the browser ask, `SameSite` counts all hosts of a domain as one site, and old browsers do not know it.
pub(super) fn key_in_cookie(request: &HttpRequest) -> Option<String> {
    let reads = request.method().is_safe();
    if !reads && !is_ours(request.headers()) {
        return None;
    }
    let cookie = request.cookie(COOKIE)?;
    Some(cookie.value().to_owned()).filter(|key| !key.is_empty())
}

/// Whether a request comes from a page of this host, as its browser says.
fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = text("sec-fetch-site") {
        return site == "same-origin";
    }
    let origin = text(header::ORIGIN.as_str()).and_then(|origin| origin.split_once("://"));
    match (origin, text(header::HOST.as_str())) {
        (Some((_, origin)), Some(host)) => origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}
