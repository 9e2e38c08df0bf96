//! The strict reader: everything that a report in event mode does against the standard, with line and key.

use serde::Serialize;
use sfv::{Dictionary, ListEntry};

use super::read::{CUSTOM_LENGTH, custom, member_of, value};
use super::text::members;
use super::{Key, Kind, VERSION, Value};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Against a rule.
    Error,
    /// Against advice.
    Warning,
}

/// Something that the standard does not allow.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The line, from 1.
    pub line: usize,
    /// The place within the line, from 1, in bytes.
    pub column: usize,
    /// The key that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// A stable word for it.
    pub code: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// A sentence.
    pub message: String,
}

/// Keys that belong to the report of a response alone.
const OF_RESPONSES: [Key; 8] = [
    Key::Rc,
    Key::Url,
    Key::Ttfb,
    Key::Ttfbb,
    Key::Ttlb,
    Key::Cmsdd,
    Key::Cmsds,
    Key::Smrt,
];
/// What an event does not make sense without.
const NEEDED: [(&str, Key); 5] = [
    ("ps", Key::Sta),
    ("e", Key::Ec),
    ("c", Key::Cid),
    ("ce", Key::Cen),
    ("rr", Key::Url),
];

/// Reads the body of a report in event mode.
pub fn validate(body: &str) -> Vec<Issue> {
    let mut issues = vec![];
    let lines: Vec<&str> = body.split('\n').collect();
    for (number, line) in (1..).zip(&lines) {
        let mut report = Line {
            number,
            issues: &mut issues,
        };
        match line.trim_matches(' ') {
            "" if number == 1 => report.error(1, None, "empty", "The body holds no record.".to_owned()),
            "" if number == lines.len() => {
                report.error(
                    1,
                    None,
                    "trailing_line_feed",
                    "No line feed may follow the last record.".to_owned(),
                );
            }
            "" => report.error(1, None, "empty", "The line holds no record.".to_owned()),
            _ => report.read(line),
        }
    }
    issues
}

/// A line under the eye of the validator.
struct Line<'a> {
    number: usize,
    issues: &'a mut Vec<Issue>,
}

