//! Logs: one line per event on standard error.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

/// Begins to log, as `RUST_LOG` says; warnings and our own news otherwise.
pub fn start(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_unset| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr);
    // A second start, in tests, keeps the first.
    if subscriber.try_init().is_err() {
        tracing::debug!("logging had been started");
    }
}
