//! The tables that read models live in, described once: column by column, with the kind of each.

use chrono::{DateTime, Utc};
use sqlx::FromRow;
use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use uuid::Uuid;

use crate::Arg;

/// A table that one projection owns alone.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name.
    pub name: &'static str,
    /// The columns of its key.
    pub key: &'static [&'static str],
    /// The column that holds the identity of the stream that a row comes from.
    pub stream: &'static str,
    /// The column that holds the position of the first event of a row's stream. A log that forgets its oldest events
    /// cannot give such rows back, and a rebuild leaves them as they are.
    pub since: Option<&'static str>,
    /// All its columns.
    pub columns: &'static [Column],
}

/// A column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its name.
    pub name: &'static str,
    /// What it holds.
    pub kind: Kind,
}

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Int,
    /// A floating-point number.
    Float,
    /// A truth value.
    Bool,
    /// A UUID.
    Uuid,
    /// An instant.
    Time,
    /// Bytes.
    Bytes,
}

/// A row of a read model's table, read and written whole.
pub trait Row:
    for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Clone + PartialEq + Send + Unpin + 'static
{
    /// Its columns.
    const COLUMNS: &'static [Column];

    /// The values in the order of the columns.
    fn values(&self) -> Vec<Arg>;
}

/// A field of a row as a value of a column.
pub(crate) trait Field {
    fn value(&self, kind: Kind) -> Arg;
}

impl Field for Option<&str> {
    fn value(&self, kind: Kind) -> Arg {
        match kind {
            Kind::Uuid => Arg::Uuid(self.and_then(|text| Uuid::parse_str(text).ok())),
            Kind::Text | Kind::Int | Kind::Float | Kind::Bool | Kind::Time | Kind::Bytes => {
                Arg::Text(self.map(str::to_owned))
            }
        }
    }
}

impl Field for String {
    fn value(&self, kind: Kind) -> Arg {
        Some(self.as_str()).value(kind)
    }
}

impl Field for Option<String> {
    fn value(&self, kind: Kind) -> Arg {
        self.as_deref().value(kind)
    }
}

macro_rules! fields {
    ($($from:ty => $arg:path),* $(,)?) => {$(
        impl Field for $from {
            fn value(&self, _: Kind) -> Arg {
                $arg((*self).into())
            }
        }
    )*};
}

fields! {
    i64 => Arg::Int,
    Option<i64> => Arg::Int,
    f64 => Arg::Float,
    Option<f64> => Arg::Float,
    bool => Arg::Bool,
    DateTime<Utc> => Arg::Time,
    Option<DateTime<Utc>> => Arg::Time,
}

/// Lists the columns of a row type: `columns!(ClipRow { id: Uuid, slug: Text })`.
macro_rules! columns {
    ($row:ty { $($name:ident: $kind:ident),* $(,)? }) => {
        impl $crate::table::Row for $row {
            const COLUMNS: &'static [$crate::Column] = &[
                $($crate::Column { name: stringify!($name), kind: $crate::Kind::$kind }),*
            ];

            fn values(&self) -> Vec<$crate::Arg> {
                vec![$($crate::table::Field::value(&self.$name, $crate::Kind::$kind)),*]
            }
        }
    };
}
pub(crate) use columns;
