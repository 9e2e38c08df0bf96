//! The same set as JSON: members named like keys, lists by object type as objects, our own keys beside them and in `x`.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Number, Value as Json, json};

use super::read::{CUSTOM_LENGTH, LARGEST};
use super::{Cmcd, Custom, Key, Kind, Listed, ObjectType, Text, Value};

/// Where our own keys stand in JSON: at the top, or in `x`.
const OWN: [(Key, &str, bool); 10] = [
    (Key::Id, "id", true),
    (Key::Ep, "ep", true),
    (Key::Mono, "mono", true),
    (Key::Quality, "q", false),
    (Key::Auto, "auto", false),
    (Key::Viewport, "vp", false),
    (Key::Source, "src", false),
    (Key::Layout, "mode", false),
    (Key::FirstFrame, "first_frame_ms", false),
    (Key::Frames, "frames", false),
];

/// Reads a set out of JSON, as leniently as out of text. Members that nobody knows are left out, wrong values too.
pub fn from_json(members: &Map<String, Json>) -> Cmcd {
    let mut cmcd = Cmcd::default();
    for (name, json) in members {
        cmcd.take(name, json);
    }
    cmcd
}

impl Cmcd {
    fn take(&mut self, name: &str, json: &Json) {
        if name == "x" {
            let members = json.as_object().into_iter().flatten();
            for (name, json) in members {
                self.take_own(name, json, false);
            }
        } else if let Some(key) = Key::from_name(name).filter(|key| !key.is_own()) {
            if let Some(value) = value(key.kind(), json) {
                self.values.insert(key, value);
            }
        } else if !self.take_own(name, json, true)
            && is_custom(name)
            && let Some(value) = custom(json)
        {
            self.custom.insert(name.to_owned(), value);
        }
    }

    fn take_own(&mut self, name: &str, json: &Json, top: bool) -> bool {
        let known = OWN.iter().find(|(_, own, at_top)| *own == name && *at_top == top);
        let Some((key, _, _)) = known else { return false };
        if let Some(value) = value(key.kind(), json) {
            self.values.insert(*key, value);
        }
        true
    }
}

fn value(kind: Kind, json: &Json) -> Option<Value> {
    match kind {
        Kind::Bool => json.as_bool().map(Value::Bool),
        Kind::Int | Kind::Rounded => whole(json).map(Value::Int),
        Kind::Decimal => thousandths(json).map(Value::Decimal),
        Kind::Token(tokens) => {
            let token = json.as_str()?;
            tokens.contains(&token).then(|| Value::Token(token.to_owned()))
        }
        Kind::Text(longest) => printable(json.as_str()?, longest).map(Value::Text),
        Kind::Ints | Kind::RoundedInts => ints(json),
        Kind::Texts => {
            let list = json.as_array()?.iter().filter_map(text).collect::<Vec<_>>();
            (!list.is_empty()).then_some(Value::Texts(list))
        }
        Kind::Numbers => {
            let list: Vec<i64> = json.as_array()?.iter().map(thousandths).collect::<Option<_>>()?;
            (1..=4).contains(&list.len()).then_some(Value::Numbers(list))
        }
    }
}

/// What a string of a structured field may hold.
fn printable(text: &str, longest: usize) -> Option<String> {
    let valid = text.len() <= longest && text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    valid.then(|| text.to_owned())
}

fn whole(json: &Json) -> Option<i64> {
    json.as_i64().filter(|number| (0..=LARGEST).contains(number))
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "within fifteen digits, as is looked at before"
)]
#[expect(clippy::cast_precision_loss, reason = "as above")]
fn thousandths(json: &Json) -> Option<i64> {
    let scaled = (json.as_f64()? * 1_000.0).round();
    (scaled.abs() <= LARGEST as f64).then_some(scaled as i64)
}

