//! Reading, leniently: what is wrong is left out, key by key.

use sfv::{BareItem, Dictionary, InnerList, Item, Key as FieldKey, ListEntry, Parser, Version};

use super::text::members;
use super::{Cmcd, Custom, Key, Kind, Listed, ObjectType, Text, VERSION, Value};

/// How a set travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With a request for media, in its headers or its query.
    Request,
    /// As a line of a report. There is no version 1 of that.
    Event,
}

/// Why a set is refused whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// Of a version that is not known, nothing may be read.
    #[error("version {0} of CMCD is not known")]
    Version(i64),
    /// There is no key in it that could be read.
    #[error("no key can be read")]
    Nothing,
}

/// The longest value of a custom key.
pub(super) const CUSTOM_LENGTH: usize = 64;
/// What a custom key may be called.
const CUSTOM_NAME: usize = 64;
/// Members of a line that are looked at.
const MAX_MEMBERS: usize = 128;
/// Items of a list that are kept.
const MAX_ITEMS: usize = 32;

/// Reads the lines of a report. Each is a set of its own; empty ones are passed over.
pub fn read(body: &str) -> impl Iterator<Item = (usize, &str, Result<Cmcd, Refused>)> {
    let lines = body.split('\n').enumerate();
    lines.filter_map(|(place, line)| {
        let line = line.trim();
        (!line.is_empty()).then(|| (place + 1, line, read_line(line, Mode::Event)))
    })
}

/// Reads one set.
pub fn read_line(line: &str, mode: Mode) -> Result<Cmcd, Refused> {
    let mut fields = Dictionary::new();
    for (_, member) in members(line).into_iter().take(MAX_MEMBERS) {
        if let Ok(field) = member_of(member) {
            fields.extend(field);
        }
    }
    let version = match fields.get("v") {
        Some(ListEntry::Item(item)) => item.bare_item.as_integer().map(i64::from),
        Some(ListEntry::InnerList(_)) | None => None,
    };
    let version = version.unwrap_or(if mode == Mode::Event { VERSION } else { 1 });
    if version > VERSION {
        return Err(Refused::Version(version));
    }
    let cmcd = if version < 2 {
        first_version(&fields)
    } else {
        second_version(&fields)
    };
    if cmcd.is_empty() {
        Err(Refused::Nothing)
    } else {
        Ok(cmcd)
    }
}

/// A member by itself.
pub(super) fn member_of(member: &str) -> Result<Dictionary, sfv::Error> {
    Parser::new(member.trim()).with_version(Version::Rfc8941).parse()
}

fn second_version(fields: &Dictionary) -> Cmcd {
    let mut cmcd = Cmcd::default();
    for (name, entry) in fields {
        match Key::from_name(name.as_str()) {
            Some(key) => {
                if let Some(value) = value(key, entry) {
                    cmcd.values.insert(key, value);
                }
            }
            None => {
                if let Some(value) = custom(name, entry) {
                    cmcd.custom.insert(name.as_str().to_owned(), value);
                }
            }
        }
    }
    cmcd
}

/// The first version in the shapes of the second: single numbers become lists, and `nrr` joins `nor`.
fn first_version(fields: &Dictionary) -> Cmcd {
    let mut cmcd = second_version(fields);
    let of = cmcd.text(Key::Ot).and_then(ObjectType::from_token);
    let item = |name: &str| match fields.get(name) {
        Some(ListEntry::Item(item)) => Some(&item.bare_item),
        Some(ListEntry::InnerList(_)) | None => None,
    };
    for key in [Key::Br, Key::Tb, Key::Bl, Key::Mtp] {
        let of = if matches!(key, Key::Br | Key::Tb) {
            of
        } else {
            None
        };
        match item(key.name()).and_then(whole) {
            Some(number) => cmcd.values.insert(key, Value::Ints(vec![(of, number)])),
            None => cmcd.values.remove(&key),
        };
    }
    let string = |name: &str| item(name)?.as_string().map(|text| text.as_str().to_owned());
    cmcd.values.remove(&Key::Nor);
    if let Some(text) = string("nor") {
        let range = string("nrr");
        cmcd.values
            .insert(Key::Nor, Value::Texts(vec![Text { text, range }]));
    }
    cmcd
}

/// A value of the type that its key has.
pub(super) fn value(key: Key, entry: &ListEntry) -> Option<Value> {
    match (key.kind(), entry) {
        (Kind::Ints | Kind::RoundedInts, ListEntry::InnerList(list)) => ints(list),
        (Kind::Texts, ListEntry::InnerList(list)) => texts(list),
        (kind, ListEntry::Item(item)) if key.is_own() => own(kind, &item.bare_item),
        (kind, ListEntry::Item(item)) => plain(kind, &item.bare_item),
        (_, ListEntry::InnerList(_)) => None,
    }
}

