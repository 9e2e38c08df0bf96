//! How fast clips are served, beside nginx with `sendfile`, an open-file cache and the same headers. All take turns in one
//! run, on the same files and the same machine; nginx runs with `tcp_nopush` on and off, and the better one counts.
//! Clipper alone checks a playback token, counts requests, bytes and streams against limits, accounts and measures.
//!
//! `CLIPPER_TEST_MEDIA` names the folder of the footage, `CLIPPER_TEST_BENCH_SECONDS` is the length of a turn and
//! `CLIPPER_TEST_BENCH_ROUNDS` how often each has its turn. It measures and never fails on what it measured.

mod serve {
    #[path = "../support/cpu.rs"]
    pub(crate) mod cpu;
    pub(crate) mod load;
    pub(crate) mod nginx;
    #[path = "../support/real.rs"]
    pub(crate) mod real;
    #[path = "../support/server.rs"]
    pub(crate) mod server;
    #[path = "../support/setting.rs"]
    pub(crate) mod setting;
    pub(crate) mod stage;
}

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serve::load::{self, Turn};
use serve::setting::setting;
use serve::stage::{Contestant, Payload, Stage};

const SECONDS: f64 = 1.0;
const ROUNDS: usize = 5;
const CONNECTIONS: [usize; 3] = [1, 32, 256];

fn main() -> anyhow::Result<ExitCode> {
    // `cargo test --benches` starts this too, without the flag, to see that it can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run())?;
    Ok(ExitCode::SUCCESS)
}

async fn run() -> anyhow::Result<()> {
    let turn = Duration::from_secs_f64(setting("CLIPPER_TEST_BENCH_SECONDS")?.unwrap_or(SECONDS));
    let rounds = setting("CLIPPER_TEST_BENCH_ROUNDS")?.unwrap_or(ROUNDS);
    let stage = Stage::set().await?;
    say(&format!(
        "congestion control: {}; {rounds} rounds of {turn:?}; medians; ratios compare with the better nginx of each round",
        congestion_control()
    ))?;
    for payload in &stage.payloads {
        for connections in CONNECTIONS {
            compare(&stage, payload, connections, rounds, turn).await?;
        }
    }
    for contestant in &stage.contestants {
        let memory = contestant.memory_mb()?;
        say(&format!("{:<28} {memory:>6.1} MB resident", contestant.name))?;
    }
    Ok(())
}

/// All contestants take turns.
async fn compare(
    stage: &Stage,
    payload: &Payload,
    connections: usize,
    rounds: usize,
    length: Duration,
) -> anyhow::Result<()> {
    say(&format!("{}, {connections} connections", payload.name))?;
    say(&row(
        "",
        &["requests/s", "MB/s", "CPU µs", "p50 ms", "p99 ms"].map(str::to_owned),
    ))?;
    let mut turns: Vec<Vec<Turn>> = vec![vec![]; stage.contestants.len()];
    for round in 0..rounds {
        // Another one begins each time.
        for offset in 0..turns.len() {
            let number = (round + offset) % turns.len();
            if let (Some(contestant), Some(taken)) = (stage.contestants.get(number), turns.get_mut(number)) {
                taken.push(one(contestant, payload, connections, length).await?);
            }
        }
    }
    for (contestant, taken) in stage.contestants.iter().zip(&turns) {
        let of = |value: fn(&Turn) -> f64| median(taken.iter().map(value).collect());
        say(&row(
            contestant.name,
            &[
                format!("{:.0}", of(|turn| turn.requests_per_second)),
                format!("{:.0}", of(|turn| turn.megabytes_per_second)),
                format!("{:.1}", of(|turn| turn.cpu_micros)),
                format!("{:.2}", of(|turn| turn.p50_ms)),
                format!("{:.2}", of(|turn| turn.p99_ms)),
            ],
        ))?;
    }
    say(&ratios(&turns))?;
    say("")
}

async fn one(
    contestant: &Contestant,
    payload: &Payload,
    connections: usize,
    length: Duration,
) -> anyhow::Result<Turn> {
    let before = contestant.cpu()?;
    let mut turn = load::run(contestant, payload, connections, length).await?;
    turn.cpu_micros = (contestant.cpu()? - before) * 1e6 / turn.requests.max(1.0);
    Ok(turn)
}

/// Ours beside the better nginx of the same round, and the median of that.
fn ratios(turns: &[Vec<Turn>]) -> String {
    let [ours, others @ ..] = turns else {
        return String::new();
    };
    let ratio = |value: fn(&Turn) -> f64| {
        let rounds = ours.iter().enumerate().map(|(round, our)| {
            let theirs = others.iter().filter_map(|turns| turns.get(round));
            value(our) / theirs.map(value).fold(f64::MIN, f64::max)
        });
        median(rounds.collect())
    };
    row(
        "Clipper / better nginx",
        &[
            format!("{:.2}", ratio(|turn| turn.requests_per_second)),
            format!("{:.2}", ratio(|turn| turn.megabytes_per_second)),
            // Less is better: the inverse of the best efficiency.
            format!("{:.2}", 1.0 / ratio(|turn| 1.0 / turn.cpu_micros.max(0.01))),
            String::new(),
            format!("{:.2}", 1.0 / ratio(|turn| 1.0 / turn.p99_ms.max(0.001))),
        ],
    )
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

fn congestion_control() -> String {
    std::fs::read_to_string("/proc/sys/net/ipv4/tcp_congestion_control")
        .map_or_else(|_unknown| "unknown".to_owned(), |name| name.trim().to_owned())
}

fn row(name: &str, columns: &[String]) -> String {
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    format!("  {name:<26}{columns}")
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
