//! Clips, and who is signed in.

use crate::http::auth::Scope;
use crate::http::clip_json::{CaptionsJson, ClipJson};
use crate::http::clips::{self, ClipPage, ListQuery, NewClip, ShowQuery};
use crate::http::encodings::{self, EncodingRequest};
use crate::http::endpoint::{Access, Endpoint, delete, get, patch, post, put};
use crate::http::imports::{self, NewImport};
use crate::http::problem::Code;
use crate::http::session::{self, SignIn, SignedIn};
use crate::http::source::{self, SourceQuery};
use crate::http::ticket::{self, TokenJson, TokenRequest};
use crate::http::{captions, edits, oembed, poster, progress};

/// What the probe may say of a source.
pub(super) const REJECTIONS: &[Code] = &[
    Code::NotAVideo,
    Code::NoVideoStream,
    Code::Truncated,
    Code::TooManyPixels,
    Code::TooLong,
    Code::UnsupportedCodec,
    Code::Undecodable,
    Code::Encrypted,
];

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints = all();
    endpoints.extend(
        one()
            .into_iter()
            .chain(changes())
            .map(|endpoint| endpoint.refuses(&[Code::ClipNotFound])),
    );
    endpoints
}

fn all() -> Vec<Endpoint> {
    vec![
        get(
            "/api/clips",
            clips::list,
            "Page through the clips that one may see",
        )
        .query::<ListQuery>()
        .answers::<ClipPage>(200, "A page, and where the next one begins"),
        post(
            "/api/clips/import",
            imports::create,
            "Register a clip whose source is fetched",
        )
        .by(Access::Key(Scope::ClipsWrite))
        .takes::<NewImport>()
        .answers::<ClipJson>(202, "The clip; `import` says how it goes")
        .refuses(&[Code::InvalidRequest, Code::PrivateAddress, Code::SlugTaken]),
        post("/api/clips", clips::create, "Register a clip")
            .by(Access::Key(Scope::ClipsWrite))
            .header(
                "Idempotency-Key",
                "A name of this request: sent again, it has the same answer",
            )
            .takes::<NewClip>()
            .answers::<ClipJson>(201, "The clip")
            .refuses(&[
                Code::SlugTaken,
                Code::IdempotencyKeyReused,
                Code::IdempotencyKeyInUse,
                Code::Conflict,
            ]),
        get("/api/session", session::show, "Who is signed in")
            .answers::<SignedIn>(200, "The user, and what they may do")
            .refuses(&[Code::Unauthorized]),
        post(
            "/api/session",
            session::sign_in,
            "Sign in on the pages with an API key",
        )
        .takes::<SignIn>()
        .empty(204, "The key is in an `HttpOnly` cookie")
        .refuses(&[Code::Unauthorized]),
        delete("/api/session", session::sign_out, "Sign out").empty(204, "The cookie is gone"),
        get(
            "/api/oembed",
            oembed::show,
            "How a clip stands in somebody else's page (oembed.com)",
        )
        .query::<oembed::OembedQuery>()
        .answers::<oembed::Oembed>(200, "A player in an `<iframe>`")
        .refuses(&[Code::ClipNotFound]),
    ]
}

