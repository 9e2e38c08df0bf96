//! The lines of a file, whether it is CSV or NDJSON, each with its number.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use serde_json::Value;

use super::line::{Fields, Line};

/// A line with its number, which begins at 1; what is wrong with it, when it cannot be used.
pub(super) type Numbered = (u64, Result<Line, String>);

pub(super) type Lines = Box<dyn Iterator<Item = Numbered>>;

/// Opens a file; its first letter says which form it has.
pub(super) fn lines(path: &Path) -> io::Result<Lines> {
    let mut file = BufReader::new(File::open(path)?);
    let begins_object = file.fill_buf()?.trim_ascii_start().starts_with(b"{");
    Ok(if begins_object {
        Box::new(json_lines(file))
    } else {
        Box::new(csv_lines(file))
    })
}

fn csv_lines(from: impl io::Read) -> impl Iterator<Item = (u64, Result<Line, String>)> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(from);
    let headings = reader.headers().cloned().unwrap_or_default();
    reader.into_records().map(move |record| match record {
        Ok(record) => {
            let number = record.position().map_or(0, csv::Position::line);
            let named = headings.iter().zip(&record);
            let fields: Fields = named
                .filter(|(_, value)| !value.is_empty())
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect();
            (number, Line::parse(fields))
        }
        Err(error) => {
            let number = error.position().map_or(0, csv::Position::line);
            (number, Err(error.to_string()))
        }
    })
}

fn json_lines(from: impl BufRead) -> impl Iterator<Item = (u64, Result<Line, String>)> {
    let numbered = (1..).zip(from.lines());
    numbered
        .filter(|(_, line)| !line.as_ref().is_ok_and(|text| text.trim().is_empty()))
        .map(|(number, line)| {
            let fields = line
                .map_err(|error| error.to_string())
                .and_then(|text| object(&text));
            (number, fields.and_then(Line::parse))
        })
}

/// Members of a JSON object as text.
fn object(text: &str) -> Result<Fields, String> {
    let members: serde_json::Map<String, Value> =
        serde_json::from_str(text).map_err(|error| format!("no JSON object: {error}"))?;
    let as_text = |(name, value): (String, Value)| match value {
        Value::Null => None,
        Value::String(text) if text.trim().is_empty() => None,
        Value::String(text) => Some((name, text.trim().to_owned())),
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            Some((name, other.to_string()))
        }
    };
    Ok(members.into_iter().filter_map(as_text).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcomes(lines: impl Iterator<Item = (u64, Result<Line, String>)>) -> Vec<(u64, bool)> {
        lines.map(|(number, line)| (number, line.is_ok())).collect()
    }

    #[test]
    fn csv_lines_keep_their_numbers_through_quotes_and_bad_neighbours() {
        let text = "id,title,owner,views\na,\"Two\nlines, and a comma\",ann,3\nb,short\nc,Good,ann,\n";
        let found = outcomes(csv_lines(text.as_bytes()));
        // A title over two lines holds a control character.
        assert_eq!(found, [(2, false), (4, false), (5, true)]);
    }

    #[test]
    fn json_lines_take_numbers_and_nulls_and_pass_empty_lines() {
        let text =
            "{\"id\":17,\"title\":\"A\",\"owner\":\"ann\",\"views\":5,\"embed_url\":null}\n\n{\"id\":}\n";
        let found = outcomes(json_lines(text.as_bytes()));
        assert_eq!(found, [(1, true), (3, false)]);
    }
}
