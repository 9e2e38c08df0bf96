//! What a player says of itself: records, and the batches in which they are sent.

use std::sync::Arc;

use clipper_domain::report::PlayerState;
use serde_json::{Value, json};
use uuid::Uuid;

use super::Millis;

/// Something that happened, and how things stood then.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Record {
    /// Its place among the session's records.
    pub(super) number: u64,
    pub(super) at: Millis,
    pub(super) event: Event,
    pub(super) state: PlayerState,
    pub(super) playhead: Millis,
    pub(super) buffer: Millis,
    /// What is on the screen.
    pub(super) shown: Option<Shown>,
    pub(super) throughput_kbps: Option<u64>,
}

/// What is on the screen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) quality: Arc<str>,
    pub(super) kbps: u64,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Event {
    /// The state changed; with the first frame comes how long it took.
    State { startup: Option<Millis> },
    /// Another rendition is on the screen.
    Rendition,
    /// Time passed.
    Interval,
    /// Something failed.
    Error { code: String },
}

impl Event {
    fn name(&self) -> &'static str {
        match self {
            Self::State { .. } => "ps",
            Self::Rendition => "bc",
            Self::Interval => "t",
            Self::Error { .. } => "e",
        }
    }
}

/// What all records of a session have in common.
#[derive(Clone, Debug)]
pub(super) struct Sender {
    pub(super) session: Uuid,
    pub(super) clip: String,
    /// When the population's time began, in Unix milliseconds.
    pub(super) epoch: i64,
    pub(super) arrived: Millis,
    pub(super) device: &'static str,
    pub(super) network: String,
}

/// Records that are sent together.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Batch {
    pub(super) number: u64,
    pub(super) due: Millis,
    pub(super) records: Vec<Record>,
}

impl Sender {
    /// A moment on the player's clock.
    pub(super) fn clock(&self, at: Millis) -> i64 {
        self.epoch.saturating_add(i64::try_from(at).unwrap_or(i64::MAX))
    }

    /// The batch as our own players send it.
    pub(super) fn json(&self, batch: &Batch, sent_at: Millis) -> Value {
        let events: Vec<Value> = batch.records.iter().map(|record| self.event(record)).collect();
        json!({
            "schema": "qoe.batch.v1", "sid": self.session, "cid": self.clip, "batch": batch.number,
            "sent_at": self.clock(sent_at), "sample": 1.0,
            "ctx": {
                "player": concat!("clipper-simulate/", env!("CARGO_PKG_VERSION")),
                "ui": env!("CARGO_PKG_VERSION"), "os": "linux", "device": self.device, "conn": self.network,
            },
            "events": events,
        })
    }

    fn event(&self, record: &Record) -> Value {
        let name = record.number.to_be_bytes();
        let mut event = json!({
            "id": Uuid::new_v5(&self.session, &name), "ep": 0, "sn": record.number, "ts": self.clock(record.at),
            "mono": record.at.saturating_sub(self.arrived), "e": record.event.name(), "sta": record.state.token(),
            "pt": record.playhead, "bl": { "v": hundreds(record.buffer) },
        });
        let Some(members) = event.as_object_mut() else {
            return event;
        };
        if let Some(kbps) = record.throughput_kbps {
            members.insert("mtp".to_owned(), json!({ "": hundreds(kbps) }));
        }
        if let Some(shown) = &record.shown {
            members.insert("br".to_owned(), json!({ "v": shown.kbps }));
            members.insert("x".to_owned(), json!({ "q": &*shown.quality, "auto": true }));
        }
        match &record.event {
            Event::State {
                startup: Some(startup),
            } => {
                members.insert("msd".to_owned(), json!(startup));
            }
            Event::Error { code } => {
                members.insert("ec".to_owned(), json!([code]));
            }
            Event::State { startup: None } | Event::Rendition | Event::Interval => {}
        }
        event
    }

    /// The batch in CMCD's event mode (CTA-5004-B): a record per line, keys in alphabetical order.
    pub(super) fn cmcd(&self, batch: &Batch) -> String {
        let lines = batch.records.iter().map(|record| self.line(record));
        lines.collect::<Vec<_>>().join("\n")
    }

    fn line(&self, record: &Record) -> String {
        let mut line = format!("bl=({})", hundreds(record.buffer));
        if let Some(shown) = &record.shown {
            line.push_str(&format!(",br=({};v)", shown.kbps));
        }
        // Names of clips are letters, digits and dashes: nothing that a string of RFC 8941 would have to escape.
        line.push_str(&format!(",cid=\"{}\",e={}", self.clip, record.event.name()));
        if let Event::Error { code } = &record.event {
            line.push_str(&format!(",ec=(\"{code}\")"));
        }
        if let Event::State {
            startup: Some(startup),
        } = &record.event
        {
            line.push_str(&format!(",msd={startup}"));
        }
        if let Some(kbps) = record.throughput_kbps {
            line.push_str(&format!(",mtp=({})", hundreds(kbps)));
        }
        let (session, number, state) = (self.session, record.number, record.state.token());
        let (playhead, ts) = (record.playhead, self.clock(record.at));
        line.push_str(&format!(
            ",pt={playhead},sf=h,sid=\"{session}\",sn={number},st=v,sta={state},ts={ts},v=2"
        ));
        line
    }
}

/// To the nearest hundred, as CMCD asks for it.
fn hundreds(number: u64) -> u64 {
    (number + 50) / 100 * 100
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender() -> Sender {
        Sender {
            session: Uuid::nil(),
            clip: "c".to_owned(),
            epoch: 1_000_000,
            arrived: 500,
            device: "phone",
            network: "3g".to_owned(),
        }
    }

    fn playing() -> Record {
        Record {
            number: 3,
            at: 2_000,
            event: Event::State { startup: Some(1_500) },
            state: PlayerState::Playing,
            playhead: 0,
            buffer: 4_040,
            shown: Some(Shown {
                quality: "720p".into(),
                kbps: 2_871,
            }),
            throughput_kbps: Some(3_970),
        }
    }

    #[test]
    fn a_record_says_the_same_in_both_forms() {
        let batch = Batch {
            number: 0,
            due: 6_000,
            records: vec![playing(), playing()],
        };
        let json = sender().json(&batch, 6_010);
        assert_eq!((&json["sent_at"], &json["cid"]), (&json!(1_006_010), &json!("c")));
        let mut event = json["events"][0].clone();
        event["id"].take();
        assert_eq!(
            event,
            json!({
                "id": null, "ep": 0, "sn": 3, "ts": 1_002_000, "mono": 1_500, "e": "ps", "sta": "p", "pt": 0, "bl": { "v": 4_000 },
                "mtp": { "": 4_000 }, "br": { "v": 2_871 }, "x": { "q": "720p", "auto": true }, "msd": 1_500,
            })
        );
        let line = "bl=(4000),br=(2871;v),cid=\"c\",e=ps,msd=1500,mtp=(4000),pt=0,sf=h,\
                    sid=\"00000000-0000-0000-0000-000000000000\",sn=3,st=v,sta=p,ts=1002000,v=2";
        assert_eq!(sender().cmcd(&batch), format!("{line}\n{line}"));
    }
}
