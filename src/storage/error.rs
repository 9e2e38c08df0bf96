//! What can go wrong in the database, told apart by the driver's codes once and for all.

use clipper_domain::schema::Unreadable;
use clipper_projections::Inapplicable;

/// A failure of the database.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// A unique constraint refused a row.
    #[error("a row with this key exists already")]
    UniqueViolation(#[source] sqlx::Error),
    /// The database was busy or lost the race; the same transaction may succeed when tried again.
    #[error("the database is busy")]
    Busy(#[source] sqlx::Error),
    /// The database refuses a value or a row, and will do so again.
    #[error("the database refuses it")]
    Refused(#[source] sqlx::Error),
    /// Anything else that the database says.
    #[error("the database failed")]
    Database(#[source] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the schema could not be migrated")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// The address names no database that is known.
    #[error("`{0}` is not a database address: use sqlite:PATH or postgres://…")]
    UnknownDatabase(String),
    /// An event cannot be applied.
    #[error("event {position} (`{event_type}`) cannot be applied")]
    Inapplicable {
        /// Where it lies.
        position: i64,
        /// Its type.
        event_type: String,
        /// What stands in the way.
        #[source]
        source: Inapplicable,
    },
    /// An event waits, because an earlier one of its stream does.
    #[error("an earlier event of `{stream}` is parked")]
    StreamParked {
        /// The stream.
        stream: String,
    },
    /// An event in the log is not readable.
    #[error("event {position} cannot be read")]
    Unreadable {
        /// Where it lies.
        position: i64,
        /// What the reader says.
        #[source]
        source: Unreadable,
    },
    /// Something in a batch was appended before, where no index looks.
    #[error("something in the batch was appended yesterday")]
    SentBefore,
    /// A value could not be written as JSON.
    #[error("a value could not be encoded")]
    Encode(#[source] serde_json::Error),
    /// The reader came to a gap in positions, which are dense.
    #[error("the log `{log}` has no event {expected}, the next is {found}")]
    Gap {
        /// Which log.
        log: &'static str,
        /// The position that is missing.
        expected: i64,
        /// The position found in its place.
        found: i64,
    },
    /// Somebody else makes the read model anew at the moment.
    #[error("`{projection}` is being rebuilt or verified by {holder}")]
    RebuildRunning {
        /// Which projection.
        projection: &'static str,
        /// Who.
        holder: String,
    },
    /// Another follower of the projection was faster.
    #[error("the checkpoint of `{projection}` was moved by another follower or another version of it")]
    CheckpointMoved {
        /// Which projection.
        projection: &'static str,
    },
}

impl From<sqlx::Error> for StorageError {
    /// SQLite: <https://www.sqlite.org/rescode.html>. PostgreSQL: appendix A of its manual.
    fn from(error: sqlx::Error) -> Self {
        let code = error
            .as_database_error()
            .and_then(sqlx::error::DatabaseError::code)
            .map(std::borrow::Cow::into_owned);
        match code.as_deref() {
            Some("1555" | "2067" | "23505") => Self::UniqueViolation(error),
            // BUSY and its extensions, LOCKED; serialization failure, deadlock, lock time-out; a server that ends
            // connections or starts.
            Some(
                "5" | "261" | "517" | "6" | "262" | "40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03",
            ) => Self::Busy(error),
            Some(code) if blames_the_data(code) => Self::Refused(error),
            Some(_) | None => Self::Database(error),
        }
    }
}

/// SQLite: CONSTRAINT, MISMATCH and TOOBIG in the low byte of the extended code. PostgreSQL: cardinality violation, data
/// exception, integrity constraint violation. A full disk or a server that shuts down blames nobody's data.
fn blames_the_data(code: &str) -> bool {
    match code.parse::<u32>() {
        Ok(number) if code.len() < 5 => matches!(number & 0xff, 18..=20),
        Ok(_) | Err(_) => ["21", "22", "23"].iter().any(|class| code.starts_with(class)),
    }
}

/// An error with everything that caused it, on one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // One that only passes its cause on says the same words.
        let cause_text = cause.to_string();
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
