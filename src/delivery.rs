//! Delivery: what viewers ask for again and again, kept ready so that an answer needs neither database nor disk.
//!
//! ```text
//! socket ── front (http) ──┬─ at hand: playlist from memory, segment by sendfile(2), piece by piece under TLS
//!                          └─ else: the application, which loads what is then at hand
//! ```

mod account;
mod accounts;
mod connections;
mod file_body;
mod files;
mod metered;
mod patient;
mod playable;
mod playables;
mod purge;
mod render;
mod socket;
mod text;
mod token;
mod tokens;
mod traffic;
mod warm_body;
mod watch;
mod watched;

pub use account::Allowance;
pub use accounts::{Accounts, Allowances, Payer, Payers, Refused, Step, Toll};
pub use connections::{Connections, Full, Place};
pub use file_body::FileBody;
pub use files::{Files, OpenFile};
pub use metered::Metered;
pub use patient::Patient;
pub use playable::{LoadError, Playable, Rung};
pub use playables::Playables;
pub use purge::Purge;
pub(crate) use render::container;
pub use socket::{Connection, Line, Socket, Way};
pub use text::{Coding, Text};
pub use token::{Admission, Bearer, Grant, TokenError, TokenKey};
pub use tokens::{KeyError, Tokens, rotate};
pub use traffic::{Portion, Tally, Traffic};
pub use warm_body::WarmBody;
pub use watch::{Patience, UnderWay, Watch};
pub use watched::Watched;
