//! Clips: register, read, page through, and their history.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::clip::{ClipCommand, Registration, Visibility};
use clipper_domain::{ClipId, Slug};
use clipper_projections::clips::{self, ClipRow, Filter};
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use super::auth::{Caller, Scope};
use super::clip_json::ClipJson;
use super::problem::{Code, Problem, sentence};
use crate::actors::{Clips, Projectors};
use crate::commands::{CommandContext, CommandError};
use crate::storage::{Db, Log, Logs};

const MAX_TITLE: usize = 300;
const MAX_PAGE: i64 = 100;

/// What registers a clip.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClip {
    title: String,
    slug: Option<String>,
    #[serde(default)]
    visibility: Visibility,
    embed_url: Option<String>,
    twitch_clip_url: Option<String>,
}

/// `POST /api/clips`.
pub(super) async fn create(
    request: HttpRequest,
    body: web::Json<NewClip>,
    caller: Caller,
    actors: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let owner_id = caller.require(Scope::ClipsWrite)?.to_owned();
    let key = idempotency_key(&request)?;
    let (id, registration) = body.into_inner().registration(owner_id.clone(), key.as_deref())?;
    let context = CommandContext {
        command_id: key.clone().unwrap_or_else(|| Uuid::now_v7().to_string()),
        actor: owner_id,
    };
    let executed = actors
        .execute(id, ClipCommand::Register(registration), context)
        .await
        .map_err(|error| reused_key(error, key.as_deref()))?;
    if let Some(position) = executed.position {
        projectors.wait_for("clips", position).await;
    }
    let row = find(&db, &id.to_string(), &caller).await?;
    let location = format!("/api/clips/{}", row.id);
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, location))
        .json(ClipJson::load(&db, row).await?))
}

/// The `Idempotency-Key` of a request: the same key gives the same clip.
fn idempotency_key(request: &HttpRequest) -> Result<Option<String>, Problem> {
    let invalid = || {
        Problem::new(
            Code::InvalidRequest,
            "`Idempotency-Key` must be 1 to 200 visible ASCII characters.",
        )
    };
    let Some(value) = request.headers().get("Idempotency-Key") else {
        return Ok(None);
    };
    let key = value
        .to_str()
        .ok()
        .filter(|key| (1..=200).contains(&key.len()))
        .ok_or_else(invalid)?;
    Ok(Some(key.to_owned()))
}

fn reused_key(error: CommandError, key: Option<&str>) -> Problem {
    let problem = Problem::from(error);
    if problem.code() == Code::SlugTaken && key.is_some() {
        Problem::new(
            Code::IdempotencyKeyReused,
            "This key was used for another clip, or the slug is taken.",
        )
    } else {
        problem
    }
}

impl NewClip {
    fn registration(self, owner_id: String, key: Option<&str>) -> Result<(ClipId, Registration), Problem> {
        let title = self.title.trim().to_owned();
        if title.is_empty() || title.chars().count() > MAX_TITLE {
            let detail = format!("`title` must have 1 to {MAX_TITLE} characters.");
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        for url in [&self.embed_url, &self.twitch_clip_url].into_iter().flatten() {
            if !(url.starts_with("https://") || url.starts_with("http://")) {
                return Err(Problem::new(
                    Code::InvalidRequest,
                    "URLs must begin with http:// or https://.",
                ));
            }
        }
        let (id, slug) = if let Some(slug) = &self.slug {
            let slug: Slug = slug.parse().map_err(|error: clipper_domain::InvalidSlug| {
                Problem::new(Code::InvalidRequest, sentence(&error.to_string()))
            })?;
            (ClipId::of_slug(&slug), slug)
        } else {
            let id = ClipId(key.map_or_else(Uuid::now_v7, |key| keyed_id(&owner_id, key)));
            (id, Slug::from_title(&title, id))
        };
        Ok((
            id,
            Registration {
                slug,
                title,
                owner_id,
                visibility: self.visibility,
                embed_url: self.embed_url,
                twitch_clip_url: self.twitch_clip_url,
            },
        ))
    }
}

/// The identity of the clip that a user registers under a key: a repeated key finds it again.
fn keyed_id(owner_id: &str, key: &str) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("clipper:{}:{owner_id}:{key}", owner_id.len()).as_bytes(),
    )
}

/// `GET /api/clips/{clip}`.
pub(super) async fn show(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<ClipJson>, Problem> {
    let row = find(&db, &name, &caller).await?;
    Ok(web::Json(ClipJson::load(&db, row).await?))
}

/// The clip with this UUID or slug, if the caller may know of it.
pub(super) async fn find(db: &Db, name: &str, caller: &Caller) -> Result<ClipRow, Problem> {
    db.optional(clips::by_name(name))
        .await?
        .filter(|row| caller.may_watch(&row.visibility, &row.owner_id))
        .ok_or_else(|| Problem::clip_not_found(name))
}

/// The identity in a row.
pub(super) fn id_of(row: &ClipRow) -> Result<ClipId, Problem> {
    row.id
        .parse()
        .map_err(|_invalid| Problem::clip_not_found(&row.id))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    limit: Option<i64>,
    cursor: Option<String>,
    status: Option<String>,
    owner: Option<String>,
    q: Option<String>,
}

/// `GET /api/clips`, newest first.
pub(super) async fn list(
    query: web::Query<ListQuery>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<Value>, Problem> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(24);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::new(
            Code::InvalidRequest,
            format!("`limit` must be between 1 and {MAX_PAGE}."),
        ));
    }
    let invalid = |_error| Problem::new(Code::InvalidRequest, "`cursor` must come from an earlier answer.");
    let filter = Filter {
        status: query.status,
        owner_id: query.owner,
        title_contains: query.q,
        viewer: caller.user_id().map(str::to_owned),
        before: query
            .cursor
            .map(|cursor| cursor.parse())
            .transpose()
            .map_err(invalid)?,
    };
    let mut rows = db.all(clips::page(filter, limit + 1)).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let next_cursor = rows.last().filter(|_| more).map(|row| row.position.to_string());
    let mut clips = Vec::with_capacity(rows.len());
    for row in rows {
        clips.push(ClipJson::load(&db, row).await?);
    }
    Ok(web::Json(
        serde_json::json!({ "clips": clips, "next_cursor": next_cursor }),
    ))
}

/// `GET /api/clips/{clip}/history`: its events, for its owner.
pub(super) async fn history(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
) -> Result<web::Json<Value>, Problem> {
    let row = find(&db, &name, &caller).await?;
    caller.require(Scope::ClipsWrite)?;
    if !caller.may_change(&row.owner_id) {
        return Err(Problem::new(
            Code::Forbidden,
            "Only its owner may read a clip's history.",
        ));
    }
    let events = logs.stream(Log::Clip, &id_of(&row)?.stream(), 0).await?;
    let events = events
        .iter()
        .map(crate::storage::RawEvent::to_json)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(web::Json(serde_json::json!({ "events": events })))
}
