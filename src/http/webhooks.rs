//! `/api/webhooks`: who is told of clips' events, for operators.

mod deliveries;

use actix_web::http::header;
use actix_web::{HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

pub(super) use deliveries::{DeliveryJson, ListQuery, list as list_deliveries, retry};

use super::auth::{Caller, Scope};
use super::problem::{Code, Problem, sentence};
use crate::clock::Clock;
use crate::outbound::Refused;
use crate::storage::webhooks::{self, Endpoint};
use crate::storage::{Db, Log, Logs};
use crate::webhooks::{EVENT_TYPES, Sender, new_secret, test_message};

const MOST: usize = 100;
const MAX_URL: usize = 2_000;
const MAX_DESCRIPTION: usize = 200;
/// For how long the secret before a new one stays good.
const OVERLAP: TimeDelta = TimeDelta::days(1);

/// What is told of clips.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewWebhook {
    url: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    events: Vec<String>,
    /// The position after which it is told; the log's end, when absent.
    after: Option<i64>,
}

/// What is absent stays as it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ChangedWebhook")]
#[serde(deny_unknown_fields)]
pub(super) struct Change {
    url: Option<String>,
    description: Option<String>,
    events: Option<Vec<String>>,
    enabled: Option<bool>,
}

/// From where it is told once more.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Replay {
    /// A position of the clip log.
    after: i64,
}

/// An endpoint as it is shown: without its secret.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Webhook")]
pub(super) struct WebhookJson {
    id: String,
    url: String,
    description: String,
    events: Vec<String>,
    enabled: bool,
    disabled_reason: Option<String>,
    /// Events up to here have become deliveries.
    position: i64,
    failing_since: Option<DateTime<Utc>>,
    /// Until when messages are signed with the secret before this one, too.
    previous_secret_until: Option<DateTime<Utc>>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<Endpoint> for WebhookJson {
    fn from(row: Endpoint) -> Self {
        Self {
            events: row.events.split_whitespace().map(str::to_owned).collect(),
            id: row.id,
            url: row.url,
            description: row.description,
            enabled: row.enabled,
            disabled_reason: row.disabled_reason,
            position: row.position,
            failing_since: row.failing_since,
            previous_secret_until: row.previous_until,
            created_at: row.created_at,
            updated_at: row.updated_at,
        }
    }
}

/// `POST /api/webhooks`: the secret is shown in this answer and never again.
pub(super) async fn create(
    body: web::Json<NewWebhook>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    sender: web::Data<Sender>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let body = body.into_inner();
    if webhooks::all(&db).await?.len() >= MOST {
        let detail = format!("There may be {MOST} webhooks. Remove one that is not needed.");
        return Err(Problem::new(Code::TooManyWebhooks, detail));
    }
    let head = logs.head(Log::Clip).await?;
    let now = clock.now();
    let id = Uuid::now_v7();
    let endpoint = Endpoint {
        id: id.to_string(),
        url: fit_url(&body.url, &sender).await?,
        description: fit_description(body.description)?,
        events: fit_events(&body.events)?,
        secret: new_secret().map_err(|error| Problem::internal(&error))?,
        previous_secret: None,
        previous_until: None,
        enabled: true,
        disabled_reason: None,
        position: within(body.after.unwrap_or(head), head)?,
        failing_since: None,
        created_at: now,
        updated_at: now,
    };
    webhooks::add(&db, id, &endpoint).await?;
    let secret = endpoint.secret.clone();
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/webhooks/{id}")))
        .json(with_secret(endpoint, &secret)?))
}

/// `GET /api/webhooks`.
pub(super) async fn list(caller: Caller, db: web::Data<Db>) -> Result<web::Json<Value>, Problem> {
    caller.require(Scope::Ops)?;
    let endpoints = webhooks::all(&db).await?;
    let endpoints: Vec<_> = endpoints.into_iter().map(WebhookJson::from).collect();
    Ok(web::Json(
        json!({ "webhooks": endpoints, "event_types": EVENT_TYPES }),
    ))
}

/// `GET /api/webhooks/{webhook}`.
pub(super) async fn show(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    shown(&db, *id).await
}

/// `PATCH /api/webhooks/{webhook}`.
pub(super) async fn change(
    id: web::Path<Uuid>,
    body: web::Json<Change>,
    caller: Caller,
    db: web::Data<Db>,
    sender: web::Data<Sender>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let mut endpoint = find(&db, *id).await?;
    let body = body.into_inner();
    if let Some(url) = body.url {
        endpoint.url = fit_url(&url, &sender).await?;
    }
    if let Some(description) = body.description {
        endpoint.description = fit_description(description)?;
    }
    if let Some(events) = body.events {
        endpoint.events = fit_events(&events)?;
    }
    endpoint.enabled = body.enabled.unwrap_or(endpoint.enabled);
    webhooks::change(&db, *id, &endpoint, clock.now()).await?;
    shown(&db, *id).await
}

