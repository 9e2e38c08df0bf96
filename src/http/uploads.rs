//! `/api/uploads`: resumable uploads by the tus protocol 1.0.0, with creation, creation-with-upload,
//! creation-defer-length, expiration, checksum, termination and concatenation (tus.io/protocols/resumable-upload).

mod concat;
mod headers;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, HttpResponseBuilder, web};
use clipper_domain::{ClipId, PersonId};
use futures_util::StreamExt;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::auth::{Caller, Scope};
use super::clips::{NewClip, find_own, id_of};
use super::problem::{Code, Problem};
use super::source::{Intake, take_in};
use crate::clock::Clock;
use crate::media::{UPLOAD_KEPT, Upload, UploadFacts};
use crate::storage::Db;
use headers::{Checksum, Concat, Metadata, number};

const VERSION: &str = "1.0.0";
const EXTENSIONS: &str =
    "creation,creation-with-upload,creation-defer-length,expiration,checksum,termination,concatenation";
const OFFSET_STREAM: &str = "application/offset+octet-stream";

/// `OPTIONS /api/uploads`: what this server speaks.
pub(super) async fn options(intake: web::Data<Intake>) -> HttpResponse {
    answer(HttpResponse::NoContent())
        .insert_header(("Tus-Version", VERSION))
        .insert_header(("Tus-Extension", EXTENSIONS))
        .insert_header(("Tus-Max-Size", intake.max_bytes.to_string()))
        .insert_header(("Tus-Checksum-Algorithm", Checksum::ALGORITHMS))
        .finish()
}

/// `POST /api/uploads`: begins an upload, for a clip that is named or for a new one.
pub(super) async fn create(
    request: HttpRequest,
    body: web::Payload,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    check_version(&request)?;
    let owner = caller.require(Scope::ClipsWrite)?;
    let metadata = Metadata::of(&request)?;
    let concat = Concat::of(&request)?;
    if let Some(Concat::Final(parts)) = concat {
        return Box::pin(concat::join(
            &parts,
            &metadata,
            owner,
            &caller,
            &db,
            &intake,
            clock.now(),
        ))
        .await;
    }
    let length = headers::length(&request)?;
    if let Some(length) = length {
        check_length(length, &intake)?;
    }
    let clip = match concat {
        Some(_) => None,
        None => Some(clip_of(&metadata, owner, &caller, &db, &intake).await?),
    };
    let facts = UploadFacts {
        id: Uuid::now_v7(),
        owner,
        clip,
        length,
        filename: metadata.get("filename").map(super::source::file_name),
        expires_at: clock.now() + UPLOAD_KEPT,
    };
    intake.media.uploads.create(facts.clone()).await?;
    let mut response = created(&facts);
    if headers::text(&request, "Content-Type") == Some(OFFSET_STREAM) {
        let upload = hold(&intake, facts.id, &caller).await?;
        let offset = Box::pin(receive(upload, body, None, &intake, &caller)).await?;
        response.insert_header(("Upload-Offset", offset.to_string()));
    }
    Ok(response.finish())
}

/// The answer to whoever has begun an upload.
fn created(facts: &UploadFacts) -> HttpResponseBuilder {
    let mut response = described(HttpResponse::Created(), facts);
    response.insert_header((header::LOCATION, format!("/api/uploads/{}", facts.id)));
    response
}

fn check_length(length: u64, intake: &Intake) -> Result<(), Problem> {
    if length == 0 {
        return Err(Problem::new(Code::EmptySource, "The upload holds no bytes."));
    }
    if length > intake.max_bytes {
        return Err(super::source::too_large(intake.max_bytes));
    }
    Ok(())
}

