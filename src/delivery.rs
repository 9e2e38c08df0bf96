//! Delivery: what viewers ask for again and again, kept ready so that an answer needs neither database nor disk.
//!
//! ```text
//! socket ── front (http) ──┬─ at hand: playlist from memory, segment by sendfile(2)
//!                          └─ else: the application, which loads what is then at hand
//! ```

mod account;
mod accounts;
mod file_body;
mod files;
mod metered;
mod playable;
mod playables;
mod render;
mod socket;
mod text;
mod token;
mod tokens;
mod traffic;

pub use account::Allowance;
pub use accounts::{Accounts, Allowances, Payer, Payers, Refused, Step, Toll};
pub use file_body::FileBody;
pub use files::{Files, OpenFile};
pub use metered::Metered;
pub use playable::{LoadError, Playable, Rung};
pub use playables::Playables;
pub(crate) use render::container;
pub use socket::{Line, Socket};
pub use text::{Coding, Text};
pub use token::{Admission, Bearer, Grant, TokenError, TokenKey};
pub use tokens::{KeyError, Tokens, rotate};
pub use traffic::{Portion, Tally, Traffic};
