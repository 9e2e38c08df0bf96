//! `/api/clips/{clip}/encodings`: encode a clip again, and stop it.

use actix_web::{HttpResponse, web};
use clipper_domain::Quality;
use clipper_domain::clip::{ClipCommand, EncodingOrder};
use clipper_projections::clips::ClipRow;
use schemars::JsonSchema;
use serde::Deserialize;

use super::auth::{Caller, Scope};
use super::cdn::Cdn;
use super::clip_json::ClipJson;
use super::clips::{find, find_own, id_of};
use super::problem::{Code, Problem, sentence};
use super::source::Intake;
use crate::clock::Clock;
use crate::storage::{Db, queue};

/// The order within a class that owners may ask for.
const PRIORITIES: std::ops::RangeInclusive<i32> = 0..=9;

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct EncodingRequest {
    /// Of `480p`, `720p`, `1080p`, `2K`, `4K`.
    qualities: Option<Vec<String>>,
    /// 0 to 9, the most urgent.
    priority: Option<i32>,
}

impl EncodingRequest {
    /// What is not said is as for an upload.
    fn order(self, row: &ClipRow, usual: &EncodingOrder) -> Result<EncodingOrder, Problem> {
        let priority = self.priority.unwrap_or(usual.priority);
        if !PRIORITIES.contains(&priority) {
            let (least, most) = (PRIORITIES.start(), PRIORITIES.end());
            let detail = format!("`priority` must be between {least} and {most}.");
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        let qualities = match self.qualities {
            None => usual.qualities.clone(),
            Some(names) => names
                .iter()
                .map(|name| name.parse())
                .collect::<Result<Vec<Quality>, _>>()
                .map_err(|error| Problem::new(Code::InvalidQuality, sentence(&error.to_string())))?,
        };
        if qualities.is_empty() {
            let detail = "`qualities` must name at least one.";
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        Ok(EncodingOrder {
            qualities,
            priority,
            class: row.class_of_request(),
        })
    }
}

/// `POST /api/clips/{clip}/encodings`: a new generation beside the one that plays.
pub(super) async fn request(
    name: web::Path<String>,
    body: Option<web::Json<EncodingRequest>>,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
    cdn: web::Data<Cdn>,
) -> Result<HttpResponse, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    let asked = body.map(web::Json::into_inner).unwrap_or_default();
    let order = asked.order(&row, &intake.order)?;
    let command = ClipCommand::RequestEncoding(order);
    execute(&row, command, &caller, &intake).await?;
    let row = find(&db, &row.id, &caller).await?;
    let clip = ClipJson::load(&db, row).await?;
    Ok(HttpResponse::Accepted().json(clip.through(Some(&cdn))))
}

/// `DELETE /api/clips/{clip}/encodings/current`: stops it, wherever it is worked on. Without one it does nothing.
pub(super) async fn cancel(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
    intake: web::Data<Intake>,
    clock: web::Data<dyn Clock>,
    cdn: web::Data<Cdn>,
) -> Result<web::Json<ClipJson>, Problem> {
    caller.require(Scope::ClipsWrite)?;
    let row = find_own(&db, &name, &caller).await?;
    execute(&row, ClipCommand::CancelEncoding, &caller, &intake).await?;
    queue::revoke(&db, id_of(&row)?, db.now(clock.as_ref()).await?).await?;
    let row = find(&db, &row.id, &caller).await?;
    Ok(web::Json(ClipJson::load(&db, row).await?.through(Some(&cdn))))
}

async fn execute(
    row: &ClipRow,
    command: ClipCommand,
    caller: &Caller,
    intake: &Intake,
) -> Result<(), Problem> {
    let executed = intake
        .clips
        .execute(id_of(row)?, command, caller.context(None))
        .await?;
    intake.projectors.wait_for("clips", executed.position).await;
    Ok(())
}