/// `HEAD /api/uploads/{id}`: how far it has come.
pub(super) async fn head(
    request: HttpRequest,
    id: web::Path<Uuid>,
    caller: Caller,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, Problem> {
    check_version(&request)?;
    let upload = hold(&intake, *id, &caller).await?;
    let mut response = described(HttpResponse::Ok(), &upload.facts);
    response
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .insert_header(("Upload-Offset", upload.offset().to_string()));
    match upload.facts.length {
        Some(length) => response.insert_header(("Upload-Length", length.to_string())),
        None => response.insert_header(("Upload-Defer-Length", "1")),
    };
    if upload.facts.clip.is_none() {
        response.insert_header(("Upload-Concat", "partial"));
    }
    Ok(response.finish())
}

/// `PATCH /api/uploads/{id}`: the next bytes. With the last of them the source is checked and its encoding queued.
pub(super) async fn patch(
    request: HttpRequest,
    id: web::Path<Uuid>,
    body: web::Payload,
    caller: Caller,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, Problem> {
    check_version(&request)?;
    if headers::text(&request, "Content-Type") != Some(OFFSET_STREAM) {
        let detail = format!("Send the bytes as `{OFFSET_STREAM}`.");
        return Err(Problem::new(Code::UnsupportedMediaType, detail));
    }
    let checksum = Checksum::of(&request)?;
    let mut upload = hold(&intake, *id, &caller).await?;
    let offset = number(&request, "Upload-Offset")?;
    if offset != Some(upload.offset()) {
        let detail = format!("The upload stands at {}.", upload.offset());
        return Err(Problem::new(Code::UploadOffset, detail));
    }
    if let Some(length) = number(&request, "Upload-Length")? {
        announce(&mut upload, length, &intake).await?;
    }
    let facts = upload.facts.clone();
    let offset = Box::pin(receive(upload, body, checksum, &intake, &caller)).await?;
    Ok(described(HttpResponse::NoContent(), &facts)
        .insert_header(("Upload-Offset", offset.to_string()))
        .finish())
}

/// Hears how many bytes will come; once, and no less than there are.
async fn announce(upload: &mut Upload, length: u64, intake: &Intake) -> Result<(), Problem> {
    check_length(length, intake)?;
    let known = upload.facts.length;
    if known.is_some_and(|known| known != length) || length < upload.offset() {
        let detail = "`Upload-Length` is told once, and is no less than what is there.";
        return Err(Problem::new(Code::InvalidRequest, detail));
    }
    if known.is_none() {
        upload.announce(length).await?;
    }
    Ok(())
}

/// `DELETE /api/uploads/{id}`: it is not wanted any more.
pub(super) async fn delete(
    request: HttpRequest,
    id: web::Path<Uuid>,
    caller: Caller,
    intake: web::Data<Intake>,
) -> Result<HttpResponse, Problem> {
    check_version(&request)?;
    drop(hold(&intake, *id, &caller).await?);
    intake.ahead.stop(*id).await;
    intake.media.uploads.remove(*id).await?;
    Ok(answer(HttpResponse::NoContent()).finish())
}

fn answer(mut response: HttpResponseBuilder) -> HttpResponseBuilder {
    response.insert_header(("Tus-Resumable", VERSION));
    response
}

/// An answer about an upload: until when it is kept (as RFC 9110 5.6.7 writes it), and for which clip, if for any.
fn described(response: HttpResponseBuilder, facts: &UploadFacts) -> HttpResponseBuilder {
    let expires = facts.expires_at.format("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let mut response = answer(response);
    response.insert_header(("Upload-Expires", expires));
    if let Some(clip) = facts.clip {
        response.insert_header(("Content-Location", format!("/api/clips/{clip}")));
    }
    response
}

fn check_version(request: &HttpRequest) -> Result<(), Problem> {
    if headers::text(request, "Tus-Resumable") == Some(VERSION) {
        return Ok(());
    }
    let detail = format!("Send `Tus-Resumable: {VERSION}`.");
    Err(Problem::new(Code::TusVersion, detail))
}

/// The clip that is named, or a new one with the title, or with the name of the file.
async fn clip_of(
    metadata: &Metadata,
    owner: PersonId,
    caller: &Caller,
    db: &Db,
    intake: &Intake,
) -> Result<ClipId, Problem> {
    if let Some(name) = metadata.get("clip") {
        return id_of(&find_own(db, name, caller).await?);
    }
    let title = metadata
        .get("title")
        .or(metadata.get("filename"))
        .unwrap_or("Untitled");
    let (id, registration) = NewClip::titled(title).registration(owner, None)?;
    let register = clipper_domain::clip::ClipCommand::Register(registration);
    intake.clips.execute(id, register, caller.context(None)).await?;
    Ok(id)
}

/// Takes hold of an upload of the caller's.
async fn hold(intake: &Intake, id: Uuid, caller: &Caller) -> Result<OwnedMutexGuard<Upload>, Problem> {
    let person = caller.require(Scope::ClipsWrite)?;
    let missing = || {
        Problem::new(
            Code::UploadNotFound,
            "There is no such upload, or it has expired.",
        )
    };
    let upload = intake.media.uploads.take(id).await?.ok_or_else(missing)?;
    if upload.facts.owner == person || caller.may_change(&upload.facts.owner.to_string()) {
        Ok(upload)
    } else {
        Err(missing())
    }
}

/// Writes what arrives, and takes the source in when it is complete. What arrived of a broken request is kept, unless
/// it came with a checksum.
async fn receive(
    mut upload: OwnedMutexGuard<Upload>,
    mut body: web::Payload,
    mut checksum: Option<Checksum>,
    intake: &Intake,
    caller: &Caller,
) -> Result<u64, Problem> {
    let mark = upload.mark();
    let mut seen = upload.saved();
    let mut broken = false;
    while let Some(part) = body.next().await {
        let Ok(part) = part else {
            broken = true;
            break;
        };
        if let Some(checksum) = &mut checksum {
            checksum.update(&part);
        }
        if !upload.write(&part, intake.max_bytes).await? {
            upload.go_back(mark).await?;
            return Err(upload.facts.length.map_or_else(
                || super::source::too_large(intake.max_bytes),
                |length| {
                    let detail = format!("The upload was announced with {length} bytes.");
                    Problem::new(Code::TooLarge, detail)
                },
            ));
        }
        // Parts are small and many; there is something to see only when more of them can be read.
        if upload.saved() > seen {
            seen = upload.saved();
            intake.ahead.look(&upload).await;
        }
    }
    if checksum.is_some_and(|checksum| broken || !checksum.holds()) {
        upload.go_back(mark).await?;
        return Err(Problem::new(
            Code::ChecksumMismatch,
            "The bytes do not have the checksum that they came with. Send them again.",
        ));
    }
    upload.keep().await?;
    intake.ahead.look(&upload).await;
    if broken {
        return Err(super::source::broken_off());
    }
    Box::pin(complete(&upload, intake, caller)).await?;
    Ok(upload.offset())
}

/// Takes the source in, if every byte is there and it is no part of another. A source that is refused is forgotten; one that could not be recorded
/// just now is tried again with the next request.
async fn complete(upload: &Upload, intake: &Intake, caller: &Caller) -> Result<(), Problem> {
    let facts = &upload.facts;
    let Some(clip) = facts.clip else { return Ok(()) };
    let Some(received) = upload.complete().await? else {
        return Ok(());
    };
    let ahead = intake.ahead.finish(facts.id).await;
    let taken = take_in(intake, clip, received, facts.filename.clone(), ahead, caller).await;
    if let Ok(executed) = &taken {
        intake.projectors.wait_for("clips", executed.position).await;
    }
    let is_final = match &taken {
        Ok(_) => true,
        Err(problem) => (400..500).contains(&problem.code().status()),
    };
    if is_final {
        intake.media.uploads.remove(facts.id).await?;
    }
    taken.map(|_| ())
}
