//! Reports in JSON: batches of records, or a whole session in a few numbers. Parsed leniently, appended to the playback
//! log, acknowledged after the commit.

mod batch;
mod summary;

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::SessionId;
use clipper_domain::report::Report;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use self::batch::{Batch, Sorted};
use self::summary::Closing;
use super::auth::Caller;
use super::problem::{Code, Problem};
use super::reports::{INTERVAL_S, Kept, Reports, Sender, whole};
use crate::clock::Clock;
use crate::storage::rejects::Rejected;

/// Records that were set aside, with their text.
type SetAside = Vec<(batch::Rejected, String)>;

/// `POST /api/analytics/beacons`.
pub(super) async fn post(
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    caller: Caller,
    reports: web::Data<Reports>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    accept(&request, &whole(body)?, &caller, &reports, &**clock, None).await
}

/// `POST /api/sessions/{sid}/reports`: the same under a path that content blockers leave alone.
pub(super) async fn post_session(
    request: HttpRequest,
    sid: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
    caller: Caller,
    reports: web::Data<Reports>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    accept(&request, &whole(body)?, &caller, &reports, &**clock, Some(&sid)).await
}

async fn accept(
    request: &HttpRequest,
    body: &[u8],
    caller: &Caller,
    reports: &Reports,
    clock: &dyn Clock,
    path_sid: Option<&str>,
) -> Result<HttpResponse, Problem> {
    reports.ask()?;
    let plain = is_plain_text(request)?;
    let body: Value = serde_json::from_slice(body)
        .map_err(|error| Problem::new(Code::MalformedJson, format!("The batch is not valid: {error}.")))?;
    let sender = Sender::of(reports, request.headers(), request.peer_addr(), clock).await?;
    let now = clock.now();
    let (session, report, rejected) = match Closing::of(&body, path_sid)? {
        Some(closing) => {
            let (session, report) = closing.report(&sender, now.timestamp_millis());
            (session, report, vec![])
        }
        None => batch(body, path_sid, &sender, now.timestamp_millis())?,
    };
    for (rejected, raw) in &rejected {
        reports.reject(Rejected {
            form: "json",
            session: session.0.to_string(),
            code: rejected.code,
            key: rejected.key.to_owned(),
            raw: raw.clone(),
            at: now,
        });
    }
    let kept = if report.records.is_empty() && report.summary.is_none() {
        Kept::default()
    } else {
        let clip_id = reports.clip_id(&report.clip).await?;
        let viewer = caller.person();
        reports
            .keep(
                session,
                Report {
                    clip_id,
                    viewer,
                    ..report
                },
                caller,
            )
            .await?
    };
    let rejected: Vec<_> = rejected.into_iter().map(|(rejected, _)| rejected).collect();
    Ok(answer(plain, kept, rejected))
}

fn batch(
    body: Value,
    path_sid: Option<&str>,
    sender: &Sender,
    received_at: i64,
) -> Result<(SessionId, Report, SetAside), Problem> {
    let batch = Batch::parse(body, received_at)?;
    if path_sid.is_some_and(|sid| !sid.eq_ignore_ascii_case(&batch.sid)) {
        return Err(Problem::new(
            Code::InvalidSession,
            "The path and the batch name different sessions.",
        ));
    }
    let session = batch.session()?;
    let Sorted { records, rejected } = batch.sorted();
    let report = Report {
        private: sender.private,
        bot: sender.bot,
        audience: sender.audience.clone(),
        records,
        ..batch.report(&sender.ctx)
    };
    Ok((session, report, rejected))
}

/// `sendBeacon` sends text/plain, the only type that needs no preflight.
fn is_plain_text(request: &HttpRequest) -> Result<bool, Problem> {
    match content_type(request).as_str() {
        "application/json" | "" => Ok(false),
        "text/plain" => Ok(true),
        other => {
            let detail = format!("`{other}` is not accepted: send application/json or text/plain.");
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// Without its parameters, in small letters.
pub(super) fn content_type(request: &HttpRequest) -> String {
    let value = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok());
    value
        .unwrap_or_default()
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}

/// What became of the records of a batch.
#[derive(JsonSchema, Serialize)]
pub(super) struct Received {
    accepted: usize,
    /// Those that were stored before.
    duplicate: usize,
    rejected: Vec<batch::Rejected>,
    config: Wishes,
}

/// What is asked of players.
#[derive(JsonSchema, Serialize)]
struct Wishes {
    /// Seconds between two reports.
    interval_s: u32,
    /// The share of sessions that report.
    sample: f64,
}

fn answer(plain: bool, kept: Kept, rejected: Vec<batch::Rejected>) -> HttpResponse {
    if plain {
        return HttpResponse::NoContent().finish();
    }
    HttpResponse::Accepted().json(Received {
        accepted: kept.accepted,
        duplicate: kept.duplicate,
        rejected,
        config: Wishes {
            interval_s: INTERVAL_S,
            sample: 1.0,
        },
    })
}
