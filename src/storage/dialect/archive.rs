//! Writing events that come out of a file: with the positions and times that they had.

use crate::storage::archive::ArchivedEvent;
use crate::storage::{Log, StorageError, Tx};

macro_rules! insert_into {
    ($table:literal, $rest:literal) => {
        concat!(
            "INSERT INTO ",
            $table,
            " (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
             command_index",
            $rest
        )
    };
}
const SQLITE_CLIP: &str = insert_into!(
    "clip_events",
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const SQLITE_PLAYBACK: &str = insert_into!(
    "playback_events",
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
);
const POSTGRES_CLIP: &str = insert_into!(
    "clip_events",
    ") SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS JSONB), \
     CAST(metadata AS JSONB), recorded_at, command_id, command_index FROM UNNEST($1::BIGINT[], $2::TEXT[], \
     $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], $8::TIMESTAMPTZ[], $9::TEXT[], $10::BIGINT[]) \
     AS batch (position, stream_id, version, event_type, schema_version, payload, metadata, recorded_at, command_id, \
     command_index)"
);
const POSTGRES_PLAYBACK: &str = insert_into!(
    "playback_events",
    ", day) SELECT position, stream_id, version, event_type, schema_version, CAST(payload AS JSONB), \
     CAST(metadata AS JSONB), recorded_at, command_id, command_index, CAST(recorded_at AT TIME ZONE 'UTC' AS DATE) \
     FROM UNNEST($1::BIGINT[], $2::TEXT[], $3::BIGINT[], $4::TEXT[], $5::BIGINT[], $6::TEXT[], $7::TEXT[], \
     $8::TIMESTAMPTZ[], $9::TEXT[], $10::BIGINT[]) AS batch (position, stream_id, version, event_type, \
     schema_version, payload, metadata, recorded_at, command_id, command_index)"
);

impl Tx {
    /// Inserts events as they were.
    pub(in crate::storage) async fn insert_archived(
        &mut self,
        events: &[ArchivedEvent],
    ) -> Result<(), StorageError> {
        for log in Log::ALL {
            let of_log: Vec<_> = events.iter().filter(|event| event.log == log).collect();
            if of_log.is_empty() {
                continue;
            }
            match self {
                Self::Sqlite(_) => self.insert_one_by_one(log, &of_log).await?,
                Self::Postgres(_) => self.insert_at_once(log, &of_log).await?,
            }
        }
        Ok(())
    }

    async fn insert_one_by_one(&mut self, log: Log, events: &[&ArchivedEvent]) -> Result<(), StorageError> {
        let Self::Sqlite(tx) = self else { return Ok(()) };
        let sql = match log {
            Log::Clip => SQLITE_CLIP,
            Log::Playback => SQLITE_PLAYBACK,
        };
        for event in events {
            sqlx::query(sql)
                .bind(event.position)
                .bind(&event.stream_id)
                .bind(event.version)
                .bind(&event.event_type)
                .bind(event.schema_version)
                .bind(event.payload.to_string())
                .bind(event.metadata.to_string())
                .bind(event.recorded_at)
                .bind(&event.command_id)
                .bind(event.command_index)
                .execute(&mut **tx)
                .await?;
        }
        Ok(())
    }

    async fn insert_at_once(&mut self, log: Log, events: &[&ArchivedEvent]) -> Result<(), StorageError> {
        let Self::Postgres(tx) = self else { return Ok(()) };
        let sql = match log {
            Log::Clip => POSTGRES_CLIP,
            Log::Playback => POSTGRES_PLAYBACK,
        };
        let numbers =
            |of: fn(&ArchivedEvent) -> i64| events.iter().map(|event| of(event)).collect::<Vec<_>>();
        let texts =
            |of: fn(&ArchivedEvent) -> String| events.iter().map(|event| of(event)).collect::<Vec<_>>();
        sqlx::query(sql)
            .bind(numbers(|event| event.position))
            .bind(texts(|event| event.stream_id.clone()))
            .bind(numbers(|event| event.version))
            .bind(texts(|event| event.event_type.clone()))
            .bind(numbers(|event| event.schema_version))
            .bind(texts(|event| event.payload.to_string()))
            .bind(texts(|event| event.metadata.to_string()))
            .bind(events.iter().map(|event| event.recorded_at).collect::<Vec<_>>())
            .bind(
                events
                    .iter()
                    .map(|event| event.command_id.clone())
                    .collect::<Vec<_>>(),
            )
            .bind(numbers(|event| event.command_index))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }
}
