//! One look of the webhook actor: who tells, what is new in the log, and what is to be sent now.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Lane, WebhookSettings};
use crate::storage::leases::{self, Lease};
use crate::storage::webhooks::{self, Delivery, Endpoint, Place};
use crate::storage::{Log, RawEvent, StorageError, follow};
use crate::webhooks::{Message, message_of};

/// The lease of the process that tells.
const TELLING: &str = "webhooks";
/// How long a silent owner keeps the others away: as long as an attempt may take that it began before it fell silent.
const LEASE: TimeDelta = TimeDelta::seconds(15);
const RENEW: Duration = Duration::from_secs(1);
/// Events that are read at once.
const PAGE: i64 = 500;
/// Attempts at one endpoint at the same time.
const AT_ONCE: usize = 8;
/// What may wait for one endpoint; it is told of later events when it has taken some of that.
const MOST_PENDING: i64 = 10_000;

/// What the actor knows between two looks.
#[derive(Debug, Default)]
pub(super) struct Standing {
    pub(super) lease: Option<Lease>,
    renewed: Option<Instant>,
}

/// What a look came to.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Whether there is more in the log.
    pub(super) more: bool,
    /// What is to be sent now.
    pub(super) due: Vec<(Endpoint, Delivery)>,
}

pub(super) async fn round(
    settings: WebhookSettings,
    mut standing: Standing,
    busy: HashSet<Lane>,
) -> (Standing, Result<Found, StorageError>) {
    let result = look(&settings, &mut standing, &busy).await;
    (standing, result)
}

async fn look(
    settings: &WebhookSettings,
    standing: &mut Standing,
    busy: &HashSet<Lane>,
) -> Result<Found, StorageError> {
    let mut endpoints = webhooks::all(&settings.db).await?;
    endpoints.retain(|endpoint| endpoint.enabled);
    // Where nobody is to be told, nothing is written either.
    if endpoints.is_empty() || !hold_on(settings, standing).await? {
        return Ok(Found::default());
    }
    let more = follow_log(settings, &endpoints).await?;
    let due = find_due(settings, endpoints, busy).await?;
    Ok(Found { more, due })
}

/// Keeps the lease, or takes it; false, when another process has it.
async fn hold_on(settings: &WebhookSettings, standing: &mut Standing) -> Result<bool, StorageError> {
    if standing.renewed.is_some_and(|renewed| renewed.elapsed() < RENEW) {
        return Ok(standing.lease.is_some());
    }
    let now = settings.now().await?;
    let until = now + LEASE;
    let kept = match &standing.lease {
        Some(lease) => leases::renew(&settings.db, lease, 0.0, until).await?,
        None => false,
    };
    if !kept {
        standing.lease = leases::take(&settings.db, TELLING, &settings.node, 0, (now, until)).await?;
    }
    standing.renewed = Some(Instant::now());
    Ok(standing.lease.is_some())
}

/// Makes deliveries of what is new in the log. Endpoints that stand at the same place share the reading.
async fn follow_log(settings: &WebhookSettings, endpoints: &[Endpoint]) -> Result<bool, StorageError> {
    let mut more = false;
    let mut places: Vec<i64> = endpoints.iter().map(|endpoint| endpoint.position).collect();
    places.sort_unstable();
    places.dedup();
    for from in places {
        let page = follow::read_page(&settings.logs, Log::Clip, from, PAGE).await?;
        let Some(to) = page.last().map(|event| event.position) else {
            continue;
        };
        let messages = messages(settings, &page).await?;
        for endpoint in endpoints.iter().filter(|endpoint| endpoint.position == from) {
            more |= expand(settings, endpoint, (from, to), &messages).await?;
        }
    }
    Ok(more)
}

async fn messages(settings: &WebhookSettings, page: &[RawEvent]) -> Result<Vec<Message>, StorageError> {
    let mut messages = vec![];
    for raw in page {
        match message_of(&settings.logs, raw).await {
            Ok(message) => messages.extend(message),
            Err(error) if follow::is_passing(&error) => return Err(error),
            // It would be no better the next time.
            Err(error) => {
                metrics::counter!("clipper_webhook_events_skipped_total").increment(1);
                tracing::error!(
                    position = raw.position,
                    error = &error as &dyn std::error::Error,
                    "webhooks are not told of an event that cannot be read"
                );
            }
        }
    }
    Ok(messages)
}

async fn expand(
    settings: &WebhookSettings,
    endpoint: &Endpoint,
    part: (i64, i64),
    messages: &[Message],
) -> Result<bool, StorageError> {
    let key = endpoint.key();
    let wanted: Vec<_> = messages
        .iter()
        .filter(|message| endpoint.wants(message.event_type))
        .map(|message| place(key, message))
        .collect();
    if !wanted.is_empty() && webhooks::count_pending(&settings.db, key).await? >= MOST_PENDING {
        return Ok(false);
    }
    webhooks::expand(&settings.db, key, part, &wanted, settings.now().await?).await
}

fn place(endpoint: Uuid, message: &Message) -> Place {
    Place {
        id: Uuid::new_v5(&endpoint, message.id.as_bytes()),
        message_id: message.id.clone(),
        clip: message.clip,
        position: message.position,
        event_type: message.event_type,
        payload: message.body.clone(),
    }
}

/// What is to be sent now, of each endpoint no more than may be under way. Others are not held up by one that is slow.
async fn find_due(
    settings: &WebhookSettings,
    endpoints: Vec<Endpoint>,
    busy: &HashSet<Lane>,
) -> Result<Vec<(Endpoint, Delivery)>, StorageError> {
    let now = settings.now().await?;
    let waiting = webhooks::waiting(&settings.db, now).await?;
    let mut due = vec![];
    for endpoint in endpoints {
        let under_way = busy.iter().filter(|lane| lane.endpoint == endpoint.id).count();
        let room = AT_ONCE.saturating_sub(under_way);
        if room == 0 || !waiting.contains(&endpoint.id) {
            continue;
        }
        // Those that are under way are still due in the table.
        let limit = i64::try_from(AT_ONCE).unwrap_or_default();
        let found = webhooks::due(&settings.db, endpoint.key(), now, limit).await?;
        let free = found
            .into_iter()
            .filter(|delivery| !busy.contains(&Lane::of(delivery)))
            .take(room);
        due.extend(free.map(|delivery| (endpoint.clone(), delivery)));
    }
    Ok(due)
}
