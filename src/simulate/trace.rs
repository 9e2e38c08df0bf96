//! Recorded networks, and one player's connection through one.
//!
//! Whole numbers throughout: a thousandth of a bit is what one bit per second carries in one millisecond.

use std::sync::Arc;

use serde::Deserialize;

use super::Millis;

/// A thousandth of a bit, so many in a byte.
const PER_BYTE: u64 = 8_000;

/// A network as it was recorded; at its end it begins again.
#[derive(Debug, PartialEq)]
pub struct Trace {
    /// What it is called in the answer.
    pub name: String,
    steps: Vec<Step>,
    total: Millis,
    carried: u64,
}

/// A time in which the network stayed as it was.
#[derive(Debug, PartialEq)]
struct Step {
    begins: Millis,
    ends: Millis,
    bits_per_second: u64,
    latency: Millis,
    /// What the network carries from its beginning to the end of the step.
    carried: u64,
}

/// One step in the file.
#[derive(Debug, Deserialize)]
struct Recorded {
    duration_ms: f64,
    bandwidth_kbps: f64,
    latency_ms: f64,
}

/// Why a file is no trace.
#[derive(Debug, thiserror::Error)]
pub enum TraceError {
    /// It is not JSON, or not a list of steps.
    #[error("not a list of `duration_ms`, `bandwidth_kbps` and `latency_ms`")]
    Malformed(#[from] serde_json::Error),
    /// Its numbers mean nothing.
    #[error("step {0} has a number that no network has")]
    Impossible(usize),
    /// It carries nothing.
    #[error("a network that never carries anything")]
    Silent,
}

impl Trace {
    /// Reads a recording; each player gets `share` of its bandwidth.
    pub fn parse(name: &str, text: &str, share: f64) -> Result<Self, TraceError> {
        let recorded: Vec<Recorded> = serde_json::from_str(text)?;
        let (mut steps, mut total, mut carried) = (Vec::with_capacity(recorded.len()), 0, 0_u64);
        for (number, step) in recorded.iter().enumerate() {
            let impossible = || TraceError::Impossible(number);
            let duration = whole(step.duration_ms, 1e9).ok_or_else(impossible)?;
            let bits_per_second =
                whole(step.bandwidth_kbps * 1_000.0 * share, 1e12).ok_or_else(impossible)?;
            let latency = whole(step.latency_ms, 1e6).ok_or_else(impossible)?;
            let begins = total;
            total += duration;
            carried = duration
                .checked_mul(bits_per_second)
                .and_then(|bits| carried.checked_add(bits))
                .ok_or_else(impossible)?;
            steps.push(Step {
                begins,
                ends: total,
                bits_per_second,
                latency,
                carried,
            });
        }
        if carried == 0 {
            return Err(TraceError::Silent);
        }
        Ok(Self {
            name: name.to_owned(),
            steps,
            total,
            carried,
        })
    }

    /// How long it lasts until it begins again.
    pub fn duration(&self) -> Millis {
        self.total
    }

    /// What is carried between the beginning of the recording and a moment, however often it is repeated.
    fn carried_by(&self, at: Millis) -> u64 {
        let (rounds, within) = (at / self.total, at % self.total);
        let step = self.steps.partition_point(|step| step.ends <= within);
        let part = self.steps.get(step).map_or(self.carried, |step| {
            step.carried - (step.ends - within) * step.bits_per_second
        });
        rounds.saturating_mul(self.carried).saturating_add(part)
    }

    /// The first moment at which so much has been carried.
    fn moment_of(&self, carried: u64) -> Millis {
        let (mut rounds, mut rest) = (carried / self.carried, carried % self.carried);
        if rest == 0 && rounds > 0 {
            // The last bit of a round, which may come before the round is over.
            (rounds, rest) = (rounds - 1, self.carried);
        }
        let step = self.steps.partition_point(|step| step.carried < rest);
        let within = self.steps.get(step).map_or(0, |step| {
            let missing = step.carried - rest;
            // Rounded towards the end: a bit that is under way has not arrived.
            let ends_early = missing.checked_div(step.bits_per_second).unwrap_or_default();
            (step.ends - ends_early).max(step.begins)
        });
        rounds * self.total + within
    }
}

/// A number that is not negative and not absurd, to the nearest whole.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the number lies between zero and the limit"
)]
fn whole(number: f64, limit: f64) -> Option<u64> {
    (0.0..=limit).contains(&number).then(|| number.round() as u64)
}

