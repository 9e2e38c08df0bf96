//! Parquet: a group of rows at a time.

use std::sync::Arc;

use clipper_projections::{Arg, Kind};
use parquet::basic::Compression;
use parquet::data_type::{BoolType, ByteArray, ByteArrayType, DataType, DoubleType, Int64Type};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::parser::parse_message_type;

use super::{ExportError, columns};

/// Rows of a group.
const GROUP: usize = 10_000;

pub(super) struct Parquet {
    /// Writes into memory, which is emptied after each group.
    writer: SerializedFileWriter<Vec<u8>>,
    rows: Vec<Vec<Arg>>,
}

impl From<ParquetError> for ExportError {
    fn from(error: ParquetError) -> Self {
        Self::Write(error.to_string())
    }
}

impl Parquet {
    pub(super) fn new() -> Result<Self, ExportError> {
        let fields = columns().map(|column| format!("OPTIONAL {};", field(column.name, column.kind)));
        let schema = format!("message sessions {{ {} }}", fields.collect::<String>());
        let schema = Arc::new(parse_message_type(&schema)?);
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_created_by(concat!("clipper ", env!("CARGO_PKG_VERSION")).to_owned())
            .build();
        Ok(Self {
            writer: SerializedFileWriter::new(vec![], schema, Arc::new(properties))?,
            rows: vec![],
        })
    }

    /// Takes rows, and gives what can be written by now.
    pub(super) fn add(&mut self, rows: Vec<Vec<Arg>>) -> Result<Vec<u8>, ExportError> {
        self.rows.extend(rows);
        if self.rows.len() >= GROUP {
            self.write_group()?;
        }
        self.taken()
    }

    pub(super) fn finish(&mut self) -> Result<Vec<u8>, ExportError> {
        if !self.rows.is_empty() {
            self.write_group()?;
        }
        self.writer.finish()?;
        self.taken()
    }

    fn taken(&mut self) -> Result<Vec<u8>, ExportError> {
        self.writer
            .flush()
            .map_err(|error| ExportError::Write(error.to_string()))?;
        Ok(std::mem::take(self.writer.inner_mut()))
    }

    fn write_group(&mut self) -> Result<(), ExportError> {
        let rows = std::mem::take(&mut self.rows);
        let mut group = self.writer.next_row_group()?;
        for (place, column) in columns().enumerate() {
            let Some(mut writer) = group.next_column()? else {
                break;
            };
            let cells = rows.iter().map(|row| row.get(place));
            match column.kind {
                Kind::Text | Kind::Uuid => write::<ByteArrayType>(&mut writer, cells.map(bytes))?,
                Kind::Int | Kind::Time => write::<Int64Type>(&mut writer, cells.map(whole))?,
                Kind::Float => write::<DoubleType>(&mut writer, cells.map(float))?,
                Kind::Bytes => write::<ByteArrayType>(&mut writer, cells.map(bytes))?,
                Kind::Bool => write::<BoolType>(&mut writer, cells.map(truth))?,
            }
            writer.close()?;
        }
        group.close()?;
        Ok(())
    }
}

fn field(name: &str, kind: Kind) -> String {
    match kind {
        Kind::Text | Kind::Uuid => format!("BYTE_ARRAY {name} (STRING)"),
        Kind::Bytes => format!("BYTE_ARRAY {name}"),
        Kind::Int => format!("INT64 {name}"),
        Kind::Float => format!("DOUBLE {name}"),
        Kind::Bool => format!("BOOLEAN {name}"),
        Kind::Time => format!("INT64 {name} (TIMESTAMP(MILLIS,true))"),
    }
}

/// A column's values, and where there are none.
fn write<T: DataType>(
    writer: &mut SerializedColumnWriter<'_>,
    cells: impl Iterator<Item = Option<T::T>>,
) -> Result<(), ExportError> {
    let cells: Vec<_> = cells.collect();
    let levels: Vec<_> = cells.iter().map(|cell| i16::from(cell.is_some())).collect();
    let values: Vec<_> = cells.into_iter().flatten().collect();
    writer.typed::<T>().write_batch(&values, Some(&levels), None)?;
    Ok(())
}

fn bytes(cell: Option<&Arg>) -> Option<ByteArray> {
    match cell? {
        Arg::Text(text) => text.clone().map(|text| ByteArray::from(text.into_bytes())),
        Arg::Uuid(id) => id.map(|id| ByteArray::from(id.to_string().into_bytes())),
        Arg::Bytes(bytes) => bytes.clone().map(ByteArray::from),
        Arg::Int(_) | Arg::Float(_) | Arg::Bool(_) | Arg::Time(_) => None,
    }
}

fn whole(cell: Option<&Arg>) -> Option<i64> {
    match cell? {
        Arg::Int(number) => *number,
        Arg::Time(at) => at.map(|at| at.timestamp_millis()),
        Arg::Text(_) | Arg::Float(_) | Arg::Bool(_) | Arg::Uuid(_) | Arg::Bytes(_) => None,
    }
}

fn float(cell: Option<&Arg>) -> Option<f64> {
    match cell? {
        Arg::Float(number) => *number,
        Arg::Text(_) | Arg::Int(_) | Arg::Bool(_) | Arg::Uuid(_) | Arg::Time(_) | Arg::Bytes(_) => None,
    }
}

fn truth(cell: Option<&Arg>) -> Option<bool> {
    match cell? {
        Arg::Bool(is) => Some(*is),
        Arg::Text(_) | Arg::Int(_) | Arg::Float(_) | Arg::Uuid(_) | Arg::Time(_) | Arg::Bytes(_) => None,
    }
}