impl Line<'_> {
    fn error(&mut self, column: usize, key: Option<&str>, code: &'static str, message: String) {
        self.say(Severity::Error, column, key, code, message);
    }

    fn say(
        &mut self,
        severity: Severity,
        column: usize,
        key: Option<&str>,
        code: &'static str,
        message: String,
    ) {
        self.issues.push(Issue {
            line: self.number,
            column,
            key: key.map(str::to_owned),
            code,
            severity,
            message,
        });
    }

    fn read(&mut self, line: &str) {
        if !line.is_ascii() {
            self.error(
                1,
                None,
                "not_ascii",
                "Structured fields hold ASCII only.".to_owned(),
            );
        }
        if line.ends_with('\r') {
            self.error(
                line.len(),
                None,
                "carriage_return",
                "Records are parted by one line feed alone.".to_owned(),
            );
        }
        let mut fields = Dictionary::new();
        let mut before = String::new();
        for (begin, member) in members(line.trim_end_matches('\r')) {
            let column = begin + 1 + (member.len() - member.trim_start().len());
            match member_of(member) {
                Ok(field) if field.is_empty() => self.error(
                    column,
                    None,
                    "syntax",
                    "There is nothing between two commas.".to_owned(),
                ),
                Ok(field) => self.member(field, column, &mut fields, &mut before),
                Err(error) => {
                    let name = member
                        .trim()
                        .split(['=', ';'])
                        .next()
                        .filter(|name| !name.is_empty());
                    self.error(
                        column,
                        name,
                        "syntax",
                        format!("The member is no structured field: {error}."),
                    );
                }
            }
        }
        self.whole(&fields);
    }

    fn member(&mut self, field: Dictionary, column: usize, fields: &mut Dictionary, before: &mut String) {
        for (name, entry) in field {
            let text = name.as_str().to_owned();
            if text < *before {
                let message = format!(
                    "`{text}` stands behind `{before}`: keys should be in the order of the alphabet."
                );
                self.say(Severity::Warning, column, Some(&text), "order", message);
            }
            self.entry(&name, &entry, column);
            if fields.insert(name, entry).is_some() {
                self.error(
                    column,
                    Some(&text),
                    "duplicate_key",
                    format!("`{text}` stands here twice."),
                );
            }
            *before = text;
        }
    }

    fn entry(&mut self, name: &sfv::Key, entry: &ListEntry, column: usize) {
        let text = name.as_str();
        let Some(key) = Key::from_name(text) else {
            if !text.contains('-') {
                let what = if text == "nrr" {
                    "was taken out; write the range as `nor=(\"…\";r=\"…\")`"
                } else {
                    "is no key of version 2"
                };
                self.error(column, Some(text), "unknown_key", format!("`{text}` {what}."));
            } else if custom(name, entry).is_none() {
                let message =
                    format!("A custom value is a string or a token of at most {CUSTOM_LENGTH} characters.");
                self.error(column, Some(text), "invalid_value", message);
            }
            return;
        };
        match value(key, entry) {
            None => self.error(
                column,
                Some(text),
                "invalid_value",
                format!("`{text}` must be {}.", expected(key.kind())),
            ),
            Some(value) => self.value(key, &value, column),
        }
    }

    fn value(&mut self, key: Key, value: &Value, column: usize) {
        let name = Some(key.name());
        match (key.kind(), value) {
            (Kind::Rounded, Value::Int(number)) if number % 100 != 0 => {
                self.error(
                    column,
                    name,
                    "not_rounded",
                    format!("`{}` must be rounded to a hundred.", key.name()),
                );
            }
            (Kind::RoundedInts, Value::Ints(list)) if list.iter().any(|(_, number)| number % 100 != 0) => {
                self.error(
                    column,
                    name,
                    "not_rounded",
                    format!("`{}` must be rounded to a hundred.", key.name()),
                );
            }
            (Kind::Bool, Value::Bool(false)) if !key.is_own() => {
                self.error(
                    column,
                    name,
                    "needless",
                    format!("`{}` is sent only when it is true.", key.name()),
                );
            }
            (Kind::Decimal, Value::Decimal(1_000)) if key == Key::Pr => {
                self.error(
                    column,
                    name,
                    "needless",
                    "`pr` is sent only when it is not 1.".to_owned(),
                );
            }
            _ => {}
        }
    }

    fn whole(&mut self, fields: &Dictionary) {
        let typed = |key: Key| fields.get(key.name()).and_then(|entry| value(key, entry));
        match typed(Key::V) {
            Some(version) if version == Value::Int(VERSION) => {}
            Some(_) => self.error(
                1,
                Some("v"),
                "version",
                "Reports in event mode are of version 2.".to_owned(),
            ),
            None => self.error(
                1,
                Some("v"),
                "missing",
                "`v=2` is needed: without it, a set is of version 1.".to_owned(),
            ),
        }
        if typed(Key::Ts).is_none() {
            self.error(1, Some("ts"), "missing", "Every record needs `ts`.".to_owned());
        }
        let Some(Value::Token(event)) = typed(Key::E) else {
            return self.error(1, Some("e"), "missing", "Every record needs `e`.".to_owned());
        };
        for (of, key) in NEEDED {
            if event == of && typed(key).is_none() {
                let name = key.name();
                self.error(1, Some(name), "missing", format!("`e={of}` needs `{name}`."));
            }
        }
        self.misplaced(&event, fields);
        let stands = typed(Key::Sta).is_some_and(|sta| sta != Value::Token("p".to_owned()));
        if event == "pr" && stands {
            let message = "`e=pr` is sent only while playing, `sta=p`.".to_owned();
            self.error(1, Some("e"), "misplaced", message);
        }
    }

    fn misplaced(&mut self, event: &str, fields: &Dictionary) {
        let named: Vec<Key> = fields
            .keys()
            .filter_map(|name| Key::from_name(name.as_str()))
            .collect();
        for key in OF_RESPONSES
            .into_iter()
            .filter(|key| event != "rr" && named.contains(key))
        {
            let name = key.name();
            self.error(
                1,
                Some(name),
                "misplaced",
                format!("`{name}` belongs to `e=rr` alone."),
            );
        }
        if event != "ce" && named.contains(&Key::Cen) {
            self.error(
                1,
                Some("cen"),
                "misplaced",
                "`cen` belongs to `e=ce` alone.".to_owned(),
            );
        }
    }
}

fn expected(kind: Kind) -> String {
    match kind {
        Kind::Bool => "true, written as the bare key".to_owned(),
        Kind::Int | Kind::Rounded => "a whole number that is not negative".to_owned(),
        Kind::Decimal => "a decimal".to_owned(),
        Kind::Token(tokens) => format!("one of the tokens {}", tokens.join(" ")),
        Kind::Text(longest) => format!("a string of at most {longest} characters"),
        Kind::Ints | Kind::RoundedInts => "a list of whole numbers in parentheses".to_owned(),
        Kind::Texts => "a list of strings in parentheses".to_owned(),
        Kind::Numbers => "a string of numbers".to_owned(),
    }
}
