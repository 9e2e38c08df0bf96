//! Files over HTTP: conditional requests (RFC 9110 §13) and single byte ranges (§14), in constant memory.

use std::io::{self, SeekFrom};
use std::path::PathBuf;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::ByteRangeSpec;
use actix_web::http::header::{self, EntityTag, Header, HeaderValue, IfNoneMatch, IfRange, Range};
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::problem::Problem;

/// Larger parts would be copied whole into the connection's buffer.
const PART: usize = 64 * 1_024;

/// A file to send.
pub(super) struct Media {
    pub(super) path: PathBuf,
    pub(super) kind: Kind,
}

/// What part of the file is wanted.
#[derive(Debug, PartialEq, Eq)]
enum Wanted {
    Whole,
    Part { first: u64, last: u64 },
    Outside,
}

/// What is said of a body, whatever part of it is sent.
pub(super) struct Kind {
    pub(super) content_type: &'static str,
    /// The text of a strong entity tag.
    pub(super) etag: String,
    pub(super) cache_control: &'static str,
}

/// What a request for a body of known length comes to.
pub(super) enum Answer {
    /// The caller has it already.
    Known(HttpResponse),
    /// So many bytes from here on.
    Part {
        response: HttpResponseBuilder,
        first: u64,
        count: u64,
    },
}

/// Sends the file, or the part of it that is asked for; nothing, when there is no such file.
pub(super) async fn send(request: &HttpRequest, media: Media) -> Result<Option<HttpResponse>, Problem> {
    let mut file = match File::open(&media.path).await {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    let length = file.metadata().await?.len();
    match answer(request, media.kind, length)? {
        Answer::Known(response) => Ok(Some(response)),
        Answer::Part {
            mut response,
            first,
            count,
        } => {
            if first > 0 {
                file.seek(SeekFrom::Start(first)).await?;
            }
            let parts = ReaderStream::with_capacity(file.take(count), PART);
            Ok(Some(response.body(SizedStream::new(count, parts))))
        }
    }
}

/// Reads the conditions and the range of a request.
pub(super) fn answer(request: &HttpRequest, kind: Kind, length: u64) -> Result<Answer, Problem> {
    let etag = EntityTag::new_strong(kind.etag);
    let mut response = HttpResponse::Ok();
    response
        .content_type(kind.content_type)
        .insert_header(header::ETag(etag.clone()))
        .insert_header((header::CACHE_CONTROL, kind.cache_control))
        .insert_header((header::ACCEPT_RANGES, "bytes"));
    if is_known(request, &etag) {
        return Ok(Answer::Known(response.status(StatusCode::NOT_MODIFIED).finish()));
    }
    let (first, count) = match wanted(request, &etag, length) {
        Wanted::Whole => (0, length),
        Wanted::Outside => return Err(Problem::range_outside(length)),
        Wanted::Part { first, last } => {
            response
                .status(StatusCode::PARTIAL_CONTENT)
                .insert_header((header::CONTENT_RANGE, format!("bytes {first}-{last}/{length}")));
            (first, last - first + 1)
        }
    };
    Ok(Answer::Part {
        response,
        first,
        count,
    })
}

/// A text, or 304 when the caller has it already.
pub(super) fn send_text(
    request: &HttpRequest,
    text: String,
    content_type: &'static str,
    cache_control: &'static str,
) -> HttpResponse {
    // Weak: the compressed forms share it.
    let etag = EntityTag::new_weak(format!("{:016x}", fingerprint(text.as_bytes())));
    let known = is_known(request, &etag);
    let mut response = HttpResponse::Ok();
    response
        .insert_header(header::ETag(etag))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::VARY, "Accept-Encoding"))
        .content_type(content_type);
    if known {
        response.status(StatusCode::NOT_MODIFIED).finish()
    } else {
        response.body(text)
    }
}

/// Whether the caller holds the very same already.
pub(super) fn is_known(request: &HttpRequest, etag: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => request.headers().contains_key(header::IF_NONE_MATCH),
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(etag)),
        Err(_) => false,
    }
}

/// A `Range` that is not understood, or several ranges at once, are answered with the whole file, as RFC 9110 §14.2
/// allows.
fn wanted(request: &HttpRequest, etag: &EntityTag, length: u64) -> Wanted {
    let Some(value) = request
        .headers()
        .get(header::RANGE)
        .filter(|_| range_holds(request, etag))
    else {
        return Wanted::Whole;
    };
    match parse_range(value) {
        Some(spec) => match spec.to_satisfiable_range(length) {
            Some((first, last)) => Wanted::Part { first, last },
            None => Wanted::Outside,
        },
        None => Wanted::Whole,
    }
}

fn parse_range(value: &HeaderValue) -> Option<ByteRangeSpec> {
    match value.to_str().ok()?.parse().ok()? {
        Range::Bytes(specs) => match specs.as_slice() {
            [spec] => Some(spec.clone()),
            _ => None,
        },
        Range::Unregistered(..) => None,
    }
}

/// `If-Range`: the part is wanted only of the very same file (strong comparison, RFC 9110 §13.1.5).
fn range_holds(request: &HttpRequest, etag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_RANGE) {
        return true;
    }
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(known)) => known.strong_eq(etag),
        Ok(IfRange::Date(_)) | Err(_) => false,
    }
}

/// FNV-1a: tells texts apart, nothing more.
fn fingerprint(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn wanted_of(headers: &[(&'static str, &'static str)]) -> Wanted {
        let request = headers.iter().fold(TestRequest::get(), |request, header| {
            request.insert_header(*header)
        });
        wanted(
            &request.to_http_request(),
            &EntityTag::new_strong("a".to_owned()),
            100,
        )
    }

    #[test]
    fn single_ranges_open_ranges_and_suffixes_are_understood() {
        assert_eq!(
            wanted_of(&[("range", "bytes=0-9")]),
            Wanted::Part { first: 0, last: 9 }
        );
        assert_eq!(
            wanted_of(&[("range", "bytes=90-")]),
            Wanted::Part { first: 90, last: 99 }
        );
        assert_eq!(
            wanted_of(&[("range", "bytes=-10")]),
            Wanted::Part { first: 90, last: 99 }
        );
        assert_eq!(
            wanted_of(&[("range", "bytes=50-1000")]),
            Wanted::Part { first: 50, last: 99 }
        );
        assert_eq!(wanted_of(&[("range", "bytes=100-")]), Wanted::Outside);
    }

    #[test]
    fn what_is_not_understood_is_answered_with_the_whole_file() {
        assert_eq!(wanted_of(&[("range", "bytes=0-1,4-5")]), Wanted::Whole);
        assert_eq!(wanted_of(&[("range", "lines=1-2")]), Wanted::Whole);
        assert_eq!(wanted_of(&[("range", "bytes=abc")]), Wanted::Whole);
    }

    #[test]
    fn a_range_of_another_version_is_not_sent() {
        assert_eq!(
            wanted_of(&[("range", "bytes=0-9"), ("if-range", "\"b\"")]),
            Wanted::Whole
        );
        assert_eq!(
            wanted_of(&[("range", "bytes=0-9"), ("if-range", "\"a\"")]),
            Wanted::Part { first: 0, last: 9 }
        );
    }
}
