//! Calling in what caches hold of a clip when it changes for good: a hook that somebody else's purge is behind.
//!
//! One process at a time follows the log, and remembers in the database how far it came: what changes while nobody runs is
//! called in afterwards, and nothing is forgotten by a crash.

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use chrono::TimeDelta;
use clipper_domain::{ClipId, Quality};
use clipper_projections::RawEvent;
use reqwest::Client;
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;
use tokio::sync::watch;

use crate::clock::Clock;
use crate::shutdown::Shutdown;
use crate::storage::leases::{self, Lease};
use crate::storage::{Db, Log, Logs, StorageError, purges};

/// After what another master playlist, other pictures or nothing at all should be found under the addresses of a clip.
const CHANGES: [&str; 10] = [
    "EncodingCompleted",
    "EncodingFailed",
    "EncodingCancelled",
    "ThumbnailsReady",
    "CaptionsAdded",
    "CaptionsRemoved",
    "DetailsChanged",
    "VisibilityChanged",
    "ClipDeleted",
    "MediaPurged",
];
const LEASE: &str = "cdn/purge";
const HELD_FOR: TimeDelta = TimeDelta::seconds(30);
/// How often is looked whether there is something to do, and whether somebody else has left it.
const ROUND: Duration = Duration::from_secs(10);
/// Events that are read at once.
const PAGE: i64 = 500;
/// How long a hook may take to answer.
const ANSWER: Duration = Duration::from_secs(10);
/// Tries, the pause before each twice as long as the one before: two minutes in all.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The hook, and what it is told about.
pub struct Purge {
    /// Where the hook is.
    pub hook: String,
    /// What addresses begin with.
    pub base: String,
    /// The database.
    pub db: Db,
    /// The log of the clips.
    pub logs: Logs,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// This process.
    pub node: String,
}

/// What the hook is told.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Call {
    clip: ClipId,
    /// What happened.
    events: BTreeSet<String>,
    /// Playlists and pictures, one by one.
    urls: Vec<String>,
    /// What everything of the clip begins with, for those who can call in whole folders.
    prefixes: Vec<String>,
}

