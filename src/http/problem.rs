//! Errors as problem documents (RFC 9457): every code, its status and its title in one table.

use actix_web::http::StatusCode;
use actix_web::http::header::{self, ContentType};
use actix_web::{HttpResponse, ResponseError};
use clipper_domain::clip::Refusal;
use clipper_domain::source::{Rejection, RejectionCode};
use serde::Serialize;

use super::limits::{Limited, Policy};
use crate::commands::CommandError;
use crate::export::ExportError;
use crate::storage::StorageError;

macro_rules! codes {
    ($($variant:ident $status:literal $code:literal $title:literal)*) => {
        /// A stable code of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[expect(missing_docs, reason = "the titles below say it")]
        pub enum Code { $($variant),* }

        impl Code {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The code as it stands in answers.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $code),* }
            }

            /// The HTTP status that it is sent with.
            pub fn status(self) -> u16 {
                match self { $(Self::$variant => $status),* }
            }

            /// What the code means.
            pub fn title(self) -> &'static str {
                match self { $(Self::$variant => $title),* }
            }
        }
    };
}

codes! {
    InvalidQuality         400 "invalid_quality"         "The quality is not one of the ladder"
    InvalidRequest         400 "invalid_request"         "The request is not valid"
    InvalidParameter       400 "invalid_parameter"       "A parameter is not known or not valid"
    MalformedJson          400 "malformed_json"          "The body is not the JSON that was expected"
    MalformedCmcd          400 "malformed_cmcd"          "The body is not CMCD"
    EmptySource            400 "empty_source"            "The upload is empty"
    IncompleteUpload       400 "incomplete_upload"       "The upload broke off"
    InvalidLanguage        400 "invalid_language"        "The language tag is not valid"
    InvalidSession         400 "invalid_session"         "The session is not a UUID"
    Unauthorized           401 "unauthorized"            "A key is needed"
    Forbidden              403 "forbidden"               "The key may not do this"
    TokenInvalid           403 "token_invalid"           "The playback token is not accepted"
    TokenExpired           403 "token_expired"           "The playback token has expired"
    TokenElsewhere         403 "token_elsewhere"         "The playback token is for somebody else"
    NotThroughCdn          403 "not_through_cdn"         "Media is served through the CDN"
    NotFound               404 "not_found"               "There is nothing here"
    ClipNotFound           404 "clip_not_found"          "There is no such clip"
    HlsNotAvailable        404 "hls_not_available"       "The clip is not playable yet"
    VariantNotFound        404 "variant_not_found"       "The clip has no such rendition"
    SegmentNotFound        404 "segment_not_found"       "The rendition has no such segment"
    ThumbnailNotFound      404 "thumbnail_not_found"     "The clip has no such picture"
    CaptionsNotFound       404 "captions_not_found"      "The clip has no such captions"
    DownloadNotAvailable   404 "download_not_available"  "The clip cannot be downloaded"
    NotParked              404 "not_parked"              "No such event is parked"
    PersonNotFound         404 "person_not_found"        "There is no such user"
    ProjectionNotFound     404 "projection_not_found"    "There is no such projection"
    SessionNotFound        404 "session_not_found"       "There is no such session"
    UploadNotFound         404 "upload_not_found"        "There is no such upload"
    KeyNotFound            404 "key_not_found"           "There is no such key"
    WebhookNotFound        404 "webhook_not_found"       "There is no such webhook"
    DeliveryNotFound       404 "delivery_not_found"      "There is no such delivery"
    MethodNotAllowed       405 "method_not_allowed"      "The method is not allowed here"
    SlugTaken              409 "slug_taken"              "Another clip has this slug"
    SourceExists           409 "source_exists"           "The clip has a source already"
    EncodingUnderWay       409 "encoding_under_way"      "An encoding is under way"
    NoSource               409 "no_source"               "The clip has no source"
    UploadOffset           409 "upload_offset"           "The upload stands elsewhere"
    TooManyCaptions        409 "too_many_captions"       "The clip has captions in many languages"
    TooManyWebhooks        409 "too_many_webhooks"       "There are many webhooks"
    Conflict               409 "conflict"                "Others change the clip at the same time"
    IdempotencyKeyInUse    409 "idempotency_key_in_use"  "The request with this key is under way"
    ReportsUnwanted        410 "reports_unwanted"        "Reports are not wanted"
    ClipPurged             410 "clip_purged"             "The clip was deleted for good"
    PreconditionFailed     412 "precondition_failed"     "Others changed it meanwhile"
    TusVersion             412 "tus_version"             "The version of tus is not spoken here"
    TooLarge               413 "too_large"               "The body is larger than is accepted"
    UnsupportedMediaType   415 "unsupported_media_type"  "The content type is not accepted here"
    RangeNotSatisfiable    416 "range_not_satisfiable"   "The range lies outside the file"
    IdempotencyKeyReused   422 "idempotency_key_reused"  "The key was used for another request"
    CaptionsNotUtf8        422 "captions_not_utf8"       "The captions are not in UTF-8"
    CaptionsMalformed      422 "captions_malformed"      "The captions cannot be read"
    PrivateAddress         422 "private_address"         "The address is not a public one"
    NotAPicture            422 "not_a_picture"           "The file is not a picture that is read here"
    NotAVideo              422 "not_a_video"             "The file is not a video"
    NoVideoStream          422 "no_video_stream"         "The file holds no moving picture"
    Truncated              422 "truncated"               "The file is not complete"
    TooManyPixels          422 "too_many_pixels"         "The picture is larger than is accepted"
    TooLong                422 "too_long"                "The video is longer than is accepted"
    UnsupportedCodec       422 "unsupported_codec"       "The video's codec is not supported"
    Undecodable            422 "undecodable"             "The video cannot be decoded"
    Encrypted              422 "encrypted"               "The video is encrypted"
    RateLimited            429 "rate_limited"            "Too many requests"
    DayIsSpent             429 "day_is_spent"            "Too many bytes for one day"
    TooManyStreams         429 "too_many_streams"        "Too many viewers of one playback token"
    HeadTooLarge           431 "head_too_large"          "The head of the request is too large"
    ChecksumMismatch       460 "checksum_mismatch"       "The bytes are not those that were sent"
    Internal               500 "internal"                "Clipper failed"
    Overloaded             503 "overloaded"              "Clipper is busy"
}