/// A player's connection: a recorded network from a moment of its own.
#[derive(Clone, Debug)]
pub(super) struct Link {
    trace: Arc<Trace>,
    offset: Millis,
}

impl Link {
    pub(super) fn new(trace: Arc<Trace>, offset: Millis) -> Self {
        Self { trace, offset }
    }

    pub(super) fn network(&self) -> &str {
        &self.trace.name
    }

    /// How long a packet travels there and back.
    pub(super) fn latency(&self, at: Millis) -> Millis {
        let within = (self.offset + at) % self.trace.total;
        let step = self.trace.steps.partition_point(|step| step.ends <= within);
        self.trace.steps.get(step).map_or(0, |step| step.latency)
    }

    /// When the last of so many bytes has come, whose first is sent at a moment.
    pub(super) fn arrival(&self, from: Millis, bytes: u64) -> Millis {
        let before = self.trace.carried_by(self.offset + from);
        let carried = before.saturating_add(bytes.saturating_mul(PER_BYTE));
        self.trace
            .moment_of(carried)
            .saturating_sub(self.offset)
            .max(from)
    }

    /// How many bytes come between two moments.
    pub(super) fn delivered(&self, from: Millis, to: Millis) -> u64 {
        let until = |at: Millis| self.trace.carried_by(self.offset + at);
        until(to.max(from)).saturating_sub(until(from)) / PER_BYTE
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn link(steps: &[(u64, u64, u64)], offset: Millis) -> Link {
        let steps: Vec<_> = steps
            .iter()
            .map(|(ms, kbps, latency)| serde_json::json!({ "duration_ms": ms, "bandwidth_kbps": kbps, "latency_ms": latency }))
            .collect();
        let text = serde_json::to_string(&steps).unwrap();
        Link::new(Arc::new(Trace::parse("t", &text, 1.0).unwrap()), offset)
    }

    #[test]
    fn bytes_take_the_time_that_the_network_gives_them() {
        // A second of 8 Mbit/s carries a million bytes, then comes a second of nothing.
        let link = link(&[(1_000, 8_000, 20), (1_000, 0, 300)], 0);
        assert_eq!(link.arrival(0, 500_000), 500);
        assert_eq!(link.arrival(0, 1_000_000), 1_000);
        assert_eq!(link.arrival(0, 1_000_001), 2_001);
        assert_eq!(link.arrival(1_200, 1_000), 2_001);
        assert_eq!(link.arrival(0, 2_500_000), 4_500);
        assert_eq!((link.latency(999), link.latency(1_000)), (20, 300));
        assert_eq!(link.delivered(500, 1_700), 500_000);
    }

    #[test]
    fn a_share_is_a_part_of_the_bandwidth() {
        let text = r#"[{"duration_ms":1000,"bandwidth_kbps":8000,"latency_ms":1}]"#;
        let whole = Trace::parse("t", text, 1.0).unwrap();
        let part = Trace::parse("t", text, 0.25).unwrap();
        assert_eq!(part.carried * 4, whole.carried);
    }

    #[test]
    fn what_is_no_network_is_refused() {
        let parse = |text: &str| Trace::parse("t", text, 1.0).unwrap_err().to_string();
        assert!(parse("[]").contains("never"));
        assert!(parse(r#"[{"duration_ms":1000,"bandwidth_kbps":0,"latency_ms":1}]"#).contains("never"));
        assert!(parse(r#"[{"duration_ms":-1,"bandwidth_kbps":1,"latency_ms":1}]"#).contains("step 0"));
        assert!(parse("{}").contains("not a list"));
    }

    proptest! {
        #[test]
        fn a_byte_arrives_when_it_has_been_carried_and_no_sooner(
            steps in prop::collection::vec((0_u64..3_000, 0_u64..20_000, 0_u64..500), 1..8),
            offset in 0_u64..10_000,
            from in 0_u64..50_000,
            bytes in 1_u64..3_000_000,
        ) {
            prop_assume!(steps.iter().any(|(ms, kbps, _)| ms * kbps > 0));
            let link = link(&steps, offset);
            let arrives = link.arrival(from, bytes);
            prop_assert!(arrives > from);
            prop_assert!(link.delivered(from, arrives) >= bytes);
            prop_assert!(link.delivered(from, arrives - 1) < bytes);
            prop_assert!(link.arrival(from, bytes + 1) >= arrives);
        }
    }
}
