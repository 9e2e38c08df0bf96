//! Captions: handed in by a clip's owner, served to players as `WebVTT` and as a playlist of it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::ClipId;
use clipper_domain::captions::{Captions, InvalidLanguage, LanguageTag};
use clipper_domain::clip::{ClipCommand, ClipEvent};
use clipper_projections::clip_captions::{self, CaptionsRow};
use clipper_projections::clips::ClipRow;
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::auth::{Caller, Scope};
use super::bytes;
use super::clip_json::CaptionsJson;
use super::clips::{find, find_own, id_of};
use super::playback::{self, PRIVATE, not_available, playlist_kept_for};
use super::problem::{Code, Problem, sentence};
use crate::actors::{Clips, Projectors};
use crate::commands::Executed;
use crate::delivery::{Playable, Playables, Text};
use crate::encode::ORIGIN;
use crate::hls::{self, SubtitlePlaylist};
use crate::media::MediaStore;
use crate::media::labels::{IMMUTABLE, VTT};
use crate::storage::Db;

/// The largest file of captions in bytes.
const MAX_BYTES: usize = 1 << 20;
/// Captions are corrected while people watch.
pub(super) const CHANGING: &str = "public, max-age=60";
/// How much of their hash tells one version of captions from another.
const VERSION_DIGITS: usize = 12;

