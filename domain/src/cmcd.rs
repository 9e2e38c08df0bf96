//! Common Media Client Data (CTA-5004 and CTA-5004-B): what players say of themselves, in two versions and three forms.
//!
//! Promises: reading is lenient key by key (a value that is wrong costs itself alone), a set of a version that is not
//! known is refused whole, and what was read is printed and read again without loss. [`validate`] is the strict reader.

mod form;
mod json;
mod key;
mod print;
mod read;
mod text;
mod validate;
mod value;

use std::collections::BTreeMap;

pub use form::{HEADERS, from_headers, from_query, query_value};
pub use json::from_json;
pub use key::{Key, Kind, Shard};
pub use print::print_events;
pub use read::{Mode, Refused, read, read_line};
pub use validate::{Issue, Severity, validate};
pub use value::{Custom, Listed, ObjectType, Text, Value};

/// The version that is written, and the newest that is read.
pub const VERSION: i64 = 2;

/// One set of keys and values, in the shapes of version 2.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Cmcd {
    /// The keys of the standard and our own.
    pub values: BTreeMap<Key, Value>,
    /// Keys of others, which carry a prefix.
    pub custom: BTreeMap<String, Custom>,
}

impl Cmcd {
    /// A whole number.
    pub fn int(&self, key: Key) -> Option<i64> {
        let Value::Int(number) = self.values.get(&key)? else {
            return None;
        };
        Some(*number)
    }

    /// A truth value; absent is false.
    pub fn is(&self, key: Key) -> bool {
        self.values.get(&key) == Some(&Value::Bool(true))
    }

    /// A token or a string.
    pub fn text(&self, key: Key) -> Option<&str> {
        let (Value::Text(text) | Value::Token(text)) = self.values.get(&key)? else {
            return None;
        };
        Some(text)
    }

    /// A decimal in thousandths.
    pub fn thousandths(&self, key: Key) -> Option<i64> {
        let Value::Decimal(thousandths) = self.values.get(&key)? else {
            return None;
        };
        Some(*thousandths)
    }

    /// Of a list by object type the value that tells most: the picture's, both tracks', the unnamed one, the sound's.
    pub fn main(&self, key: Key) -> Option<i64> {
        use ObjectType::{Audio, Muxed, Video};
        let list = self.ints(key)?;
        let of =
            |kind: Option<ObjectType>| list.iter().find(|(of, _)| *of == kind).map(|(_, number)| *number);
        [Some(Video), Some(Muxed), None, Some(Audio)]
            .into_iter()
            .find_map(of)
    }

    /// A list of numbers by object type.
    pub fn ints(&self, key: Key) -> Option<&[Listed]> {
        let Value::Ints(list) = self.values.get(&key)? else {
            return None;
        };
        Some(list)
    }

    /// A list of strings.
    pub fn texts(&self, key: Key) -> &[Text] {
        let Some(Value::Texts(list)) = self.values.get(&key) else {
            return &[];
        };
        list
    }

    /// Whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.custom.is_empty()
    }

    /// Sets a value.
    #[must_use]
    pub fn with(mut self, key: Key, value: Value) -> Self {
        self.values.insert(key, value);
        self
    }
}

#[cfg(test)]
mod examples;
#[cfg(test)]
mod tests;
