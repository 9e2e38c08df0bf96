//! Playlists and segments, as the application answers them. What is at hand was answered before: see `front`.

use actix_web::http::header;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use clipper_domain::Quality;
use clipper_projections::clips::ClipRow;
use schemars::JsonSchema;
use serde::Deserialize;
use std::sync::Arc;

use super::auth::Caller;
use super::bytes;
use super::problem::{Code, Problem, sentence};
use super::ticket::signed_master;
use crate::delivery::{Files, Playable, Playables, Rung, Text};
use crate::hls::{Container, SegmentNames, parse_segment_name};
use crate::media::MediaStore;
use crate::media::labels::{FINAL, FMP4, IMMUTABLE, MP4, PLAYLIST, TS};

pub(super) const GROWING: &str = "public, max-age=2";
/// Private media is for its viewer only, not for caches on the way.
pub(super) const PRIVATE: &str = "private, max-age=3600";

/// `GET /api/video/{clip}/master.m3u8`.
///
/// `?token=` leads to the address that carries the token in its path, which players hand on to segments.
pub(super) async fn master(
    request: HttpRequest,
    name: web::Path<String>,
    query: web::Query<Presented>,
    caller: Caller,
    playables: web::Data<Playables>,
) -> Result<HttpResponse, Problem> {
    if let Some(token) = &query.token
        && is_plain(token)
        && is_plain(&name)
    {
        return Ok(HttpResponse::Found()
            .insert_header((header::LOCATION, signed_master(token, &name)))
            .insert_header((header::CACHE_CONTROL, "private, no-store"))
            .finish());
    }
    let playable = find(&playables, &name, &caller).await?;
    let master = playable
        .master
        .as_ref()
        .ok_or_else(|| not_available(&playable.row))?;
    Ok(playlist(&request, &playable, master))
}

/// A token in a query.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Presented {
    /// A playback token.
    token: Option<String>,
}

