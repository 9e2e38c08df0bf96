//! The rules of HLS as checks: what must hold before a rendition is published, and what any presentation can be
//! held against.
//!
//! Each rule is one function in a table. Its name gives the place in Apple's authoring specification ("APL"), in
//! RFC 8216 ("RFC") or its successor ("BIS").

mod captions;
mod master;
mod playlists;
mod presentation;
mod rendition;
mod set;
#[cfg(test)]
mod tests;

use serde::Serialize;

pub use captions::{CaptionFacts, read_captions};
pub use master::validate_master;
pub use playlists::{validate_declared, validate_media};
pub use presentation::{LoadedPlaylist, LoadedSegment, Report, Role, validate_presentation};
pub use rendition::{Expected, validate_rendition};
pub use set::validate_set;

/// How binding a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Players may fail: not to be published.
    Must,
    /// Players cope, some worse than others.
    Should,
}

/// One broken rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Such as `APL 7.4`.
    pub rule: &'static str,
    /// How binding the rule is.
    pub severity: Severity,
    /// What is wrong, with the numbers.
    pub message: String,
}

/// A row of a rule table; `check` says what is wrong, or nothing.
struct Rule<Check> {
    name: &'static str,
    severity: Severity,
    check: Check,
}

const fn must<Check: Copy>(name: &'static str, check: Check) -> Rule<Check> {
    Rule {
        name,
        severity: Severity::Must,
        check,
    }
}

const fn should<Check: Copy>(name: &'static str, check: Check) -> Rule<Check> {
    Rule {
        name,
        severity: Severity::Should,
        check,
    }
}

/// Applies every rule of a table.
fn judge<Check>(rules: &[Rule<Check>], apply: impl Fn(&Check) -> Option<String>) -> Vec<Finding> {
    let broken = |rule: &Rule<Check>| {
        let message = apply(&rule.check)?;
        Some(Finding {
            rule: rule.name,
            severity: rule.severity,
            message,
        })
    };
    rules.iter().filter_map(broken).collect()
}
