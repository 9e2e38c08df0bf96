//! Clips: register, read, page through, and their history.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::clip::{ClipCommand, MAX_TITLE, Registration, Visibility, is_fit_title, is_web_address};
use clipper_domain::{ClipId, PersonId, Slug};
use clipper_projections::clips::{self, ClipRow, Filter, Order, Place};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clip_json::ClipJson;
use super::edits::describe;
use super::idempotency;
use super::problem::{Code, Problem, sentence};
use crate::actors::{Clips, Projectors};
use crate::commands::CommandError;
use crate::storage::past::{self, Moment};
use crate::storage::{Db, Log, Logs, people};

const MAX_PAGE: i64 = 100;

/// What registers a clip.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewClip {
    title: String,
    /// 1 to 80 lower-case letters, digits and inner hyphens.
    pub(super) slug: Option<String>,
    /// `public` or `private`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub(super) visibility: Visibility,
    pub(super) embed_url: Option<String>,
    pub(super) twitch_clip_url: Option<String>,
}

/// `POST /api/clips`.
pub(super) async fn create(
    request: HttpRequest,
    body: web::Json<NewClip>,
    caller: Caller,
    actors: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
) -> Result<HttpResponse, Problem> {
    let owner = caller.require(Scope::ClipsWrite)?;
    let key = idempotency::key_of(&request)?;
    let (id, registration) = body.into_inner().registration(owner, key.as_deref())?;
    // Keys of different people never meet, also where both ask for one slug.
    let command_id = key.as_ref().map(|key| format!("{owner}:{key}"));
    let executed = actors
        .execute(
            id,
            ClipCommand::Register(registration),
            caller.context(command_id),
        )
        .await
        .map_err(|error| reused_key(error, key.as_deref()))?;
    let shown = projectors.wait_for("clips", executed.position).await;
    let json = registered(&db, &logs, id, &caller, shown).await?;
    Ok(HttpResponse::Created()
        .insert_header((header::LOCATION, format!("/api/clips/{id}")))
        .json(json.through(Cdn::of(&request))))
}