fn plain(kind: Kind, item: &BareItem) -> Option<Value> {
    match kind {
        Kind::Bool => item.as_boolean().map(Value::Bool),
        Kind::Int | Kind::Rounded => whole(item).map(Value::Int),
        Kind::Decimal => decimal(item).map(Value::Decimal),
        Kind::Token(tokens) => {
            let token = item.as_token()?.as_str();
            tokens.contains(&token).then(|| Value::Token(token.to_owned()))
        }
        Kind::Text(longest) => {
            let text = item.as_string()?.as_str();
            (text.len() <= longest).then(|| Value::Text(text.to_owned()))
        }
        Kind::Ints | Kind::RoundedInts | Kind::Texts | Kind::Numbers => None,
    }
}

/// Our own keys travel as strings and tokens, like all custom ones.
fn own(kind: Kind, item: &BareItem) -> Option<Value> {
    match kind {
        Kind::Bool => match item.as_token()?.as_str() {
            "yes" => Some(Value::Bool(true)),
            "no" => Some(Value::Bool(false)),
            _ => None,
        },
        Kind::Int => {
            let number: i64 = item.as_string()?.as_str().parse().ok()?;
            (0..=LARGEST).contains(&number).then_some(Value::Int(number))
        }
        Kind::Decimal => thousandths(item.as_string()?.as_str()).map(Value::Decimal),
        Kind::Numbers => {
            let numbers = item.as_string()?.as_str().split(' ').map(thousandths);
            let numbers: Vec<i64> = numbers.collect::<Option<_>>()?;
            (numbers.len() <= 4).then_some(Value::Numbers(numbers))
        }
        Kind::Text(_) => plain(kind, item),
        Kind::Rounded | Kind::Token(_) | Kind::Ints | Kind::RoundedInts | Kind::Texts => None,
    }
}

/// The largest integer of a structured field.
pub(super) const LARGEST: i64 = 999_999_999_999_999;

fn whole(item: &BareItem) -> Option<i64> {
    item.as_integer().map(i64::from).filter(|number| *number >= 0)
}

/// A decimal, or an integer that stands for one.
fn decimal(item: &BareItem) -> Option<i64> {
    let exact = item
        .as_decimal()
        .map(|decimal| i64::from(decimal.as_integer_scaled_1000()));
    exact.or_else(|| {
        i64::from(item.as_integer()?)
            .checked_mul(1_000)
            .filter(|n| n.abs() <= LARGEST)
    })
}

/// Reads `34990.1` without passing through binary fractions.
fn thousandths(text: &str) -> Option<i64> {
    let item: Item = Parser::new(text).with_version(Version::Rfc8941).parse().ok()?;
    decimal(&item.bare_item)
}

fn ints(list: &InnerList) -> Option<Value> {
    let mut numbers: Vec<Listed> = list.items.iter().take(MAX_ITEMS).filter_map(listed).collect();
    numbers.sort_by_key(|(of, _)| *of);
    (!numbers.is_empty()).then_some(Value::Ints(numbers))
}

/// The object type is a parameter without a value: `5000;v`.
fn listed(item: &Item) -> Option<Listed> {
    let of = item
        .params
        .iter()
        .find_map(|(name, _)| ObjectType::from_token(name.as_str()));
    whole(&item.bare_item).map(|number| (of, number))
}

fn texts(list: &InnerList) -> Option<Value> {
    let text = |item: &Item| {
        let range = item.params.get("r").and_then(BareItem::as_string);
        Some(Text {
            text: item.bare_item.as_string()?.as_str().to_owned(),
            range: range.map(|range| range.as_str().to_owned()),
        })
    };
    let texts: Vec<Text> = list.items.iter().take(MAX_ITEMS).filter_map(text).collect();
    (!texts.is_empty()).then_some(Value::Texts(texts))
}

/// A key with a prefix, and a value that is a short string or a token.
pub(super) fn custom(name: &FieldKey, entry: &ListEntry) -> Option<Custom> {
    let ListEntry::Item(item) = entry else { return None };
    let named = name.as_str().contains('-')
        && name.as_str().len() <= CUSTOM_NAME
        && !name.as_str().starts_with("clipper-");
    let text = item
        .bare_item
        .as_string()
        .map(|text| Custom::Text(text.as_str().to_owned()));
    let value = text.or_else(|| {
        item.bare_item
            .as_token()
            .map(|token| Custom::Token(token.as_str().to_owned()))
    })?;
    (named && value.text().len() <= CUSTOM_LENGTH).then_some(value)
}

impl Custom {
    /// The value without its type.
    pub fn text(&self) -> &str {
        match self {
            Self::Text(text) | Self::Token(text) => text,
        }
    }
}
