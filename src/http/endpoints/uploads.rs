//! Resumable uploads.

use super::clips::REJECTIONS;
use crate::http::auth::Scope;
use crate::http::endpoint::{Access, Endpoint, delete, head, options, patch, post};
use crate::http::problem::Code;
use crate::http::uploads;

const BYTES: &[&str] = &["application/offset+octet-stream"];

#[expect(clippy::too_many_lines, reason = "a table")]
pub(super) fn endpoints() -> Vec<Endpoint> {
    let spoken = |endpoint: Endpoint| {
        endpoint
            .by(Access::Key(Scope::ClipsWrite))
            .header("Tus-Resumable", "`1.0.0`")
            .refuses(&[Code::TusVersion])
    };
    let begun = |endpoint: Endpoint| spoken(endpoint).refuses(&[Code::UploadNotFound]);
    vec![
        spoken(post("/api/uploads", uploads::create, "Begin an upload"))
            .header("Upload-Length", "How many bytes the file has")
            .header(
                "Upload-Defer-Length",
                "`1`, when `Upload-Length` comes with a later `PATCH`",
            )
            .header(
                "Upload-Concat",
                "`partial` for a part; `final;` and the addresses of complete parts, which become one",
            )
            .header("Upload-Metadata", "`filename`, `title`, `clip`, in base64")
            .empty(201, "`Location` is the upload, `Content-Location` the clip")
            .refuses(&[
                Code::EmptySource,
                Code::TooLarge,
                Code::ClipNotFound,
                Code::SourceExists,
                Code::UploadOffset,
            ])
            .refuses(&[
                Code::ChecksumMismatch,
                Code::UnsupportedMediaType,
                Code::IncompleteUpload,
                Code::Conflict,
            ])
            .refuses(REJECTIONS),
        options("/api/uploads", uploads::options, "What this server speaks of tus")
            .empty(204, "In `Tus-` headers"),
        begun(head(
            "/api/uploads/{upload}",
            uploads::head,
            "How far an upload is",
        ))
        .empty(200, "`Upload-Offset` bytes of `Upload-Length`"),
        begun(patch(
            "/api/uploads/{upload}",
            uploads::patch,
            "Go on with an upload",
        ))
        .header("Upload-Offset", "From which byte on")
        .header("Upload-Length", "How many bytes will come, if that was deferred")
        .header("Upload-Checksum", "`sha1` or `sha256`, and the digest in base64")
        .takes_bytes(BYTES)
        .empty(204, "`Upload-Offset` bytes are there")
        .refuses(&[
            Code::UploadOffset,
            Code::ChecksumMismatch,
            Code::UnsupportedMediaType,
            Code::TooLarge,
        ])
        .refuses(&[
            Code::IncompleteUpload,
            Code::SourceExists,
            Code::ClipNotFound,
            Code::Conflict,
        ])
        .refuses(REJECTIONS),
        begun(delete(
            "/api/uploads/{upload}",
            uploads::delete,
            "Give an upload up",
        ))
        .empty(204, "It is forgotten"),
        options(
            "/api/uploads/{upload}",
            uploads::options,
            "What this server speaks of tus",
        )
        .empty(204, "In `Tus-` headers"),
    ]
}
