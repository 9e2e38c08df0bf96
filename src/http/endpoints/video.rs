//! What players ask for.

use crate::http::endpoint::{Access, Endpoint, get};
use crate::http::playback::Generation;
use crate::http::problem::Code;
use crate::http::{captions, download, playback, thumbnails};

const PLAYLIST: &str = "application/vnd.apple.mpegurl";

pub(super) fn endpoints() -> Vec<Endpoint> {
    let viewed = |endpoint: Endpoint| {
        endpoint.by(Access::Viewer).refuses(&[
            Code::ClipNotFound,
            Code::TokenInvalid,
            Code::TokenExpired,
            Code::TokenElsewhere,
            Code::NotThroughCdn,
            Code::TooManyStreams,
        ])
    };
    playlists().into_iter().chain(stills()).map(viewed).collect()
}

#[expect(clippy::too_many_lines, reason = "a table")]
fn playlists() -> Vec<Endpoint> {
    vec![
        get(
            "/api/video/{clip}/captions/{language}.vtt",
            captions::show,
            "Captions as WebVTT",
        )
        .file("text/vtt", "The captions")
        .refuses(&[Code::CaptionsNotFound, Code::InvalidLanguage]),
        get(
            "/api/video/{clip}/captions/{language}.m3u8",
            captions::playlist,
            "Captions as the master playlist names them",
        )
        .text(PLAYLIST, "A playlist with one segment")
        .refuses(&[Code::CaptionsNotFound, Code::InvalidLanguage, Code::DayIsSpent]),
        get(
            "/api/video/{clip}/{quality}/iframes.m3u8",
            playback::i_frames,
            "The key frames of a rung, for trick play",
        )
        .query::<Generation>()
        .text(PLAYLIST, "An I-frame playlist")
        .refuses(&[
            Code::InvalidQuality,
            Code::VariantNotFound,
            Code::HlsNotAvailable,
            Code::DayIsSpent,
        ]),
        get(
            "/api/video/{clip}/{quality}/{segment}",
            playback::segment,
            "A segment",
        )
        .query::<Generation>()
        .file("video/MP2T", "The segment; `video/mp4` for HEVC")
        .refuses(&[
            Code::InvalidQuality,
            Code::VariantNotFound,
            Code::SegmentNotFound,
            Code::HlsNotAvailable,
        ]),
        get(
            "/api/video/{clip}/download.mp4",
            download::download,
            "The clip as one MP4 file",
        )
        .file("video/mp4", "The best H.264 rung up to 1080p")
        .refuses(&[Code::DownloadNotAvailable, Code::DayIsSpent]),
        get(
            "/api/video/{clip}/master.m3u8",
            playback::master,
            "The master playlist",
        )
        .query::<playback::Presented>()
        .text(PLAYLIST, "Every playable rung")
        .empty(302, "To the form that carries the token of `?token=` in its path")
        .refuses(&[Code::HlsNotAvailable, Code::DayIsSpent]),
        get(
            "/api/video/{clip}/{quality}.m3u8",
            playback::variant,
            "The playlist of a rung",
        )
        .query::<Generation>()
        .text(PLAYLIST, "`EVENT` while it grows, then `VOD`")
        .refuses(&[
            Code::InvalidQuality,
            Code::VariantNotFound,
            Code::HlsNotAvailable,
            Code::DayIsSpent,
        ]),
    ]
}

fn stills() -> Vec<Endpoint> {
    let still = |endpoint: Endpoint| endpoint.query::<Generation>().refuses(&[Code::ThumbnailNotFound]);
    vec![
        still(get(
            "/api/video/{clip}/poster.jpg",
            thumbnails::poster,
            "The picture that stands for the clip",
        ))
        .file("image/jpeg", "The poster"),
        still(get(
            "/api/video/{clip}/storyboard.vtt",
            thumbnails::storyboard,
            "Which small picture is shown when",
        ))
        .text("text/vtt", "Parts (`#xywh`) of sheets"),
        still(get(
            "/api/video/{clip}/storyboard-{number}.jpg",
            thumbnails::sheet,
            "A sheet of small pictures",
        ))
        .file("image/jpeg", "The sheet"),
    ]
}
