//! Still pictures: the poster of a clip, and the storyboard that players scrub by.

use actix_web::{HttpRequest, HttpResponse, web};
use clipper_projections::clips::ClipRow;

use super::auth::Caller;
use super::bytes;
use super::captions::{CHANGING, Version};
use super::clips::{find, id_of};
use super::playback::{Generation, PRIVATE, kept_for};
use super::problem::{Code, Problem};
use crate::delivery::{Files, Text};
use crate::encode::{POSTER, STORYBOARD};
use crate::media::MediaStore;
use crate::media::labels::{FINAL, IMMUTABLE, JPEG, VTT};
use crate::storage::Db;

/// `GET /api/video/{clip}/poster.jpg`.
pub(super) async fn poster(
    request: HttpRequest,
    name: web::Path<String>,
    generation: web::Query<Generation>,
    version: web::Query<Version>,
    caller: Caller,
    db: web::Data<Db>,
    files: web::Data<Files>,
) -> Result<HttpResponse, Problem> {
    let row = find(&db, &name, &caller).await?;
    match (&row.chosen_poster, generation.g) {
        (Some(object), None) => {
            let open = files.open(object).await?.ok_or_else(missing)?;
            let is_named = version.v.as_deref() == row.poster_version();
            let cache_control = match row.visibility.as_str() {
                "public" if is_named => IMMUTABLE,
                "public" => CHANGING,
                _ => PRIVATE,
            };
            bytes::send(&request, open, JPEG, cache_control)
        }
        (Some(_), Some(_)) | (None, _) => picture(&request, &row, &generation, &files, POSTER).await,
    }
}

/// `GET /api/video/{clip}/storyboard-{n}.jpg`.
pub(super) async fn sheet(
    request: HttpRequest,
    path: web::Path<(String, u32)>,
    generation: web::Query<Generation>,
    caller: Caller,
    db: web::Data<Db>,
    files: web::Data<Files>,
) -> Result<HttpResponse, Problem> {
    let (name, number) = path.into_inner();
    let row = find(&db, &name, &caller).await?;
    picture(
        &request,
        &row,
        &generation,
        &files,
        &format!("storyboard-{number}.jpg"),
    )
    .await
}

/// `GET /api/video/{clip}/storyboard.vtt`.
pub(super) async fn storyboard(
    request: HttpRequest,
    name: web::Path<String>,
    generation: web::Query<Generation>,
    caller: Caller,
    db: web::Data<Db>,
    media: web::Data<MediaStore>,
) -> Result<HttpResponse, Problem> {
    let row = find(&db, &name, &caller).await?;
    let wanted = wanted(&row, &generation).ok_or_else(missing)?;
    let stored = media.read_text(&object(&row, wanted, STORYBOARD)?).await?;
    let stored = stored.ok_or_else(missing)?;
    let text = if wanted > 1 {
        // What lies in the store knows nothing of other generations.
        stored.replace(".jpg#", &format!(".jpg?g={wanted}#"))
    } else {
        stored
    };
    Ok(bytes::send_text(
        &request,
        &Text::new(text),
        VTT,
        kept_for(&row, generation.g, FINAL),
    ))
}

async fn picture(
    request: &HttpRequest,
    row: &ClipRow,
    generation: &Generation,
    files: &Files,
    file: &str,
) -> Result<HttpResponse, Problem> {
    let wanted = wanted(row, generation).ok_or_else(missing)?;
    let object = object(row, wanted, file)?;
    let open = files.open(&object).await?.ok_or_else(missing)?;
    bytes::send(request, open, JPEG, kept_for(row, generation.g, FINAL))
}

/// The generation that an address names, or the one that plays.
fn wanted(row: &ClipRow, generation: &Generation) -> Option<u32> {
    let playing = || {
        row.playing_generation
            .and_then(|playing| u32::try_from(playing).ok())
    };
    generation.g.or_else(playing)
}

fn object(row: &ClipRow, generation: u32, file: &str) -> Result<String, Problem> {
    Ok(format!(
        "{}/{file}",
        MediaStore::generation_object(id_of(row)?, generation)
    ))
}

fn missing() -> Problem {
    Problem::new(
        Code::ThumbnailNotFound,
        "There is no such picture of the clip (yet).",
    )
}