/// A number by itself belongs to no object type; several of one type are an array.
fn ints(json: &Json) -> Option<Value> {
    let mut list: Vec<Listed> = vec![];
    match json.as_object() {
        Some(members) => {
            for (name, json) in members {
                let of = ObjectType::from_token(name);
                if of.is_none() && !name.is_empty() {
                    continue;
                }
                let several = json.as_array().into_iter().flatten().chain(Some(json));
                list.extend(several.filter_map(whole).map(|number| (of, number)));
            }
        }
        None => list.extend(whole(json).map(|number| (None, number))),
    }
    list.sort_by_key(|(of, _)| *of);
    (!list.is_empty()).then_some(Value::Ints(list))
}

fn text(json: &Json) -> Option<Text> {
    let (text, range) = match json.as_object() {
        Some(members) => (members.get("url")?.as_str()?, members.get("r")),
        None => (json.as_str()?, None),
    };
    Some(Text {
        text: printable(text, usize::MAX)?,
        range: range
            .and_then(Json::as_str)
            .and_then(|range| printable(range, CUSTOM_LENGTH)),
    })
}

/// Whether somebody else's key may be called like that.
fn is_custom(name: &str) -> bool {
    let valid = sfv::KeyRef::from_str(name).is_ok() && name.len() <= CUSTOM_LENGTH;
    valid && name.contains('-') && !name.starts_with("clipper-")
}

fn custom(json: &Json) -> Option<Custom> {
    if let Some(members) = json.as_object() {
        let token = members.get("token")?.as_str()?;
        let valid = sfv::TokenRef::from_str(token).is_ok() && token.len() <= CUSTOM_LENGTH;
        return valid.then(|| Custom::Token(token.to_owned()));
    }
    printable(json.as_str()?, CUSTOM_LENGTH).map(Custom::Text)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(yes) => json!(yes),
        Value::Int(number) => json!(number),
        Value::Decimal(thousandths) => decimal(*thousandths),
        Value::Token(text) | Value::Text(text) => json!(text),
        Value::Ints(list) => {
            let mut members = Map::new();
            for (of, number) in list {
                match members.get_mut(of.map_or("", ObjectType::token)) {
                    Some(Json::Array(several)) => several.push(json!(number)),
                    Some(one) => *one = json!([one, number]),
                    None => drop(members.insert(of.map_or("", ObjectType::token).to_owned(), json!(number))),
                }
            }
            Json::Object(members)
        }
        Value::Texts(list) => {
            let item = |Text { text, range }: &Text| match range {
                Some(range) => json!({ "url": text, "r": range }),
                None => json!(text),
            };
            Json::Array(list.iter().map(item).collect())
        }
        Value::Numbers(list) => Json::Array(list.iter().map(|number| decimal(*number)).collect()),
    }
}

#[expect(
    clippy::cast_precision_loss,
    reason = "fifteen digits fit into 52 bits, and are read back as they were"
)]
fn decimal(thousandths: i64) -> Json {
    if thousandths % 1_000 == 0 {
        return json!(thousandths / 1_000);
    }
    Number::from_f64(thousandths as f64 / 1_000.0).map_or(Json::Null, Json::Number)
}

impl Serialize for Cmcd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        let mut x = Map::new();
        for (key, value) in &self.values {
            match OWN.iter().find(|(own, _, _)| own == key) {
                Some((_, name, true)) => map.serialize_entry(name, &to_json(value))?,
                Some((_, name, false)) => drop(x.insert((*name).to_owned(), to_json(value))),
                None => map.serialize_entry(key.name(), &to_json(value))?,
            }
        }
        for (name, value) in &self.custom {
            match value {
                Custom::Text(text) => map.serialize_entry(name, text)?,
                Custom::Token(token) => map.serialize_entry(name, &json!({ "token": token }))?,
            }
        }
        if !x.is_empty() {
            map.serialize_entry("x", &x)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Cmcd {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Members)
    }
}

struct Members;

impl<'de> Visitor<'de> for Members {
    type Value = Cmcd;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object whose members are keys of CMCD")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Cmcd, A::Error> {
        let mut cmcd = Cmcd::default();
        while let Some((name, json)) = map.next_entry::<String, Json>()? {
            cmcd.take(&name, &json);
        }
        Ok(cmcd)
    }
}