/// `PUT /api/clips/{clip}/captions/{lang}`: `SubRip` or `WebVTT`.
pub(super) async fn put(
    path: web::Path<(String, String)>,
    body: web::Payload,
    caller: Caller,
    db: web::Data<Db>,
    clips: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    media: web::Data<MediaStore>,
) -> Result<HttpResponse, Problem> {
    let (name, language) = path.into_inner();
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let language = parse_language(&language)?;
    let (text, cues) = read(body).await?;
    let captions = Captions {
        object: MediaStore::captions_object(id_of(&row)?, uuid::Uuid::now_v7()),
        sha256: hex::encode(Sha256::digest(&text)),
        bytes: text.len() as u64,
        cues,
        language: language.clone(),
    };
    let executed = store(&media, &clips, id_of(&row)?, captions, &text, &caller).await?;
    projectors.wait_for("clip_captions", executed.position).await;
    let stored = find_captions(&db, &row, &language).await?;
    let replaces = |event: &ClipEvent| matches!(event, ClipEvent::CaptionsAdded { replaced: None, .. });
    let status = if executed.events.iter().any(replaces) {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    Ok(HttpResponse::build(status).json(CaptionsJson::of(&row.slug, stored)))
}

/// The file that players get, and how many captions it has.
async fn read(body: web::Payload) -> Result<(String, u32), Problem> {
    let received = body.to_bytes_limited(MAX_BYTES).await.map_err(|_larger| {
        let detail = format!("Captions may have at most {MAX_BYTES} bytes.");
        Problem::new(Code::TooLarge, detail)
    })?;
    let received = received.map_err(|_broken| {
        let detail = "The connection broke before the captions were complete.";
        Problem::new(Code::IncompleteUpload, detail)
    })?;
    let captions = hls::Captions::parse(&received).map_err(|error| {
        let code = match error {
            hls::CaptionsError::NotUtf8 => Code::CaptionsNotUtf8,
            hls::CaptionsError::Empty
            | hls::CaptionsError::NoTimes { .. }
            | hls::CaptionsError::BadTimes { .. }
            | hls::CaptionsError::Backwards { .. }
            | hls::CaptionsError::Unseparated { .. } => Code::CaptionsMalformed,
        };
        Problem::new(code, sentence(&error.to_string()))
    })?;
    let cues = u32::try_from(captions.count()).unwrap_or(u32::MAX);
    Ok((captions.render(ORIGIN), cues))
}

/// Stores the file, then records it; what is not needed, or not any more, is removed.
async fn store(
    media: &MediaStore,
    clips: &Clips,
    id: ClipId,
    captions: Captions,
    text: &str,
    caller: &Caller,
) -> Result<Executed, Problem> {
    let object = captions.object.clone();
    media.put(&object, text.to_owned()).await?;
    let command = ClipCommand::AddCaptions(captions);
    let executed = match clips.execute(id, command, caller.context(None)).await {
        Ok(executed) => executed,
        Err(error) => {
            if let crate::commands::CommandError::Refused(_) = &error {
                media.remove(&object).await?;
            }
            return Err(error.into());
        }
    };
    if executed.events.is_empty() {
        // The clip has the very same already.
        media.remove(&object).await?;
    }
    remove_unneeded(media, &executed).await?;
    Ok(executed)
}

async fn remove_unneeded(media: &MediaStore, executed: &Executed) -> Result<(), Problem> {
    for event in &executed.events {
        if let ClipEvent::CaptionsAdded {
            replaced: Some(object),
            ..
        }
        | ClipEvent::CaptionsRemoved { object, .. } = event
        {
            media.remove(object).await?;
        }
    }
    Ok(())
}

/// `DELETE /api/clips/{clip}/captions/{lang}`.
pub(super) async fn remove(
    path: web::Path<(String, String)>,
    caller: Caller,
    db: web::Data<Db>,
    clips: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    media: web::Data<MediaStore>,
) -> Result<HttpResponse, Problem> {
    let (name, language) = path.into_inner();
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let command = ClipCommand::RemoveCaptions(parse_language(&language)?);
    let executed = clips.execute(id_of(&row)?, command, caller.context(None)).await?;
    remove_unneeded(&media, &executed).await?;
    projectors.wait_for("clip_captions", executed.position).await;
    Ok(HttpResponse::NoContent().finish())
}

/// Which version of captions a playlist means.
#[derive(Deserialize)]
pub(super) struct Version {
    pub(super) v: Option<String>,
}

/// `GET /api/video/{clip}/captions/{lang}.vtt`.
pub(super) async fn show(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    version: web::Query<Version>,
    caller: Caller,
    db: web::Data<Db>,
    media: web::Data<MediaStore>,
) -> Result<HttpResponse, Problem> {
    let (name, language) = path.into_inner();
    let row = find(&db, &name, &caller).await?;
    let captions = find_captions(&db, &row, &parse_language(&language)?).await?;
    // It may have been replaced or removed since the row was read.
    let text = media.read_text(&captions.object).await?;
    let text = text.ok_or_else(|| missing(&captions.language))?;
    let is_named = version.v.as_deref() == Some(digits(&captions));
    let cache_control = match row.visibility.as_str() {
        "public" if is_named => IMMUTABLE,
        "public" => CHANGING,
        _ => PRIVATE,
    };
    Ok(bytes::send_text(&request, &Text::new(text), VTT, cache_control))
}

/// `GET /api/video/{clip}/captions/{lang}.m3u8`.
pub(super) async fn playlist(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    db: web::Data<Db>,
    playables: web::Data<Playables>,
) -> Result<HttpResponse, Problem> {
    let (name, language) = path.into_inner();
    let playable = playback::find(&playables, &name, &caller).await?;
    let captions = find_captions(&db, &playable.row, &parse_language(&language)?).await?;
    let text = SubtitlePlaylist {
        uri: format!("{}.vtt?v={}", captions.language, digits(&captions)),
        duration_90k: duration(&playable)?,
    }
    .render();
    Ok(playlist_kept_for(&request, &playable, &Text::new(text), CHANGING))
}

/// How long the renditions are; while they grow, how long they will be.
fn duration(playable: &Playable) -> Result<u64, Problem> {
    let longest = playable.longest_90k();
    if longest == 0 {
        return Err(not_available(&playable.row));
    }
    let planned = playable.row.duration.filter(|_| playable.grows());
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "durations are not negative, and far below 2^52 ticks"
    )]
    Ok(longest.max((planned.unwrap_or_default() * 90_000.0) as u64))
}

fn digits(captions: &CaptionsRow) -> &str {
    captions.sha256.get(..VERSION_DIGITS).unwrap_or_default()
}

async fn find_captions(db: &Db, row: &ClipRow, language: &LanguageTag) -> Result<CaptionsRow, Problem> {
    db.optional(clip_captions::one(id_of(row)?, language))
        .await?
        .ok_or_else(|| missing(language.as_str()))
}

fn missing(language: &str) -> Problem {
    Problem::new(
        Code::CaptionsNotFound,
        format!("The clip has no captions in `{language}`."),
    )
}

fn parse_language(text: &str) -> Result<LanguageTag, Problem> {
    text.parse()
        .map_err(|error: InvalidLanguage| Problem::new(Code::InvalidLanguage, sentence(&error.to_string())))
}
