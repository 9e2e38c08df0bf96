//! Records on their way out: when they are sent together, and what goes wrong on the way on purpose.

use super::Millis;
use super::chance::Chance;
use super::record::{Batch, Record};
use super::truth::Told;

/// As our own players have it.
const FLUSH: Millis = 4_000;
const MOST_RECORDS: usize = 100;

/// What goes wrong with reports, in so many of a hundred.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// Never sent.
    pub lose: f64,
    /// Sent again with the next one.
    pub duplicate: f64,
    /// Sent after the next one.
    pub reorder: f64,
}

/// Collects records until they are sent.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    waiting: Vec<Record>,
    batches: u64,
}

impl Outbox {
    /// Takes a record, and gives the batch that was due before it.
    pub(super) fn push(&mut self, record: Record) -> Option<Batch> {
        let begun = self.waiting.first().map(|first| first.at);
        let due = begun.filter(|begun| record.at > begun + FLUSH || self.waiting.len() >= MOST_RECORDS);
        let batch = due.and_then(|begun| self.cut((begun + FLUSH).min(record.at)));
        self.waiting.push(record);
        batch
    }

    /// Gives what is left, when the page is closed.
    pub(super) fn close(&mut self, now: Millis) -> Option<Batch> {
        self.cut(now)
    }

    fn cut(&mut self, due: Millis) -> Option<Batch> {
        if self.waiting.is_empty() {
            return None;
        }
        let number = self.batches;
        self.batches += 1;
        Some(Batch {
            number,
            due,
            records: std::mem::take(&mut self.waiting),
        })
    }
}

/// The way of a session's batches, on which some are lost, doubled and overtaken.
#[derive(Debug)]
pub(super) struct Way {
    faults: Faults,
    chance: Chance,
    /// What is sent after the next batch.
    held: Vec<Batch>,
}

impl Way {
    pub(super) fn new(faults: Faults, chance: Chance) -> Self {
        Self {
            faults,
            chance,
            held: Vec::new(),
        }
    }

    /// What is sent now, in this order.
    pub(super) fn pass(&mut self, batch: Batch, told: &mut Told) -> Vec<Batch> {
        // Thrown every time, so that one fault does not change the others.
        let [lost, doubled, late] = [self.faults.lose, self.faults.duplicate, self.faults.reorder]
            .map(|percent| self.chance.percent(percent));
        if lost {
            told.lost += 1;
            told.lost_records += batch.records.len() as u64;
            return Vec::new();
        }
        let mut sent = std::mem::take(&mut self.held);
        if doubled {
            told.duplicated += 1;
            self.held.push(batch.clone());
        }
        if late {
            told.reordered += 1;
            self.held.push(batch);
        } else {
            sent.insert(0, batch);
        }
        sent
    }

    /// What is still to be sent at the end.
    pub(super) fn rest(&mut self) -> Vec<Batch> {
        std::mem::take(&mut self.held)
    }
}

#[cfg(test)]
mod tests {
    use clipper_domain::report::PlayerState;
    use proptest::prelude::*;

    use super::*;
    use crate::simulate::chance::Purpose;
    use crate::simulate::record::Event;

    fn record(number: u64, at: Millis) -> Record {
        Record {
            number,
            at,
            event: Event::Interval,
            state: PlayerState::Playing,
            playhead: 0,
            buffer: 0,
            shown: None,
            throughput_kbps: None,
        }
    }

    fn batches(times: &[Millis]) -> Vec<Batch> {
        let mut outbox = Outbox::default();
        let mut batches: Vec<_> = times
            .iter()
            .zip(0..)
            .filter_map(|(at, number)| outbox.push(record(number, *at)))
            .collect();
        batches.extend(outbox.close(times.last().copied().unwrap_or_default()));
        batches
    }

    #[test]
    fn a_batch_waits_four_seconds_for_company() {
        let batches = batches(&[0, 1_000, 4_000, 4_001, 20_000]);
        let shape: Vec<_> = batches
            .iter()
            .map(|batch| (batch.number, batch.due, batch.records.len()))
            .collect();
        assert_eq!(shape, [(0, 4_000, 3), (1, 8_001, 1), (2, 20_000, 1)]);
    }

    fn sent(batches: &[Batch], faults: Faults, seed: u64) -> (Vec<u64>, Told) {
        let mut way = Way::new(faults, Chance::new(seed, 0, Purpose::Faults));
        let mut told = Told::default();
        let mut sent: Vec<Batch> = batches
            .iter()
            .flat_map(|batch| way.pass(batch.clone(), &mut told))
            .collect();
        sent.extend(way.rest());
        (sent.iter().map(|batch| batch.number).collect(), told)
    }

    proptest! {
        #[test]
        fn nothing_goes_missing_but_what_is_lost(
            count in 1_u64..60,
            seed: u64,
            lose in 0.0..50.0,
            duplicate in 0.0..50.0,
            reorder in 0.0..50.0,
        ) {
            let times: Vec<_> = (0..count).map(|n| n * 5_000).collect();
            let batches = batches(&times);
            prop_assert_eq!(batches.len() as u64, count);
            let (numbers, told) = sent(&batches, Faults { lose, duplicate, reorder }, seed);
            let distinct: std::collections::BTreeSet<_> = numbers.iter().copied().collect();
            prop_assert_eq!(distinct.len() as u64 + told.lost, count);
            prop_assert_eq!(numbers.len() as u64, count - told.lost + told.duplicated);
            // Losing costs batches, but which others are doubled and overtaken stays the same.
            let (_, without) = sent(&batches, Faults { lose: 0.0, duplicate, reorder }, seed);
            prop_assert!(told.duplicated <= without.duplicated && told.reordered <= without.reordered);
        }
    }

    #[test]
    fn without_faults_all_go_in_order() {
        let batches = batches(&(0..50).map(|n| n * 5_000).collect::<Vec<_>>());
        let (numbers, told) = sent(&batches, Faults::default(), 1);
        assert_eq!((numbers, told), ((0..50).collect(), Told::default()));
    }
}
