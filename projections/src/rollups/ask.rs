//! Questions to roll-ups: which tables answer them, and with which statements.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use sqlx::{ColumnIndex, Decode, FromRow, Type};

use super::cell::{CellRow, Level};
use super::member::{DIMENSIONS, MemberRow};
use super::sums::{COUNT, Sums};
use super::tally::ConcurrencyRow;
use crate::{Arg, Kind, Query, Row, Selection};

/// What the answer is divided by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// By nothing.
    All,
    /// By the time of buckets.
    Time,
    /// By clip.
    Clip,
    /// By the values of a dimension.
    Dimension(&'static str),
}

/// A question about the sessions of a time.
#[derive(Clone, Debug)]
pub struct Question {
    /// Which sessions.
    pub selection: Selection,
    /// What the answer is divided by.
    pub by: By,
}

/// Where a part of the answer lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// In cells.
    Cells(Level),
    /// With the sessions themselves: no cell is about the end of an hour, or about two dimensions at once.
    Sessions,
}

/// A time, and where what happened then lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Where.
    pub source: Source,
    /// From this instant on.
    pub from: DateTime<Utc>,
    /// Up to, but without this instant.
    pub to: DateTime<Utc>,
}

/// Sums of several cells.
#[derive(Clone, Debug)]
pub struct SumRow {
    /// The first of their buckets.
    pub bucket: DateTime<Utc>,
    /// The clip.
    pub clip: String,
    /// The value of the dimension.
    pub value: String,
    /// The sums.
    pub sums: Sums,
}

impl<'r, R: sqlx::Row> FromRow<'r, R> for SumRow
where
    usize: ColumnIndex<R>,
    DateTime<Utc>: Decode<'r, R::Database> + Type<R::Database>,
    String: Decode<'r, R::Database> + Type<R::Database>,
    i64: Decode<'r, R::Database> + Type<R::Database>,
{
    fn from_row(row: &'r R) -> sqlx::Result<Self> {
        let sums: sqlx::Result<Vec<i64>> = (3..3 + COUNT).map(|at| row.try_get(at)).collect();
        Ok(Self {
            bucket: row.try_get(0)?,
            clip: row.try_get(1)?,
            value: row.try_get(2)?,
            sums: Sums::of(sums?),
        })
    }
}

impl Question {
    /// A question about whole minutes.
    pub fn new(selection: &Selection, by: By) -> Self {
        let minute = Level::Minute;
        let to = minute.bucket(selection.to);
        Self {
            selection: Selection {
                from: minute.bucket(selection.from),
                to: if to < selection.to {
                    to + minute.length()
                } else {
                    to
                },
                ..selection.clone()
            },
            by,
        }
    }

    /// The values that the sessions are narrowed to.
    fn narrowed(&self) -> Vec<(&'static str, &str)> {
        let selection = &self.selection;
        let values = [
            &selection.quality,
            &selection.country,
            &selection.device,
            &selection.player,
            &selection.os,
            &selection.host,
        ];
        let named = DIMENSIONS.iter().zip(values);
        named
            .filter_map(|(name, value)| Some((*name, value.as_deref()?)))
            .collect()
    }

