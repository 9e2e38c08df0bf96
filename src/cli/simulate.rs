//! `clipper simulate`: a population of players on recorded networks, and the truth about what they saw.

mod answer;
mod networks;

use std::path::PathBuf;
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, bail};
use chrono::{DateTime, Utc};
use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use reqwest::Url;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio_util::sync::CancellationToken;

use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::simulate::{Faults, Millis, Population, Rule, Setup, Simulated, Simulation};
use crate::startup::signals;

/// Each session keeps one connection for media and one for reports; the rest is the program's own.
const FILES_PER_SESSION: u64 = 3;
const OWN_FILES: u64 = 64;

#[derive(Debug, Args)]
pub(super) struct SimulateArguments {
    /// How many viewers come.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    viewers: u32,
    /// Recorded networks: a file, or a folder and its folders, of JSON lists of `duration_ms`, `bandwidth_kbps`, `latency_ms`.
    #[arg(long, value_name = "DIR")]
    traces: PathBuf,
    /// The clip's UUID or slug.
    #[arg(long, value_name = "ID")]
    clip: String,
    /// The server [default: where the settings say that it listens].
    #[arg(long, value_name = "URL")]
    server: Option<Url>,
    /// What all chance follows from.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Simulated seconds in a second.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    time_scale: f64,
    /// Seconds within which the viewers come.
    #[arg(long, value_name = "SECONDS", default_value = "60", value_parser = millis)]
    within: Millis,
    /// When the first second begins [default: now]. The same seed and beginning are the same sessions.
    #[arg(long, value_name = "TIME")]
    begin: Option<DateTime<Utc>>,
    /// Sessions at once.
    #[arg(long, value_name = "N", default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    at_once: u32,
    /// Seconds to keep trying while the server cannot be reached.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    patience: u64,
    #[command(flatten)]
    viewer: ViewerArguments,
    #[command(flatten)]
    player: PlayerArguments,
    #[command(flatten)]
    reports: ReportArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Viewers")]
struct ViewerArguments {
    /// So many of a hundred watch to the end.
    #[arg(long, value_name = "PERCENT", default_value = "50", value_parser = percent)]
    stay: f64,
    /// Seconds that the others watch, on average.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = millis)]
    watch: Millis,
    /// Seconds that a viewer waits for media beyond the first two, on average.
    #[arg(long, value_name = "SECONDS", default_value = "17", value_parser = millis)]
    viewer_patience: Millis,
    /// Seconds of playing between seeks, on average [default: nobody seeks].
    #[arg(long, value_name = "SECONDS", value_parser = some_millis)]
    seek_every: Option<Millis>,
    /// Seconds of playing between pauses, on average [default: nobody pauses].
    #[arg(long, value_name = "SECONDS", value_parser = some_millis)]
    pause_every: Option<Millis>,
    /// The share of a recorded network that one viewer has.
    #[arg(long, value_name = "FACTOR", default_value = "1", value_parser = factor)]
    share: f64,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Players")]
struct PlayerArguments {
    /// How renditions are chosen.
    #[arg(long, value_enum, default_value_t = Abr::Mixed)]
    abr: Abr,
    /// Seconds of media before playing begins.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = millis)]
    startup_buffer: Millis,
    /// Seconds of media before playing goes on after a stall or a seek.
    #[arg(long, value_name = "SECONDS", default_value = "2", value_parser = millis)]
    rebuffer_buffer: Millis,
    /// Seconds of media that are fetched ahead.
    #[arg(long, value_name = "SECONDS", default_value = "30", value_parser = some_millis)]
    buffer: Millis,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Reports")]
struct ReportArguments {
    /// Seconds between a player's signs of life.
    #[arg(long, value_name = "SECONDS", default_value = "10", value_parser = some_millis)]
    interval: Millis,
    /// So many of a hundred players report by CMCD (event mode), the others as ours do.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    cmcd_share: f64,
    /// So many of a hundred reports are lost.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    lose: f64,
    /// So many are sent again, later.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    duplicate: f64,
    /// So many are overtaken by the next.
    #[arg(long, value_name = "PERCENT", default_value = "0", value_parser = percent)]
    reorder: f64,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Abr {
    /// Each of them, by chance.
    Mixed,
    /// Throughput: moving averages, as hls.js has it.
    Ewma,
    /// Throughput: the harmonic mean of the latest segments.
    Harmonic,
    /// Buffer: BBA-0.
    Bba,
    /// Buffer: BOLA.
    Bola,
}

impl Abr {
    fn rules(self) -> Vec<Rule> {
        match self {
            Self::Mixed => Rule::ALL.to_vec(),
            Self::Ewma => vec![Rule::Ewma],
            Self::Harmonic => vec![Rule::Harmonic],
            Self::Bba => vec![Rule::Bba],
            Self::Bola => vec![Rule::Bola],
        }
    }
}

fn number(text: &str, least: f64, most: f64) -> Result<f64, String> {
    let number: f64 = text.parse().or(Err(format!("`{text}` is no number")))?;
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(format!("not between {least} and {most}"))
    }
}

fn percent(text: &str) -> Result<f64, String> {
    number(text, 0.0, 100.0)
}

fn factor(text: &str) -> Result<f64, String> {
    number(text, 0.001, 1_000.0)
}

/// Seconds, at most a day.
fn millis(text: &str) -> Result<Millis, String> {
    let duration = Duration::from_secs_f64(number(text, 0.0, 86_400.0)?);
    Ok(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}

fn some_millis(text: &str) -> Result<Millis, String> {
    match millis(text)? {
        0 => Err("must be more than nothing".to_owned()),
        some => Ok(some),
    }
}

pub(super) async fn simulate(
    config: &Config,
    arguments: &SimulateArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let simulation = simulation(config, arguments)?;
    let bar = bar(output, arguments.viewers);
    let simulated = run(&simulation, output, |over| bar.set_position(over as u64)).await?;
    bar.finish_and_clear();
    answer::give(&simulated, output)
}

/// Simulates to the end, or until it is broken off; broken off twice, nothing is told.
async fn run(
    simulation: &Simulation,
    output: Output,
    progress: impl FnMut(usize),
) -> anyhow::Result<Simulated> {
    let stop = CancellationToken::new();
    let mut simulated = pin!(simulation.run(stop.clone(), progress));
    tokio::select! {
        simulated = &mut simulated => return Ok(simulated?),
        signal = signals::first() => signal.context("signals cannot be listened to")?,
    }
    stop.cancel();
    output.note("Broken off: viewers leave, and this is what there was until now.");
    tokio::select! {
        simulated = simulated => Ok(simulated?),
        () = signals::next() => bail!("broken off"),
    }
}

fn simulation(config: &Config, arguments: &SimulateArguments) -> anyhow::Result<Simulation> {
    let SimulateArguments {
        viewer,
        player,
        reports,
        ..
    } = arguments;
    let here = format!("http://{}", config.listen);
    let server = arguments.server.clone().map_or_else(|| Url::parse(&here), Ok);
    let begin = arguments.begin.unwrap_or_else(|| SystemClock.now());
    let setup = Setup {
        startup: player.startup_buffer,
        rebuffer: player.rebuffer_buffer,
        target: player.buffer,
        interval: reports.interval,
    };
    if setup.target < setup.startup.max(setup.rebuffer) {
        bail!("--buffer must not be less than --startup-buffer and --rebuffer-buffer");
    }
    Ok(Simulation {
        server: server.context("there is no address of the server")?,
        clip: arguments.clip.clone(),
        population: Population {
            seed: arguments.seed,
            viewers: arguments.viewers,
            within: arguments.within,
            traces: networks::read(&arguments.traces, viewer.share)?,
            rules: player.abr.rules(),
            stay: viewer.stay,
            watch: viewer.watch,
            patience: viewer.viewer_patience,
            seeks_every: viewer.seek_every,
            pauses_every: viewer.pause_every,
            cmcd: reports.cmcd_share,
        },
        setup,
        faults: Faults {
            lose: reports.lose,
            duplicate: reports.duplicate,
            reorder: reports.reorder,
        },
        time_scale: arguments.time_scale,
        at_once: at_once(arguments.at_once)?,
        patience: Duration::from_secs(arguments.patience),
        epoch: begin.timestamp_millis(),
    })
}

/// So many sessions as there may be connections. The system's habitual limit is low, and may be raised by anybody.
fn at_once(wanted: u32) -> anyhow::Result<usize> {
    let allowed = getrlimit(Resource::Nofile).maximum;
    let needed = u64::from(wanted) * FILES_PER_SESSION + OWN_FILES;
    let files = allowed.map_or(needed, |allowed| allowed.min(needed));
    let now = getrlimit(Resource::Nofile).current;
    if now.is_some_and(|now| now < files) {
        let limit = Rlimit {
            current: Some(files),
            maximum: allowed,
        };
        setrlimit(Resource::Nofile, limit).context("the limit of open files cannot be raised")?;
    }
    let room = files.saturating_sub(OWN_FILES) / FILES_PER_SESSION;
    Ok(usize::try_from(room.max(1))?)
}

fn bar(output: Output, viewers: u32) -> ProgressBar {
    if !output.is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{pos}/{len} sessions are over {wide_bar} {elapsed}");
    let bar = ProgressBar::new(viewers.into());
    style.map_or(bar.clone(), |style| bar.with_style(style))
}
