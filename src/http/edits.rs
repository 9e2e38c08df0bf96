//! Clips as their owners change them: what is told of them and who may watch them; deleting them, and taking that back.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use chrono::{DateTime, TimeDelta, Utc};
use clipper_domain::clip::{
    ChangedDetails, ClipCommand, MAX_DESCRIPTION, MAX_TITLE, Visibility, is_fit_description, is_fit_title,
    is_web_address, present,
};
use clipper_projections::clips::{self, ClipRow, Which};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clip_json::ClipJson;
use super::clips::{find, find_own, id_of};
use super::problem::{Code, Problem};
use crate::actors::{Clips, Projectors};
use crate::clock::Clock;
use crate::storage::{Db, queue};

/// For how long a deleted clip may be restored.
#[derive(Clone, Copy)]
pub(crate) struct Undo(pub(crate) TimeDelta);

/// What is changed; what is absent stays, and what may be empty is emptied by `null` (RFC 7396).
#[derive(Debug, Deserialize, JsonSchema)]
#[schemars(rename = "ChangedClip")]
#[serde(deny_unknown_fields)]
#[expect(clippy::option_option, reason = "absent, `null` and a text are three things")]
pub(super) struct Patch {
    #[serde(default, deserialize_with = "present")]
    title: Option<String>,
    #[serde(default, deserialize_with = "present")]
    description: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    embed_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    twitch_clip_url: Option<Option<String>>,
    #[serde(default, deserialize_with = "present")]
    #[schemars(with = "Option<String>")]
    visibility: Option<Visibility>,
}

/// A clip that was deleted.
#[derive(JsonSchema, Serialize)]
#[schemars(rename = "DeletedClip")]
pub(super) struct DeletedJson {
    id: String,
    slug: String,
    restore_until: Option<DateTime<Utc>>,
}

impl Patch {
    fn details(self) -> Result<ChangedDetails, Problem> {
        let invalid = |detail: String| Err(Problem::new(Code::InvalidRequest, detail));
        let title = self.title.map(|title| title.trim().to_owned());
        if title.as_deref().is_some_and(|title| !is_fit_title(title)) {
            return invalid(format!(
                "`title` must have 1 to {MAX_TITLE} printable characters."
            ));
        }
        let urls = [&self.embed_url, &self.twitch_clip_url];
        if urls
            .into_iter()
            .flatten()
            .flatten()
            .any(|url| !is_web_address(url))
        {
            return invalid("URLs must begin with http:// or https:// and hold no spaces.".to_owned());
        }
        let description = self.description.map(|text| text.as_deref().and_then(tidy));
        if let Some(Some(text)) = &description
            && !is_fit_description(text)
        {
            return invalid(format!(
                "`description` may have {MAX_DESCRIPTION} characters of plain text."
            ));
        }
        Ok(ChangedDetails {
            title,
            description,
            embed_url: self.embed_url,
            twitch_clip_url: self.twitch_clip_url,
        })
    }
}

/// As it is stored: with line feeds, and nothing where there is nothing to read.
fn tidy(text: &str) -> Option<String> {
    let text = text.replace("\r\n", "\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}

/// `PATCH /api/clips/{clip}`, for its owner; with `If-Match`, only if nobody changed it meanwhile.
#[expect(clippy::too_many_arguments, reason = "what the application hands to it")]
pub(super) async fn change(
    request: HttpRequest,
    name: web::Path<String>,
    body: web::Json<Patch>,
    caller: Caller,
    db: web::Data<Db>,
    actors: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let patch = body.into_inner();
    let command = ClipCommand::ChangeDetails {
        visibility: patch.visibility,
        details: patch.details()?,
        seen: seen(&request, &row)?,
    };
    let executed = actors
        .execute(id_of(&row)?, command, caller.context(None))
        .await?;
    shown(&projectors, "clips", executed.position).await;
    describe(&db, &cdn, find(&db, &row.id, &caller).await?).await
}

/// Who hides a clip is told so once it is hidden, unless whoever makes the rows is gone.
async fn shown(projectors: &Projectors, projection: &str, position: i64) {
    for _ in 0..5 {
        if projectors.wait_for(projection, position).await {
            return;
        }
    }
}

/// A clip, with the revision that whoever changes it can name.
pub(super) async fn describe(db: &Db, cdn: &Cdn, row: ClipRow) -> Result<HttpResponse, Problem> {
    let revision = row.revision;
    Ok(HttpResponse::Ok()
        .insert_header((header::ETAG, format!("\"{revision}\"")))
        .json(ClipJson::load(db, row).await?.through(Some(cdn))))
}

/// The revision that a request must have seen; nothing, when it says nothing. Of several, any will do.
fn seen(request: &HttpRequest, row: &ClipRow) -> Result<Option<u32>, Problem> {
    let Some(wanted) = request.headers().get(header::IF_MATCH) else {
        return Ok(None);
    };
    let tags = wanted.to_str().unwrap_or_default().split(',').map(str::trim);
    let mut revisions = vec![];
    for tag in tags {
        if tag == "*" {
            return Ok(None);
        }
        let quoted = tag.strip_prefix('"').and_then(|tag| tag.strip_suffix('"'));
        revisions.extend(quoted.and_then(|revision| revision.parse::<u32>().ok()));
    }
    let latest = |revision: &&u32| i64::from(**revision) == row.revision;
    let named = revisions.iter().find(latest).or(revisions.first());
    match named {
        Some(revision) => Ok(Some(*revision)),
        None => Err(Problem::new(
            Code::PreconditionFailed,
            format!("The clip's revision is {}.", row.revision),
        )),
    }
}

/// A clip that the caller may change, also one that was deleted. Of those nobody else learns.
async fn find_even_deleted(db: &Db, name: &str, caller: &Caller) -> Result<ClipRow, Problem> {
    let deleted = db.optional(clips::by_name_in(name, Which::All)).await?;
    match deleted.filter(|row| row.deleted_at.is_some()) {
        Some(row) if caller.may_change(&row.owner_id) => Ok(row),
        Some(_) => Err(Problem::clip_not_found(name)),
        None => find_own(db, name, caller).await,
    }
}

/// `DELETE /api/clips/{clip}`, for its owner: it is gone for everyone at once, and may be restored for a while.
pub(super) async fn delete(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    actors: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    clock: web::Data<dyn Clock>,
    undo: web::Data<Undo>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_even_deleted(&db, &name, &caller).await?;
    let id = id_of(&row)?;
    let now = db.now(clock.as_ref()).await?;
    let command = ClipCommand::Delete {
        purge_after: now + undo.0,
    };
    let executed = actors.execute(id, command, caller.context(None)).await?;
    queue::revoke(&db, id, now).await?;
    for projection in ["clips", "encoding_queue"] {
        shown(&projectors, projection, executed.position).await;
    }
    let deletion = executed.clip.deletion();
    let restore_until = deletion.map(|deletion| deletion.purge_after);
    Ok(HttpResponse::Ok().json(DeletedJson {
        id: row.id,
        slug: row.slug,
        restore_until,
    }))
}

/// `POST /api/clips/{clip}/restore`, for its owner: what the deletion stopped begins anew.
pub(super) async fn restore(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    actors: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_even_deleted(&db, &name, &caller).await?;
    let executed = actors
        .execute(id_of(&row)?, ClipCommand::Restore, caller.context(None))
        .await?;
    shown(&projectors, "clips", executed.position).await;
    describe(&db, &cdn, find(&db, &row.id, &caller).await?).await
}