/// Only letters that tokens and names of clips are made of may become part of an address.
fn is_plain(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// `GET /api/video/{clip}/{quality}.m3u8`.
pub(super) async fn variant(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    playables: web::Data<Playables>,
) -> Result<HttpResponse, Problem> {
    let (playable, quality) = find_with_quality(&playables, path.into_inner(), &caller).await?;
    let rung = find_rung(&playable, quality)?;
    Ok(playlist(&request, &playable, &rung.playlist))
}

/// `GET /api/video/{clip}/{quality}/iframes.m3u8`: trick play, the key frames of a finished rung.
pub(super) async fn i_frames(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    playables: web::Data<Playables>,
) -> Result<HttpResponse, Problem> {
    let (playable, quality) = find_with_quality(&playables, path.into_inner(), &caller).await?;
    let i_frames = find_rung(&playable, quality)?.i_frames.as_ref().ok_or_else(|| {
        let detail = format!("{quality} is not ready for scrubbing.");
        Problem::new(Code::HlsNotAvailable, detail)
    })?;
    Ok(playlist(&request, &playable, i_frames))
}

/// Which generation a URI of a playlist means; the one that plays, when it says nothing.
#[derive(Deserialize, JsonSchema)]
pub(super) struct Generation {
    /// As playlists have it.
    pub(super) g: Option<u32>,
}

/// `GET /api/video/{clip}/{quality}/segment-{n}.ts`, `…/segment-{n}.m4s` and `…/init.mp4`.
pub(super) async fn segment(
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    generation: web::Query<Generation>,
    caller: Caller,
    playables: web::Data<Playables>,
    files: web::Data<Files>,
) -> Result<HttpResponse, Problem> {
    let (name, quality, file) = path.into_inner();
    let (playable, quality) = find_with_quality(&playables, (name, quality), &caller).await?;
    let media = locate(&playable, quality, &file, generation.g)?;
    let open = files
        .open(&media.object)
        .await?
        .ok_or_else(|| no_segment(quality, &file))?;
    metrics::counter!("clipper_segment_cache_misses_total").increment(1);
    bytes::send(&request, open, media.content_type, media.cache_control)
}

/// Where a file of a rendition lies, and what is said of it.
pub(super) struct Located {
    pub(super) object: String,
    pub(super) content_type: &'static str,
    pub(super) cache_control: &'static str,
}

/// Finds the file that a path names, in the generation that it means.
pub(super) fn locate(
    playable: &Playable,
    quality: Quality,
    file: &str,
    generation: Option<u32>,
) -> Result<Located, Problem> {
    let playing = playable.row.playing_generation.unwrap_or_default();
    let (folder, rung) = match generation {
        // A player goes on with the generation that it began with, as long as its bytes are there.
        Some(older) if i64::from(older) != playing => {
            (MediaStore::rendition_object(playable.id, older, quality), None)
        }
        Some(_) | None => {
            let rung = find_rung(playable, quality)?;
            (rung.folder.clone(), Some(rung))
        }
    };
    let (object, content_type) =
        object_named(&folder, file, rung).ok_or_else(|| no_segment(quality, file))?;
    Ok(Located {
        object,
        content_type,
        cache_control: kept_for(&playable.row, generation, GROWING),
    })
}

fn no_segment(quality: Quality, file: &str) -> Problem {
    Problem::new(
        Code::SegmentNotFound,
        format!("{quality} has no segment `{file}`."),
    )
}

/// How long bytes are kept that belong to a generation. Without one their address means whichever plays, which was
/// another one before.
pub(super) fn kept_for(row: &ClipRow, generation: Option<u32>, whichever: &'static str) -> &'static str {
    match (row.visibility.as_str(), generation) {
        ("public", None) if row.playing_generation.is_some_and(|playing| playing > 1) => whichever,
        ("public", _) => IMMUTABLE,
        _ => PRIVATE,
    }
}

/// The object that a file of a rendition is, with its type; nothing, when there is no such file.
fn object_named(folder: &str, file: &str, rung: Option<&Rung>) -> Option<(String, &'static str)> {
    if file == "init.mp4" {
        let fits = rung.is_none_or(|rung| rung.container == Container::Fmp4);
        return fits.then(|| (format!("{folder}/init.mp4"), MP4));
    }
    let parsed = parse_segment_name(file)?;
    let exists = rung.is_none_or(|rung| rung.container == parsed.container && parsed.number < rung.segments);
    let name = SegmentNames::Tree.segment(usize::try_from(parsed.number).ok()?, parsed.container);
    let content_type = match parsed.container {
        Container::Ts => TS,
        Container::Fmp4 => FMP4,
    };
    exists.then(|| (format!("{folder}/{name}"), content_type))
}

/// The clip with this UUID or slug, if the caller may watch it.
pub(super) async fn find(
    playables: &Playables,
    name: &str,
    caller: &Caller,
) -> Result<Arc<Playable>, Problem> {
    let found = playables
        .get(name)
        .await
        .map_err(|error| Problem::internal(error.as_ref()))?;
    caller.watch(name, found.as_deref().map(|playable| &playable.row))?;
    found.ok_or_else(|| Problem::clip_not_found(name))
}

/// The clip and the rung of the ladder that a path names.
async fn find_with_quality(
    playables: &Playables,
    (name, quality): (String, String),
    caller: &Caller,
) -> Result<(Arc<Playable>, Quality), Problem> {
    let quality = parse_quality(&quality)?;
    Ok((find(playables, &name, caller).await?, quality))
}

fn find_rung(playable: &Playable, quality: Quality) -> Result<&Rung, Problem> {
    playable.rung(quality).ok_or_else(|| {
        if playable.row.hls_available {
            Problem::new(
                Code::VariantNotFound,
                format!("The clip is not available in {quality}."),
            )
        } else {
            not_available(&playable.row)
        }
    })
}

pub(super) fn not_available(row: &ClipRow) -> Problem {
    let detail = match row.hls_processing_status.as_str() {
        "pending" => "The clip has no source yet.".to_owned(),
        "failed" => row
            .failure_detail
            .clone()
            .unwrap_or_else(|| "The clip could not be encoded.".to_owned()),
        _ => "The clip is being encoded. Try again in a moment.".to_owned(),
    };
    Problem::new(Code::HlsNotAvailable, detail)
}

pub(super) fn parse_quality(text: &str) -> Result<Quality, Problem> {
    text.parse().map_err(|error: clipper_domain::InvalidQuality| {
        Problem::new(Code::InvalidQuality, sentence(&error.to_string()))
    })
}

/// A playlist of a rendition, or of all of them.
pub(super) fn playlist(request: &impl HttpMessage, playable: &Playable, text: &Text) -> HttpResponse {
    let public = if playable.is_final() { FINAL } else { GROWING };
    playlist_kept_for(request, playable, text, public)
}

/// A playlist that caches may keep for so long, where the clip is public.
pub(super) fn playlist_kept_for(
    request: &impl HttpMessage,
    playable: &Playable,
    text: &Text,
    public: &'static str,
) -> HttpResponse {
    let cache_control = if playable.is_public() { public } else { PRIVATE };
    bytes::send_text(request, text, PLAYLIST, cache_control)
}