/// A clip that was just registered, whether it is shown yet or not.
pub(super) async fn registered(
    db: &Db,
    logs: &Logs,
    id: ClipId,
    caller: &Caller,
    shown: bool,
) -> Result<ClipJson, Problem> {
    if shown {
        return ClipJson::load(db, find(db, &id.to_string(), caller).await?).await;
    }
    // Whoever makes the rows is slow or gone; the events are there.
    let now = past::clip_at(logs, id, Moment::Version(i64::MAX)).await?;
    let registered = now.ok_or_else(|| Problem::clip_not_found(&id.to_string()))?;
    ClipJson::of_past(db, registered).await
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
    /// A public clip with this title.
    pub(super) fn titled(title: &str) -> Self {
        let title = title
            .chars()
            .filter(|c| !c.is_control())
            .take(MAX_TITLE)
            .collect();
        Self {
            title,
            slug: None,
            visibility: Visibility::default(),
            embed_url: None,
            twitch_clip_url: None,
        }
    }

    pub(super) fn registration(
        self,
        owner: PersonId,
        key: Option<&str>,
    ) -> Result<(ClipId, Registration), Problem> {
        let title = self.title.trim().to_owned();
        if !is_fit_title(&title) {
            let detail = format!("`title` must have 1 to {MAX_TITLE} printable characters.");
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        for url in [&self.embed_url, &self.twitch_clip_url].into_iter().flatten() {
            if !is_web_address(url) {
                return Err(Problem::new(
                    Code::InvalidRequest,
                    "URLs must begin with http:// or https:// and hold no spaces.",
                ));
            }
        }
        let (id, slug) = if let Some(slug) = &self.slug {
            let slug: Slug = slug.parse().map_err(|error: clipper_domain::InvalidSlug| {
                Problem::new(Code::InvalidRequest, sentence(&error.to_string()))
            })?;
            (ClipId::of_slug(&slug), slug)
        } else {
            let id = ClipId(key.map_or_else(Uuid::now_v7, |key| keyed_id(owner, key)));
            (id, Slug::from_title(&title, id))
        };
        Ok((
            id,
            Registration {
                slug,
                title,
                owner,
                visibility: self.visibility,
                embed_url: self.embed_url,
                twitch_clip_url: self.twitch_clip_url,
                source_url: None,
                views: 0,
                created_at: None,
            },
        ))
    }
}

/// The identity of the clip that a person registers under a key: a repeated key finds it again.
fn keyed_id(owner: PersonId, key: &str) -> Uuid {
    Uuid::new_v5(&owner.0, format!("clip:{key}").as_bytes())
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ShowQuery {
    /// A version of its stream, or a time.
    at: Option<String>,
}

/// `GET /api/clips/{clip}`; with `at`, as it was, for its owner.
pub(super) async fn show(
    name: web::Path<String>,
    query: web::Query<ShowQuery>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    let row = find(&db, &name, &caller).await?;
    let Some(at) = &query.at else {
        return describe(&db, &cdn, row).await;
    };
    may_look_back(&caller, &row)?;
    let moment: Moment = at.parse().map_err(|error: past::InvalidMoment| {
        Problem::new(Code::InvalidRequest, sentence(&error.to_string()))
    })?;
    let past = past::clip_at(&logs, id_of(&row)?, moment).await?;
    let past =
        past.ok_or_else(|| Problem::new(Code::ClipNotFound, format!("`{name}` was not registered then.")))?;
    Ok(HttpResponse::Ok().json(ClipJson::of_past(&db, past).await?))
}

/// What was is for those who may change what is.
fn may_look_back(caller: &Caller, row: &ClipRow) -> Result<(), Problem> {
    caller.require(Scope::ClipsWrite)?;
    if caller.may_change(&row.owner_id) {
        Ok(())
    } else {
        Err(Problem::new(
            Code::Forbidden,
            "Only its owner may read a clip's history.",
        ))
    }
}

/// The clip with this UUID or slug, if the caller may know of it.
pub(super) async fn find(db: &Db, name: &str, caller: &Caller) -> Result<ClipRow, Problem> {
    let found = db.optional(clips::by_name(name)).await?;
    caller.watch(name, found.as_ref())?;
    found.ok_or_else(|| Problem::clip_not_found(name))
}

/// The clip with this UUID or slug, if the caller may change it.
pub(super) async fn find_own(db: &Db, name: &str, caller: &Caller) -> Result<ClipRow, Problem> {
    let row = find(db, name, caller).await?;
    if caller.may_change(&row.owner_id) {
        Ok(row)
    } else {
        Err(Problem::new(Code::Forbidden, "Only its owner may change a clip."))
    }
}

/// The identity in a row.
pub(super) fn id_of(row: &ClipRow) -> Result<ClipId, Problem> {
    row.id
        .parse()
        .map_err(|_invalid| Problem::clip_not_found(&row.id))
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct ListQuery {
    /// 1 to 100; 24, when it is not said.
    limit: Option<i64>,
    /// `next_cursor` of an earlier answer in the same order.
    cursor: Option<String>,
    /// Of `hls_processing_status`.
    status: Option<String>,
    owner: Option<String>,
    /// In the title.
    q: Option<String>,
    #[serde(default)]
    deleted: bool,
    #[serde(default)]
    sort: Sort,
}

#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Sort {
    #[default]
    Newest,
    Oldest,
    Views,
    Longest,
}

impl From<Sort> for Order {
    fn from(sort: Sort) -> Self {
        match sort {
            Sort::Newest => Self::Newest,
            Sort::Oldest => Self::Oldest,
            Sort::Views => Self::Views,
            Sort::Longest => Self::Longest,
        }
    }
}

/// Clips, and where the next page begins.
#[derive(JsonSchema, Serialize)]
pub(super) struct ClipPage {
    clips: Vec<ClipJson>,
    next_cursor: Option<String>,
}

/// `GET /api/clips`.
pub(super) async fn list(
    query: web::Query<ListQuery>,
    caller: Caller,
    db: web::Data<Db>,
    cdn: web::Data<Cdn>,
) -> Result<web::Json<ClipPage>, Problem> {
    let query = query.into_inner();
    let limit = query.limit.unwrap_or(24);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::new(
            Code::InvalidRequest,
            format!("`limit` must be between 1 and {MAX_PAGE}."),
        ));
    }
    let order = Order::from(query.sort);
    let invalid = || Problem::new(Code::InvalidRequest, "`cursor` must come from an earlier answer.");
    let after = match query.cursor.as_deref() {
        Some(cursor) => Some(place_at(cursor).ok_or_else(invalid)?),
        None => None,
    };
    let filter = Filter {
        status: query.status,
        owner: owner_named(&db, query.owner.as_deref()).await?,
        title_contains: query.q,
        viewer: caller.person(),
        everything: false,
        deleted: query.deleted,
        after,
    };
    let mut rows = db.all(clips::page(filter, order, limit + 1)).await?;
    let more = i64::try_from(rows.len()).is_ok_and(|found| found > limit);
    rows.truncate(usize::try_from(limit).unwrap_or_default());
    let last = rows.last().filter(|_| more);
    let next_cursor = last.map(|row| cursor_of(order.place_of(row)));
    let mut clips = Vec::with_capacity(rows.len());
    for row in rows {
        clips.push(ClipJson::load(&db, row).await?.through(Some(&cdn)));
    }
    Ok(web::Json(ClipPage { clips, next_cursor }))
}

/// Numbers are written so that they are read back as the same.
fn cursor_of(Place { value, position }: Place) -> String {
    format!("{position}_{value}")
}

fn place_at(cursor: &str) -> Option<Place> {
    let (position, value) = cursor.split_once('_')?;
    Some(Place {
        value: value.parse().ok().filter(|value: &f64| value.is_finite())?,
        position: position.parse().ok()?,
    })
}

/// The person whom a filter names; somebody who owns nothing, when there is no such user.
async fn owner_named(db: &Db, user_id: Option<&str>) -> Result<Option<PersonId>, Problem> {
    let Some(user_id) = user_id else {
        return Ok(None);
    };
    let person = people::find(db, user_id).await?;
    Ok(Some(person.unwrap_or(PersonId(Uuid::nil()))))
}

/// Events, as the logs have them.
#[derive(JsonSchema, Serialize)]
pub(super) struct History {
    events: Vec<Value>,
}

/// `GET /api/clips/{clip}/history`: its events, for its owner.
pub(super) async fn history(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
) -> Result<web::Json<History>, Problem> {
    let row = find(&db, &name, &caller).await?;
    may_look_back(&caller, &row)?;
    let events = logs.stream(Log::Clip, &id_of(&row)?.stream(), 0).await?;
    let events = events
        .iter()
        .map(crate::storage::StoredEvent::to_json)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(web::Json(History { events }))
}
