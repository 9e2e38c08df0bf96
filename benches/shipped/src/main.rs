//! Commands per second of cqrs-es with sqlite-es or postgres-es as shipped: their default pools, their event stores
//! without snapshots. Prints the number.
//!
//!     shipped sqlite:PATH|postgres://… TASKS SECONDS

#[path = "../../log/workload.rs"]
mod workload;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clipper_domain::clip::Clip;
use cqrs_es::CqrsFramework;
use cqrs_es::persist::{PersistedEventRepository, PersistedEventStore};

const SQLITE: &str = "CREATE TABLE IF NOT EXISTS events (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
    sequence integer CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL, \
    payload text NOT NULL, metadata text NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence)) STRICT";
const POSTGRES: &str = "CREATE TABLE IF NOT EXISTS events (aggregate_type text NOT NULL, aggregate_id text NOT NULL, \
    sequence bigint CHECK (sequence >= 0) NOT NULL, event_type text NOT NULL, event_version text NOT NULL, \
    payload json NOT NULL, metadata json NOT NULL, PRIMARY KEY (aggregate_type, aggregate_id, sequence))";

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let [_, url, tasks, seconds] = arguments.as_slice() else {
        panic!("usage: shipped sqlite:PATH|postgres://… TASKS SECONDS");
    };
    let (tasks, seconds) = (tasks.parse().unwrap(), seconds.parse().unwrap());
    let rate = if url.starts_with("sqlite:") {
        let pool = sqlite_es::default_sqlite_pool(url).await;
        sqlx::query(SQLITE).execute(&pool).await.unwrap();
        run(sqlite_es::sqlite_cqrs::<Clip>(pool, vec![], ()), tasks, seconds).await
    } else {
        let pool = postgres_es::default_postgress_pool(url).await;
        sqlx::query(POSTGRES).execute(&pool).await.unwrap();
        run(
            postgres_es::postgres_cqrs::<Clip>(pool, vec![], ()),
            tasks,
            seconds,
        )
        .await
    };
    println!("{rate:.1}");
}

async fn run<R: PersistedEventRepository + Send + Sync + 'static>(
    framework: CqrsFramework<Clip, PersistedEventStore<R, Clip>>,
    tasks: usize,
    seconds: f64,
) -> f64 {
    let (framework, done) = (Arc::new(framework), Arc::new(AtomicU64::new(0)));
    let started = Instant::now();
    let deadline = started + Duration::from_secs_f64(seconds);
    let workers: Vec<_> = (0..tasks)
        .map(|_| {
            let (framework, done) = (Arc::clone(&framework), Arc::clone(&done));
            tokio::spawn(async move {
                let (mut n, mut clip) = (0, workload::clip());
                while Instant::now() < deadline {
                    if n % workload::LIFE == 0 {
                        clip = workload::clip();
                    }
                    let name = clip.to_string();
                    // A busy database is as shipped, too: the command is given again.
                    while framework
                        .execute(&name, workload::command(clip, n))
                        .await
                        .is_err()
                    {
                        if Instant::now() > deadline + Duration::from_secs(5) {
                            return;
                        }
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                    n += 1;
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    done.load(Ordering::Relaxed) as f64 / started.elapsed().as_secs_f64()
}
