//! How fast is the event log, beside two yardsticks: cqrs-es with its own stores as shipped, and the same rows inserted
//! in batches by plain SQL. All take turns in one run, on the same disk.
//!
//! `CLIPPER_TEST_POSTGRES_URL` names a PostgreSQL server, `CLIPPER_TEST_SHIPPED` the program in `benches/shipped`;
//! `CLIPPER_TEST_BENCH_SECONDS` is the length of a turn, `CLIPPER_TEST_BENCH_EVENTS` how many events are replayed.
//! It measures and never fails on what it measured.

#![expect(
    clippy::cast_precision_loss,
    clippy::expect_used,
    reason = "rates need no more than 52 bits, and constants are what they are"
)]

#[path = "log/commands.rs"]
mod commands;
#[path = "log/plain.rs"]
mod plain;
#[path = "log/replay.rs"]
mod replay;
#[path = "support/setting.rs"]
mod setting;
#[path = "log/stage.rs"]
mod stage;
#[path = "log/workload.rs"]
mod workload;

use std::io::Write;
use std::process::ExitCode;

use setting::setting;
use stage::{Backend, Stage};

const SECONDS: f64 = 5.0;
const EVENTS: i64 = 1_000_000;

fn main() -> anyhow::Result<ExitCode> {
    // `cargo test --benches` starts this too, without the flag, to see that it can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    actix::System::new().block_on(run())?;
    Ok(ExitCode::SUCCESS)
}

async fn run() -> anyhow::Result<()> {
    let seconds: f64 = setting("CLIPPER_TEST_BENCH_SECONDS")?.unwrap_or(SECONDS);
    let events: i64 = setting("CLIPPER_TEST_BENCH_EVENTS")?.unwrap_or(EVENTS);
    for backend in [Backend::Sqlite, Backend::Postgres] {
        say(&format!(
            "{}: commands per second, one event each, turns of {seconds} s",
            backend.name()
        ))?;
        for tasks in [1, 16, 256] {
            commands::compare(backend, tasks, seconds).await?;
        }
        say("")?;
        let stage = Stage::set(backend).await?;
        replay::compare(&stage, events).await?;
        stage.strike().await?;
        say("")?;
    }
    Ok(())
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
