//! The database: the two logs and their group-commit writer, read models that follow them, leases, keys and people.
//!
//! Promises: an append is answered after its commit; positions of a log are dense and become visible in order; a
//! projection's rows and its checkpoint commit in one transaction. Which database runs is known in `db.rs` and
//! `dialect/` only.

pub mod archive;
pub mod audit;
pub mod backup;
pub mod bandwidth;
mod db;
mod dialect;
mod error;
pub mod follow;
pub mod idempotency;
pub mod imports;
pub mod keys;
pub mod leases;
mod log;
pub mod news;
pub mod parked;
pub mod past;
pub mod people;
pub mod playback_keys;
pub mod purges;
pub mod queue;
pub mod rebuild;
pub mod rejects;
pub mod retention;
mod rollups;
pub mod status;
pub mod viewers;
pub mod webhooks;
mod writer;

pub use clipper_projections::{Log, RawEvent, StoredEvent};
pub use db::{AnyRow, Db, Tx};
pub use error::StorageError;
pub use log::{Extent, Logs};
pub use writer::{Append, AppendError, Appended, Expected, LogWriter};
