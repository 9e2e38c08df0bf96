//! `download.mp4`: the best rendition that plays everywhere, as one file.

use actix_web::body::SizedStream;
use actix_web::http::header::{
    self, Charset, ContentDisposition, DispositionParam, DispositionType, EntityTag, ExtendedValue,
};
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::Quality;
use clipper_projections::clips::ClipRow;
use clipper_projections::video_variants::{self, VariantRow};

use super::auth::Caller;
use super::bytes::{self, Answer};
use super::clips::{find, id_of};
use super::playback::{PRIVATE, parse_quality};
use super::problem::{Code, Problem};
use crate::delivery::container;
use crate::hls::Container;
use crate::media::labels::{FINAL, MP4};
use crate::media::{Downloads, MediaStore};
use crate::storage::Db;

/// The largest picture that is downloaded: what is larger plays on few devices.
const LARGEST: Quality = Quality::P1080;
/// The longest name of a file, in characters, without its ending.
const MAX_NAME: usize = 100;
/// Raised when the same segments make another file.
const FORM: u32 = 1;

/// `GET /api/video/{clip}/download.mp4`.
pub(super) async fn download(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    media: web::Data<MediaStore>,
    downloads: web::Data<Downloads>,
) -> Result<HttpResponse, Problem> {
    let row = find(&db, &name, &caller).await?;
    let variants = db.all(video_variants::of_clip(id_of(&row)?)).await?;
    let best = best(variants)?.ok_or_else(|| {
        let detail = "The clip has no finished H.264 rendition up to 1080p.";
        Problem::new(Code::DownloadNotAvailable, detail)
    })?;
    let segments = usize::try_from(best.segment_count).unwrap_or_default();
    let file = downloads
        .open(&media, &best.storage_path, segments)
        .await
        .map_err(|error| Problem::internal(&error))?;
    let kind = bytes::Kind {
        content_type: MP4,
        etag: EntityTag::new_strong(format!("{}-download-{FORM}", best.storage_path.replace('/', "-"))),
        cache_control: if row.visibility == "public" {
            FINAL
        } else {
            PRIVATE
        },
    };
    match bytes::answer(&request, kind, file.length())? {
        Answer::Known(response) => Ok(response),
        Answer::Part {
            mut response,
            first,
            count,
        } => Ok(response
            .insert_header((header::CONTENT_DISPOSITION, disposition(&row)))
            .body(SizedStream::new(count, file.part(first, count)))),
    }
}

/// The largest finished rung in MPEG-TS.
fn best(variants: Vec<VariantRow>) -> Result<Option<VariantRow>, Problem> {
    let mut fitting = vec![];
    for variant in variants {
        let quality = parse_quality(&variant.quality)?;
        if !variant.growing && container(&variant) == Container::Ts && quality <= LARGEST {
            fitting.push((quality, variant));
        }
    }
    let best = fitting.into_iter().max_by_key(|(quality, _)| *quality);
    Ok(best.map(|(_, variant)| variant))
}

/// The title as the name of a file, and the slug for clients that read no other than ASCII (RFC 6266, RFC 8187).
fn disposition(row: &ClipRow) -> ContentDisposition {
    let titled = format!(
        "{}.mp4",
        file_name(&row.title).unwrap_or_else(|| row.slug.clone())
    );
    ContentDisposition {
        disposition: DispositionType::Attachment,
        parameters: vec![
            DispositionParam::Filename(format!("{}.mp4", row.slug)),
            DispositionParam::FilenameExt(ExtendedValue {
                charset: Charset::Ext("UTF-8".to_owned()),
                language_tag: None,
                value: titled.into_bytes(),
            }),
        ],
    }
}

/// A title without what file systems do not take; nothing, when nothing is left of it.
fn file_name(title: &str) -> Option<String> {
    let plain = |letter: char| {
        let reserved = letter.is_control() || "/\\:*?\"<>|".contains(letter) || is_direction(letter);
        if reserved { ' ' } else { letter }
    };
    let spaced: String = title.chars().map(plain).collect();
    let words = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    // A name that begins with a dot is hidden.
    let name: String = words.trim_matches(['.', ' ']).chars().take(MAX_NAME).collect();
    Some(name.trim_end().to_owned()).filter(|name| !name.is_empty())
}

/// Characters that turn the order of others around, so that an ending may look like another one.
fn is_direction(letter: char) -> bool {
    matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::file_name;

    #[test]
    fn a_title_becomes_a_name_that_file_systems_take() {
        for (title, name) in [
            ("Amazing Moment", Some("Amazing Moment")),
            ("../../etc/passwd", Some("etc passwd")),
            ("a\r\nb: \"c\" <d>|e?*", Some("a b c d e")),
            ("Größte 再生", Some("Größte 再生")),
            ("gpj.\u{202e}exe", Some("gpj. exe")),
            (".hidden. ", Some("hidden")),
            ("...", None),
            ("???", None),
        ] {
            assert_eq!(file_name(title).as_deref(), name, "{title:?}");
        }
        assert_eq!(
            file_name(&"ä".repeat(300)).map(|name| name.chars().count()),
            Some(100)
        );
    }
}
