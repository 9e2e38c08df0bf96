//! Concatenation: parts that were uploaded beside each other become one upload.

use actix_web::HttpResponse;
use chrono::{DateTime, Utc};
use clipper_domain::PersonId;
use tokio::sync::OwnedMutexGuard;
use uuid::Uuid;

use super::headers::Metadata;
use super::{clip_of, complete, created, hold};
use crate::http::auth::Caller;
use crate::http::problem::{Code, Problem};
use crate::http::source::{Intake, file_name, too_large};
use crate::media::{UPLOAD_KEPT, Upload, UploadFacts};
use crate::storage::Db;

/// Joins parts in the order in which they are named. They are given up once the whole is taken in or refused; until then
/// the request can be repeated.
pub(super) async fn join(
    parts: &[Uuid],
    metadata: &Metadata,
    owner: PersonId,
    caller: &Caller,
    db: &Db,
    intake: &Intake,
    now: DateTime<Utc>,
) -> Result<HttpResponse, Problem> {
    let held = hold_all(parts, intake, caller).await?;
    let length = length_of(&held, intake)?;
    let facts = UploadFacts {
        id: Uuid::now_v7(),
        owner,
        clip: Some(clip_of(metadata, owner, caller, db, intake).await?),
        length: Some(length),
        filename: metadata.get("filename").map(file_name),
        expires_at: now + UPLOAD_KEPT,
    };
    let uploads = &intake.media.uploads;
    uploads.create(facts.clone()).await?;
    let mut whole = hold(intake, facts.id, caller).await?;
    for part in &held {
        whole.append(part).await?;
    }
    whole.keep().await?;
    let taken = complete(&whole, intake, caller).await;
    if taken
        .as_ref()
        .is_err_and(|problem| problem.code().status() >= 500)
    {
        // The parts are still there.
        uploads.remove(facts.id).await?;
    } else {
        drop(held);
        for part in parts {
            uploads.remove(*part).await?;
        }
    }
    taken.map(|()| created(&facts).finish())
}

/// Takes hold of the parts, in the order of their ids, so that two who join the same wait for one another.
async fn hold_all(
    parts: &[Uuid],
    intake: &Intake,
    caller: &Caller,
) -> Result<Vec<OwnedMutexGuard<Upload>>, Problem> {
    let mut sorted = parts.to_vec();
    sorted.sort_unstable();
    let mut held = vec![];
    for id in sorted {
        held.push(hold(intake, id, caller).await?);
    }
    held.sort_by_key(|upload| parts.iter().position(|id| *id == upload.facts.id));
    Ok(held)
}

/// How long the whole is.
fn length_of(parts: &[OwnedMutexGuard<Upload>], intake: &Intake) -> Result<u64, Problem> {
    let mut length = 0_u64;
    for part in parts {
        let id = part.facts.id;
        if part.facts.clip.is_some() {
            let detail =
                format!("The upload {id} is no part: it was begun without `Upload-Concat: partial`.");
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        if !part.is_whole() {
            let detail = format!("The part {id} is not complete.");
            return Err(Problem::new(Code::UploadOffset, detail));
        }
        length = length.saturating_add(part.offset());
    }
    if length > intake.max_bytes {
        return Err(too_large(intake.max_bytes));
    }
    Ok(length)
}
