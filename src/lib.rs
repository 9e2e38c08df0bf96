//! Clipper: an uploaded clip becomes adaptive HLS, is served to a theatre, and tells how well it played.
//!
//! See `ARCHITECTURE.md` for the layers; imports point inward.

pub mod clock;
pub mod config;
pub mod encode;
pub mod hls;
pub mod media;
pub mod storage;
