//! Files over HTTP: conditional requests (RFC 9110 §13) and single byte ranges (§14), in constant memory.

use std::io;
use std::sync::Arc;

use actix_web::body::SizedStream;
use actix_web::http::StatusCode;
use actix_web::http::header::{
    self, AcceptEncoding, ByteRangeSpec, Encoding, EntityTag, Header, HeaderValue, IfNoneMatch, IfRange,
    Range,
};
use actix_web::web::Bytes;
use actix_web::{HttpMessage, HttpResponse, HttpResponseBuilder};
use futures_util::{Stream, stream};

use super::problem::Problem;
use crate::delivery::{Coding, OpenFile, Text};

/// Larger parts would be copied whole into the connection's buffer.
const PART: u64 = 64 * 1_024;

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
    /// Strong, so that ranges hold.
    pub(super) etag: EntityTag,
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

/// Sends a file, or the part of it that is asked for.
pub(super) fn send(
    request: &impl HttpMessage,
    file: Arc<OpenFile>,
    content_type: &'static str,
    cache_control: &'static str,
) -> Result<HttpResponse, Problem> {
    let kind = Kind {
        content_type,
        etag: file.etag().clone(),
        cache_control,
    };
    Ok(match answer(request, kind, file.length())? {
        Answer::Known(response) => response,
        Answer::Part {
            mut response,
            first,
            count,
        } => match file.in_memory(first, count) {
            Some(bytes) => response.body(bytes),
            None => response.body(SizedStream::new(count, parts(file, first, count))),
        },
    })
}

/// Reads a file piece by piece, on threads that may wait for the disk.
fn parts(file: Arc<OpenFile>, first: u64, count: u64) -> impl Stream<Item = io::Result<Bytes>> {
    stream::try_unfold((file, first, count), |(file, next, left)| async move {
        if left == 0 {
            return Ok(None);
        }
        let (count, reader) = (left.min(PART), Arc::clone(&file));
        let read = tokio::task::spawn_blocking(move || reader.read(next, count)).await;
        let bytes = read.map_err(io::Error::other)??;
        Ok(Some((bytes, (file, next + count, left - count))))
    })
}

/// Reads the conditions and the range of a request.
pub(super) fn answer(request: &impl HttpMessage, kind: Kind, length: u64) -> Result<Answer, Problem> {
    let etag = kind.etag;
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
    request: &impl HttpMessage,
    text: &Text,
    content_type: &'static str,
    cache_control: &'static str,
) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response
        .insert_header(header::ETag(text.etag().clone()))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::VARY, "Accept-Encoding"))
        .content_type(content_type);
    if is_known(request, text.etag()) {
        return response.status(StatusCode::NOT_MODIFIED).finish();
    }
    let coding = coding(request);
    match coding {
        Coding::Identity => {}
        Coding::Gzip => drop(response.insert_header((header::CONTENT_ENCODING, "gzip"))),
        Coding::Brotli => drop(response.insert_header((header::CONTENT_ENCODING, "br"))),
    }
    response.body(text.coded(coding))
}

/// The coding that the caller likes best.
fn coding(request: &impl HttpMessage) -> Coding {
    if !request.headers().contains_key(header::ACCEPT_ENCODING) {
        return Coding::Identity;
    }
    let (brotli, gzip) = (Encoding::brotli(), Encoding::gzip());
    let known = [brotli.clone(), gzip.clone(), Encoding::identity()];
    let chosen = AcceptEncoding::parse(request)
        .ok()
        .and_then(|accepted| accepted.negotiate(known.iter()));
    match chosen {
        Some(chosen) if chosen == brotli => Coding::Brotli,
        Some(chosen) if chosen == gzip => Coding::Gzip,
        Some(_) | None => Coding::Identity,
    }
}

/// Whether the caller holds the very same already.
pub(super) fn is_known(request: &impl HttpMessage, etag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_NONE_MATCH) {
        return false;
    }
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(known)) => known.iter().any(|known| known.weak_eq(etag)),
        Err(_) => false,
    }
}

/// A `Range` that is not understood, or several ranges at once, are answered with the whole file, as RFC 9110 §14.2
/// allows.
fn wanted(request: &impl HttpMessage, etag: &EntityTag, length: u64) -> Wanted {
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
fn range_holds(request: &impl HttpMessage, etag: &EntityTag) -> bool {
    if !request.headers().contains_key(header::IF_RANGE) {
        return true;
    }
    match IfRange::parse(request) {
        Ok(IfRange::EntityTag(known)) => known.strong_eq(etag),
        Ok(IfRange::Date(_)) | Err(_) => false,
    }
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
