//! Reports in the form of the standard: CMCD v2, event mode.

use std::collections::BTreeMap;

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_domain::SessionId;
use clipper_domain::cmcd::{self, Cmcd, Key, Refused};
use clipper_domain::report::{Report, Surroundings};
use futures_util::future::join_all;
use schemars::JsonSchema;
use serde::Serialize;

use super::auth::Caller;
use super::beacons::content_type;
use super::problem::{Code, Problem};
use super::reports::{Kept, Reports, Sender, joined, of_time, whole};
use crate::clock::Clock;
use crate::storage::rejects::Rejected;

/// Records of one body.
const MAX_RECORDS: usize = 5_000;
/// CMCD does not say when a body was sent. Only a clock that is further off than any batch waits is corrected.
const SURELY_SKEWED_MS: i64 = 3_600_000;

/// A session and its clip, as the player names them.
type Name = (String, String);
/// Why a record is set aside: a code, and the key that it is about.
type Reason = (&'static str, &'static str);

/// `POST /api/analytics/cmcd`.
pub(super) async fn post(
    request: HttpRequest,
    body: Result<web::Bytes, actix_web::Error>,
    caller: Caller,
    reports: web::Data<Reports>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    reports.ask()?;
    check_type(&request)?;
    let body = whole(body)?;
    let body = String::from_utf8_lossy(&body);
    let sender = Sender::of(&reports, request.headers(), request.peer_addr(), &**clock).await?;
    let sessions = read(&reports, &body, &**clock)?;
    let mut sent = vec![];
    for ((sid, cid), records) in sessions {
        let clip_id = reports.clip_id(&cid).await?;
        let report = report(&sender, cid, records, clock.now().timestamp_millis());
        let report = Report {
            clip_id,
            viewer: caller.person(),
            ..report
        };
        sent.push(reports.keep(SessionId::of_named(&sid), report, &caller));
    }
    join_all(sent)
        .await
        .into_iter()
        .collect::<Result<Vec<Kept>, Problem>>()?;
    Ok(HttpResponse::new(StatusCode::NO_CONTENT))
}

/// What the standard says of some records.
#[derive(JsonSchema, Serialize)]
pub(super) struct Verdict {
    /// Whether there is no error.
    valid: bool,
    records: usize,
    errors: usize,
    warnings: usize,
    #[schemars(with = "Vec<IssueShape>")]
    issues: Vec<cmcd::Issue>,
}

/// An issue, as it is written.
#[derive(JsonSchema)]
#[schemars(rename = "Issue")]
#[expect(dead_code, reason = "only described")]
struct IssueShape {
    /// From 1.
    line: usize,
    /// From 1, in bytes.
    column: usize,
    key: Option<String>,
    code: String,
    /// `error` or `warning`.
    severity: String,
    message: String,
}

/// `POST /api/analytics/cmcd/validate`.
pub(super) async fn validate(body: Result<web::Bytes, actix_web::Error>) -> Result<HttpResponse, Problem> {
    let body = whole(body)?;
    let text = String::from_utf8_lossy(&body);
    let mut issues = cmcd::validate(&text);
    let errors = issues
        .iter()
        .filter(|issue| issue.severity == cmcd::Severity::Error)
        .count();
    let found = issues.len();
    issues.truncate(MAX_RECORDS);
    Ok(HttpResponse::Ok().json(Verdict {
        valid: errors == 0,
        records: cmcd::read(&text).count(),
        errors,
        warnings: found - errors,
        issues,
    }))
}

fn check_type(request: &HttpRequest) -> Result<(), Problem> {
    match content_type(request).as_str() {
        "application/cmcd" | "text/cmcd" | "text/plain" | "" => Ok(()),
        other => {
            let detail = format!("`{other}` is not accepted: send application/cmcd.");
            Err(Problem::new(Code::UnsupportedMediaType, detail))
        }
    }
}

/// The records of a body by session and clip. What is wrong is set aside; nothing at all that can be read is an error.
fn read(reports: &Reports, body: &str, clock: &dyn Clock) -> Result<BTreeMap<Name, Vec<Cmcd>>, Problem> {
    let now = clock.now();
    let mut sessions: BTreeMap<Name, Vec<Cmcd>> = BTreeMap::new();
    let (mut lines, mut known) = (0, 0);
    for (_, line, outcome) in cmcd::read(body).take(MAX_RECORDS) {
        lines += 1;
        known += i32::from(outcome != Err(Refused::Nothing));
        let sid = outcome
            .as_ref()
            .ok()
            .and_then(|record| record.text(Key::Sid))
            .unwrap_or_default()
            .to_owned();
        match outcome
            .map_err(refusal)
            .and_then(|record| fit(record, now.timestamp_millis()))
        {
            Ok((key, record)) => sessions.entry(key).or_default().push(record),
            Err((code, key)) => reports.reject(Rejected {
                form: "cmcd",
                session: sid,
                code,
                key: key.to_owned(),
                raw: line.to_owned(),
                at: now,
            }),
        }
    }
    if lines > 0 && known > 0 {
        Ok(sessions)
    } else {
        Err(Problem::new(
            Code::MalformedCmcd,
            "No line of the body can be read as CMCD.",
        ))
    }
}

fn refusal(refused: Refused) -> Reason {
    match refused {
        Refused::Version(_) => ("unknown_version", "v"),
        Refused::Nothing => ("unreadable", ""),
    }
}

/// A record without what is said beside it: its session and its clip.
fn fit(mut record: Cmcd, now: i64) -> Result<(Name, Cmcd), Reason> {
    of_time(&record, now)?;
    if record.text(Key::E).is_none() {
        return Err(("missing", "e"));
    }
    let sid = record
        .text(Key::Sid)
        .filter(|sid| !sid.is_empty())
        .ok_or(("missing", "sid"))?
        .to_owned();
    let cid = record.text(Key::Cid).unwrap_or_default().to_owned();
    for key in [Key::Sid, Key::Cid, Key::V] {
        record.values.remove(&key);
    }
    Ok(((sid, cid), record))
}

fn report(sender: &Sender, clip: String, records: Vec<Cmcd>, now: i64) -> Report {
    let latest = records
        .iter()
        .filter_map(|record| record.int(Key::Ts))
        .max()
        .unwrap_or(now);
    let host = records
        .iter()
        .find_map(|record| record.text(Key::H))
        .unwrap_or_default()
        .to_owned();
    let said = Surroundings {
        host,
        ..Surroundings::default()
    };
    Report {
        clip,
        sent_at: latest,
        skew_ms: Some(now - latest).filter(|skew| skew.abs() > SURELY_SKEWED_MS),
        weight: 1,
        private: sender.private,
        bot: sender.bot,
        audience: sender.audience.clone(),
        ctx: joined(said, &sender.ctx),
        records,
        ..Report::default()
    }
}
