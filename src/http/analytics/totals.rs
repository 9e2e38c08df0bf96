//! What roll-ups say, put together.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use clipper_projections::rollups::{
    By, DIMENSIONS, Formula, MemberRow, Metric, Part, Question, Sketches, Source, Sums, Viewers, push,
};

use crate::storage::{Db, StorageError};

/// What sessions come to.
#[derive(Clone, Debug, Default)]
pub(super) struct Total {
    pub(super) sums: Sums,
    pub(super) sketches: Sketches,
    viewers: Viewers,
    /// Whether the viewers of all of them are known.
    counts_viewers: bool,
}

/// What a total is the total of: an instant of a series, or a clip or value by name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Of {
    All,
    Time(usize),
    Name(String),
}

/// How much of the totals is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Detail {
    /// Sums.
    Sums,
    /// Distributions and viewers too.
    Whole,
}

impl Total {
    /// What no sessions come to.
    pub(super) fn nothing(question: &Question) -> Self {
        Self {
            counts_viewers: !question.is_of_renditions(),
            ..Self::default()
        }
    }

    /// The value of a metric.
    pub(super) fn value(&self, metric: &Metric) -> Option<f64> {
        match metric.formula {
            Formula::Viewers => self.counts_viewers.then(|| self.viewers.estimate().round()),
            Formula::Sum(_) | Formula::Ratio(..) => metric.of(&self.sums),
        }
    }
}

/// The beginnings of the intervals of a series, and its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Series {
    pub(super) begins: Vec<DateTime<Utc>>,
    pub(super) to: DateTime<Utc>,
}

impl Series {
    pub(super) fn place(&self, at: DateTime<Utc>) -> Option<usize> {
        self.begins.partition_point(|begins| *begins <= at).checked_sub(1)
    }

    /// Each interval as far as it lies within the time that is asked for.
    fn spans(&self, from: DateTime<Utc>) -> impl Iterator<Item = (DateTime<Utc>, DateTime<Utc>)> {
        let ends = self.begins.iter().skip(1).chain([&self.to]);
        self.begins
            .iter()
            .zip(ends)
            .map(move |(begin, end)| ((*begin).max(from), *end))
    }
}

/// The totals of a question; of clips or values only these, where some are named.
pub(super) async fn totals(
    db: &Db,
    question: &Question,
    series: &Series,
    detail: Detail,
    only: Option<&[String]>,
) -> Result<BTreeMap<Of, Total>, StorageError> {
    let mut totals = Totals {
        question,
        series,
        all: BTreeMap::new(),
    };
    for part in parts(question, series) {
        match (part.source, detail) {
            (Source::Cells(level), Detail::Sums) => {
                for row in db.all(question.sums(level, part)).await? {
                    let total = totals.of(row.bucket, &row.clip, &row.value);
                    total.sums.add(&row.sums, 1);
                }
            }
            (Source::Cells(level), Detail::Whole) => {
                for row in db.all(question.cells(level, part, only)).await? {
                    let total = totals.of(row.bucket, &row.clip, &row.value);
                    total.sums.add(&row.sums, 1);
                    total.sketches.merge(&row.sketches, 1);
                    total.viewers.merge(&row.viewers);
                }
            }
            (Source::Sessions, _) => {
                for row in db.all(question.sessions(part)).await? {
                    totals.put(&row, only);
                }
            }
        }
    }
    Ok(totals.all)
}

fn parts(question: &Question, series: &Series) -> Vec<Part> {
    let (from, to) = (question.selection.from, question.selection.to);
    if question.by != By::Time {
        return question.parts(from, to);
    }
    let mut parts = vec![];
    for (from, to) in series.spans(from) {
        for part in question.parts(from, to) {
            push(&mut parts, part.source, part.from, part.to);
        }
    }
    parts
}

struct Totals<'a> {
    question: &'a Question,
    series: &'a Series,
    all: BTreeMap<Of, Total>,
}

impl Totals<'_> {
    fn of(&mut self, at: DateTime<Utc>, clip: &str, value: &str) -> &mut Total {
        let of = match self.question.by {
            By::All => Of::All,
            By::Time => Of::Time(self.series.place(at).unwrap_or_default()),
            By::Clip => Of::Name(clip.to_owned()),
            By::Dimension(_) => Of::Name(value.to_owned()),
        };
        self.all
            .entry(of)
            .or_insert_with(|| Total::nothing(self.question))
    }

    fn put(&mut self, row: &MemberRow, only: Option<&[String]>) {
        let value = match self.question.by {
            By::Dimension(name) => {
                let place = DIMENSIONS.iter().position(|dimension| *dimension == name);
                place
                    .and_then(|place| row.values.get(place))
                    .cloned()
                    .unwrap_or_default()
            }
            By::All | By::Time | By::Clip => String::new(),
        };
        let name = if self.question.by == By::Clip {
            &row.clip
        } else {
            &value
        };
        if only.is_some_and(|only| !only.contains(name)) {
            return;
        }
        let total = self.of(row.counted_at, &row.clip, &value);
        total.sums.add(&row.sums, 1);
        total.sketches.merge(&row.sketches, 1);
        row.viewer
            .into_iter()
            .for_each(|viewer| total.viewers.add(viewer));
    }
}