fn one() -> Vec<Endpoint> {
    vec![
        get(
            "/api/clips/{clip}",
            clips::show,
            "Read a clip; with `at`, as it was, for its owner",
        )
        .by(Access::Viewer)
        .query::<ShowQuery>()
        .answers::<ClipJson>(200, "The clip"),
        put(
            "/api/clips/{clip}/source",
            source::put,
            "Upload the source in one request",
        )
        .by(Access::Owner)
        .query::<SourceQuery>()
        .takes_bytes(&["application/octet-stream", "video/*"])
        .answers::<ClipJson>(202, "The source is stored, and its encoding queued")
        .refuses(&[
            Code::EmptySource,
            Code::IncompleteUpload,
            Code::TooLarge,
            Code::UnsupportedMediaType,
            Code::SourceExists,
            Code::Conflict,
        ])
        .refuses(REJECTIONS),
        post(
            "/api/clips/{clip}/encodings",
            encodings::request,
            "Encode again, beside what plays",
        )
        .by(Access::Owner)
        .header(
            "Idempotency-Key",
            "A name of this request: sent again, it has the same answer",
        )
        .may_take::<EncodingRequest>()
        .answers::<ClipJson>(202, "The clip")
        .refuses(&[
            Code::EncodingUnderWay,
            Code::NoSource,
            Code::InvalidQuality,
            Code::Conflict,
        ]),
        delete(
            "/api/clips/{clip}/encodings/current",
            encodings::cancel,
            "Stop the encoding",
        )
        .by(Access::Owner)
        .answers::<ClipJson>(200, "The clip; without an encoding nothing happens")
        .refuses(&[Code::Conflict]),
        put(
            "/api/clips/{clip}/captions/{language}",
            captions::put,
            "Add captions, or replace them",
        )
        .by(Access::Owner)
        .takes_bytes(&["text/vtt", "application/x-subrip", "text/plain"])
        .answers::<CaptionsJson>(200, "They took the place of others")
        .answers::<CaptionsJson>(201, "They are new")
        .refuses(&[
            Code::InvalidLanguage,
            Code::CaptionsNotUtf8,
            Code::CaptionsMalformed,
            Code::TooLarge,
            Code::TooManyCaptions,
            Code::Conflict,
        ]),
        delete(
            "/api/clips/{clip}/captions/{language}",
            captions::remove,
            "Remove captions",
        )
        .by(Access::Owner)
        .empty(204, "They are gone")
        .refuses(&[Code::CaptionsNotFound, Code::InvalidLanguage, Code::Conflict]),
        post(
            "/api/clips/{clip}/playback-token",
            ticket::mint,
            "A token with which a private clip plays",
        )
        .by(Access::Owner)
        .may_take::<TokenRequest>()
        .answers::<TokenJson>(201, "The token, and the path of the master playlist with it"),
        get(
            "/api/clips/{clip}/progress",
            progress::watch,
            "How the encoding goes, as server-sent events",
        )
        .by(Access::Viewer)
        .sends(
            200,
            "text/event-stream",
            "Events `progress` at each change, until the encoding has ended",
        ),
        get("/api/clips/{clip}/history", clips::history, "The clip's events")
            .by(Access::Owner)
            .answers::<clips::History>(200, "From the first to the last"),
    ]
}

/// What its owner does to a clip as a whole.
fn changes() -> Vec<Endpoint> {
    vec![
        patch(
            "/api/clips/{clip}",
            edits::change,
            "Change what is told of a clip, and who may watch it",
        )
        .by(Access::Owner)
        .header(
            "If-Match",
            "The `ETag` of the clip: change it only if nobody else did since",
        )
        .takes::<edits::Patch>()
        .answers::<ClipJson>(200, "The clip")
        .refuses(&[Code::PreconditionFailed, Code::Conflict]),
        delete(
            "/api/clips/{clip}",
            edits::delete,
            "Take a clip away from everyone; it may be restored for a while",
        )
        .by(Access::Owner)
        .answers::<edits::DeletedJson>(200, "Until when it may be restored")
        .refuses(&[Code::Conflict]),
        post(
            "/api/clips/{clip}/restore",
            edits::restore,
            "Give a deleted clip back",
        )
        .by(Access::Owner)
        .answers::<ClipJson>(200, "The clip")
        .refuses(&[Code::ClipPurged, Code::Conflict]),
        put(
            "/api/clips/{clip}/poster",
            poster::put,
            "Have a moment of the clip (`{\"at\": seconds}`) or a picture stand for it",
        )
        .by(Access::Owner)
        .takes_bytes(&["application/json", "image/jpeg", "image/png", "image/webp"])
        .answers::<ClipJson>(200, "The clip")
        .refuses(&[
            Code::NotAPicture,
            Code::MalformedJson,
            Code::HlsNotAvailable,
            Code::UnsupportedMediaType,
            Code::TooLarge,
            Code::IncompleteUpload,
            Code::Conflict,
        ]),
        delete(
            "/api/clips/{clip}/poster",
            poster::remove,
            "Have the picture that encodings find stand for the clip again",
        )
        .by(Access::Owner)
        .answers::<ClipJson>(200, "The clip")
        .refuses(&[Code::Conflict]),
    ]
}
