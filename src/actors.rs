//! Actors: each owns one resource over time, behind a handle.
//!
//! Promises: a message is a nudge, the row is the truth and polling the fallback, so that a lost message delays and
//! never loses; mailboxes are bounded; an actor that dies or hangs is replaced, with growing pauses, and given up
//! loudly in the end.

mod ahead;
mod clip;
mod encoder;
mod importer;
mod intake;
mod janitor;
mod projector;
mod supervisor;
mod webhooks;

pub use ahead::Ahead;
pub use clip::Clips;
pub use encoder::{EncoderPool, EncoderSettings};
pub(crate) use importer::{ImportSettings, Importer};
pub(crate) use intake::{Entrance, IntakeError};
pub use janitor::Janitor;
pub(crate) use projector::Followed;
pub use projector::{Ambition, Projectors};
pub use supervisor::Health;
pub(crate) use webhooks::{WebhookSettings, Webhooks};
