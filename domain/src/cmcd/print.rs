//! Printing, always in version 2 and with keys in the order of the alphabet.

use super::{Cmcd, Custom, Key, ObjectType, Text, Value};

/// Sets as the body of a report: lines, without an end of line behind the last.
pub fn print_events<'a>(sets: impl IntoIterator<Item = &'a Cmcd>) -> String {
    sets.into_iter()
        .map(Cmcd::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

impl std::fmt::Display for Cmcd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.print(|_| true))
    }
}

impl Cmcd {
    /// Prints some of the keys, and custom ones with those of the session.
    pub(super) fn print(&self, wanted: impl Fn(Option<Key>) -> bool) -> String {
        let known = self.values.iter().filter(|(key, _)| wanted(Some(**key)));
        let mut members: Vec<_> = known
            .map(|(key, value)| (key.name(), member(*key, value)))
            .collect();
        if wanted(None) {
            members.extend(
                self.custom
                    .iter()
                    .map(|(name, value)| (name.as_str(), custom(name, value))),
            );
        }
        members.sort();
        members
            .into_iter()
            .map(|(_, member)| member)
            .collect::<Vec<_>>()
            .join(",")
    }
}

fn member(key: Key, value: &Value) -> String {
    let name = key.name();
    match value {
        Value::Bool(true) if !key.is_own() => name.to_owned(),
        Value::Bool(false) if !key.is_own() => format!("{name}=?0"),
        Value::Bool(yes) => format!("{name}={}", if *yes { "yes" } else { "no" }),
        Value::Int(number) if key.is_own() => format!("{name}=\"{number}\""),
        Value::Int(number) => format!("{name}={number}"),
        Value::Decimal(thousandths) if key.is_own() => format!("{name}=\"{}\"", decimal(*thousandths)),
        Value::Decimal(thousandths) => format!("{name}={}", decimal(*thousandths)),
        Value::Token(token) => format!("{name}={token}"),
        Value::Text(text) => format!("{name}={}", quoted(text)),
        Value::Ints(list) => {
            let item = |(of, number): &(Option<ObjectType>, i64)| match of {
                Some(of) => format!("{number};{}", of.token()),
                None => number.to_string(),
            };
            format!("{name}=({})", list.iter().map(item).collect::<Vec<_>>().join(" "))
        }
        Value::Texts(list) => {
            let item = |Text { text, range }: &Text| match range {
                Some(range) => format!("{};r={}", quoted(text), quoted(range)),
                None => quoted(text),
            };
            format!("{name}=({})", list.iter().map(item).collect::<Vec<_>>().join(" "))
        }
        Value::Numbers(numbers) => {
            let numbers: Vec<_> = numbers.iter().map(|number| decimal(*number)).collect();
            format!("{name}=\"{}\"", numbers.join(" "))
        }
    }
}

fn custom(name: &str, value: &Custom) -> String {
    match value {
        Custom::Text(text) => format!("{name}={}", quoted(text)),
        Custom::Token(token) => format!("{name}={token}"),
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from('"');
    for letter in text.chars() {
        if matches!(letter, '"' | '\\') {
            quoted.push('\\');
        }
        quoted.push(letter);
    }
    quoted.push('"');
    quoted
}

/// Thousandths with a point, and at least one digit behind it.
fn decimal(thousandths: i64) -> String {
    let sign = if thousandths < 0 { "-" } else { "" };
    let (whole, part) = (
        thousandths.unsigned_abs() / 1_000,
        thousandths.unsigned_abs() % 1_000,
    );
    let digits = format!("{part:03}");
    let digits = digits.trim_end_matches('0');
    format!("{sign}{whole}.{}", if digits.is_empty() { "0" } else { digits })
}
