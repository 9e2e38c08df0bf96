//! Clipper: an uploaded clip becomes adaptive HLS, is served to a theatre, and tells how well it played.
//!
//! See `ARCHITECTURE.md` for the layers; imports point inward.

pub mod actors;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod delivery;
pub mod encode;
pub mod export;
pub mod gc;
pub mod hls;
pub mod http;
pub mod identity;
pub mod media;
pub mod metrics;
pub mod mux;
pub mod outbound;
pub mod presentation;
pub mod sandbox;
pub mod shutdown;
pub mod simulate;
pub mod startup;
pub mod storage;
pub mod telemetry;
pub mod webhooks;
