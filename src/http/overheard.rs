//! CMCD on requests for playlists and segments: overheard, and appended to the playback log beside the answer.
//!
//! Promises: what a request says of its player changes nothing about its answer and never makes it wait. What is heard goes
//! into a channel of limited length; what does not fit is dropped and counted.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_http::Request;
use actix_web::HttpMessage;
use actix_web::http::header::HeaderMap;
use actix_web::http::{Method, StatusCode};
use chrono::{DateTime, Utc};
use clipper_domain::SessionId;
use clipper_domain::cmcd::{Cmcd, HEADERS, Key, Refused, Value, from_headers, from_query, query_value};
use clipper_domain::report::{Origin, Report, Surroundings};
use tokio::sync::mpsc;

use super::front::address_of;
use super::reports::{Reports, Sender, joined};
use crate::clock::Clock;
use crate::storage::rejects::Rejected;

/// Requests that wait to be read.
const WAITING: usize = 4_096;
/// Requests of one session that are one report.
const TOGETHER: usize = 512;
/// How long requests are gathered: a player asks for a segment every few seconds.
const GATHERING: Duration = Duration::from_secs(1);
/// More is not read of a request.
const LONGEST: usize = 4_096;

/// Where what is heard goes.
#[derive(Clone)]
pub(crate) struct Overheard {
    to: Option<mpsc::Sender<Heard>>,
    clock: Arc<dyn Clock>,
}

/// What a request said of its player, and who sent it.
pub(super) struct Heard {
    clip: String,
    said: Said,
    headers: HeaderMap,
    peer: Option<SocketAddr>,
    at: DateTime<Utc>,
}

enum Said {
    Headers(Vec<String>),
    Query(String),
}

impl Overheard {
    /// What listens to requests, and the task that keeps what they say; where nobody wants reports, it hears nothing.
    pub(crate) fn new(reports: Reports) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (to, from) = mpsc::channel(WAITING);
        let (wanted, clock) = (reports.wanted, Arc::clone(&reports.clock));
        let overheard = Self {
            to: wanted.then_some(to),
            clock,
        };
        (overheard, keep(reports, from))
    }

    /// What a request for media says, if it says anything. Headers go before the query (CTA-5004).
    pub(super) fn listen(&self, request: &Request) -> Option<Heard> {
        self.to.as_ref()?;
        if request.method() != Method::GET {
            return None;
        }
        let path = address_of(request).strip_prefix("/api/video/")?;
        let headers = request.headers();
        let of_headers = || -> Vec<String> {
            let values = HEADERS
                .iter()
                .filter_map(|(name, _)| headers.get(*name)?.to_str().ok());
            values.map(str::to_owned).collect()
        };
        let said = if HEADERS.iter().any(|(name, _)| headers.contains_key(*name)) {
            Said::Headers(of_headers())
        } else {
            let query = request
                .uri()
                .query()
                .filter(|query| query_value(query).is_some())?;
            Said::Query(query.to_owned())
        };
        let (clip, _) = path.split_once('/')?;
        Some(Heard {
            clip: clip.to_owned(),
            said,
            headers: headers.clone(),
            peer: request.peer_addr(),
            at: self.clock.now(),
        })
    }

    /// Keeps what was heard, once the request was answered well: what is refused was watched by nobody.
    pub(super) fn keep(&self, heard: Option<Heard>, status: StatusCode) {
        let (Some(to), Some(heard)) = (&self.to, heard) else {
            return;
        };
        if status.is_client_error() || status.is_server_error() {
            return;
        }
        if to.try_send(heard).is_err() {
            metrics::counter!("clipper_requests_unheard_total").increment(1);
        }
    }
}

impl Heard {
    /// What it says, with the time at which it was said by our clock.
    fn read(&self) -> Result<Cmcd, Refused> {
        let cmcd = match &self.said {
            Said::Headers(values) => from_headers(values.iter().map(|value| cut(value))),
            Said::Query(query) => from_query(cut(query)).unwrap_or(Err(Refused::Nothing)),
        }?;
        Ok(cmcd.with(Key::Ts, Value::Int(self.at.timestamp_millis())))
    }
}

fn cut(text: &str) -> &str {
    text.get(..LONGEST).unwrap_or(text)
}

/// Reads what was heard, and appends what one session said within a second as one report.
async fn keep(reports: Reports, mut from: mpsc::Receiver<Heard>) {
    let mut heard = vec![];
    while from.recv_many(&mut heard, TOGETHER).await > 0 {
        let more = async {
            while heard.len() < TOGETHER {
                match from.recv().await {
                    Some(next) => heard.push(next),
                    None => return,
                }
            }
        };
        drop(tokio::time::timeout(GATHERING, more).await);
        for ((sid, clip), said) in by_session(&reports, heard.drain(..)) {
            append(&reports, &sid, clip, said).await;
        }
    }
}

/// Requests by session and clip. Those without a session cannot be told apart.
fn by_session(
    reports: &Reports,
    heard: impl Iterator<Item = Heard>,
) -> BTreeMap<(String, String), Vec<(Heard, Cmcd)>> {
    let mut sessions: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for heard in heard {
        match heard.read() {
            Ok(cmcd) => {
                if let Some(sid) = cmcd.text(Key::Sid).filter(|sid| !sid.is_empty()) {
                    let name = (sid.to_owned(), heard.clip.clone());
                    sessions.entry(name).or_default().push((heard, cmcd));
                }
            }
            // Of a version that nobody knows nothing is read; it is worth a look.
            Err(Refused::Version(_)) => reports.reject(Rejected {
                form: "request",
                session: String::new(),
                code: "unknown_version",
                key: "v".to_owned(),
                raw: match heard.said {
                    Said::Headers(values) => values.join(","),
                    Said::Query(query) => query,
                },
                at: heard.at,
            }),
            Err(_nothing) => {}
        }
    }
    sessions
}

async fn append(reports: &Reports, sid: &str, clip: String, said: Vec<(Heard, Cmcd)>) {
    let Some((first, _)) = said.first() else { return };
    let sent_at = first.at.timestamp_millis();
    let sender = Sender::of(reports, &first.headers, first.peer, &*reports.clock).await;
    let (Ok(sender), Ok(clip_id)) = (sender, reports.clip_id(&clip).await) else {
        return unheard(said.len());
    };
    let count = said.len();
    let report = Report {
        clip,
        clip_id,
        audience: sender.audience,
        origin: Origin::Requests,
        sent_at,
        weight: 1,
        private: sender.private,
        bot: sender.bot,
        ctx: joined(Surroundings::default(), &sender.ctx),
        records: said.into_iter().map(|(_, cmcd)| cmcd).collect(),
        ..Report::default()
    };
    if reports
        .keep_overheard(SessionId::of_named(sid), report)
        .await
        .is_err()
    {
        unheard(count);
    }
}

fn unheard(count: usize) {
    metrics::counter!("clipper_requests_unheard_total").increment(count as u64);
}
