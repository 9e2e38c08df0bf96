//! The batch `qoe.batch.v1`: one bad record never costs the others.

use clipper_domain::report::{PlayerState, Record};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::http::problem::{Code, Problem};

const SCHEMA: &str = "qoe.batch.v1";
const MAX_RECORDS: usize = 500;
const MAX_NAME: usize = 128;
/// Ten years: further off, a clock is not wrong but made up.
const MAX_SKEW_MS: i64 = 10 * 365 * 86_400_000;

/// A batch whose frame is valid; its records are not looked at yet.
#[derive(Debug, Deserialize)]
pub(super) struct Batch {
    schema: String,
    pub(super) sid: String,
    pub(super) cid: String,
    #[serde(default)]
    pub(super) sent_at: i64,
    events: Vec<Value>,
    #[serde(skip)]
    received_at: i64,
}

/// A record that was set aside.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Rejected {
    /// Its index in the batch.
    i: usize,
    code: &'static str,
    key: &'static str,
}

/// The records of a batch, told apart.
pub(super) struct Accepted {
    pub(super) records: Vec<Record>,
    pub(super) rejected: Vec<Rejected>,
}

impl Batch {
    pub(super) fn parse(body: &[u8], received_at: i64) -> Result<Self, Problem> {
        let invalid = |error| Problem::new(Code::MalformedJson, format!("The batch is not valid: {error}."));
        let mut batch: Self = serde_json::from_slice(body).map_err(invalid)?;
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
        if batch.sent_at == 0 {
            batch.sent_at = received_at;
        }
        Ok(batch)
    }

    pub(super) fn records(&self) -> Accepted {
        let mut accepted = Accepted {
            records: vec![],
            rejected: vec![],
        };
        for (i, event) in self.events.iter().enumerate() {
            match self.record(event) {
                Ok(record) => accepted.records.push(record),
                Err((code, key)) => accepted.rejected.push(Rejected { i, code, key }),
            }
        }
        accepted
    }

    /// A record needs a time and an event; of everything else, what has the wrong type is left out alone.
    fn record(&self, event: &Value) -> Result<Record, (&'static str, &'static str)> {
        let ts = event
            .get("ts")
            .and_then(Value::as_i64)
            .ok_or(("bad_type", "ts"))?;
        if (ts - self.received_at).abs() > MAX_SKEW_MS {
            return Err(("out_of_range", "ts"));
        }
        let e = event.get("e").and_then(Value::as_str).ok_or(("bad_type", "e"))?;
        if e.is_empty() || e.len() > 16 || !e.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(("out_of_range", "e"));
        }
        let sta = event
            .get("sta")
            .and_then(Value::as_str)
            .and_then(PlayerState::from_token);
        if e == "ps" && sta.is_none() {
            return Err(("missing", "sta"));
        }
        Ok(Record {
            ts,
            e: e.to_owned(),
            sta,
            pt: number(event, "pt"),
            bl: number(event, "bl"),
            br: number(event, "br"),
            mtp: number(event, "mtp"),
            msd: number(event, "msd"),
            quality: quality(event),
        })
    }
}

/// A number, or of a list per object type the one that tells most: the picture's, both tracks', the unnamed one.
fn number(event: &Value, key: &str) -> Option<i64> {
    let value = event.get(key)?;
    let value = match value.as_object() {
        Some(lists) => ["v", "av", "", "a"].iter().find_map(|kind| lists.get(*kind))?,
        None => value,
    };
    value.as_i64().filter(|number| *number >= 0)
}

/// The rung on the screen, by a name that is a name.
fn quality(event: &Value) -> Option<String> {
    let name = event.get("x")?.get("q")?.as_str()?;
    let valid = !name.is_empty() && name.len() <= 16 && name.chars().all(|c| c.is_ascii_alphanumeric());
    valid.then(|| name.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_795_388_463_931;

    fn batch(events: &str) -> Batch {
        let body =
            format!(r#"{{"schema":"qoe.batch.v1","sid":"s","cid":"c","sent_at":{NOW},"events":{events}}}"#);
        Batch::parse(body.as_bytes(), NOW).unwrap()
    }

    #[test]
    fn one_bad_record_does_not_cost_the_others() {
        let events =
            format!(r#"[{{"ts":{NOW},"e":"ps","sta":"p"}},{{"ts":"x","e":"t"}},{{"ts":{NOW},"e":"ps"}},7]"#);
        let Accepted { records, rejected } = batch(&events).records();
        assert_eq!(records.len(), 1);
        let reasons: Vec<_> = rejected.iter().map(|r| (r.i, r.code, r.key)).collect();
        assert_eq!(
            reasons,
            [
                (1, "bad_type", "ts"),
                (2, "missing", "sta"),
                (3, "bad_type", "ts")
            ]
        );
    }

    #[test]
    fn a_value_of_the_wrong_type_is_left_out_alone() {
        let events = format!(
            r#"[{{"ts":{NOW},"e":"t","bl":"many","br":{{"v":4200}},"mtp":{{"":15000}},"x":{{"q":"720p"}}}}]"#
        );
        let record = batch(&events).records().records.remove(0);
        assert_eq!(
            (record.bl, record.br, record.mtp),
            (None, Some(4_200), Some(15_000))
        );
        assert_eq!(record.quality.as_deref(), Some("720p"));
    }

    #[test]
    fn a_batch_of_another_schema_is_refused() {
        let refused = Batch::parse(br#"{"schema":"x","sid":"s","cid":"c","events":[]}"#, NOW).unwrap_err();
        assert_eq!(refused.code(), Code::InvalidRequest);
        assert_eq!(Batch::parse(b"{", NOW).unwrap_err().code(), Code::MalformedJson);
    }
}
