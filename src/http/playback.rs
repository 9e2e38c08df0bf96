//! Playlists and segments: a row of the read model, then bytes. No actor and no aggregate is asked.

use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::{FrameRate, Quality};
use clipper_projections::clips::ClipRow;
use clipper_projections::video_variants::{self, VariantRow};
use serde::Deserialize;

use super::auth::Caller;
use super::bytes::{self, Kind, Media};
use super::captions;
use super::clips::{find, id_of};
use super::problem::{Code, Problem, sentence};
use super::trick_play;
use crate::hls::{
    Container, MasterPlaylist, MasterVariant, MediaPlaylist, PlaylistKind, SegmentEntry, SegmentNames,
    parse_segment_name,
};
use crate::media::MediaStore;
use crate::storage::Db;

const PLAYLIST: &str = "application/vnd.apple.mpegurl";
const TS: &str = "video/MP2T";
const FMP4: &str = "video/iso.segment";
pub(super) const INIT: &str = "video/mp4";
pub(super) const VTT: &str = "text/vtt; charset=utf-8";
pub(super) const FINAL: &str = "public, max-age=3600";
const GROWING: &str = "public, max-age=2";
pub(super) const IMMUTABLE: &str = "public, max-age=31536000, immutable";
/// Private media is for its viewer only, not for caches on the way.
pub(super) const PRIVATE: &str = "private, max-age=3600";

/// `GET /api/video/{clip}/master.m3u8`.
pub(super) async fn master(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let row = find(&db, &name, &caller).await?;
    let variants = db.all(video_variants::of_clip(id_of(&row)?)).await?;
    if variants.is_empty() {
        return Err(not_available(&row));
    }
    let rungs: Vec<_> = variants.iter().map(master_variant).collect::<Result<_, _>>()?;
    let i_frames: Vec<_> = variants
        .iter()
        .filter_map(|variant| trick_play::variant(variant).transpose())
        .collect::<Result<_, _>>()?;
    let text = MasterPlaylist {
        variants: &rungs,
        i_frames: &i_frames,
        subtitles: &captions::tracks(&db, &row).await?,
    }
    .render();
    Ok(playlist(&request, &row, text))
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

fn master_variant(row: &VariantRow) -> Result<MasterVariant, Problem> {
    let quality = parse_quality(&row.quality)?;
    Ok(MasterVariant {
        uri: format!("{}.m3u8", quality.path()),
        bandwidth: row.bitrate.unsigned_abs(),
        average_bandwidth: row.average_bitrate.unsigned_abs(),
        codecs: row.codec.clone(),
        width: pixels(row.width),
        height: pixels(row.height),
        frame_rate: thousandths(row.frame_rate),
    })
}

pub(super) fn pixels(stored: i64) -> u32 {
    u32::try_from(stored).unwrap_or_default()
}

/// The three decimals that `FRAME-RATE` has.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "frame rates lie between 0 and 60"
)]
fn thousandths(rate: f64) -> FrameRate {
    FrameRate::new((rate * 1_000.0).round() as u32, 1_000).unwrap_or(FrameRate::PAL)
}

/// `GET /api/video/{clip}/{quality}.m3u8`.
pub(super) async fn variant(
    request: HttpRequest,
    path: web::Path<(String, String)>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let (row, quality, variant) = find_rung(&db, path.into_inner(), &caller).await?;
    let segments: Vec<SegmentEntry> = variant.segments()?.iter().map(SegmentEntry::from).collect();
    let text = MediaPlaylist {
        target_duration: pixels(variant.target_duration),
        kind: if variant.growing {
            PlaylistKind::Event
        } else {
            PlaylistKind::Vod
        },
        container: container(&variant),
        names: SegmentNames::Api {
            quality: quality.path(),
            generation: u32::try_from(variant.generation).unwrap_or(1),
        },
        segments: &segments,
    }
    .render();
    Ok(playlist(&request, &row, text))
}

/// HEVC is in fragmented MP4, everything else in MPEG-TS.
pub(super) fn container(variant: &VariantRow) -> Container {
    if variant.codec.starts_with("avc1") {
        Container::Ts
    } else {
        Container::Fmp4
    }
}

/// Which generation a URI of a playlist means; the one that plays, when it says nothing.
#[derive(Deserialize)]
pub(super) struct Generation {
    pub(super) g: Option<u32>,
}