#[derive(Debug, Error)]
enum PurgeError {
    #[error(transparent)]
    Storage(#[from] StorageError),
    #[error("another process has taken the lease")]
    LeaseLost,
    #[error("the hook cannot be asked")]
    Client(#[from] reqwest::Error),
}

impl Purge {
    /// Follows the log.
    pub async fn follow(self, mut moves: watch::Receiver<i64>, shutdown: Shutdown) {
        let mut lease = None;
        let work = async {
            loop {
                if let Err(error) = self.catch_up(&mut lease).await {
                    tracing::warn!(error = &error as &dyn Error, "caches are not called in for now");
                    tokio::time::sleep(ROUND).await;
                }
                drop(tokio::time::timeout(ROUND, moves.changed()).await);
            }
        };
        tokio::select! {
            () = shutdown.finishing() => {}
            () = work => {}
        }
        if let (Some(lease), Ok(now)) = (lease, self.db.now(self.clock.as_ref()).await) {
            drop(leases::give_back(&self.db, &lease, now).await);
        }
    }

    /// Sees to everything that happened, unless somebody else does.
    async fn catch_up(&self, lease: &mut Option<Lease>) -> Result<(), PurgeError> {
        if !self.hold(lease).await? {
            return Ok(());
        }
        let client = Client::builder().timeout(ANSWER).build()?;
        let head = self.logs.head(Log::Clip).await?;
        let mut position = purges::position(&self.db, head, self.clock.now()).await?;
        loop {
            let page = self.logs.page(Log::Clip, position, PAGE).await?;
            let Some(last) = page.last() else {
                return Ok(());
            };
            position = last.position;
            for (stream, events) in changes(&page) {
                if let Ok(clip) = ClipId::from_stream(&stream) {
                    self.call(&client, lease, clip, events).await?;
                }
            }
            purges::advance(&self.db, position, self.clock.now()).await?;
        }
    }

    /// Whether the lease is ours for the next while.
    async fn hold(&self, lease: &mut Option<Lease>) -> Result<bool, PurgeError> {
        let now = self.db.now(self.clock.as_ref()).await?;
        let until = now + HELD_FOR;
        if let Some(held) = lease
            && leases::renew(&self.db, held, 0.0, until).await?
        {
            return Ok(true);
        }
        *lease = leases::take(&self.db, LEASE, &self.node, 0, (now, until)).await?;
        Ok(lease.is_some())
    }

    /// Calls until the hook says yes; what it does not want for two minutes is told and left.
    async fn call(
        &self,
        client: &Client,
        lease: &mut Option<Lease>,
        clip: ClipId,
        events: BTreeSet<String>,
    ) -> Result<(), PurgeError> {
        let history = self.logs.stream(Log::Clip, &clip.stream(), 0).await?;
        let payloads = history.iter().map(|stored| stored.event.payload.as_str());
        let call = Call::new(&self.base, clip, slugs(payloads), events);
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=TRIES {
            if !self.hold(lease).await? {
                return Err(PurgeError::LeaseLost);
            }
            let answer = client.post(&self.hook).json(&call).send().await;
            match answer.and_then(reqwest::Response::error_for_status) {
                Ok(_) => {
                    metrics::counter!("clipper_cdn_purges_total", "outcome" => "done").increment(1);
                    return Ok(());
                }
                // The address may hold a secret.
                Err(error) => {
                    let error = error.without_url();
                    tracing::warn!(%clip, attempt, error = &error as &dyn Error, "the purge hook failed");
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(Duration::from_secs(20));
        }
        metrics::counter!("clipper_cdn_purges_total", "outcome" => "failed").increment(1);
        tracing::error!(%clip, "caches keep what they hold of this clip until it runs out");
        Ok(())
    }
}

/// The clips that changed for good, and by what.
fn changes(page: &[RawEvent]) -> BTreeMap<String, BTreeSet<String>> {
    let mut changed: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for event in page {
        if CHANGES.contains(&event.event_type.as_str()) {
            let events = changed.entry(event.stream_id.clone()).or_default();
            events.insert(event.event_type.clone());
        }
    }
    changed
}

/// Every name that a clip ever had beside its UUID.
fn slugs<'a>(payloads: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let slug = |payload: &str| {
        let payload: Value = serde_json::from_str(payload).ok()?;
        Some(payload.get("slug")?.as_str()?.to_owned())
    };
    payloads.filter_map(slug).collect()
}

impl Call {
    fn new(base: &str, clip: ClipId, slugs: BTreeSet<String>, events: BTreeSet<String>) -> Self {
        let (mut urls, mut prefixes) = (vec![], vec![]);
        for name in std::iter::once(clip.to_string()).chain(slugs) {
            let prefix = format!("{base}/api/video/{name}/");
            let files = ["master.m3u8", "poster.jpg", "storyboard.vtt", "download.mp4"];
            urls.extend(files.map(|file| format!("{prefix}{file}")));
            for quality in Quality::ALL.map(Quality::path) {
                urls.push(format!("{prefix}{quality}.m3u8"));
                urls.push(format!("{prefix}{quality}/iframes.m3u8"));
            }
            prefixes.push(prefix);
        }
        Self {
            clip,
            events,
            urls,
            prefixes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_names_what_is_kept_under_every_name_of_the_clip() {
        let clip = ClipId(uuid::Uuid::nil());
        let history = [
            r#"{"slug":"old"}"#,
            r#"{"title":"x"}"#,
            r#"{"slug":"new"}"#,
            r#"{"slug":null}"#,
        ];
        let call = Call::new(
            "https://cdn.example",
            clip,
            slugs(history.into_iter()),
            BTreeSet::new(),
        );
        assert_eq!(call.prefixes.len(), 3);
        for name in ["old", "new", &clip.to_string()] {
            let prefix = format!("https://cdn.example/api/video/{name}/");
            assert!(call.prefixes.contains(&prefix));
            for file in ["master.m3u8", "720p.m3u8", "4k/iframes.m3u8", "poster.jpg"] {
                assert!(call.urls.contains(&format!("{prefix}{file}")), "{file}");
            }
        }
    }
}