    /// The dimensions that it is about.
    fn dimensions(&self) -> BTreeSet<&'static str> {
        let mut dimensions: BTreeSet<_> = self.narrowed().iter().map(|(name, _)| *name).collect();
        if let By::Dimension(name) = self.by {
            dimensions.insert(name);
        }
        dimensions
    }

    /// Whether it is about everybody, or clips only.
    pub fn is_of_clips(&self) -> bool {
        self.narrowed().is_empty()
    }

    /// Whether it is about renditions: of those nobody counts the viewers.
    pub fn is_of_renditions(&self) -> bool {
        self.dimensions().contains("quality")
    }

    /// The parts of the answer about a time.
    pub fn parts(&self, from: DateTime<Utc>, to: DateTime<Utc>) -> Vec<Part> {
        let dimensions = self.dimensions().len();
        let mut parts = vec![];
        if dimensions > 1 {
            push(&mut parts, Source::Sessions, from, to);
        } else {
            let fine = if dimensions == 0 {
                Source::Cells(Level::Minute)
            } else {
                Source::Sessions
            };
            cover(&mut parts, &[Level::Day, Level::Hour], fine, (from, to));
        }
        parts
    }

    /// The sums of a part, divided as the question says.
    pub fn sums(&self, level: Level, part: Part) -> Query<SumRow> {
        let (conditions, args) = self.of_cells(part);
        let sums = Sums::NAMES
            .map(|name| format!("CAST(SUM({name}) AS BIGINT)"))
            .join(", ");
        let group = match self.by {
            By::All => "dimension",
            By::Time => "bucket",
            By::Clip => "clip",
            By::Dimension(_) => "value",
        };
        let sql = format!(
            "SELECT MIN(bucket), MIN(clip), MIN(value), {sums} FROM {} WHERE {conditions} GROUP BY {group}",
            level.table().name
        );
        Query::new(sql, args)
    }

    /// The cells of a part; only those of these clips or values, where some are named.
    pub fn cells(&self, level: Level, part: Part, only: Option<&[String]>) -> Query<CellRow> {
        let (mut conditions, mut args) = self.of_cells(part);
        if let Some(only) = only {
            let column = if self.by == By::Clip { "clip" } else { "value" };
            let places: Vec<_> = only
                .iter()
                .map(|value| place(&mut args, value.as_str()))
                .collect();
            conditions += &format!(" AND {column} IN ({})", places.join(", "));
        }
        Query::new(
            format!("{} WHERE {conditions}", select::<CellRow>(level.table().name)),
            args,
        )
    }

    /// The sessions of a part.
    pub fn sessions(&self, part: Part) -> Query<MemberRow> {
        let mut args = vec![part.from.into(), part.to.into()];
        let mut conditions = "counted_at >= $1 AND counted_at < $2".to_owned();
        if self.selection.clip.is_some() || self.selection.owner.is_some() || self.by == By::Clip {
            conditions += &format!(" AND {}", self.clips(&mut args));
        }
        for (name, value) in self.narrowed() {
            conditions += &format!(" AND {name} = {}", place(&mut args, value));
        }
        Query::new(
            format!("{} WHERE {conditions}", select::<MemberRow>(super::SESSIONS.name)),
            args,
        )
    }

    /// Viewers at a time, minute by minute.
    pub fn concurrency(&self) -> Query<ConcurrencyRow> {
        let mut args = vec![self.selection.from.into(), self.selection.to.into()];
        let clips = self.clips(&mut args);
        let slots = ConcurrencyRow::COLUMNS
            .iter()
            .filter(|column| column.kind == Kind::Int);
        let sums: Vec<_> = slots
            .map(|column| format!("CAST(SUM({0}) AS BIGINT) AS {0}", column.name))
            .collect();
        let sql = format!(
            "SELECT bucket, MIN(clip) AS clip, {} FROM {} WHERE bucket >= $1 AND bucket < $2 AND {clips} \
             GROUP BY bucket ORDER BY bucket",
            sums.join(", "),
            super::CONCURRENCY.name
        );
        Query::new(sql, args)
    }

    fn of_cells(&self, part: Part) -> (String, Vec<Arg>) {
        let dimension = self.dimensions().first().copied().unwrap_or_default();
        let mut args = vec![part.from.into(), part.to.into(), dimension.into()];
        let clips = self.clips(&mut args);
        let mut conditions = format!("dimension = $3 AND bucket >= $1 AND bucket < $2 AND {clips}");
        for (_, value) in self.narrowed() {
            conditions += &format!(" AND value = {}", place(&mut args, value));
        }
        (conditions, args)
    }

    fn clips(&self, args: &mut Vec<Arg>) -> String {
        match (self.selection.clip, self.selection.owner) {
            (Some(clip), _) => format!("clip = {}", place(args, clip.0.to_string().as_str())),
            (None, Some(owner)) => format!(
                "clip IN (SELECT CAST(id AS TEXT) FROM clips WHERE owner_id = {})",
                place(args, owner.to_string().as_str())
            ),
            (None, None) if self.by == By::Clip => "clip <> ''".to_owned(),
            (None, None) => "clip = ''".to_owned(),
        }
    }
}

fn place(args: &mut Vec<Arg>, value: &str) -> String {
    args.push(value.into());
    format!("${}", args.len())
}

fn select<R: Row>(table: &str) -> String {
    let columns = R::COLUMNS.iter().map(|column| match column.kind {
        Kind::Uuid => format!("CAST({0} AS TEXT) AS {0}", column.name),
        Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Time | Kind::Bytes => {
            column.name.to_owned()
        }
    });
    format!("SELECT {} FROM {table}", columns.collect::<Vec<_>>().join(", "))
}

/// Whole days, whole hours before and after, and what is left at both ends.
fn cover(parts: &mut Vec<Part>, levels: &[Level], fine: Source, (from, to): (DateTime<Utc>, DateTime<Utc>)) {
    let Some((level, finer)) = levels.split_first() else {
        push(parts, fine, from, to);
        return;
    };
    let last = level.bucket(to);
    let first = level.bucket(from);
    let first = if first < from {
        first + level.length()
    } else {
        first
    };
    if first >= last {
        cover(parts, finer, fine, (from, to));
        return;
    }
    cover(parts, finer, fine, (from, first));
    push(parts, Source::Cells(*level), first, last);
    cover(parts, finer, fine, (last, to));
}

/// What lies in the same place and follows is one part.
pub fn push(parts: &mut Vec<Part>, source: Source, from: DateTime<Utc>, to: DateTime<Utc>) {
    match parts.last_mut() {
        _ if from >= to => {}
        Some(last) if last.source == source && last.to == from => last.to = to,
        Some(_) | None => parts.push(Part { source, from, to }),
    }
}
