//! The limit: the rows that the commands leave, inserted in the same batches by plain SQL, by one connection that does
//! nothing else. No expected version, no position to be handed out, nobody who waits for an answer.

use std::time::Instant;

use anyhow::Context;
use clipper::commands::CommandContext;
use clipper_domain::clip::Clip;
use clipper_domain::schema::{self, Written};
use cqrs_es::Aggregate;
use sqlx::{PgPool, SqlitePool};

use crate::stage::{Backend, Stage};
use crate::workload;

/// Commands per second whose rows were inserted.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a batch holds at most a thousand appends"
)]
pub(crate) async fn insert(backend: Backend, tasks: usize, batch: f64, seconds: f64) -> anyhow::Result<f64> {
    let stage = Stage::set(backend).await?;
    let mut rows = Rows::new(tasks)?;
    let batch = batch.round() as usize;
    let inserted = match backend {
        Backend::Sqlite => into_sqlite(&stage.place.url, &mut rows, batch, seconds).await?,
        Backend::Postgres => into_postgres(&stage.place.url, &mut rows, batch, seconds).await?,
    };
    stage.strike().await?;
    Ok(inserted * workload::LIFE as f64 / rows.life.len() as f64)
}

/// Rows of as many clips at once as there are callers.
struct Rows {
    /// The events of one life.
    life: Vec<Written<String>>,
    /// The streams that grow, each with the number of its events.
    streams: Vec<(String, usize)>,
    turn: usize,
    metadata: String,
}

struct Row<'a> {
    stream: String,
    version: i64,
    event: &'a Written<String>,
    metadata: &'a str,
    command_id: String,
}

impl Rows {
    fn new(tasks: usize) -> anyhow::Result<Self> {
        let (id, mut clip, mut life) = (workload::clip(), Clip::default(), vec![]);
        for n in 0..workload::LIFE {
            for event in clip.decide(workload::command(id, n))? {
                life.push(schema::write(&event)?);
                clip.apply(event);
            }
        }
        Ok(Self {
            life,
            streams: (0..tasks).map(|_| (workload::clip().stream(), 0)).collect(),
            turn: 0,
            metadata: CommandContext::once("bench").metadata("bench"),
        })
    }

    fn take(&mut self, count: usize) -> anyhow::Result<Vec<Row<'_>>> {
        let mut places = Vec::with_capacity(count);
        for _ in 0..count {
            self.turn = (self.turn + 1) % self.streams.len();
            let (stream, events) = self.streams.get_mut(self.turn).context("a stream per caller")?;
            if *events == self.life.len() {
                (*stream, *events) = (workload::clip().stream(), 0);
            }
            *events += 1;
            places.push((stream.clone(), *events));
        }
        let row = |(stream, events): (String, usize)| {
            Some(Row {
                stream,
                version: i64::try_from(events).ok()?,
                event: self.life.get(events - 1)?,
                metadata: &self.metadata,
                command_id: uuid::Uuid::now_v7().to_string(),
            })
        };
        Ok(places.into_iter().filter_map(row).collect())
    }
}

async fn into_sqlite(url: &str, rows: &mut Rows, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    let options = url
        .parse::<sqlx::sqlite::SqliteConnectOptions>()?
        .journal_mode(sqlx::sqlite::SqliteJournalMode::Wal)
        .synchronous(sqlx::sqlite::SqliteSynchronous::Full)
        .pragma("cache_size", "-65536")
        .pragma("wal_autocheckpoint", "8192");
    let pool = SqlitePool::connect_with(options).await?;
    let (mut position, started) = (0_i64, Instant::now());
    while started.elapsed().as_secs_f64() < seconds {
        let taken = rows.take(batch)?;
        let values: Vec<_> = taken
            .iter()
            .map(|row| {
                let event = row.event;
                let about = (&event.event_type, event.schema_version, &event.payload);
                (
                    &row.stream,
                    row.version,
                    about.0,
                    about.1,
                    about.2,
                    row.metadata,
                    &row.command_id,
                )
            })
            .collect();
        sqlx::query(
            "INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, \
             recorded_at, command_id, command_index) SELECT $1 + key, value ->> 0, value ->> 1, value ->> 2, \
             value ->> 3, value ->> 4, value ->> 5, $2, value ->> 6, 0 FROM json_each($3)",
        )
        .bind(position)
        .bind(chrono::Utc::now())
        .bind(serde_json::to_string(&values)?)
        .execute(&pool)
        .await?;
        position += i64::try_from(taken.len())?;
    }
    pool.close().await;
    Ok(position as f64 / started.elapsed().as_secs_f64())
}

async fn into_postgres(url: &str, rows: &mut Rows, batch: usize, seconds: f64) -> anyhow::Result<f64> {
    let pool = PgPool::connect(url).await?;
    let (mut position, started) = (0_i64, Instant::now());
    while started.elapsed().as_secs_f64() < seconds {
        let taken = rows.take(batch)?;
        let texts = |of: fn(&Row<'_>) -> String| taken.iter().map(of).collect::<Vec<_>>();
        let numbers = |of: fn(&Row<'_>) -> i64| taken.iter().map(of).collect::<Vec<_>>();
        sqlx::query(
            "INSERT INTO clip_events (position, stream_id, version, event_type, schema_version, payload, metadata, \
             recorded_at, command_id, command_index) SELECT $1 + ordinality, stream_id, version, event_type, \
             schema_version, CAST(payload AS JSONB), CAST(metadata AS JSONB), $2, command_id, 0 \
             FROM UNNEST($3::TEXT[], $4::BIGINT[], $5::TEXT[], $6::BIGINT[], $7::TEXT[], $8::TEXT[], $9::TEXT[]) \
             WITH ORDINALITY AS batch (stream_id, version, event_type, schema_version, payload, metadata, command_id, \
             ordinality)",
        )
        .bind(position)
        .bind(chrono::Utc::now())
        .bind(texts(|row| row.stream.clone()))
        .bind(numbers(|row| row.version))
        .bind(texts(|row| row.event.event_type.clone()))
        .bind(numbers(|row| row.event.schema_version))
        .bind(texts(|row| row.event.payload.clone()))
        .bind(texts(|row| row.metadata.to_owned()))
        .bind(texts(|row| row.command_id.clone()))
        .execute(&pool)
        .await?;
        position += i64::try_from(taken.len())?;
    }
    pool.close().await;
    Ok(position as f64 / started.elapsed().as_secs_f64())
}
