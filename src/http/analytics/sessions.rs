//! Sessions one by one.

use actix_web::{HttpRequest, web};
use chrono::{DateTime, SecondsFormat, Utc};
use clipper_domain::SessionId;
use clipper_projections::clips;
use clipper_projections::streaming_analytics::{self as sessions, Listing, Order, Place, SessionRow, Value};
use serde_json::json;

use super::{Filter, Parameters};
use crate::clock::Clock;
use crate::http::auth::Caller;
use crate::http::problem::{Code, Problem};
use crate::storage::Db;

const MAX_PAGE: i64 = 100;

const ORDERS: [(&str, Order); 4] = [
    ("newest", Order::Newest),
    ("oldest", Order::Oldest),
    ("worst", Order::Worst),
    ("best", Order::Best),
];

const OUTCOMES: [(&str, &str); 7] = [
    ("idle", "idle"),
    ("brief", "brief"),
    ("left_before_start", "left_before_start"),
    ("failed_to_start", "failed_to_start"),
    ("failed_midway", "failed_midway"),
    ("refused", "refused"),
    ("played", "played"),
];

/// `GET /api/analytics/sessions`.
pub(in crate::http) async fn list(
    request: HttpRequest,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<serde_json::Value>, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let filter = Filter::take(&mut parameters, &caller, &db, &clock).await?;
    let order = parameters.word("sort", &ORDERS)?.unwrap_or_default();
    let live = parameters.word("state", &[("live", true), ("ended", false)])?;
    let outcome = parameters.word("outcome", &OUTCOMES)?;
    let limit = parameters.number("limit", 1..=MAX_PAGE)?.unwrap_or(24);
    let after = parameters.text("cursor").map(|cursor| place_at(&cursor, order));
    parameters.finish()?;
    let listing = Listing {
        live: live.map(|live| (live, filter.now)),
        outcome: outcome.map(str::to_owned),
        after: after.transpose()?,
    };
    let mut rows = db
        .all(sessions::page(&filter.selection, listing, order, limit + 1))
        .await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let last = rows.last().filter(|_| more).and_then(|row| order.place_of(row));
    let shown: Result<Vec<_>, _> = rows.iter().map(|row| shown(row, &caller, filter.now)).collect();
    Ok(web::Json(json!({
        "range": filter.range(), "sessions": shown?, "next_cursor": last.map(|place| cursor_of(&place)),
    })))
}

/// `GET /api/analytics/sessions/{id}`: the row, and what happened when.
pub(in crate::http) async fn show(
    request: HttpRequest,
    id: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<serde_json::Value>, Problem> {
    let owner = caller.audience()?;
    Parameters::of(&request)?.finish()?;
    let missing = || Problem::new(Code::SessionNotFound, format!("There is no session `{id}`."));
    let session: SessionId = id.parse().map_err(|_invalid| missing())?;
    let row = db.optional(sessions::by_id(session)).await?;
    let row = row.filter(|row| !row.private).ok_or_else(missing)?;
    if let Some(owner) = owner {
        // Of sessions of others nobody learns whether they are there.
        let clip = row.clip_id.as_deref().ok_or_else(missing)?;
        let clip = db.optional(clips::by_name(clip)).await?;
        let own = clip.is_some_and(|clip| clip.owner_id == owner.to_string());
        own.then_some(()).ok_or_else(missing)?;
    }
    let began_at = row.created_at.to_rfc3339_opts(SecondsFormat::Millis, true);
    let mut timeline = serde_json::to_value(row.timeline())?;
    if let Some(members) = timeline.as_object_mut() {
        members.insert("began_at".to_owned(), began_at.into());
    }
    let session = shown(&row, &caller, clock.now())?;
    Ok(web::Json(json!({ "session": session, "timeline": timeline })))
}

/// A row as it is shown: without what only the fold understands, and without the viewer's names for those who own the
/// clip and no more.
pub(super) fn shown(
    row: &SessionRow,
    caller: &Caller,
    now: DateTime<Utc>,
) -> Result<serde_json::Value, Problem> {
    let mut value = serde_json::to_value(row)?;
    if let Some(members) = value.as_object_mut() {
        for hidden in ["state", "position", "private"] {
            members.remove(hidden);
        }
        if caller.audience()?.is_some() {
            members.remove("user_id");
            members.remove("viewer");
        }
        let renditions = serde_json::from_str(&row.renditions).unwrap_or_default();
        members.insert("renditions".to_owned(), renditions);
        let passes = serde_json::from_str(&row.passes).unwrap_or_default();
        members.insert("passes".to_owned(), passes);
        members.insert("live".to_owned(), row.is_live(now).into());
        for (name, at) in [
            ("created_at", row.created_at),
            ("ended_at", row.ended_at),
            ("updated_at", row.updated_at),
        ] {
            members.insert(
                name.to_owned(),
                at.to_rfc3339_opts(SecondsFormat::Millis, true).into(),
            );
        }
    }
    Ok(value)
}

/// Numbers are written so that they are read back as the same.
fn cursor_of(place: &Place) -> String {
    match place.value {
        Value::At(at) => format!("{}_{}", at.timestamp_micros(), place.id.simple()),
        Value::Score(score) => format!("{score}_{}", place.id.simple()),
    }
}

fn place_at(cursor: &str, order: Order) -> Result<Place, Problem> {
    let place = cursor.split_once('_').and_then(|(value, id)| {
        let value = match order {
            Order::Newest | Order::Oldest => Value::At(DateTime::from_timestamp_micros(value.parse().ok()?)?),
            Order::Worst | Order::Best => {
                Value::Score(value.parse().ok().filter(|score: &f64| score.is_finite())?)
            }
        };
        let id = id.parse().ok()?;
        Some(Place { value, id })
    });
    place.ok_or_else(|| {
        Problem::parameter(
            "cursor",
            "`cursor` must come from an earlier answer in this order.",
        )
    })
}
