//! A statement as data: constant SQL and its arguments.

use std::borrow::Cow;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use uuid::Uuid;

/// One SQL statement that runs on both databases.
#[derive(Clone, Debug, PartialEq)]
pub struct Statement {
    /// Text with `$1` placeholders. It is constant, but for conditions that the databases say differently.
    pub sql: Cow<'static, str>,
    /// The values of the placeholders, in order.
    pub args: Vec<Arg>,
}

/// A value with its type, so that NULL is typed too.
#[derive(Clone, Debug, PartialEq)]
pub enum Arg {
    /// Text.
    Text(Option<String>),
    /// A whole number.
    Int(Option<i64>),
    /// A floating-point number.
    Float(Option<f64>),
    /// A truth value.
    Bool(bool),
    /// A UUID: native on PostgreSQL, hyphenated text on SQLite.
    Uuid(Option<Uuid>),
    /// An instant: `timestamptz` on PostgreSQL, RFC 3339 text on SQLite.
    Time(Option<DateTime<Utc>>),
    /// Bytes.
    Bytes(Option<Vec<u8>>),
}

impl Statement {
    /// A statement with its arguments.
    pub fn new(sql: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self {
            sql: sql.into(),
            args,
        }
    }
}

/// A statement that gives rows of a known type.
#[derive(Clone, Debug)]
pub struct Query<R> {
    /// The statement.
    pub statement: Statement,
    row: PhantomData<fn() -> R>,
}

impl<R> Query<R> {
    /// A query with its arguments.
    pub fn new(sql: impl Into<Cow<'static, str>>, args: Vec<Arg>) -> Self {
        Self {
            statement: Statement::new(sql, args),
            row: PhantomData,
        }
    }
}

macro_rules! arg_from {
    ($($from:ty => |$value:ident| $arg:expr;)*) => {$(
        impl From<$from> for Arg {
            fn from($value: $from) -> Self {
                $arg
            }
        }
    )*};
}

arg_from! {
    &str => |value| Self::Text(Some(value.to_owned()));
    String => |value| Self::Text(Some(value));
    Option<String> => |value| Self::Text(value);
    i32 => |value| Self::Int(Some(i64::from(value)));
    u32 => |value| Self::Int(Some(i64::from(value)));
    i64 => |value| Self::Int(Some(value));
    Option<i64> => |value| Self::Int(value);
    // Sizes and counts that the schema holds in 64 signed bits; beyond that they are pinned, not wrapped.
    u64 => |value| Self::Int(Some(i64::try_from(value).unwrap_or(i64::MAX)));
    f64 => |value| Self::Float(Some(value));
    Option<f64> => |value| Self::Float(value);
    bool => |value| Self::Bool(value);
    Uuid => |value| Self::Uuid(Some(value));
    Option<Uuid> => |value| Self::Uuid(value);
    DateTime<Utc> => |value| Self::Time(Some(value));
    Option<DateTime<Utc>> => |value| Self::Time(value);
}
