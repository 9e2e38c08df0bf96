//! Counting sessions anew: what they were counted with is taken out, and what they are now is put in.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use sqlx::FromRow;

use super::cell::{CellRow, Key, Level};
use super::member::{MemberRow, minute_of};
use crate::table::columns;

/// Ten seconds of a minute.
const SLOTS: i64 = 6;

/// A session as it was counted and as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recount {
    /// As it was; nothing, when it is new.
    pub before: Option<MemberRow>,
    /// As it is; nothing, when it counts no more.
    pub after: Option<MemberRow>,
}

/// Cells by their place.
pub type Cells = BTreeMap<Key, CellRow>;

/// The cells that some sessions count in, before or after.
pub fn touched(recounts: &[Recount]) -> BTreeSet<Key> {
    let members = recounts
        .iter()
        .flat_map(|recount| [&recount.before, &recount.after]);
    members.flatten().flat_map(MemberRow::keys).collect()
}

/// Brings the cells of a level up to date and tells those whose viewers must be looked up: somebody is gone from them, and a set of
/// viewers forgets nobody.
pub fn recount(cells: &mut Cells, level: Level, recounts: &[Recount]) -> BTreeSet<Key> {
    let mut stale = BTreeSet::new();
    let keys_of = |member: &MemberRow| -> Vec<Key> {
        member
            .keys()
            .into_iter()
            .filter(|key| key.level == level)
            .collect()
    };
    for Recount { before, after } in recounts {
        let kept = after.as_ref().map_or_else(Vec::new, keys_of);
        let same_viewer = before.as_ref().map(|m| m.viewer) == after.as_ref().map(|m| m.viewer);
        if let Some(before) = before {
            for key in keys_of(before) {
                let stays = same_viewer && kept.contains(&key);
                put(cells, &key, before, -1);
                if before.viewer.is_some() && counts_viewers(&key) && !stays {
                    stale.insert(key);
                }
            }
        }
        let Some(after) = after else { continue };
        for key in kept {
            put(cells, &key, after, 1);
            if let (Some(viewer), true) = (after.viewer, counts_viewers(&key))
                && let Some(cell) = cells.get_mut(&key)
            {
                cell.viewers.add(viewer);
            }
        }
    }
    stale
}

/// A viewer has one country and one player, but many renditions: how many saw one of them says little and costs much.
fn counts_viewers(key: &Key) -> bool {
    key.dimension != "quality"
}

fn put(cells: &mut Cells, key: &Key, member: &MemberRow, times: i64) {
    let cell = cells.entry(key.clone()).or_insert_with(|| CellRow::empty(key));
    cell.sums.add(&member.sums, times);
    cell.sketches.merge(&member.sketches, times);
}

/// A minute of a clip: how many sessions were watched in each ten seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, FromRow)]
#[expect(missing_docs, reason = "as above")]
pub struct ConcurrencyRow {
    pub bucket: DateTime<Utc>,
    pub clip: String,
    pub viewers_00: i64,
    pub viewers_10: i64,
    pub viewers_20: i64,
    pub viewers_30: i64,
    pub viewers_40: i64,
    pub viewers_50: i64,
}

columns!(ConcurrencyRow {
    bucket: Time,
    clip: Text,
    viewers_00: Int,
    viewers_10: Int,
    viewers_20: Int,
    viewers_30: Int,
    viewers_40: Int,
    viewers_50: Int,
});

impl ConcurrencyRow {
    /// The viewers in each ten seconds.
    pub fn slots(&self) -> [i64; 6] {
        [
            self.viewers_00,
            self.viewers_10,
            self.viewers_20,
            self.viewers_30,
            self.viewers_40,
            self.viewers_50,
        ]
    }

    /// The same with so many more in each.
    pub fn plus(mut self, more: [i64; 6]) -> Self {
        let slots = [
            &mut self.viewers_00,
            &mut self.viewers_10,
            &mut self.viewers_20,
            &mut self.viewers_30,
            &mut self.viewers_40,
            &mut self.viewers_50,
        ];
        for (slot, more) in slots.into_iter().zip(more) {
            *slot += more;
        }
        self
    }
}

/// How many more watch in each ten seconds of a minute, by minute and clip; nothing for all clips.
pub fn concurrency(recounts: &[Recount]) -> BTreeMap<(DateTime<Utc>, String), [i64; 6]> {
    let mut slots: BTreeMap<(i64, &str), i64> = BTreeMap::new();
    for Recount { before, after } in recounts {
        for (member, times) in [(before, -1), (after, 1)] {
            let Some(member) = member else { continue };
            for (from, count) in &member.slots {
                for slot in *from..from + count {
                    *slots.entry((slot, "")).or_default() += times * member.sums.sessions;
                    if !member.clip.is_empty() {
                        *slots.entry((slot, &member.clip)).or_default() += times * member.sums.sessions;
                    }
                }
            }
        }
    }
    let mut minutes: BTreeMap<(DateTime<Utc>, String), [i64; 6]> = BTreeMap::new();
    for ((slot, clip), more) in slots.into_iter().filter(|(_, more)| *more != 0) {
        let Some(minute) = minute_of(slot) else { continue };
        let within = usize::try_from(slot.rem_euclid(SLOTS)).unwrap_or_default();
        let minute = minutes.entry((minute, clip.to_owned())).or_default();
        if let Some(held) = minute.get_mut(within) {
            *held += more;
        }
    }
    minutes
}
