//! `GET /api/clips/{clip}/progress`: server-sent events until the encoding has ended.

use std::time::Duration;

use actix_web::web::Bytes;
use actix_web::{HttpResponse, web};
use clipper_projections::clips;
use futures_util::stream;
use serde::Serialize;

use super::auth::Caller;
use super::clip_json::{EncodingJson, FailureJson, RungJson};
use super::clips::{find, id_of};
use super::problem::Problem;
use crate::storage::Db;

const EVERY: Duration = Duration::from_millis(400);
/// Proxies close connections on which nothing moves.
const KEEP_ALIVE: u32 = 25;

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Progress {
    hls_processing_status: String,
    state: String,
    percent: f64,
    hls_available: bool,
    failure: Option<FailureJson>,
    rungs: Vec<RungJson>,
    #[serde(skip)]
    generation: i64,
}

impl Progress {
    fn has_ended(&self) -> bool {
        matches!(
            self.hls_processing_status.as_str(),
            "completed" | "partial" | "failed"
        )
    }

    /// An attempt that begins anew was further before: whoever watches is not told of that.
    fn at_least(mut self, last: Option<&Self>) -> Self {
        let Some(last) = last.filter(|last| last.generation == self.generation && !self.has_ended()) else {
            return self;
        };
        self.percent = self.percent.max(last.percent);
        for rung in &mut self.rungs {
            let before = last.rungs.iter().find(|before| before.quality == rung.quality);
            rung.percent = before.map_or(rung.percent, |before| rung.percent.max(before.percent));
        }
        self
    }
}

enum Watch {
    Going { last: Option<Progress>, silent: u32 },
    Ended,
}

/// Sends the state whenever it changes.
pub(super) async fn watch(
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let id = id_of(&find(&db, &name, &caller).await?)?;
    let events = stream::unfold(
        Watch::Going {
            last: None,
            silent: 0,
        },
        move |state| {
            let db = db.clone();
            async move {
                let Watch::Going { last, silent } = state else {
                    return None;
                };
                if last.is_some() {
                    tokio::time::sleep(EVERY).await;
                }
                let progress = match load(&db, id).await {
                    Ok(Some(progress)) => progress.at_least(last.as_ref()),
                    Ok(None) => return None,
                    Err(problem) => return Some((Err(problem), Watch::Ended)),
                };
                if last.as_ref() == Some(&progress) {
                    return Some(quiet(last, silent));
                }
                let text = format!(
                    "event: progress\ndata: {}\n\n",
                    serde_json::to_string(&progress).unwrap_or_default()
                );
                let next = if progress.has_ended() {
                    Watch::Ended
                } else {
                    Watch::Going {
                        last: Some(progress),
                        silent: 0,
                    }
                };
                Some((Ok(Bytes::from(text)), next))
            }
        },
    );
    Ok(HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header(("Cache-Control", "no-store"))
        // A compressor would hold events back until it has enough of them.
        .insert_header(("Content-Encoding", "identity"))
        .streaming(events))
}

fn quiet(last: Option<Progress>, silent: u32) -> (Result<Bytes, Problem>, Watch) {
    let due = silent >= KEEP_ALIVE;
    let text = if due {
        Bytes::from_static(b": still here\n\n")
    } else {
        Bytes::new()
    };
    (
        Ok(text),
        Watch::Going {
            last,
            silent: if due { 0 } else { silent + 1 },
        },
    )
}

async fn load(db: &Db, id: clipper_domain::ClipId) -> Result<Option<Progress>, Problem> {
    let Some(row) = db.optional(clips::by_id(id)).await? else {
        return Ok(None);
    };
    let encoding = EncodingJson::load(db, &row).await?;
    Ok(Some(Progress {
        hls_processing_status: row.hls_processing_status,
        state: encoding.state,
        percent: encoding.percent,
        hls_available: row.hls_available,
        failure: encoding.failure,
        rungs: encoding.rungs,
        generation: row.generation,
    }))
}
