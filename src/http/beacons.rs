//! Reports of players: parsed leniently, appended to the playback log, acknowledged after the commit.

mod batch;
mod live;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::SessionId;
use clipper_domain::report::{PlaybackEvent, Report};
use clipper_domain::schema;
use clipper_projections::clips;
use sha2::{Digest, Sha256};

use self::batch::{Accepted, Batch, Rejected};
pub(crate) use self::live::Live;
use super::auth::Caller;
use super::problem::{Code, Problem, sentence};
use crate::clock::Clock;
use crate::storage::{Append, AppendError, Db, Expected, LogWriter};

/// How often a player should report, in seconds.
const INTERVAL_S: u32 = 30;

/// The writer of the playback log.
#[derive(Clone)]
pub(crate) struct PlaybackLog {
    pub(crate) writer: LogWriter,
    pub(crate) node: String,
    pub(crate) live: Live,
}

/// `POST /api/analytics/beacons`.
pub(super) async fn post(
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    caller: Caller,
    db: web::Data<Db>,
    log: web::Data<PlaybackLog>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    accept(&request, &whole(body)?, &caller, &db, &log, &**clock, None).await
}

/// `POST /api/sessions/{sid}/reports`: the same under a path that content blockers leave alone.
pub(super) async fn post_session(
    request: HttpRequest,
    sid: web::Path<String>,
    body: Result<web::Bytes, actix_web::Error>,
    caller: Caller,
    db: web::Data<Db>,
    log: web::Data<PlaybackLog>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    accept(&request, &whole(body)?, &caller, &db, &log, &**clock, Some(&sid)).await
}

fn whole(body: Result<web::Bytes, actix_web::Error>) -> Result<web::Bytes, Problem> {
    body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::TooLarge, "A batch may have at most 1 MiB."),
        _ => Problem::new(
            Code::IncompleteUpload,
            "The connection broke before the batch was complete.",
        ),
    })
}

async fn accept(
    request: &HttpRequest,
    body: &[u8],
    caller: &Caller,
    db: &Db,
    log: &PlaybackLog,
    clock: &dyn Clock,
    path_sid: Option<&str>,
) -> Result<HttpResponse, Problem> {
    let plain = is_plain_text(request)?;
    let batch = Batch::parse(body, clock.now().timestamp_millis())?;
    if path_sid.is_some_and(|sid| !sid.eq_ignore_ascii_case(&batch.sid)) {
        return Err(Problem::new(
            Code::InvalidSession,
            "The path and the batch name different sessions.",
        ));
    }
    let session: SessionId = batch.sid.parse().map_err(|error: clipper_domain::InvalidId| {
        Problem::new(Code::InvalidSession, sentence(&error.to_string()))
    })?;
    let Accepted { records, rejected } = batch.records();
    let count = records.len();
    let repeated = if records.is_empty() {
        false
    } else {
        let clip_id = clip_id(db, &batch.cid).await?;
        let addition = log.live.read(session, &records, clock.now().timestamp_millis());
        let report = Report {
            clip: batch.cid.clone(),
            clip_id,
            viewer: caller.person(),
            sent_at: batch.sent_at,
            records,
        };
        let repeated = append(log, session, report, caller).await?;
        if !repeated {
            log.live.keep(addition);
        }
        repeated
    };
    count_reports(count, repeated, &rejected);
    Ok(answer(plain, count, repeated, &rejected))
}

/// `sendBeacon` sends text/plain, the only type that needs no preflight.
fn is_plain_text(request: &HttpRequest) -> Result<bool, Problem> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    match kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
        .as_str()
    {
        "application/json" | "" => Ok(false),
        "text/plain" => Ok(true),
        other => {
            let detail = format!("`{other}` is not accepted: send application/json or text/plain.");
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

async fn clip_id(db: &Db, cid: &str) -> Result<Option<uuid::Uuid>, Problem> {
    let row = db.optional(clips::by_name(cid)).await?;
    Ok(row.and_then(|row| uuid::Uuid::parse_str(&row.id).ok()))
}

/// Appends the report and tells whether it had been appended before.
async fn append(
    log: &PlaybackLog,
    session: SessionId,
    report: Report,
    caller: &Caller,
) -> Result<bool, Problem> {
    let event = schema::write(&PlaybackEvent::PlaybackReported(report))?;
    // The same records of the same session are the same report, however often a player sends them.
    let command_id = hex::encode(Sha256::digest(event.payload.as_bytes()));
    let append = Append {
        stream: session.stream(),
        expected: Expected::Any,
        events: vec![event],
        metadata: caller.context(Some(command_id.clone())).metadata(&log.node),
        command_id,
    };
    match log.writer.append(append).await {
        Ok(appended) => Ok(appended.repeated),
        Err(AppendError::Storage(error)) => {
            tracing::error!(error = &*error as &dyn std::error::Error, "report not stored");
            Err(Problem::new(
                Code::Internal,
                "The report could not be stored. Please send it again.",
            ))
        }
        Err(AppendError::Conflict { .. } | AppendError::Overloaded | AppendError::Closed) => {
            Err(Problem::new(
                Code::Overloaded,
                "Too many reports at the moment. Please send it again later.",
            ))
        }
    }
}

fn count_reports(count: usize, repeated: bool, rejected: &[Rejected]) {
    let kept = if repeated {
        "clipper_reports_duplicate_total"
    } else {
        "clipper_reports_accepted_total"
    };
    metrics::counter!(kept).increment(count as u64);
    metrics::counter!("clipper_reports_rejected_total").increment(rejected.len() as u64);
}

fn answer(plain: bool, count: usize, repeated: bool, rejected: &[Rejected]) -> HttpResponse {
    if plain {
        return HttpResponse::NoContent().finish();
    }
    let (accepted, duplicate) = if repeated { (0, count) } else { (count, 0) };
    HttpResponse::Accepted().json(serde_json::json!({
        "accepted": accepted,
        "duplicate": duplicate,
        "rejected": rejected,
        "config": { "interval_s": INTERVAL_S, "sample": 1.0 },
    }))
}
