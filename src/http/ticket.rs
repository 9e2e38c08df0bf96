//! Signed playback: `/s/{token}/api/video/{clip}/…` is `/api/video/{clip}/…` for whoever holds a token of the clip.

use std::net::IpAddr;
use std::str::FromStr;

use actix_http::Request;
use actix_web::http::header;
use actix_web::http::uri::{PathAndQuery, Uri};
use actix_web::{HttpMessage, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::ClipId;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clips::{find_own, id_of};
use super::problem::{Code, Problem, sentence};
use crate::clock::Clock;
use crate::delivery::{Accounts, Admission, Bearer, Grant, TokenError, Tokens};
use crate::storage::Db;

const PREFIX: &str = "/s/";
/// What a token may stand before.
const MEDIA: &str = "/api/video/";
/// How much longer than its clip a token is good for, unless something else is asked for.
const BEYOND: TimeDelta = TimeDelta::hours(4);
const LONGEST: i64 = 30 * 86_400;

/// A token as it came with a request, not verified yet.
#[derive(Clone, Debug)]
pub(super) struct Ticket {
    token: String,
    address: Option<IpAddr>,
    referrer: Option<String>,
}

impl Ticket {
    /// Takes the token out of the address of a request.
    pub(super) fn of(request: &Request, client: Option<IpAddr>) -> Option<Self> {
        let (token, _) = split(request.path())?;
        let referrer = request
            .headers()
            .get(header::REFERER)
            .and_then(|value| value.to_str().ok());
        Some(Self {
            token: token.to_owned(),
            address: client,
            referrer: referrer.map(str::to_owned),
        })
    }

    /// Leaves the request with the address behind the token, and the token beside it.
    pub(super) fn put_aside(self, request: &mut Request) {
        let Some((_, path)) = split(request.path()) else {
            return;
        };
        let behind = match request.uri().query() {
            Some(query) => format!("{path}?{query}"),
            None => path.to_owned(),
        };
        let mut parts = request.uri().clone().into_parts();
        parts.path_and_query = PathAndQuery::from_str(&behind).ok();
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
            request.extensions_mut().insert(self);
        }
    }

    /// Whether it admits to a clip.
    pub(super) fn verify(
        &self,
        tokens: &Tokens,
        clip: ClipId,
        now: DateTime<Utc>,
    ) -> Result<Admission, TokenError> {
        let bearer = Bearer {
            now,
            address: self.address,
            referrer: self.referrer.as_deref(),
        };
        tokens.verify(&self.token, clip, bearer)
    }
}

/// The token, and the address behind it.
pub(super) fn split(path: &str) -> Option<(&str, &str)> {
    let rest = path.strip_prefix(PREFIX)?;
    let slash = rest.find('/')?;
    let (token, behind) = rest.split_at_checked(slash)?;
    behind.starts_with(MEDIA).then_some((token, behind))
}

/// Where a clip begins for whoever holds a token.
pub(crate) fn signed_master(token: &str, name: &str) -> String {
    format!("{PREFIX}{token}{MEDIA}{name}/master.m3u8")
}

impl From<TokenError> for Problem {
    fn from(error: TokenError) -> Self {
        let code = match error {
            TokenError::Invalid => Code::TokenInvalid,
            TokenError::Expired => Code::TokenExpired,
            TokenError::Elsewhere => Code::TokenElsewhere,
        };
        Self::new(code, sentence(&error.to_string()))
    }
}

/// What is asked of a token.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct TokenRequest {
    /// Seconds from now.
    expires_in: Option<i64>,
    /// Only for viewers of this address's network.
    #[schemars(with = "Option<String>")]
    address: Option<IpAddr>,
    /// Only for pages of this origin.
    referrer: Option<String>,
    /// Whose it is, in whatever words.
    viewer: Option<String>,
    /// The place of its rate in `limits.token_classes`, from 1 on.
    rate_class: Option<u8>,
}

/// A playback token.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Token")]
pub(super) struct TokenJson {
    token: String,
    /// Where the master playlist is.
    url: String,
    expires_at: DateTime<Utc>,
}

/// `POST /api/clips/{clip}/playback-token`: for the clip's owner, or `ops`.
pub(super) async fn mint(
    name: web::Path<String>,
    body: Option<web::Json<TokenRequest>>,
    caller: Caller,
    db: web::Data<Db>,
    (tokens, cdn): (web::Data<Tokens>, web::Data<Cdn>),
    accounts: web::Data<Accounts>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let asked = body.map(web::Json::into_inner).unwrap_or_default();
    if let Some(seconds) = asked.expires_in
        && !(1..=LONGEST).contains(&seconds)
    {
        let detail = format!("`expires_in` must be between 1 and {LONGEST} seconds.");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    if let Some(class) = asked.rate_class
        && !accounts.has_class(class)
    {
        let detail = format!("The settings have no rate class {class}.");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let grant = Grant {
        expires_at: clock.now() + lifetime(asked.expires_in, row.duration),
        address: asked.address,
        referrer: asked.referrer,
        viewer: asked.viewer,
        class: asked.rate_class,
    };
    let token = tokens.mint(id_of(&row)?, &grant, clock.now()).ok_or_else(|| {
        let detail = "There is no key to sign with: run `clipper token rotate`.";
        Problem::new(Code::Internal, detail)
    })?;
    let json = TokenJson {
        url: cdn.url(signed_master(&token, &row.slug)),
        token,
        expires_at: grant.expires_at,
    };
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(json))
}

/// As long as it takes to watch the clip with breaks, unless something else is asked for.
#[expect(clippy::cast_possible_truncation, reason = "clips last hours at most")]
pub(crate) fn lifetime(asked: Option<i64>, duration: Option<f64>) -> TimeDelta {
    let usual = || TimeDelta::seconds(duration.unwrap_or_default() as i64) + BEYOND;
    asked.map_or_else(usual, TimeDelta::seconds)
}
