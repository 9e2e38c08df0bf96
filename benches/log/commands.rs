//! Commands per second: through the clip actors, through cqrs-es as shipped, and the limit of plain SQL.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use clipper::actors::Clips;
use clipper::commands::{ClipCommands, CommandContext};
use clipper_domain::clip::ClipEvent;
use clipper_domain::schema;
use sqlx::{PgPool, SqlitePool};

use crate::stage::{Backend, Place, Stage};
use crate::{say, setting, workload};

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
        raw.push(plain_sql(backend, turn.batch, seconds).await?);
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

/// The same rows into the same table with the same durability, by one connection that does nothing else.
#[expect(
    clippy::cast_possible_truncation,
    reason = "a batch holds at most a thousand appends"
)]
async fn plain_sql(backend: Backend, batch: f64, seconds: f64) -> anyhow::Result<f64> {
    let stage = Stage::set(backend).await?;
    let event = ClipEvent::EncodingStarted {
        generation: 1,
        token: 7,
        worker: "worker:0190a3c27f4e7cc398c4dc0c0c07398f".to_owned(),
    };
    let rows = Rows {
        payload: schema::write(&event)?.payload,
        metadata: CommandContext::once("bench").metadata("bench"),
        batch: batch.round() as i64,
    };
    let rate = match backend {
        Backend::Sqlite => rows.insert_into_sqlite(&stage.place.url, seconds).await?,
        Backend::Postgres => rows.insert_into_postgres(&stage.place.url, seconds).await?,
    };
    stage.strike().await?;
    Ok(rate)
}

struct Rows {
    payload: String,
    metadata: String,
    batch: i64,
}

impl Rows {
    fn streams(&self) -> Vec<String> {
        (0..self.batch).map(|_| workload::clip().stream()).collect()
    }

    async fn insert_into_sqlite(&self, url: &str, seconds: f64) -> anyhow::Result<f64> {
        let pool = SqlitePool::connect_with(
            url.parse::<sqlx::sqlite::SqliteConnectOptions>()?
                .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
                .synchronous(sqlx::sqlite::SqliteSynchronous::Full),
        )
        .await?;
        let (mut position, started) = (0, Instant::now());
        while started.elapsed().as_secs_f64() < seconds {
            let rows: Vec<_> = self
                .streams()
                .into_iter()
                .map(|stream| {
                    (
                        stream,
                        &self.payload,
                        &self.metadata,
                        uuid::Uuid::now_v7().to_string(),
                    )
                })
                .collect();
            sqlx::query(
                "INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, \
                 recorded_at, command_id, command_index) SELECT $1 + key, value ->> 0, 1, 'EncodingStarted', 1, \
                 value ->> 1, value ->> 2, $2, value ->> 3, 0 FROM json_each($3)",
            )
            .bind(position)
            .bind(chrono::Utc::now())
            .bind(serde_json::to_string(&rows)?)
            .execute(&pool)
            .await?;
            position += self.batch;
        }
        Ok(position as f64 / started.elapsed().as_secs_f64())
    }

    async fn insert_into_postgres(&self, url: &str, seconds: f64) -> anyhow::Result<f64> {
        let pool = PgPool::connect(url).await?;
        let (mut position, started) = (0, Instant::now());
        while started.elapsed().as_secs_f64() < seconds {
            let streams = self.streams();
            let commands: Vec<_> = streams.iter().map(|_| uuid::Uuid::now_v7().to_string()).collect();
            let same = |text: &str| vec![text.to_owned(); streams.len()];
            sqlx::query(
                "INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, \
                 recorded_at, command_id, command_index) SELECT $1 + ordinality, stream_id, 1, 'EncodingStarted', 1, \
                 CAST(payload AS JSONB), CAST(metadata AS JSONB), $2, command_id, 0 FROM UNNEST($3::TEXT[], \
                 $4::TEXT[], $5::TEXT[], $6::TEXT[]) WITH ORDINALITY AS batch (stream_id, payload, metadata, \
                 command_id, ordinality)",
            )
            .bind(position)
            .bind(chrono::Utc::now())
            .bind(&streams)
            .bind(same(&self.payload))
            .bind(same(&self.metadata))
            .bind(&commands)
            .execute(&pool)
            .await?;
            position += self.batch;
        }
        pool.close().await;
        Ok(position as f64 / started.elapsed().as_secs_f64())
    }
}
