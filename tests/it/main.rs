//! Tests of the whole program: real database, real ffmpeg, real browser. Folders mirror `src/`.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that is surprised fails"
)]

mod architecture;
mod browser;
mod bucket;
mod cdn;
mod cli;
mod commands;
mod connections;
mod dashboards;
mod delivery;
mod documents;
mod edge;
mod faults;
mod hostile;
mod http;
mod imports;
mod kills;
mod media;
mod mux;
mod nodes;
mod packaging;
mod quick_start;
mod samples;
mod sandbox;
mod simulations;
mod storage;
mod support;
mod tls;
mod validate;
mod walks;
mod webhooks;
