//! `POST /api/clips/import`: a clip whose source is fetched from elsewhere.

use std::sync::Arc;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::clip::{ClipCommand, Visibility};
use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::{Caller, Scope};
use super::clips::{NewClip, registered};
use super::idempotency;
use super::problem::{Code, Problem};
use super::source::Intake;
use crate::clock::Clock;
use crate::outbound::Outbound;
use crate::storage::imports::{self, Import};
use crate::storage::{Db, Logs, StorageError};

const MAX_URL: usize = 4_000;

/// Asks sources of others.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) outbound: Outbound,
    pub(crate) clock: Arc<dyn Clock>,
}

/// A clip whose source lies elsewhere.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct NewImport {
    url: String,
    title: Option<String>,
    slug: Option<String>,
    /// `public` or `private`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    visibility: Visibility,
    embed_url: Option<String>,
    twitch_clip_url: Option<String>,
}

/// How the fetching of a source goes.
#[derive(Clone, Debug, JsonSchema, Serialize)]
#[schemars(rename = "Import")]
pub(super) struct ImportJson {
    state: String,
    bytes: i64,
    /// Bytes that there are, once the server has said so.
    total: Option<i64>,
    /// Attempts that broke off.
    attempts: i64,
    failure: Option<ImportFailure>,
}

#[derive(Clone, Debug, JsonSchema, Serialize)]
struct ImportFailure {
    code: String,
    detail: String,
}

impl From<Import> for ImportJson {
    fn from(row: Import) -> Self {
        let failure = row.failure_code.zip(row.failure_detail);
        Self {
            state: row.state,
            bytes: row.bytes,
            total: row.total,
            attempts: row.attempts,
            failure: failure.map(|(code, detail)| ImportFailure { code, detail }),
        }
    }
}

impl ImportJson {
    /// The import of a clip that waits for its source.
    pub(super) async fn load(db: &Db, clip: clipper_domain::ClipId) -> Result<Option<Self>, StorageError> {
        let import = imports::of_clip(db, clip).await?;
        Ok(import.map(Self::from))
    }
}

/// `POST /api/clips/import`.
pub(super) async fn create(
    request: HttpRequest,
    body: web::Json<NewImport>,
    caller: Caller,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    intake: web::Data<Intake>,
    sources: web::Data<Sources>,
) -> Result<HttpResponse, Problem> {
    let owner = caller.require(Scope::ClipsWrite)?;
    let body = body.into_inner();
    let url = Url::parse(&body.url).ok().filter(|_| body.url.len() <= MAX_URL);
    let url = url.ok_or_else(|| {
        let detail = format!("`url` must be an http or https address of at most {MAX_URL} characters.");
        Problem::new(Code::InvalidRequest, detail)
    })?;
    sources.outbound.check(&url).await?;
    let key = idempotency::key_of(&request)?;
    let (id, registration) = body.clip(&url).registration(owner, key.as_deref())?;
    let command_id = key.as_ref().map(|key| format!("{owner}:{key}"));
    let context = caller.context(command_id);
    let (actor, correlation_id) = (context.actor.clone(), context.correlation_id.clone());
    let executed = intake
        .clips
        .execute(id, ClipCommand::Register(registration), context)
        .await?;
    let now = db.now(sources.clock.as_ref()).await?;
    imports::add(&db, id, url.as_str(), (&actor, &correlation_id), now).await?;
    let shown = intake.projectors.wait_for("clips", executed.position).await;
    Ok(HttpResponse::Accepted()
        .insert_header((header::LOCATION, format!("/api/clips/{id}")))
        .json(registered(&db, &logs, id, &caller, shown).await?))
}

impl NewImport {
    /// Without a title it is called what its file is called.
    fn clip(self, url: &Url) -> NewClip {
        let file = url
            .path_segments()
            .and_then(|mut parts| parts.next_back())
            .filter(|name| !name.is_empty())
            .or(url.host_str());
        let title = self
            .title
            .unwrap_or_else(|| file.unwrap_or("Untitled").to_owned());
        let mut clip = NewClip::titled(&title);
        clip.slug = self.slug;
        clip.visibility = self.visibility;
        clip.embed_url = self.embed_url;
        clip.twitch_clip_url = self.twitch_clip_url;
        clip
    }
}