const FULL: &str = "There are too many connections at the moment. Please try again soon.";

/// An error answer.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{}: {detail}", code.as_str())]
pub struct Problem {
    code: Code,
    detail: String,
    content_range: Option<u64>,
    parameter: Option<String>,
    limited: Option<Limited>,
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    detail: &'a str,
    code: &'static str,
    /// The same sentence for simple clients.
    error: &'a str,
    /// The parameter that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<&'a str>,
}

impl Problem {
    /// A problem with a sentence that helps.
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            content_range: None,
            parameter: None,
            limited: None,
        }
    }

    /// The range lies outside a file of this length.
    pub(super) fn range_outside(length: u64) -> Self {
        let detail = format!("The file has {length} bytes; ask for a range within them.");
        Self {
            content_range: Some(length),
            ..Self::new(Code::RangeNotSatisfiable, detail)
        }
    }

    /// A parameter of the query is not known or not valid.
    pub(super) fn parameter(name: &str, detail: impl Into<String>) -> Self {
        Self {
            parameter: Some(name.to_owned()),
            ..Self::new(Code::InvalidParameter, detail)
        }
    }

    /// No clip goes by that name.
    pub(super) fn clip_not_found(name: &str) -> Self {
        Self::new(Code::ClipNotFound, format!("There is no clip `{name}`."))
    }

    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }

    pub(super) fn internal(error: &(dyn std::error::Error + 'static)) -> Self {
        tracing::error!(error, "request failed");
        Self::new(
            Code::Internal,
            "Something went wrong on our side. It has been logged.",
        )
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let document = Document {
            r#type: format!("urn:clipper:problem:{}", self.code.as_str()),
            title: self.code.title(),
            status: self.code.status(),
            detail: &self.detail,
            code: self.code.as_str(),
            error: &self.detail,
            parameter: self.parameter.as_deref(),
        };
        let mut response = HttpResponse::build(self.status_code());
        response.insert_header(ContentType(
            "application/problem+json".parse().unwrap_or(mime_json()),
        ));
        response.insert_header((header::CACHE_CONTROL, "no-store"));
        if self.code == Code::IdempotencyKeyInUse {
            response.insert_header((header::RETRY_AFTER, "1"));
        }
        if self.code == Code::Overloaded {
            // Not the same for all: those who were refused together would come back together.
            response.insert_header((header::RETRY_AFTER, rand::random_range(1..=5).to_string()));
        }
        if self.code == Code::Unauthorized {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if let Some(length) = self.content_range {
            response.insert_header((header::CONTENT_RANGE, format!("bytes */{length}")));
        }
        if let Some(limited) = self.limited {
            // draft-ietf-httpapi-ratelimit-headers
            let (name, seconds) = (limited.policy.name(), limited.after.as_secs() + 1);
            response
                .insert_header((header::RETRY_AFTER, seconds.to_string()))
                .insert_header(("RateLimit", format!("\"{name}\";r=0;t={seconds}")))
                .insert_header(("RateLimit-Policy", limited.policy.header()));
        }
        response.json(document)
    }
}

/// What is said to a connection that is one too many, before anything is read from it.
pub(crate) fn full() -> Vec<u8> {
    let code = Code::Overloaded;
    let body = serde_json::json!({
        "type": format!("urn:clipper:problem:{}", code.as_str()), "title": code.title(), "status": code.status(),
        "detail": FULL, "code": code.as_str(), "error": FULL,
    })
    .to_string();
    let length = body.len();
    format!(
        "HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/problem+json\r\nCache-Control: no-store\r\n\
         Retry-After: {}\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}",
        rand::random_range(1..=5)
    )
    .into_bytes()
}

fn mime_json() -> actix_web::mime::Mime {
    actix_web::mime::APPLICATION_JSON
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match &error {
            CommandError::Refused(refusal) => refusal.into(),
            CommandError::Contended { .. } => Self::new(Code::Conflict, "Please try again."),
            CommandError::Overloaded | CommandError::Stopping => Self::new(
                Code::Overloaded,
                "Clipper takes no more at the moment. Please try again soon.",
            ),
            CommandError::Storage(_) => Self::internal(&error),
        }
    }
}

