//! HTTP: one table of routes, one file per subject. A handler extracts, makes one call and shapes the answer.

mod auth;
mod beacons;
mod bytes;
mod captions;
mod clip_json;
mod clips;
mod cors;
mod download;
mod encodings;
mod front;
mod idempotency;
mod measure;
mod operations;
mod ops;
mod pages;
mod playback;
mod problem;
mod progress;
mod queue;
mod request_id;
mod routes;
mod source;
mod thumbnails;
mod uploads;

pub use auth::{Caller, Keys};
pub(crate) use beacons::PlaybackLog;
pub(crate) use cors::{Origins, cors};
pub(crate) use front::{AtHand, front};
pub(crate) use idempotency::{FirstAnswers, repeat};
pub(crate) use measure::measure;
pub(crate) use operations::Readiness;
pub use problem::{Code, Problem};
pub(crate) use request_id::name;
pub(crate) use routes::configure;
pub(crate) use source::Intake;
