//! The database: the two logs, the group-commit writer, checkpoints, leases and keys.
//!
//! Promises: an append is answered after its commit; positions of a log are dense and become visible in order; a
//! projection's rows and its checkpoint commit in one transaction. Which database runs is known in `db.rs` and
//! `dialect.rs` only.

mod codec;
mod db;
mod dialect;
mod error;
pub mod follow;
pub mod keys;
pub mod leases;
mod log;
pub mod rebuild;
mod writer;

pub use codec::{decode, encode};
pub use db::{AnyRow, Db, Tx};
pub use error::StorageError;
pub use log::{Log, Logs, RawEvent};
pub use writer::{Append, AppendError, Appended, Expected, LogWriter, NewEvent};
