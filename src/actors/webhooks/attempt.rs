//! One attempt at a delivery, and what follows from it.

use std::time::Instant;

use chrono::{DateTime, TimeDelta, Utc};

use super::WebhookSettings;
use crate::storage::StorageError;
use crate::storage::webhooks::{self, Attempted, Delivery, Endpoint, Outcome};
use crate::webhooks::Answer;

/// Doubled with each attempt.
const FIRST_PAUSE: TimeDelta = TimeDelta::seconds(2);
const LONGEST_PAUSE: TimeDelta = TimeDelta::hours(4);
/// For how long a delivery is tried.
const GIVEN_UP_AFTER: TimeDelta = TimeDelta::days(3);
/// For how long an endpoint may take nothing of what it is told.
const SWITCHED_OFF_AFTER: TimeDelta = TimeDelta::days(5);

/// Sends a delivery and writes down how it went.
pub(super) async fn attempt(settings: &WebhookSettings, endpoint: &Endpoint, delivery: &Delivery) {
    let began = Instant::now();
    let sent_at = settings.clock.now();
    let answer = settings
        .sender
        .send(endpoint, &delivery.message_id, &delivery.payload, sent_at)
        .await;
    metrics::histogram!("clipper_webhook_duration_seconds").record(began.elapsed().as_secs_f64());
    if let Err(error) = conclude(settings, endpoint, delivery, answer).await {
        // It is still due, and sent again.
        tracing::error!(
            delivery = delivery.id,
            error = &error as &dyn std::error::Error,
            "the outcome of webhook delivery {} is not written down",
            delivery.id
        );
    }
}

async fn conclude(
    settings: &WebhookSettings,
    endpoint: &Endpoint,
    delivery: &Delivery,
    answer: Answer,
) -> Result<(), StorageError> {
    let now = settings.now().await?;
    let outcome = outcome_of(delivery, &answer, now, rand::random_range(0.75..1.25));
    let (taken, gone) = (answer.is_taken(), answer.is_gone());
    let attempted = Attempted {
        outcome,
        status: answer.status,
        body: answer.body,
        error: answer.error,
    };
    if !webhooks::record(&settings.db, delivery, &attempted, now).await? {
        return Ok(());
    }
    metrics::counter!("clipper_webhook_attempts_total", "outcome" => label(outcome)).increment(1);
    if outcome == Outcome::Parked {
        tracing::error!(
            endpoint = endpoint.id,
            delivery = delivery.id,
            "webhook delivery {} was given up: {}",
            delivery.id,
            attempted.error.as_deref().unwrap_or_default()
        );
    }
    webhooks::note_health(&settings.db, endpoint.key(), !taken, now).await?;
    if gone {
        return switch_off(settings, endpoint, "answered 410 Gone", now).await;
    }
    let failing = endpoint.failing_since.filter(|_| !taken);
    if failing.is_some_and(|since| now - since >= SWITCHED_OFF_AFTER) {
        return switch_off(settings, endpoint, "took nothing for five days", now).await;
    }
    Ok(())
}

async fn switch_off(
    settings: &WebhookSettings,
    endpoint: &Endpoint,
    reason: &str,
    now: DateTime<Utc>,
) -> Result<(), StorageError> {
    if webhooks::disable(&settings.db, endpoint.key(), reason, now).await? {
        metrics::counter!("clipper_webhook_endpoints_disabled_total").increment(1);
        tracing::error!(
            endpoint = endpoint.id,
            url = endpoint.url,
            "webhook endpoint {} is switched off: it {reason}",
            endpoint.id
        );
    }
    Ok(())
}

fn label(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Again(_) => "failed",
        Outcome::Parked => "parked",
    }
}

fn outcome_of(delivery: &Delivery, answer: &Answer, now: DateTime<Utc>, jitter: f64) -> Outcome {
    if answer.is_taken() {
        return Outcome::Delivered;
    }
    let again = now + pause(delivery.attempts, jitter);
    let first = delivery.first_attempt_at.unwrap_or(now);
    if again - first > GIVEN_UP_AFTER {
        Outcome::Parked
    } else {
        Outcome::Again(again)
    }
}

/// Not the same for all: those that failed together would come back together.
#[expect(clippy::cast_possible_truncation, reason = "hours in milliseconds")]
fn pause(attempts: i64, jitter: f64) -> TimeDelta {
    let doubled = 1_i32 << attempts.clamp(0, 20);
    let pause = (FIRST_PAUSE * doubled).min(LONGEST_PAUSE);
    TimeDelta::milliseconds((pause.as_seconds_f64() * 1_000.0 * jitter) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_hours_and_a_delivery_is_tried_for_three_days() {
        assert_eq!(pause(0, 1.0), TimeDelta::seconds(2));
        assert_eq!(pause(5, 1.0), TimeDelta::seconds(64));
        assert_eq!(pause(60, 1.0), LONGEST_PAUSE);
        assert_eq!(pause(0, 0.75), TimeDelta::milliseconds(1_500));
        let start = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let (mut now, mut attempts, mut first) = (start, 0, None);
        let refused = Answer {
            status: Some(500),
            body: None,
            error: Some("answered 500".to_owned()),
        };
        loop {
            let delivery = delivery(attempts, first, start);
            match outcome_of(&delivery, &refused, now, 1.0) {
                Outcome::Again(at) => {
                    assert!(at > now);
                    first = first.or(Some(now));
                    (now, attempts) = (at, attempts + 1);
                }
                Outcome::Parked => break,
                Outcome::Delivered => panic!("it was refused"),
            }
        }
        let tried = now - start;
        assert!(
            (TimeDelta::hours(68)..=TimeDelta::hours(72)).contains(&tried),
            "{tried}"
        );
        assert!((25..40).contains(&attempts), "{attempts}");
    }

    fn delivery(attempts: i64, first: Option<DateTime<Utc>>, created_at: DateTime<Utc>) -> Delivery {
        Delivery {
            id: String::new(),
            endpoint_id: String::new(),
            message_id: String::new(),
            clip_id: String::new(),
            position: 1,
            event_type: String::new(),
            payload: String::new(),
            state: "pending".to_owned(),
            attempts,
            next_attempt_at: created_at,
            first_attempt_at: first,
            last_attempt_at: None,
            response_status: None,
            response_body: None,
            error: None,
            created_at,
        }
    }
}
