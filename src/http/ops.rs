//! `/api/ops`: where read models stand, rebuilding them, parked events, and the logs themselves; for the scope `ops`.

use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clipper_projections::{Log, PROJECTIONS, Projection};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Scope};
use super::problem::{Code, Problem};
use crate::clock::Clock;
use crate::storage::parked::{self, Retried};
use crate::storage::rejects::{self, Looked, RejectedRow};
use crate::storage::{Db, Logs, people, rebuild, status};

const MAX_PAGE: i64 = 1_000;

/// Where each read model stands.
#[derive(JsonSchema, Serialize)]
pub(super) struct Standing {
    projections: Vec<status::Status>,
}

/// `GET /api/ops/projections`.
pub(super) async fn projections(
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
) -> Result<web::Json<Standing>, Problem> {
    caller.require(Scope::Ops)?;
    let projections = status::all(&db, &logs).await?;
    Ok(web::Json(Standing { projections }))
}

/// How a rebuild is wanted.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RebuildRequest {
    /// At most this many.
    events_per_second: Option<f64>,
}

/// A rebuild that was asked for.
#[derive(JsonSchema, Serialize)]
pub(super) struct Requested {
    name: &'static str,
    requested: bool,
}

/// `POST /api/ops/projections/{name}/rebuild`: asks for it; `GET /api/ops/projections` shows how far it has come.
pub(super) async fn request_rebuild(
    name: web::Path<String>,
    body: Option<web::Json<RebuildRequest>>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let projection = named(&name)?;
    let limit = body.and_then(|body| body.events_per_second);
    if limit.is_some_and(|limit| !limit.is_finite() || limit <= 0.0) {
        let detail = "`events_per_second` must be a number above 0.";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    rebuild::request(&db, projection, limit, clock.now()).await?;
    Ok(HttpResponse::Accepted().json(Requested {
        name: projection.name,
        requested: true,
    }))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PageQuery {
    /// A position.
    after: Option<i64>,
    /// 1 to 1000; 100, when it is not said.
    limit: Option<i64>,
}

impl PageQuery {
    fn checked(&self) -> Result<(i64, i64), Problem> {
        let limit = self.limit.unwrap_or(100);
        if (1..=MAX_PAGE).contains(&limit) {
            Ok((self.after.unwrap_or(0).max(0), limit))
        } else {
            let detail = format!("`limit` must be between 1 and {MAX_PAGE}.");
            Err(Problem::new(Code::InvalidRequest, detail))
        }
    }
}

/// Events that could not be applied.
#[derive(JsonSchema, Serialize)]
pub(super) struct Parked {
    parked: Vec<parked::ParkedRow>,
}

/// `GET /api/ops/projections/{name}/parked`.
pub(super) async fn list_parked(
    name: web::Path<String>,
    query: web::Query<PageQuery>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<Parked>, Problem> {
    caller.require(Scope::Ops)?;
    let (after, limit) = query.checked()?;
    let parked = parked::list(&db, named(&name)?, after, limit).await?;
    Ok(web::Json(Parked { parked }))
}

/// `POST /api/ops/projections/{name}/parked/{position}/retry`.
pub(super) async fn retry(
    place: web::Path<(String, i64)>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Retried>, Problem> {
    caller.require(Scope::Ops)?;
    let (name, position) = place.into_inner();
    let retried = parked::retry(&db, &logs, named(&name)?, position, clock.now()).await?;
    Ok(web::Json(retried.ok_or_else(|| not_parked(&name, position))?))
}

/// `POST /api/ops/projections/{name}/parked/{position}/skip`.
pub(super) async fn skip(
    place: web::Path<(String, i64)>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    clock: web::Data<dyn Clock>,
) -> Result<web::Json<Retried>, Problem> {
    caller.require(Scope::Ops)?;
    let (name, position) = place.into_inner();
    let skipped = parked::skip(&db, &logs, named(&name)?, position, clock.now()).await?;
    Ok(web::Json(skipped.ok_or_else(|| not_parked(&name, position))?))
}

fn not_parked(name: &str, position: i64) -> Problem {
    let detail = format!("No event {position} is parked for `{name}`.");
    Problem::new(Code::NotParked, detail)
}

fn named(name: &str) -> Result<&'static Projection, Problem> {
    let found = PROJECTIONS.iter().find(|projection| projection.name == name);
    found.ok_or_else(|| {
        Problem::new(
            Code::ProjectionNotFound,
            format!("There is no projection `{name}`."),
        )
    })
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EventsQuery {
    /// `clip` or `playback`.
    log: Option<String>,
    /// A position.
    after: Option<i64>,
    /// 1 to 1000; 100, when it is not said.
    limit: Option<i64>,
}

/// `GET /api/ops/events`: newline-delimited JSON.
pub(super) async fn events(
    query: web::Query<EventsQuery>,
    caller: Caller,
    logs: web::Data<Logs>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    let log = match query.log.as_deref() {
        None | Some("clip") => Log::Clip,
        Some("playback") => Log::Playback,
        Some(_) => {
            return Err(Problem::new(
                Code::InvalidRequest,
                "`log` must be `clip` or `playback`.",
            ));
        }
    };
    let page = PageQuery {
        after: query.after,
        limit: query.limit,
    };
    let (after, limit) = page.checked()?;
    let mut lines = String::new();
    for event in logs.stored_page(log, after, limit).await? {
        lines += &event.to_json()?.to_string();
        lines.push('\n');
    }
    Ok(HttpResponse::Ok()
        .content_type("application/x-ndjson")
        .body(lines))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RejectsQuery {
    /// An `id`.
    before: Option<i64>,
    /// The reason.
    code: Option<String>,
    /// `json`, `cmcd` or `request`.
    form: Option<String>,
    /// The session that they name.
    session: Option<String>,
    /// 1 to 1000; 100, when it is not said.
    limit: Option<i64>,
}

/// Records of players that were set aside.
#[derive(JsonSchema, Serialize)]
pub(super) struct Rejects {
    rejects: Vec<RejectedRow>,
}

/// `GET /api/ops/rejects`: records of players that were set aside, the latest first.
pub(super) async fn rejects(
    query: web::Query<RejectsQuery>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<Rejects>, Problem> {
    caller.require(Scope::Ops)?;
    let query = query.into_inner();
    let page = PageQuery {
        after: None,
        limit: query.limit,
    };
    let (_, limit) = page.checked()?;
    let looked = Looked {
        before: query.before,
        code: query.code,
        form: query.form,
        session: query.session,
    };
    let rejects = rejects::latest(&db, looked, limit).await?;
    Ok(web::Json(Rejects { rejects }))
}

/// `DELETE /api/ops/people/{user}`: forgets who is behind a pseudonym.
pub(super) async fn erase_person(
    user: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::Ops)?;
    match people::erase(&db, &user, clock.now()).await? {
        Some(_forgotten) => Ok(HttpResponse::new(StatusCode::NO_CONTENT)),
        None => Err(Problem::new(
            Code::PersonNotFound,
            format!("There is no user `{user}`."),
        )),
    }
}