/// `DELETE /api/webhooks/{webhook}`: its deliveries go with it.
pub(super) async fn remove(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    if webhooks::remove(&db, *id).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(not_found(*id))
    }
}

/// `POST /api/webhooks/{webhook}/rotate`: the new secret is shown in this answer and never again.
pub(super) async fn rotate(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    find(&db, *id).await?;
    let secret = new_secret().map_err(|error| Problem::internal(&error))?;
    let now = clock.now();
    webhooks::rotate(&db, *id, &secret, now + OVERLAP, now).await?;
    Ok(HttpResponse::Ok().json(with_secret(find(&db, *id).await?, &secret)?))
}

/// `POST /api/webhooks/{webhook}/test`: sends a message that means nothing, and tells what came of it.
pub(super) async fn test(
    id: web::Path<Uuid>,
    caller: Caller,
    db: web::Data<Db>,
    sender: web::Data<Sender>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Value>, Problem> {
    caller.require(Scope::Ops)?;
    let endpoint = find(&db, *id).await?;
    let (message_id, body) = test_message(*id, Uuid::now_v7(), clock.now());
    let answer = sender.send(&endpoint, &message_id, &body, clock.now()).await;
    Ok(web::Json(json!({
        "delivered": answer.is_taken(), "message_id": message_id, "response_status": answer.status,
        "response_body": answer.body, "error": answer.error,
    })))
}

/// `POST /api/webhooks/{webhook}/replay`: tells once more what happened after a position.
pub(super) async fn replay(
    id: web::Path<Uuid>,
    body: web::Json<Replay>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    find(&db, *id).await?;
    let after = within(body.after, logs.head(Log::Clip).await?)?;
    webhooks::replay(&db, *id, after, clock.now()).await?;
    Ok(HttpResponse::Accepted().json(WebhookJson::from(find(&db, *id).await?)))
}

fn not_found(id: Uuid) -> Problem {
    Problem::new(Code::WebhookNotFound, format!("There is no webhook `{id}`."))
}

async fn find(db: &Db, id: Uuid) -> Result<Endpoint, Problem> {
    webhooks::find(db, id).await?.ok_or_else(|| not_found(id))
}

async fn shown(db: &Db, id: Uuid) -> Result<HttpResponse, Problem> {
    Ok(HttpResponse::Ok().json(WebhookJson::from(find(db, id).await?)))
}

fn with_secret(endpoint: Endpoint, secret: &str) -> Result<Value, Problem> {
    let mut json = serde_json::to_value(WebhookJson::from(endpoint))?;
    if let Some(members) = json.as_object_mut() {
        members.insert("secret".to_owned(), secret.into());
    }
    Ok(json)
}

fn within(after: i64, head: i64) -> Result<i64, Problem> {
    if (0..=head).contains(&after) {
        return Ok(after);
    }
    let detail = format!("`after` must be between 0 and the log's position, {head}.");
    Err(Problem::new(Code::InvalidRequest, detail))
}

async fn fit_url(text: &str, sender: &Sender) -> Result<String, Problem> {
    let url = Url::parse(text).ok().filter(|_| text.len() <= MAX_URL);
    let url = url.ok_or_else(|| {
        let detail = format!("`url` must be an http or https address of at most {MAX_URL} characters.");
        Problem::new(Code::InvalidRequest, detail)
    })?;
    sender.check(&url).await?;
    Ok(url.to_string())
}

fn fit_description(description: String) -> Result<String, Problem> {
    let fits = description.chars().count() <= MAX_DESCRIPTION && !description.chars().any(char::is_control);
    if fits {
        return Ok(description);
    }
    let detail = format!("`description` may have {MAX_DESCRIPTION} printable characters.");
    Err(Problem::new(Code::InvalidRequest, detail))
}

/// Each once, in the order of the table.
fn fit_events(wanted: &[String]) -> Result<String, Problem> {
    if let Some(unknown) = wanted.iter().find(|name| !EVENT_TYPES.contains(&name.as_str())) {
        let detail = format!(
            "`{unknown}` is no type of events: there are {}.",
            EVENT_TYPES.join(", ")
        );
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let chosen = EVENT_TYPES
        .into_iter()
        .filter(|name| wanted.iter().any(|wanted| wanted == name));
    Ok(chosen.collect::<Vec<_>>().join(" "))
}

impl From<Refused> for Problem {
    fn from(refused: Refused) -> Self {
        let code = match refused {
            Refused::NotWeb(_) | Refused::Credentials => Code::InvalidRequest,
            Refused::Private { .. } => Code::PrivateAddress,
        };
        Self::new(code, sentence(&refused.to_string()))
    }
}
