//! `/api/keys`: API keys, for operators. A key is shown in the answer that makes it and never again, and may do no more
//! than whoever makes it.

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::auth::{Caller, Scope};
use super::problem::{Code, Problem};
use crate::clock::Clock;
use crate::storage::Db;
use crate::storage::keys::{self, KeyRow, ListedKey, SCOPES};

const MAX_NAME: usize = 200;
const MOST_DAYS: i64 = 3_650;

/// A key that is wanted.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewKey {
    /// The user whom it speaks for.
    user: String,
    /// What it may do: `clips:write`, `analytics:read`, `ops`.
    scopes: Vec<String>,
    /// What it is for.
    #[serde(default)]
    name: String,
    /// Days for which it is good, 1 to 3650; until it is revoked, when they are left out.
    expires_in_days: Option<i64>,
}

/// A key as it is shown: with the key itself only in the answer that makes it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Key")]
pub(super) struct KeyJson {
    id: String,
    user: String,
    name: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: Option<DateTime<Utc>>,
    /// To the minute.
    last_used_at: Option<DateTime<Utc>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<String>,
}

/// All keys that were not revoked, the oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Keys {
    keys: Vec<KeyJson>,
}

impl From<ListedKey> for KeyJson {
    fn from(row: ListedKey) -> Self {
        Self {
            id: row.id,
            user: row.user_id,
            name: row.name,
            scopes: row.scopes.split_whitespace().map(str::to_owned).collect(),
            created_at: row.created_at,
            expires_at: row.expires_at,
            last_used_at: row.last_used_at,
            key: None,
        }
    }
}

/// `GET /api/keys`.
pub(super) async fn list(caller: Caller, db: web::Data<Db>) -> Result<web::Json<Keys>, Problem> {
    caller.require(Scope::Ops)?;
    let keys = keys::list(&db).await?.into_iter().map(KeyJson::from).collect();
    Ok(web::Json(Keys { keys }))
}

/// `POST /api/keys`.
pub(super) async fn create(
    body: web::Json<NewKey>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let wanted = body.into_inner();
    let expires_in = fit(&wanted)?;
    check_grant(&caller, &wanted.scopes)?;
    let key = keys::generate().map_err(|error| Problem::internal(&error))?;
    let (id, now) = (Uuid::now_v7(), clock.now());
    let owner = KeyRow {
        user_id: wanted.user,
        scopes: keys::in_order(&wanted.scopes),
    };
    let expires_at = expires_in.map(|days| now + days);
    keys::store_named(&db, id, &key, &owner, &wanted.name, expires_at, now).await?;
    made(&db, id, key).await
}

/// `POST /api/keys/{key}/rotate`: another key that may do the same, and the old one worthless.
pub(super) async fn rotate(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let old = find(&db, *id).await?;
    check_grant(&caller, &old.scopes)?;
    let key = keys::generate().map_err(|error| Problem::internal(&error))?;
    let fresh = keys::rotate(&db, *id, &key, None, clock.now()).await?;
    made(&db, fresh.ok_or_else(|| not_found(*id))?, key).await
}

/// `DELETE /api/keys/{key}`: it is worthless at once.
pub(super) async fn revoke(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    if keys::revoke(&db, *id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(not_found(*id))
    }
}

/// For how long a key is wanted, when it makes sense.
fn fit(wanted: &NewKey) -> Result<Option<TimeDelta>, Problem> {
    let invalid = |detail: String| Problem::new(Code::InvalidRequest, detail);
    if !keys::is_user_name(&wanted.user) {
        let detail = "`user` needs at least one character, and none that cannot be seen.";
        return Err(invalid(detail.to_owned()));
    }
    if wanted.name.chars().count() > MAX_NAME || wanted.name.chars().any(char::is_control) {
        return Err(invalid(format!(
            "`name` has at most {MAX_NAME} characters, and none that cannot be seen."
        )));
    }
    let known = |scope: &String| SCOPES.contains(&scope.as_str());
    if wanted.scopes.is_empty() || !wanted.scopes.iter().all(known) {
        return Err(invalid(format!(
            "`scopes` must be some of {}.",
            SCOPES.join(", ")
        )));
    }
    match wanted.expires_in_days {
        Some(days) if !(1..=MOST_DAYS).contains(&days) => Err(invalid(format!(
            "`expires_in_days` must be between 1 and {MOST_DAYS}."
        ))),
        days => Ok(days.map(TimeDelta::days)),
    }
}

/// Nobody hands out what they do not have.
fn check_grant(caller: &Caller, scopes: &[String]) -> Result<(), Problem> {
    let own = caller.scopes();
    match scopes.iter().find(|scope| !own.contains(&scope.as_str())) {
        None => Ok(()),
        Some(scope) => Err(Problem::new(
            Code::Forbidden,
            format!("Your key lacks the scope `{scope}`, so it cannot give it to another."),
        )),
    }
}

async fn find(db: &Db, id: Uuid) -> Result<KeyJson, Problem> {
    let name = id.to_string();
    let found = keys::list(db).await?.into_iter().find(|key| key.id == name);
    found.map(KeyJson::from).ok_or_else(|| not_found(id))
}

async fn made(db: &Db, id: Uuid, key: String) -> Result<HttpResponse, Problem> {
    let shown = KeyJson {
        key: Some(key),
        ..find(db, id).await?
    };
    Ok(HttpResponse::Created()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(shown))
}

fn not_found(id: Uuid) -> Problem {
    Problem::new(Code::KeyNotFound, format!("There is no key `{id}`."))
}
