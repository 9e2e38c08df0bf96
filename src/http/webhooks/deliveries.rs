//! What an endpoint was told and how that went.

use actix_web::{HttpResponse, web};
use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::find;
use crate::clock::Clock;
use crate::http::auth::{Caller, Scope};
use crate::http::problem::{Code, Problem, sentence};
use crate::storage::Db;
use crate::storage::webhooks::{self, Delivery, State};

const MAX_PAGE: i64 = 200;

#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "DeliveryQuery")]
#[serde(deny_unknown_fields)]
pub(in crate::http) struct ListQuery {
    state: Option<String>,
    limit: Option<i64>,
    cursor: Option<i64>,
}

#[derive(JsonSchema, Serialize)]
#[schemars(rename = "Delivery")]
pub(in crate::http) struct DeliveryJson {
    id: String,
    message_id: String,
    r#type: String,
    clip: String,
    position: i64,
    state: String,
    attempts: i64,
    next_attempt_at: Option<DateTime<Utc>>,
    last_attempt_at: Option<DateTime<Utc>>,
    response_status: Option<i64>,
    response_body: Option<String>,
    error: Option<String>,
    created_at: DateTime<Utc>,
}

impl From<Delivery> for DeliveryJson {
    fn from(row: Delivery) -> Self {
        let pending = row.state == State::Pending.as_str();
        Self {
            id: row.id,
            message_id: row.message_id,
            r#type: row.event_type,
            clip: row.clip_id,
            position: row.position,
            state: row.state,
            attempts: row.attempts,
            next_attempt_at: pending.then_some(row.next_attempt_at),
            last_attempt_at: row.last_attempt_at,
            response_status: row.response_status,
            response_body: row.response_body,
            error: row.error,
            created_at: row.created_at,
        }
    }
}

/// `GET /api/webhooks/{webhook}/deliveries`: the latest event first.
pub(in crate::http) async fn list(
    id: web::Path<Uuid>,
    query: web::Query<ListQuery>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<Value>, Problem> {
    caller.require(Scope::Ops)?;
    find(&db, *id).await?;
    let limit = query.limit.unwrap_or(50);
    if !(1..=MAX_PAGE).contains(&limit) {
        let detail = format!("`limit` must be between 1 and {MAX_PAGE}.");
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    let state = query.state.as_deref().map(str::parse::<State>).transpose();
    let state = state.map_err(|error| Problem::new(Code::InvalidRequest, sentence(&error.to_string())))?;
    let mut rows = webhooks::page(&db, *id, state, query.cursor, limit + 1).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = rows.last().filter(|_| more).map(|row| row.position);
    let deliveries: Vec<_> = rows.into_iter().map(DeliveryJson::from).collect();
    Ok(web::Json(
        json!({ "deliveries": deliveries, "next_cursor": next_cursor }),
    ))
}

/// `POST /api/webhooks/{webhook}/deliveries/{delivery}/retry`: tries it again now, and for three days if need be.
pub(in crate::http) async fn retry(
    path: web::Path<(Uuid, Uuid)>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let (endpoint, id) = path.into_inner();
    find(&db, endpoint).await?;
    let missing = || Problem::new(Code::DeliveryNotFound, format!("There is no delivery `{id}`."));
    webhooks::find_delivery(&db, endpoint, id)
        .await?
        .ok_or_else(missing)?;
    webhooks::retry(&db, endpoint, id, db.now(clock.as_ref()).await?).await?;
    let row = webhooks::find_delivery(&db, endpoint, id)
        .await?
        .ok_or_else(missing)?;
    Ok(HttpResponse::Accepted().json(DeliveryJson::from(row)))
}