impl From<&Refusal> for Problem {
    fn from(refusal: &Refusal) -> Self {
        let code = match refusal {
            Refusal::NotRegistered | Refusal::Deleted | Refusal::NotDeleted => Code::ClipNotFound,
            Refusal::Outdated { .. } => Code::PreconditionFailed,
            Refusal::Purged => Code::ClipPurged,
            Refusal::SlugTaken { .. } => Code::SlugTaken,
            Refusal::SourceExists => Code::SourceExists,
            Refusal::NothingToEncode => Code::NoSource,
            Refusal::EncodingUnderWay { .. } => Code::EncodingUnderWay,
            Refusal::NoCaptions { .. } => Code::CaptionsNotFound,
            Refusal::TooManyCaptions { .. } => Code::TooManyCaptions,
            Refusal::Restorable { .. }
            | Refusal::EncodingEnded { .. }
            | Refusal::UnitDone { .. }
            | Refusal::LeaseLost { .. }
            | Refusal::NotPlanned { .. }
            | Refusal::Unfinished { .. } => Code::Conflict,
        };
        Self::new(code, sentence(&refusal.to_string()))
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let code = match rejection.code {
            RejectionCode::NotAVideo => Code::NotAVideo,
            RejectionCode::NoVideoStream => Code::NoVideoStream,
            RejectionCode::Truncated => Code::Truncated,
            RejectionCode::TooManyPixels => Code::TooManyPixels,
            RejectionCode::TooLong => Code::TooLong,
            RejectionCode::UnsupportedCodec => Code::UnsupportedCodec,
            RejectionCode::Undecodable => Code::Undecodable,
            RejectionCode::Encrypted => Code::Encrypted,
        };
        Self::new(code, rejection.detail)
    }
}

impl From<Limited> for Problem {
    fn from(limited: Limited) -> Self {
        let kind = limited.policy.name();
        metrics::counter!("clipper_rate_limited_total", "kind" => kind).increment(1);
        let (code, detail) = match limited.policy {
            Policy::Requests { rate, .. } => (
                Code::RateLimited,
                format!("You may send {rate} requests per second of this kind ({kind}). Please wait."),
            ),
            Policy::Bytes { per_day, .. } => (
                Code::DayIsSpent,
                format!(
                    "You may be sent {per_day} bytes per day ({kind}). What plays goes on; please come again tomorrow."
                ),
            ),
            Policy::Streams { most } => (
                Code::TooManyStreams,
                format!(
                    "{most} viewers play through this token already. Please wait until one of them ends."
                ),
            ),
        };
        Self {
            limited: Some(limited),
            ..Self::new(code, detail)
        }
    }
}

impl From<StorageError> for Problem {
    fn from(error: StorageError) -> Self {
        Self::internal(&error)
    }
}

impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        Self::internal(&error)
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::internal(&error)
    }
}

impl From<serde_json::Error> for Problem {
    fn from(error: serde_json::Error) -> Self {
        Self::internal(&error)
    }
}

/// A library's message as a sentence: a capital at its start, a stop at its end.
pub(super) fn sentence(message: &str) -> String {
    let mut letters = message.chars();
    let first = letters
        .next()
        .map(|letter| letter.to_uppercase().to_string())
        .unwrap_or_default();
    format!("{first}{}.", letters.as_str().trim_end_matches('.'))
}
