//! Commands per second: through the clip actors, through cqrs-es as shipped, and the limit of plain SQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clipper::actors::Clips;
use clipper::commands::{ClipCommands, CommandContext};

use crate::stage::{Backend, Place, Stage};
use crate::{plain, say, setting, workload};

const ROUNDS: usize = 2;

/// A turn through the actors.
struct Turn {
    rate: f64,
    /// Appends that shared a commit, on average.
    batch: f64,
}

pub(crate) async fn compare(backend: Backend, tasks: usize, seconds: f64) -> anyhow::Result<()> {
    let (mut ours, mut shipped, mut raw, mut batch) = (vec![], vec![], vec![], 0.0);
    for _ in 0..ROUNDS {
        let turn = through_actors(backend, tasks, seconds).await?;
        ours.push(turn.rate);
        batch = turn.batch;
        shipped.push(as_shipped(backend, tasks, seconds).await?);
        raw.push(plain::insert(backend, tasks, turn.batch, seconds).await?);
    }
    let (ours, shipped, raw) = (mean(&ours), mean(&shipped), mean(&raw));
    say(&format!(
        "  {tasks:>3} at once: {ours:>8.0}   cqrs-es as shipped {shipped:>7.0}, {:.1} times that   \
         plain SQL in batches of {batch:.0} {raw:>8.0}, {:.0} % of it",
        ours / shipped,
        100.0 * ours / raw
    ))
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

async fn through_actors(backend: Backend, tasks: usize, seconds: f64) -> anyhow::Result<Turn> {
    let stage = Stage::set(backend).await?;
    let arbiter = actix::Arbiter::new();
    let commands = ClipCommands::new(stage.logs.clone(), stage.writer.clone(), "bench".to_owned());
    let clips = Clips::new(commands, arbiter.handle());
    let done = Arc::new(AtomicU64::new(0));
    let before = Batches::so_far()?;
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(seconds);
    let callers: Vec<_> = (0..tasks)
        .map(|_| {
            let (clips, done) = (clips.clone(), Arc::clone(&done));
            actix::spawn(async move { call(&clips, &done, deadline).await })
        })
        .collect();
    for caller in callers {
        caller.await??;
    }
    let rate = done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64();
    arbiter.stop();
    stage.strike().await?;
    let after = Batches::so_far()?;
    Ok(Turn {
        rate,
        batch: (after.appends - before.appends) / (after.commits - before.commits).max(1.0),
    })
}

/// Gives one command after the other until the time is over.
async fn call(clips: &Clips, done: &AtomicU64, deadline: Instant) -> anyhow::Result<()> {
    let (mut n, mut clip) = (0, workload::clip());
    while Instant::now() < deadline {
        if n % workload::LIFE == 0 {
            clip = workload::clip();
        }
        let context = CommandContext::once("bench");
        clips.execute(clip, workload::command(clip, n), context).await?;
        done.fetch_add(1, Ordering::Relaxed);
        n += 1;
    }
    Ok(())
}

/// What the program's own metrics say of its group commits.
struct Batches {
    appends: f64,
    commits: f64,
}

impl Batches {
    fn so_far() -> anyhow::Result<Self> {
        let text = clipper::metrics::start()?.render();
        let sum = |suffix: &str| {
            let name = format!("clipper_append_batch_size_{suffix}{{log=\"clip\"}} ");
            let line = text.lines().find_map(|line| line.strip_prefix(name.as_str()));
            line.and_then(|value| value.parse().ok()).unwrap_or_default()
        };
        Ok(Self {
            appends: sum("sum"),
            commits: sum("count"),
        })
    }
}

#[expect(clippy::disallowed_methods, reason = "the yardstick is a program of its own")]
async fn as_shipped(backend: Backend, tasks: usize, seconds: f64) -> anyhow::Result<f64> {
    let place = Place::find(backend).await?;
    let program: String =
        setting("CLIPPER_TEST_SHIPPED")?.context("CLIPPER_TEST_SHIPPED is not set: run `make bench`")?;
    let output = tokio::process::Command::new(&program)
        .args([&place.url, &tasks.to_string(), &seconds.to_string()])
        .output()
        .await
        .with_context(|| format!("cannot start `{program}`"))?;
    ensure!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let rate = String::from_utf8(output.stdout)?.trim().parse()?;
    place.leave().await?;
    Ok(rate)
}
