//! Newline-delimited JSON and CSV.

use chrono::SecondsFormat;
use clipper_projections::Arg;
use serde_json::{Map, Value};

use super::{ExportError, columns};

pub(super) fn lines(page: &[Vec<Arg>]) -> Result<Vec<u8>, ExportError> {
    let mut bytes = vec![];
    for row in page {
        let object: Map<_, _> = columns()
            .zip(row)
            .map(|(column, value)| (column.name.to_owned(), json(value)))
            .collect();
        serde_json::to_writer(&mut bytes, &object).map_err(|error| ExportError::Write(error.to_string()))?;
        bytes.push(b'\n');
    }
    Ok(bytes)
}

pub(super) fn csv(with_head: bool, page: &[Vec<Arg>]) -> Result<Vec<u8>, ExportError> {
    let failed = |error: csv::Error| ExportError::Write(error.to_string());
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .from_writer(vec![]);
    if with_head {
        writer
            .write_record(columns().map(|column| column.name))
            .map_err(failed)?;
    }
    for row in page {
        writer.write_record(row.iter().map(text)).map_err(failed)?;
    }
    writer
        .into_inner()
        .map_err(|error| ExportError::Write(error.to_string()))
}

fn json(value: &Arg) -> Value {
    match value {
        Arg::Int(number) => (*number).into(),
        Arg::Float(number) => (*number).into(),
        Arg::Bool(is) => (*is).into(),
        Arg::Text(None) | Arg::Uuid(None) | Arg::Time(None) | Arg::Bytes(None) => Value::Null,
        Arg::Text(Some(_)) | Arg::Uuid(Some(_)) | Arg::Time(Some(_)) | Arg::Bytes(Some(_)) => {
            text(value).into()
        }
    }
}

/// Nothing is the empty text.
fn text(value: &Arg) -> String {
    match value {
        Arg::Text(text) => text.clone(),
        Arg::Int(number) => number.map(|number| number.to_string()),
        Arg::Float(number) => number.map(|number| number.to_string()),
        Arg::Bool(is) => Some(is.to_string()),
        Arg::Bytes(bytes) => bytes.as_ref().map(hex::encode),
        Arg::Uuid(id) => id.map(|id| id.to_string()),
        Arg::Time(at) => at.map(|at| at.to_rfc3339_opts(SecondsFormat::Millis, true)),
    }
    .unwrap_or_default()
}
