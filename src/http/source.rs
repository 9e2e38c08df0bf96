//! `PUT /api/clips/{clip}/source`: the file in one request, streamed to disk, checked before it is kept.

use std::path::PathBuf;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::ClipId;
use clipper_domain::clip::EncodingOrder;
use futures_util::StreamExt;
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clip_json::ClipJson;
use super::clips::{find, find_own, id_of};
use super::problem::{Code, Problem};
use crate::actors::{Ahead, Clips, Entrance, IntakeError, Projectors};
use crate::commands::Executed;
use crate::encode::Tools;
use crate::media::{IncomingError, MediaStore, Received};
use crate::storage::Db;

const MAX_FILENAME: usize = 255;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct SourceQuery {
    /// What the file is called where it comes from.
    filename: Option<String>,
}

/// What an upload touches.
#[derive(Clone)]
pub(crate) struct Intake {
    pub(crate) clips: Clips,
    pub(crate) projectors: Projectors,
    pub(crate) media: MediaStore,
    pub(crate) tools: Tools,
    /// Who encodes what has arrived of an upload.
    pub(crate) ahead: Ahead,
    /// The largest source in bytes.
    pub(crate) max_bytes: u64,
    /// What is made of it.
    pub(crate) order: EncodingOrder,
}

/// Receives the source, checks that it is a video, keeps it and queues its encoding.
pub(super) async fn put(
    request: HttpRequest,
    name: web::Path<String>,
    query: web::Query<SourceQuery>,
    body: web::Payload,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    check_headers(&request, intake.max_bytes)?;
    let id = id_of(&row)?;
    let received = receive(&intake.media, body, intake.max_bytes).await?;
    let filename = query.into_inner().filename.as_deref().map(file_name);
    let executed = take_in(&intake, id, received, filename, None, &caller).await?;
    intake.projectors.wait_for("clips", executed.position).await;
    let row = find(&db, &name, &caller).await?;
    let clip = ClipJson::load(&db, row).await?;
    Ok(HttpResponse::Accepted().json(clip.through(Cdn::of(&request))))
}

/// The name of a file as it is kept.
pub(super) fn file_name(name: &str) -> String {
    name.chars()
        .filter(|c| !c.is_control())
        .take(MAX_FILENAME)
        .collect()
}

pub(super) fn broken_off() -> Problem {
    Problem::new(
        Code::IncompleteUpload,
        "The connection broke before the file was complete.",
    )
}

/// Checks what was received, keeps it with what was made of it ahead, and queues its encoding.
pub(super) async fn take_in(
    intake: &Intake,
    id: ClipId,
    received: Received,
    filename: Option<String>,
    ahead: Option<PathBuf>,
    caller: &Caller,
) -> Result<Executed, Problem> {
    let entrance = intake.entrance();
    Ok(entrance
        .take_in(id, received, filename, ahead, caller.context(None))
        .await?)
}

impl Intake {
    fn entrance(&self) -> Entrance {
        Entrance {
            clips: self.clips.clone(),
            media: self.media.clone(),
            tools: self.tools.clone(),
            order: self.order.clone(),
        }
    }
}

impl From<IntakeError> for Problem {
    fn from(error: IntakeError) -> Self {
        match error {
            IntakeError::Rejected(rejection) => rejection.into(),
            IntakeError::Command(error) => error.into(),
            IntakeError::Store(error) => error.into(),
        }
    }
}

/// Refuses before a byte of the body is read.
fn check_headers(request: &HttpRequest, max_bytes: u64) -> Result<(), Problem> {
    let text = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    if let Some(kind) = text(header::CONTENT_TYPE) {
        let essence = kind
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_ascii_lowercase();
        let accepted = essence.starts_with("video/")
            || [
                "application/octet-stream",
                "application/mp4",
                "application/x-matroska",
                "image/gif",
            ]
            .contains(&essence.as_str());
        if !accepted {
            let detail = format!(
                "`{essence}` is not accepted: send the file itself as video/… or application/octet-stream."
            );
            return Err(Problem::new(Code::UnsupportedMediaType, detail));
        }
    }
    let length = text(header::CONTENT_LENGTH).and_then(|length| length.parse::<u64>().ok());
    match length {
        Some(length) if length > max_bytes => Err(too_large(max_bytes)),
        Some(_) | None => Ok(()),
    }
}

async fn receive(media: &MediaStore, mut body: web::Payload, max_bytes: u64) -> Result<Received, Problem> {
    let mut incoming = media.receive(uuid::Uuid::now_v7()).await?;
    while let Some(part) = body.next().await {
        let part = part.map_err(|_broken| broken_off())?;
        incoming
            .write(&part, max_bytes)
            .await
            .map_err(|error| match error {
                IncomingError::TooLarge { max_bytes } => too_large(max_bytes),
                IncomingError::Disk(error) => error.into(),
            })?;
    }
    let received = incoming.finish().await?;
    if received.bytes == 0 {
        return Err(Problem::new(
            Code::EmptySource,
            "The upload holds no bytes. Did the export finish?",
        ));
    }
    Ok(received)
}

pub(super) fn too_large(max_bytes: u64) -> Problem {
    Problem::new(
        Code::TooLarge,
        format!("The file may have at most {} MB.", max_bytes / 1_000_000),
    )
}
