//! What is true about a clip: the aggregate with its commands, events and refusals, the ladder and the plan.
//!
//! Promises: no I/O, no clock, no randomness, no SQL, no actors. Time and identifiers come in as arguments, so that
//! every rule here is tested by giving events and a command and looking at what comes out.

pub mod captions;
pub mod clip;
pub mod cmcd;
mod frame_rate;
mod id;
pub mod ladder;
mod level;
pub mod plan;
mod quality;
pub mod report;
pub mod schema;
pub mod source;
mod thumbnails;
mod variant;

pub use frame_rate::{FrameRate, InvalidFrameRate};
pub use id::{ClipId, InvalidId, InvalidSlug, PersonId, SessionId, Slug};
pub use level::{h264_level, hevc_level};
pub use quality::{InvalidQuality, Quality};
pub use thumbnails::{Poster, Storyboard, Thumbnails};
pub use variant::{KeyFrame, Playable, Run, Segment, Variant};
