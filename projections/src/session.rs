//! A playback session: a set of records, and what the state machine of players makes of it.
//!
//! The fold only collects. Everything that is measured is computed from the set as a whole, in the order of the player's
//! own clock, so that it does not matter how often or in which order the records came.

mod measures;
mod moment;
mod order;
mod score;
mod timeline;
mod walk;

use std::collections::BTreeSet;

use clipper_domain::PersonId;
use clipper_domain::report::{Origin, Report, Summary, Surroundings};
use serde::{Deserialize, Serialize};

pub(crate) use measures::Measures;
pub(crate) use moment::Moment;
pub(crate) use score::Scores;
pub use timeline::{Failure, Point, Rendition, Segment, Stall, Timeline};

/// The earliest records that are kept of a session: those of forty hours, at one in thirty seconds.
const MOST: usize = 5_000;
/// A player's clock is corrected when it is off by more.
const SKEW_MS: i64 = 2_000;

/// What is known of a session so far.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Session {
    /// What its earliest batch says of it.
    pub(crate) about: Option<About>,
    pub(crate) viewer: Option<PersonId>,
    pub(crate) audience: Option<String>,
    skew_ms: Option<i64>,
    pub(crate) weight: i64,
    pub(crate) private: bool,
    pub(crate) bot: bool,
    pub(crate) summary: Option<Summary>,
    pub(crate) asked: Asked,
    moments: BTreeSet<Moment>,
}

/// What a batch says of its session. The least is kept: a player's own word, and of those the one that was sent first.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct About {
    nameless: bool,
    origin: Origin,
    sent_at: i64,
    pub(crate) clip: String,
    pub(crate) clip_id: Option<uuid::Uuid>,
    pub(crate) ctx: Surroundings,
}

/// What requests for media told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Asked {
    /// How many had something to tell.
    pub(crate) requests: i64,
    /// How many of them after the buffer had run dry.
    pub(crate) starved: i64,
    throughput: Mean,
    buffer: Mean,
    first: Option<i64>,
    last: Option<i64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Mean {
    sum: i64,
    count: i64,
}

impl Mean {
    fn add(&mut self, value: Option<i64>) {
        if let Some(value) = value {
            self.sum += value;
            self.count += 1;
        }
    }

    fn value(self) -> Option<f64> {
        (self.count > 0).then(|| measures::ratio(self.sum, self.count))
    }
}

impl Asked {
    pub(crate) fn throughput_kbps(&self) -> Option<f64> {
        self.throughput.value()
    }

    pub(crate) fn buffer_ms(&self) -> Option<f64> {
        self.buffer.value()
    }

    fn add(&mut self, moment: &Moment) {
        self.requests += 1;
        self.starved += i64::from(moment.starved);
        self.throughput.add(moment.throughput_kbps);
        self.buffer.add(moment.buffer_ms);
        self.first = Some(self.first.map_or(moment.ts, |first| first.min(moment.ts)));
        self.last = Some(self.last.map_or(moment.ts, |last| last.max(moment.ts)));
    }
}

impl Session {
    pub(crate) fn fold(&mut self, report: &Report) {
        let about = About {
            nameless: report.clip.is_empty(),
            origin: report.origin,
            sent_at: report.sent_at,
            clip: report.clip.clone(),
            clip_id: report.clip_id,
            ctx: report.ctx.clone(),
        };
        self.about = self.about.take().into_iter().chain(Some(about)).min();
        self.viewer = self.viewer.max(report.viewer);
        self.audience = self.audience.take().max(report.audience.clone());
        self.skew_ms = self.skew_ms.into_iter().chain(report.skew_ms).min();
        self.weight = self.weight.max(report.weight);
        self.private |= report.private;
        self.bot |= report.bot;
        self.summary = later(self.summary.take(), report.summary.clone());
        for moment in report.records.iter().filter_map(Moment::of) {
            match report.origin {
                Origin::Requests => self.asked.add(&moment),
                Origin::Player => drop(self.moments.insert(moment)),
            }
        }
        while self.moments.len() > MOST {
            self.moments.pop_last();
        }
    }

    pub(crate) fn measures(&self) -> Measures {
        walk::walk(&order::by_clock(&self.moments))
    }

    /// What happened when.
    pub(crate) fn timeline(&self) -> Timeline {
        walk::follow(&order::by_clock(&self.moments))
    }

    /// How far the player's clock is behind ours, where that is more than the way of a report explains: the batch that
    /// was fastest tells best.
    pub(crate) fn skew_ms(&self) -> i64 {
        self.skew_ms.filter(|skew| skew.abs() > SKEW_MS).unwrap_or(0)
    }

    /// When it began, by our clock.
    pub(crate) fn began_at(&self, measures: &Measures) -> Option<i64> {
        let sent_at = self.about.as_ref().map(|about| about.sent_at);
        let began = if self.moments.is_empty() {
            self.asked.first.or(sent_at)
        } else {
            Some(measures.first_at)
        };
        began.map(|began| began + self.skew_ms())
    }

    /// How many records were kept.
    pub(crate) fn records(&self) -> i64 {
        i64::try_from(self.moments.len()).unwrap_or(i64::MAX)
    }

    /// Whether more came than is kept.
    pub(crate) fn is_cut(&self) -> bool {
        self.moments.len() >= MOST
    }
}

/// Of two summaries the one of more seconds; of equal ones either.
fn later(one: Option<Summary>, other: Option<Summary>) -> Option<Summary> {
    match (one, other) {
        (Some(one), Some(other)) => {
            let rank = |summary: &Summary| {
                let text = serde_json::to_string(summary).unwrap_or_default();
                (summary.session_duration.to_bits(), text)
            };
            Some(if rank(&one) >= rank(&other) { one } else { other })
        }
        (one, other) => one.or(other),
    }
}

#[cfg(test)]
mod tests;
