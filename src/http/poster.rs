//! The picture that stands for a clip, as its owner chooses it: a moment of it, or one that is handed in.

use std::path::Path;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::clip::{ChosenPoster, ClipCommand, ClipEvent};
use clipper_domain::{ClipId, Quality};
use clipper_projections::clips::ClipRow;
use clipper_projections::video_variants::{self, VariantRow};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clips::{find, find_own, id_of};
use super::edits::describe;
use super::playback::not_available;
use super::problem::{Code, Problem, sentence};
use super::source::Intake;
use crate::commands::{CommandError, Executed};
use crate::encode::{self, MadePoster, PosterError, Rendition};
use crate::hls::{Container, SegmentNames};
use crate::media::MediaStore;
use crate::storage::Db;

/// The largest picture that is taken, in bytes.
const MAX_BYTES: usize = 10 << 20;

/// A moment of the clip.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Moment {
    /// Seconds after its beginning.
    at: f64,
}

/// `PUT /api/clips/{clip}/poster`, for its owner: `{"at": seconds}`, or a picture.
pub(super) async fn put(
    request: HttpRequest,
    name: web::Path<String>,
    body: web::Payload,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let content_type = content_type
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let is_moment = content_type.starts_with("application/json");
    if !is_moment && !content_type.starts_with("image/") {
        let detail = "Send a picture as image/jpeg, image/png or image/webp, or `{\"at\": seconds}` as application/json.";
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let received = receive(body).await?;
    let piece = format!("poster-{}", Uuid::now_v7().simple());
    let work = intake.media.begin_work(&piece, 0).await?;
    let made = if is_moment {
        of_moment(&db, &intake, &row, &received, &work).await
    } else {
        let made = encode::poster_of_picture(&intake.tools, &work, &received).await;
        made.map(|made| (made, None)).map_err(|error| problem(&error))
    };
    intake.media.end_work(&piece, 0).await?;
    let (made, at_ms) = made?;
    let executed = keep(&intake, id_of(&row)?, made, at_ms, &caller).await?;
    intake.projectors.wait_for("clips", executed.position).await;
    describe(&db, &cdn, find(&db, &row.id, &caller).await?).await
}

/// `DELETE /api/clips/{clip}/poster`, for its owner: back to the one that encodings find.
pub(super) async fn remove(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let executed = intake
        .clips
        .execute(id_of(&row)?, ClipCommand::ResetPoster, caller.context(None))
        .await?;
    remove_unneeded(&intake.media, &executed).await?;
    intake.projectors.wait_for("clips", executed.position).await;
    describe(&db, &cdn, find(&db, &row.id, &caller).await?).await
}

async fn receive(body: web::Payload) -> Result<web::Bytes, Problem> {
    let received = body.to_bytes_limited(MAX_BYTES).await.map_err(|_larger| {
        let detail = format!("A picture may have at most {MAX_BYTES} bytes.");
        Problem::new(Code::TooLarge, detail)
    })?;
    received.map_err(|_broken| {
        let detail = "The connection broke before the picture was complete.";
        Problem::new(Code::IncompleteUpload, detail)
    })
}

async fn of_moment(
    db: &Db,
    intake: &Intake,
    row: &ClipRow,
    body: &[u8],
    work: &Path,
) -> Result<(MadePoster, Option<u64>), Problem> {
    let moment: Moment = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::MalformedJson, sentence(&error.to_string())))?;
    if !(0.0..1e7).contains(&moment.at) {
        let detail = "`at` must be a time within the clip, in seconds.";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "not negative, and far below 2^52"
    )]
    let (at_ms, at_90k) = ((moment.at * 1e3) as u64, (moment.at * 9e4) as u64);
    let variants = db.all(video_variants::of_clip(id_of(row)?)).await?;
    let rendition = variants
        .iter()
        .filter(|variant| fits(variant))
        .max_by_key(|variant| variant.height)
        .or(variants.first());
    let variant = rendition.ok_or_else(|| not_available(row))?;
    let container = if variant.codec.starts_with("avc1") {
        Container::Ts
    } else {
        Container::Fmp4
    };
    let rendition = Rendition {
        folder: intake.media.lent(&variant.storage_path, work),
        container,
        segments: variant.segments()?,
        width: u32::try_from(variant.width).unwrap_or_default(),
        height: u32::try_from(variant.height).unwrap_or_default(),
    };
    let (number, _) = rendition
        .segment_at(at_90k)
        .ok_or_else(|| problem(&PosterError::NoSuchMoment))?;
    let mut names = vec![SegmentNames::Tree.segment(number, container)];
    if container == Container::Fmp4 {
        names.push("init.mp4".to_owned());
    }
    for name in names {
        intake
            .media
            .lend(&format!("{}/{name}", variant.storage_path), work)
            .await?;
    }
    let made = encode::poster_of_moment(&intake.tools, work, &rendition, at_90k).await;
    Ok((made.map_err(|error| problem(&error))?, Some(at_ms)))
}

/// No larger than pages show a poster, and decoded fast.
fn fits(variant: &VariantRow) -> bool {
    let quality = variant.quality.parse::<Quality>();
    quality.is_ok_and(|quality| quality <= Quality::P1080) && variant.codec.starts_with("avc1")
}

/// Stores the picture, then records it; what is not needed, or not any more, is removed.
async fn keep(
    intake: &Intake,
    id: ClipId,
    made: MadePoster,
    at_ms: Option<u64>,
    caller: &Caller,
) -> Result<Executed, Problem> {
    let object = MediaStore::poster_object(id, Uuid::now_v7());
    let poster = ChosenPoster {
        object: object.clone(),
        sha256: hex::encode(Sha256::digest(&made.bytes)),
        bytes: made.bytes.len() as u64,
        width: made.width,
        height: made.height,
        at_ms,
    };
    intake.media.put(&object, made.bytes).await?;
    let command = ClipCommand::ChoosePoster(poster);
    let executed = match intake.clips.execute(id, command, caller.context(None)).await {
        Ok(executed) => executed,
        Err(error) => {
            if let CommandError::Refused(_) = &error {
                intake.media.remove(&object).await?;
            }
            return Err(error.into());
        }
    };
    if executed.events.is_empty() {
        // The clip has the very same already.
        intake.media.remove(&object).await?;
    }
    remove_unneeded(&intake.media, &executed).await?;
    Ok(executed)
}

async fn remove_unneeded(media: &MediaStore, executed: &Executed) -> Result<(), Problem> {
    for event in &executed.events {
        if let ClipEvent::PosterChosen {
            replaced: Some(object),
            ..
        }
        | ClipEvent::PosterReset { object } = event
        {
            media.remove(object).await?;
        }
    }
    Ok(())
}

fn problem(error: &PosterError) -> Problem {
    match error {
        PosterError::UnknownKind | PosterError::Unreadable(_) => {
            Problem::new(Code::NotAPicture, sentence(&error.to_string()))
        }
        PosterError::NoSuchMoment => Problem::new(
            Code::InvalidRequest,
            "`at` must be a time within what can be played of the clip, in seconds.",
        ),
        PosterError::Disk(_) | PosterError::Ffmpeg(_) => Problem::internal(error),
    }
}
