//! The order of records: by the clock that nobody corrects where the player has one, by the wall clock elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use super::Moment;

/// A record at its place on the player's time line.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Placed<'a> {
    /// Unix milliseconds by the wall clock of the epoch's first record.
    pub(super) at: i64,
    pub(super) number: Option<i64>,
    pub(super) moment: &'a Moment,
}

pub(super) fn by_clock(moments: &BTreeSet<Moment>) -> Vec<Placed<'_>> {
    let mut began: BTreeMap<i64, (i64, i64)> = BTreeMap::new();
    for moment in moments {
        if let Some(mono) = moment.mono_ms {
            let first = began.entry(moment.epoch).or_insert((mono, moment.ts));
            *first = (*first).min((mono, moment.ts));
        }
    }
    let place = |moment: &Moment| match (moment.mono_ms, began.get(&moment.epoch)) {
        (Some(mono), Some((first, at))) => at + (mono - first),
        _ => moment.ts,
    };
    let mut placed: Vec<_> = moments
        .iter()
        .map(|moment| Placed {
            at: place(moment),
            number: moment.number,
            moment,
        })
        .collect();
    placed.sort();
    placed
}
