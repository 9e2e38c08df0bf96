//! Webhooks: what is told of a clip's events, and how it is signed and sent, after the Standard Webhooks specification
//! (standardwebhooks.com). When and in which order is up to the actor.

mod message;
mod sender;
mod sign;

pub use message::{EVENT_TYPES, Message, message_of, test_message};
pub use sender::{Answer, Sender};
pub use sign::{SECRET_PREFIX, new_secret, signature};
