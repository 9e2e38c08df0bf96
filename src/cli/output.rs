//! What the program prints: text for people, JSON for programs, errors with everything that caused them.

use std::io::{IsTerminal, Write};

use serde_json::Value;

/// Where answers go.
#[derive(Clone, Copy, Debug)]
pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    /// Prints data in the form that was asked for.
    pub(super) fn data(self, value: &Value, text: impl FnOnce() -> String) -> anyhow::Result<bool> {
        if self.json {
            self.line(&serde_json::to_string_pretty(value)?);
        } else {
            self.line(text().trim_end());
        }
        Ok(true)
    }

    /// Prints a line. A reader that has gone away wants no more.
    #[expect(clippy::unused_self, reason = "printing is what an output is for")]
    pub(super) fn line(self, text: &str) {
        drop(writeln!(std::io::stdout().lock(), "{text}"));
    }

    /// Prints a line, and tells whether anybody still reads.
    #[expect(clippy::unused_self, reason = "as above")]
    pub(super) fn try_line(self, text: &str) -> bool {
        writeln!(std::io::stdout().lock(), "{text}").is_ok()
    }

    /// Prints a line only where people read it.
    pub(super) fn note(self, text: &str) {
        if !self.json {
            self.line(text);
        }
    }

    /// Prints an error with its causes.
    pub(super) fn error(self, error: &anyhow::Error) {
        let causes: Vec<String> = error.chain().map(ToString::to_string).collect();
        let text = if self.json {
            serde_json::json!({ "error": causes.join(": ") }).to_string()
        } else {
            format!("error: {}", causes.join("\n  because: "))
        };
        drop(writeln!(std::io::stderr().lock(), "{text}"));
    }

    /// Whether a program reads along.
    pub(super) fn is_json(self) -> bool {
        self.json
    }

    /// Whether progress bars make sense.
    pub(super) fn is_terminal(self) -> bool {
        !self.json && std::io::stderr().is_terminal()
    }
}

/// Rows under headings, in columns as wide as they need to be.
pub(super) fn table(headings: &[&str], rows: &[Vec<String>]) -> String {
    let width = |column: usize| {
        let cells = rows
            .iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count());
        cells
            .chain(headings.get(column).map(|heading| heading.chars().count()))
            .max()
            .unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let line = |cells: &[String]| {
        let padded = cells
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let head = headings
        .iter()
        .map(|heading| heading.to_uppercase())
        .collect::<Vec<_>>();
    std::iter::once(line(&head))
        .chain(rows.iter().map(|row| line(row)))
        .collect::<Vec<_>>()
        .join("\n")
}
