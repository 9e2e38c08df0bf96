//! The batch `qoe.batch.v1`: one bad record never costs the others.

use clipper_domain::SessionId;
use clipper_domain::cmcd::{Cmcd, Key, from_json};
use clipper_domain::report::{Report, Surroundings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::problem::{Code, Problem, sentence};
use crate::http::reports::{joined, of_time};

const SCHEMA: &str = "qoe.batch.v1";
const MAX_RECORDS: usize = 500;
const MAX_NAME: usize = 128;
/// One session in this many, at the rarest, is heard of.
const MAX_WEIGHT: f64 = 10_000.0;

/// A batch whose frame is valid; its records are not looked at yet.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    schema: String,
    pub(super) sid: String,
    cid: String,
    #[serde(default)]
    sent_at: i64,
    #[serde(default)]
    rtt_ms: f64,
    #[serde(default)]
    sample: Option<f64>,
    #[serde(default)]
    ctx: Value,
    events: Vec<Value>,
    #[serde(skip)]
    received_at: i64,
}

/// A record that was set aside.
#[derive(Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub(super) struct Rejected {
    /// Its index in the batch.
    i: usize,
    pub(super) code: &'static str,
    pub(super) key: &'static str,
}

/// The records of a batch, told apart.
pub(super) struct Sorted {
    pub(super) records: Vec<Cmcd>,
    /// With their text.
    pub(super) rejected: Vec<(Rejected, String)>,
}

impl Batch {
    pub(super) fn parse(body: Value, received_at: i64) -> Result<Self, Problem> {
        let invalid = |error| Problem::new(Code::MalformedJson, format!("The batch is not valid: {error}."));
        let mut batch: Self = serde_json::from_value(body).map_err(invalid)?;
        if batch.schema != SCHEMA {
            return Err(Problem::new(
                Code::InvalidRequest,
                format!("`schema` must be `{SCHEMA}`."),
            ));
        }
        let named = batch.cid.len() <= MAX_NAME && !batch.cid.contains(char::is_control);
        if batch.events.len() > MAX_RECORDS || !named {
            let detail = format!(
                "A batch holds at most {MAX_RECORDS} records, and `cid` {MAX_NAME} printable characters."
            );
            return Err(Problem::new(Code::InvalidRequest, detail));
        }
        batch.received_at = received_at;
        Ok(batch)
    }

    pub(super) fn session(&self) -> Result<SessionId, Problem> {
        self.sid.parse().map_err(|error: clipper_domain::InvalidId| {
            Problem::new(Code::InvalidSession, sentence(&error.to_string()))
        })
    }

    /// A report without its records.
    pub(super) fn report(&self, seen: &Surroundings) -> Report {
        let said: Surroundings = serde_json::from_value(self.ctx.clone()).unwrap_or_default();
        Report {
            clip: self.cid.clone(),
            sent_at: if self.sent_at == 0 {
                self.received_at
            } else {
                self.sent_at
            },
            skew_ms: self.skew(),
            weight: self.weight(),
            ctx: joined(said, seen),
            ..Report::default()
        }
    }

    /// How far the player's clock is behind ours: half a round trip before it came, it was sent.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a round trip is clamped to a minute"
    )]
    fn skew(&self) -> Option<i64> {
        let on_the_way = (self.rtt_ms / 2.0).clamp(0.0, 60_000.0) as i64;
        (self.sent_at > 0).then(|| {
            self.received_at
                .saturating_sub(self.sent_at)
                .saturating_sub(on_the_way)
        })
    }

    #[expect(clippy::cast_possible_truncation, reason = "clamped")]
    fn weight(&self) -> i64 {
        let share = self
            .sample
            .filter(|share| *share > 0.0 && *share <= 1.0)
            .unwrap_or(1.0);
        (1.0 / share).round().clamp(1.0, MAX_WEIGHT) as i64
    }

    pub(super) fn sorted(&self) -> Sorted {
        let mut sorted = Sorted {
            records: vec![],
            rejected: vec![],
        };
        for (i, event) in self.events.iter().enumerate() {
            match self.record(event) {
                Ok(record) => sorted.records.push(record),
                Err((code, key)) => sorted
                    .rejected
                    .push((Rejected { i, code, key }, event.to_string())),
            }
        }
        sorted
    }

    /// A record needs a time and an event; of everything else, what has the wrong type is left out alone.
    fn record(&self, event: &Value) -> Result<Cmcd, (&'static str, &'static str)> {
        let record = event.as_object().map(from_json).unwrap_or_default();
        of_time(&record, self.received_at)?;
        let event = record.text(Key::E).ok_or(("bad_type", "e"))?;
        if event == "ps" && record.text(Key::Sta).is_none() {
            return Err(("missing", "sta"));
        }
        Ok(record)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_388_463_931;

    fn batch(events: &str) -> Batch {
        let body =
            format!(r#"{{"schema":"qoe.batch.v1","sid":"s","cid":"c","sent_at":{NOW},"events":{events}}}"#);
        Batch::parse(serde_json::from_str(&body).unwrap(), NOW).unwrap()
    }

    #[test]
    fn one_bad_record_does_not_cost_the_others() {
        let events =
            format!(r#"[{{"ts":{NOW},"e":"ps","sta":"p"}},{{"ts":"x","e":"t"}},{{"ts":{NOW},"e":"ps"}},7]"#);
        let Sorted { records, rejected } = batch(&events).sorted();
        assert_eq!(records.len(), 1);
        let reasons: Vec<_> = rejected.iter().map(|(r, _)| (r.i, r.code, r.key)).collect();
        assert_eq!(
            reasons,
            [
                (1, "bad_type", "ts"),
                (2, "missing", "sta"),
                (3, "bad_type", "ts")
            ]
        );
        assert_eq!(rejected[2].1, "7");
    }

    #[test]
    fn a_value_of_the_wrong_type_is_left_out_alone() {
        let events = format!(
            r#"[{{"ts":{NOW},"e":"t","bl":"many","br":{{"v":4200}},"mtp":{{"":15000}},"x":{{"q":"720p"}}}}]"#
        );
        let record = batch(&events).sorted().records.remove(0);
        let read = (
            record.main(Key::Bl),
            record.main(Key::Br),
            record.main(Key::Mtp),
            record.text(Key::Quality),
        );
        assert_eq!(read, (None, Some(4_200), Some(15_000), Some("720p")));
    }

    #[test]
    fn a_batch_of_another_schema_is_refused() {
        let parse = |text: &str| Batch::parse(serde_json::from_str(text).unwrap(), NOW).unwrap_err();
        assert_eq!(
            parse(r#"{"schema":"x","sid":"s","cid":"c","events":[]}"#).code(),
            Code::InvalidRequest
        );
        assert_eq!(parse("{}").code(), Code::MalformedJson);
    }

    #[test]
    fn skew_and_weight_are_told_by_the_frame() {
        let mut batch = batch("[]");
        (batch.sent_at, batch.rtt_ms, batch.sample) = (NOW - 5_000, 80.0, Some(0.25));
        let report = batch.report(&Surroundings::default());
        assert_eq!((report.skew_ms, report.weight), (Some(4_960), 4));
    }
}