/// `GET /api/video/{clip}/{quality}/segment-{n}.ts`, `…/segment-{n}.m4s` and `…/init.mp4`.
pub(super) async fn segment(
    request: HttpRequest,
    path: web::Path<(String, String, String)>,
    generation: web::Query<Generation>,
    caller: Caller,
    db: web::Data<Db>,
    media: web::Data<MediaStore>,
) -> Result<HttpResponse, Problem> {
    let (name, quality, file) = path.into_inner();
    let quality = parse_quality(&quality)?;
    let row = find(&db, &name, &caller).await?;
    let missing = || {
        Problem::new(
            Code::SegmentNotFound,
            format!("{quality} has no segment `{file}`."),
        )
    };
    let (object, content_type) = match generation.g {
        // A player goes on with the generation that it began with, as long as its bytes are there.
        Some(older) if i64::from(older) != row.playing_generation.unwrap_or_default() => {
            let folder = MediaStore::rendition_object(id_of(&row)?, older, quality);
            object_named(&folder, &file, None).ok_or_else(missing)?
        }
        Some(_) | None => {
            let variant = find_variant(&db, &row, quality).await?;
            object_named(&variant.storage_path, &file, Some(&variant)).ok_or_else(missing)?
        }
    };
    let media = Media {
        path: media.path(&object),
        kind: Kind {
            content_type,
            // The object's name is part of a generation and never holds other bytes.
            etag: object.replace('/', "-"),
            cache_control: kept_for(&row, &generation, GROWING),
        },
    };
    bytes::send(&request, media).await?.ok_or_else(missing)
}

/// How long bytes are kept that belong to a generation. Without one their address means whichever plays, which was
/// another one before.
pub(super) fn kept_for(row: &ClipRow, generation: &Generation, whichever: &'static str) -> &'static str {
    match (row.visibility.as_str(), generation.g) {
        ("public", None) if row.playing_generation.is_some_and(|playing| playing > 1) => whichever,
        ("public", _) => IMMUTABLE,
        _ => PRIVATE,
    }
}

/// The object that a file of a rendition is, with its type; nothing, when there is no such file.
fn object_named(folder: &str, file: &str, variant: Option<&VariantRow>) -> Option<(String, &'static str)> {
    if file == "init.mp4" {
        let fits = variant.is_none_or(|variant| container(variant) == Container::Fmp4);
        return fits.then(|| (format!("{folder}/init.mp4"), INIT));
    }
    let parsed = parse_segment_name(file)?;
    let exists = variant.is_none_or(|variant| {
        container(variant) == parsed.container && i64::from(parsed.number) < variant.segment_count
    });
    let name = SegmentNames::Tree.segment(usize::try_from(parsed.number).ok()?, parsed.container);
    let content_type = match parsed.container {
        Container::Ts => TS,
        Container::Fmp4 => FMP4,
    };
    exists.then(|| (format!("{folder}/{name}"), content_type))
}

/// The rung that a path names, and its clip.
pub(super) async fn find_rung(
    db: &Db,
    (name, quality): (String, String),
    caller: &Caller,
) -> Result<(ClipRow, Quality, VariantRow), Problem> {
    let quality = parse_quality(&quality)?;
    let row = find(db, &name, caller).await?;
    let variant = find_variant(db, &row, quality).await?;
    Ok((row, quality, variant))
}

async fn find_variant(db: &Db, row: &ClipRow, quality: Quality) -> Result<VariantRow, Problem> {
    db.optional(video_variants::one(id_of(row)?, quality))
        .await?
        .ok_or_else(|| {
            if row.hls_available {
                Problem::new(
                    Code::VariantNotFound,
                    format!("The clip is not available in {quality}."),
                )
            } else {
                not_available(row)
            }
        })
}

pub(super) fn parse_quality(text: &str) -> Result<Quality, Problem> {
    text.parse().map_err(|error: clipper_domain::InvalidQuality| {
        Problem::new(Code::InvalidQuality, sentence(&error.to_string()))
    })
}

/// A playlist of a rendition, or of all of them.
pub(super) fn playlist(request: &HttpRequest, row: &ClipRow, text: String) -> HttpResponse {
    let ended = matches!(row.hls_processing_status.as_str(), "completed" | "partial");
    playlist_kept_for(request, row, text, if ended { FINAL } else { GROWING })
}

/// A playlist that caches may keep for so long, where the clip is public.
pub(super) fn playlist_kept_for(
    request: &HttpRequest,
    row: &ClipRow,
    text: String,
    public: &'static str,
) -> HttpResponse {
    let cache_control = if row.visibility == "public" {
        public
    } else {
        PRIVATE
    };
    bytes::send_text(request, text, PLAYLIST, cache_control)
}
