//! What all reports of players have in common, in whichever form they come: who sent them, what was sent before, the
//! playback log, and what was set aside.

mod agent;
mod live;
mod sender;

use std::sync::Arc;

use actix_web::http::StatusCode;
use actix_web::web;
use clipper_domain::SessionId;
use clipper_domain::cmcd::{Cmcd, Key};
use clipper_domain::report::{PlaybackEvent, Report};
use clipper_domain::schema;
use clipper_projections::clips;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

use super::auth::Caller;
use super::client::Proxies;
use super::problem::{Code, Problem};
use crate::clock::Clock;
use crate::commands::CommandContext;
use crate::storage::rejects::{RejectSink, Rejected};
use crate::storage::viewers::Viewers;
use crate::storage::{Append, AppendError, Db, Expected, LogWriter};

pub(crate) use live::Live;
pub(super) use sender::{Sender, joined};

/// How often a player should report, in seconds.
pub(super) const INTERVAL_S: u32 = 30;
/// Records that are remembered as stored: 32 bytes each.
const REMEMBERED: usize = 200_000;

/// The way of reports into the playback log.
#[derive(Clone)]
pub(crate) struct Reports {
    pub(crate) writer: LogWriter,
    pub(crate) node: String,
    pub(crate) db: Db,
    pub(crate) viewers: Viewers,
    pub(crate) rejects: RejectSink,
    pub(crate) proxies: Proxies,
    /// The header in which a trusted proxy says the country; empty for none.
    pub(crate) country_header: String,
    /// Whether reports are wanted at all.
    pub(crate) wanted: bool,
    pub(crate) stored: Stored,
    pub(crate) live: Live,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Records that were stored lately, by their hash: what players send again costs nothing. Whatever is forgotten here,
/// the log and the fold of sessions still recognise.
#[derive(Clone)]
pub(crate) struct Stored(Arc<Cache<[u8; 16], ()>>);

/// What came of some records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Kept {
    pub(super) accepted: usize,
    pub(super) duplicate: usize,
}

impl Default for Stored {
    fn default() -> Self {
        Self(Arc::new(Cache::new(REMEMBERED)))
    }
}

impl Stored {
    fn hash(session: SessionId, record: &Cmcd) -> [u8; 16] {
        let mut hasher = Sha256::new();
        hasher.update(session.0.as_bytes());
        hasher.update(record.to_string());
        let mut hash = [0; 16];
        for (to, from) in hash.iter_mut().zip(hasher.finalize()) {
            *to = from;
        }
        hash
    }
}

impl Reports {
    /// An error, where nobody wants reports: players stop.
    pub(super) fn ask(&self) -> Result<(), Problem> {
        if self.wanted {
            Ok(())
        } else {
            Err(Problem::new(
                Code::ReportsUnwanted,
                "This server takes no reports. Please stop sending them.",
            ))
        }
    }

    /// The clip that a player names.
    pub(super) async fn clip_id(&self, cid: &str) -> Result<Option<uuid::Uuid>, Problem> {
        let row = self
            .db
            .optional(clips::by_name_in(cid, clips::Which::All))
            .await?;
        Ok(row.and_then(|row| uuid::Uuid::parse_str(&row.id).ok()))
    }

    /// Appends what was not stored before, and tells once it is.
    pub(super) async fn keep(
        &self,
        session: SessionId,
        mut report: Report,
        caller: &Caller,
    ) -> Result<Kept, Problem> {
        let sent = report.records.len();
        let hashes: Vec<_> = report
            .records
            .iter()
            .map(|record| Stored::hash(session, record))
            .collect();
        let mut known = hashes.iter().map(|hash| self.stored.0.get(hash).is_some());
        report.records.retain(|_| !known.next().unwrap_or(false));
        let fresh = report.records.len();
        if fresh == 0 && report.summary.is_none() {
            return Ok(Kept::counted(0, sent));
        }
        let now = self.clock.now().timestamp_millis();
        let addition = self.live.read(session, &report.records, now);
        let repeated = self
            .append(session, report, |command_id| caller.context(Some(command_id)))
            .await?;
        if !repeated {
            self.live.keep(addition);
        }
        for hash in hashes {
            self.stored.0.insert(hash, ());
        }
        Ok(if repeated {
            Kept::counted(0, sent)
        } else {
            Kept::counted(fresh, sent - fresh)
        })
    }

    /// Appends what requests for media said, which nobody sends again.
    pub(super) async fn keep_overheard(&self, session: SessionId, report: Report) -> Result<(), Problem> {
        let count = report.records.len() as u64;
        let context = |command_id| CommandContext {
            command_id,
            ..CommandContext::once("viewer")
        };
        self.append(session, report, context).await?;
        metrics::counter!("clipper_requests_heard_total").increment(count);
        Ok(())
    }

    async fn append(
        &self,
        session: SessionId,
        report: Report,
        context: impl FnOnce(String) -> CommandContext,
    ) -> Result<bool, Problem> {
        let command_id = command_id(&report)?;
        let event = schema::write(&PlaybackEvent::PlaybackReported(report))?;
        let append = Append {
            stream: session.stream(),
            expected: Expected::Any,
            events: vec![event],
            metadata: context(command_id.clone()).metadata(&self.node),
            command_id,
        };
        match self.writer.append(append).await {
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

    /// Sets a record aside.
    pub(super) fn reject(&self, rejected: Rejected) {
        metrics::counter!("clipper_reports_rejected_total").increment(1);
        self.rejects.put(rejected);
    }
}

/// The same records of the same session are the same report, however often and whenever a player sends them.
fn command_id(report: &Report) -> Result<String, Problem> {
    let content = (&report.clip, report.origin, &report.summary, &report.records);
    Ok(hex::encode(Sha256::digest(serde_json::to_vec(&content)?)))
}

impl Kept {
    fn counted(accepted: usize, duplicate: usize) -> Self {
        metrics::counter!("clipper_reports_accepted_total").increment(accepted as u64);
        metrics::counter!("clipper_reports_duplicate_total").increment(duplicate as u64);
        Self { accepted, duplicate }
    }
}

/// A whole body; it is inflated by then, and its limit is that of what came out.
pub(super) fn whole(body: Result<web::Bytes, actix_web::Error>) -> Result<web::Bytes, Problem> {
    body.map_err(|error| match error.as_response_error().status_code() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(Code::TooLarge, "A batch may have at most 1 MiB."),
        _ => Problem::new(
            Code::IncompleteUpload,
            "The connection broke before the batch was complete.",
        ),
    })
}

/// Ten years: further off, a clock is not wrong but made up.
const MAX_SKEW_MS: i64 = 10 * 365 * 86_400_000;

/// An error, for a record without a time, or with one that cannot be.
pub(super) fn of_time(record: &Cmcd, now: i64) -> Result<(), (&'static str, &'static str)> {
    let ts = record.int(Key::Ts).ok_or(("bad_type", "ts"))?;
    if (ts - now).abs() > MAX_SKEW_MS {
        return Err(("out_of_range", "ts"));
    }
    Ok(())
}
