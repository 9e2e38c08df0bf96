//! Trick play: the key frames of a finished rung as a playlist of its own.

use actix_web::{HttpRequest, HttpResponse, web};
use clipper_projections::video_variants::VariantRow;

use super::auth::Caller;
use super::playback::{container, find_rung, parse_quality, pixels, playlist};
use super::problem::{Code, Problem};
use crate::hls::{IFramePlaylist, IFrameVariant, KeyFrames, SegmentNames};
use crate::storage::Db;

/// Of a rung that is finished and whose events say where its key frames lie; the oldest do not.
fn key_frames(row: &VariantRow) -> Result<Option<KeyFrames>, Problem> {
    if row.growing {
        return Ok(None);
    }
    Ok(KeyFrames::of(&row.segments()?))
}

fn list<'a>(row: &VariantRow, key_frames: &'a KeyFrames) -> IFramePlaylist<'a> {
    let names = SegmentNames::ApiRung {
        generation: u32::try_from(row.generation).unwrap_or(1),
    };
    key_frames.playlist(container(row), names)
}

/// What the master playlist says of a rung's key frames.
pub(super) fn variant(row: &VariantRow) -> Result<Option<IFrameVariant>, Problem> {
    let Some(key_frames) = key_frames(row)? else {
        return Ok(None);
    };
    let quality = parse_quality(&row.quality)?;
    let uri = format!("{}/iframes.m3u8", quality.path());
    let size = (pixels(row.width), pixels(row.height));
    Ok(Some(IFrameVariant::of(
        uri,
        &list(row, &key_frames),
        &row.codec,
        size,
    )))
}

/// `GET /api/video/{clip}/{quality}/iframes.m3u8`.
pub(super) async fn i_frames(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let (row, quality, variant) = find_rung(&db, path.into_inner(), &caller).await?;
    let key_frames = key_frames(&variant)?.ok_or_else(|| {
        let detail = format!("{quality} is not ready for scrubbing.");
        Problem::new(Code::HlsNotAvailable, detail)
    })?;
    let text = list(&variant, &key_frames).render();
    Ok(playlist(&request, &row, text))
}
