//! Sessions as files for analysts: newline-delimited JSON, CSV or Parquet.
//!
//! Promises: a page of rows is held at a time, whatever their number; every form has the same columns in the same order; a
//! viewer who asked not to be followed is in none.

mod groups;
mod text;

use clipper_projections::streaming_analytics::{self as sessions, Listing, Order, Place, SessionRow};
use clipper_projections::{Arg, Column, Row, Selection};

use crate::storage::{Db, StorageError};
use groups::Parquet;

/// Rows that are read at once.
const PAGE: i64 = 500;

/// A form of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// An object per line.
    Ndjson,
    /// RFC 4180, with a head.
    Csv,
    /// Apache Parquet, compressed with Snappy.
    Parquet,
}

impl Format {
    /// Every form by its name, which is also how files end.
    pub const NAMES: [(&'static str, Self); 3] = [
        ("ndjson", Self::Ndjson),
        ("csv", Self::Csv),
        ("parquet", Self::Parquet),
    ];

    /// The name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ndjson => "ndjson",
            Self::Csv => "csv",
            Self::Parquet => "parquet",
        }
    }

    /// The media type.
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Ndjson => "application/x-ndjson",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Why a file was not written to its end.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The rows cannot be read.
    #[error(transparent)]
    Storage(#[from] StorageError),
    /// They cannot be written.
    #[error("a row cannot be written: {0}")]
    Write(String),
}

/// Whether the names of viewers are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// Pseudonyms as they are.
    Shown,
    /// Nothing in their place.
    Hidden,
}

/// What is written of a row: all that is measured, and nothing that only the fold understands.
fn is_written(column: &Column) -> bool {
    !["state", "position", "private"].contains(&column.name)
}

/// The columns of every file, in order.
pub fn columns() -> impl Iterator<Item = &'static Column> {
    SessionRow::COLUMNS.iter().filter(|column| is_written(column))
}

fn values(row: &SessionRow, names: Names) -> Vec<Arg> {
    let cells = SessionRow::COLUMNS.iter().zip(row.values());
    let written = cells.filter(|(column, _)| is_written(column));
    let value = |(column, value): (&Column, Arg)| match column.name {
        "user_id" | "viewer" if names == Names::Hidden => Arg::Text(None),
        _ => value,
    };
    written.map(value).collect()
}

enum Writer {
    Ndjson,
    Csv { begun: bool },
    Parquet(Box<Parquet>),
    Done,
}

/// A file that is being written.
pub struct Export {
    db: Db,
    selection: Selection,
    names: Names,
    writer: Writer,
    after: Option<Place>,
    /// Rows so far.
    rows: u64,
}

impl Export {
    /// A file of these sessions, the oldest first.
    pub fn new(db: Db, selection: Selection, names: Names, format: Format) -> Result<Self, ExportError> {
        let writer = match format {
            Format::Ndjson => Writer::Ndjson,
            Format::Csv => Writer::Csv { begun: false },
            Format::Parquet => Writer::Parquet(Box::new(Parquet::new()?)),
        };
        Ok(Self {
            db,
            selection,
            names,
            writer,
            after: None,
            rows: 0,
        })
    }

    /// How many sessions were written.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The next bytes of the file; nothing behind its end.
    pub async fn next(&mut self) -> Result<Option<Vec<u8>>, ExportError> {
        loop {
            if matches!(self.writer, Writer::Done) {
                return Ok(None);
            }
            let page = self.page().await?;
            let bytes = self.write(page).await?;
            if !bytes.is_empty() {
                return Ok(Some(bytes));
            }
        }
    }

    async fn page(&mut self) -> Result<Vec<Vec<Arg>>, StorageError> {
        let listing = Listing {
            after: self.after.take(),
            ..Listing::default()
        };
        let query = sessions::page(&self.selection, listing, Order::Oldest, PAGE);
        let rows = self.db.all(query).await?;
        self.after = rows.last().and_then(|row| Order::Oldest.place_of(row));
        self.rows += u64::try_from(rows.len()).unwrap_or_default();
        Ok(rows.iter().map(|row| values(row, self.names)).collect())
    }

    /// Writes a page; after an empty one, the file's end.
    async fn write(&mut self, page: Vec<Vec<Arg>>) -> Result<Vec<u8>, ExportError> {
        let ends = page.is_empty();
        match std::mem::replace(&mut self.writer, Writer::Done) {
            Writer::Done => Ok(vec![]),
            Writer::Ndjson => {
                self.writer = if ends { Writer::Done } else { Writer::Ndjson };
                text::lines(&page)
            }
            Writer::Csv { begun } => {
                self.writer = if ends {
                    Writer::Done
                } else {
                    Writer::Csv { begun: true }
                };
                text::csv(!begun, &page)
            }
            Writer::Parquet(mut parquet) => {
                // Compression is work, and others have their turn beside it.
                let written = tokio::task::spawn_blocking(move || {
                    let bytes = if ends { parquet.finish() } else { parquet.add(page) };
                    (parquet, bytes)
                });
                let (parquet, bytes) = written
                    .await
                    .map_err(|error| ExportError::Write(error.to_string()))?;
                if !ends {
                    self.writer = Writer::Parquet(parquet);
                }
                bytes
            }
        }
    }
}
