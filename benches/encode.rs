//! How fast an upload becomes adaptive HLS, beside the yardstick: the three ffmpeg commands of the usual guide, one per
//! rung. Both take turns in one run, on the same footage, so that a busy machine slows both. Clipper is the program
//! itself, with its database, uploads over HTTP and all.
//!
//! `CLIPPER_TEST_MEDIA` names the folder of the footage, `CLIPPER_TEST_BENCH_ROUNDS` how often each takes its turn, and
//! `CLIPPER_TEST_VMAF` an ffmpeg with libvmaf, when quality is to be compared too. It measures and never fails on what
//! it measured.

mod encode {
    #[path = "../support/cpu.rs"]
    pub(crate) mod cpu;
    pub(crate) mod footage;
    pub(crate) mod guide;
    pub(crate) mod meter;
    pub(crate) mod product;
    pub(crate) mod quality;
    #[path = "../support/real.rs"]
    pub(crate) mod real;
    #[path = "../support/server.rs"]
    pub(crate) mod server;
    #[path = "../support/setting.rs"]
    pub(crate) mod setting;
}

use std::io::Write;
use std::process::ExitCode;

use encode::footage::Footage;
use encode::meter::Turn;
use encode::setting::setting;
use encode::{guide, product, quality};

const ROUNDS: u32 = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo test --benches` starts this too, without the flag, to see that it can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let folder = tempfile::tempdir()?;
    let footage = Footage::prepare(folder.path())?;
    let rounds = rounds()?;
    for clip in [&footage.encoded, &footage.compliant] {
        compare(clip, rounds).await?;
    }
    say("Length does not matter: from the last byte of the upload to the first segment")?;
    for clip in [
        &footage.encoded,
        &footage.long,
        &footage.compliant,
        &footage.long_compliant,
    ] {
        let turn = product::playable(&clip.path).await?;
        say(&format!("  {:<34} {turn:>6.2} s", clip.name))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Both take turns on one clip.
async fn compare(clip: &encode::footage::Clip, rounds: u32) -> anyhow::Result<()> {
    say(&format!(
        "{}, to 480p, 720p and 1080p, {rounds} rounds",
        clip.name
    ))?;
    say(&row(
        "",
        &["wall s", "CPU s", "ffmpeg %", "MB", "playable s"].map(str::to_owned),
    ))?;
    let (mut ours, mut guides) = (vec![], vec![]);
    for round in 1..=rounds {
        let (turn, made) = product::encode(&clip.path).await?;
        say(&measured(&format!("{round}. Clipper"), turn))?;
        ours.push(turn);
        let yardstick = guide::encode(&clip.path, clip.frame_rate).await?;
        say(&measured(&format!("{round}. three commands"), yardstick.turn))?;
        guides.push(yardstick.turn);
        if round == rounds {
            let (our, guide) = (Turn::mean(&ours), Turn::mean(&guides));
            say(&ratio("Clipper / three commands", our, guide))?;
            quality::compare(&clip.path, &made, &yardstick)?;
        }
    }
    say("")
}

fn rounds() -> anyhow::Result<u32> {
    let rounds = setting("CLIPPER_TEST_BENCH_ROUNDS")?.unwrap_or(ROUNDS);
    anyhow::ensure!(rounds > 0, "CLIPPER_TEST_BENCH_ROUNDS must be a number from 1");
    Ok(rounds)
}

fn measured(name: &str, turn: Turn) -> String {
    let optional = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
    row(
        name,
        &[
            format!("{:.1}", turn.wall),
            format!("{:.1}", turn.cpu),
            optional(turn.share_of_ffmpeg.map(|share| share * 100.0)),
            format!("{:.1}", turn.megabytes),
            optional(turn.playable),
        ],
    )
}

fn ratio(name: &str, ours: Turn, guides: Turn) -> String {
    let share = |ours: f64, guides: f64| format!("{:.2}", ours / guides.max(f64::EPSILON));
    row(
        name,
        &[
            share(ours.wall, guides.wall),
            share(ours.cpu, guides.cpu),
            String::new(),
            share(ours.megabytes, guides.megabytes),
            String::new(),
        ],
    )
}

fn row(name: &str, columns: &[String]) -> String {
    let columns: String = columns.iter().map(|column| format!("{column:>11}")).collect();
    format!("{name:<26}{columns}")
}

pub(crate) fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
