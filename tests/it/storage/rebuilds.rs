//! A rebuild has no downtime: it breaks off and goes on, keeps a pace, runs in one place, and stops rather than lose rows.

use std::time::{Duration, Instant};

use clipper::storage::{Expected, StorageError, follow, leases, parked, rebuild};
use clipper_domain::{ClipId, InvalidId};
use clipper_projections::{
    Changes, Fold, Inapplicable, PROJECTIONS, Projection, Query, RawEvent, Statement, clips,
};
use uuid::Uuid;

use super::projections::{follow_all, tell, whole_story};
use super::{Stage, append, suite};

suite!(
    a_rebuild_that_broke_off_goes_on_where_it_was,
    a_rebuild_runs_in_one_place_at_a_time,
    a_rebuild_keeps_its_pace,
    old_rows_serve_until_the_new_ones_take_their_place,
    a_rebuild_while_others_append_ends_equal,
    an_event_that_live_rows_took_stops_a_rebuild_that_cannot,
    what_is_skipped_while_rows_are_made_is_skipped_in_them,
    an_event_that_live_rows_never_came_to_may_be_parked_aside,
    rows_of_another_version_are_left_alone,
    what_is_equal_is_not_written_again,
    the_columns_of_a_row_are_those_of_its_table,
);

const CLIPS: &Projection = &PROJECTIONS[0];

async fn lives(stage: &Stage, count: usize) {
    for n in 0..count {
        tell(
            stage,
            ClipId(Uuid::now_v7()),
            0,
            &whole_story(&format!("clip{n}-{}", Uuid::now_v7().simple())),
        )
        .await;
    }
}

async fn rows(stage: &Stage) -> Vec<clips::ClipRow> {
    stage
        .db
        .all(clips::page(clips::Filter::default(), clips::Order::Newest, 1_000))
        .await
        .unwrap()
}

/// Folds as `clips` does, but cannot take the last event of a life.
struct Moody {
    inner: Box<dyn Fold>,
}

const MOODY: &Projection = &Projection {
    page: || {
        Box::new(Moody {
            inner: (clips::PROJECTION.page)(),
        })
    },
    ..clips::PROJECTION
};

impl Fold for Moody {
    fn load_sqlite(&mut self, rows: &[sqlx::sqlite::SqliteRow]) -> sqlx::Result<()> {
        self.inner.load_sqlite(rows)
    }

    fn load_postgres(&mut self, rows: &[sqlx::postgres::PgRow]) -> sqlx::Result<()> {
        self.inner.load_postgres(rows)
    }

    fn apply(&mut self, event: &RawEvent) -> Result<(), Inapplicable> {
        if event.event_type == "EncodingCompleted" {
            return Err(Inapplicable::Stream(InvalidId("in a mood".to_owned())));
        }
        self.inner.apply(event)
    }

    fn changes(&self) -> Changes {
        self.inner.changes()
    }
}

async fn a_rebuild_that_broke_off_goes_on_where_it_was(stage: &Stage) {
    lives(stage, 30).await;
    follow_all(stage).await;
    let before = rows(stage).await;
    // Slow enough to be cut off in the middle, as by a crash: nothing is tidied up.
    let slow = rebuild::rebuild(stage.bench(), CLIPS, Some(100.0), |_| {});
    drop(tokio::time::timeout(Duration::from_millis(900), slow).await);
    let broken_off = rebuild::list(&stage.db).await.unwrap().remove(0);
    assert!((1..210).contains(&broken_off.position), "{broken_off:?}");
    assert!(broken_off.progress().share() > 0.0);

    stage.clock.advance(chrono::TimeDelta::seconds(60));
    let first = std::sync::Mutex::new(None);
    rebuild::rebuild(stage.bench(), CLIPS, Some(1e9), |progress| {
        first.lock().unwrap().get_or_insert(progress.position);
    })
    .await
    .unwrap();
    assert!(
        first.lock().unwrap().unwrap() > broken_off.position,
        "it did not begin again"
    );
    assert_eq!(rows(stage).await, before);
    assert_eq!(rebuild::list(&stage.db).await.unwrap(), []);
}

async fn a_rebuild_runs_in_one_place_at_a_time(stage: &Stage) {
    lives(stage, 20).await;
    follow_all(stage).await;
    let slow = rebuild::rebuild(stage.bench(), CLIPS, Some(200.0), |_| {});
    let other = async {
        tokio::time::sleep(Duration::from_millis(200)).await;
        rebuild::rebuild(stage.bench(), CLIPS, None, |_| {}).await
    };
    let (first, second) = tokio::join!(slow, other);
    first.unwrap();
    assert!(
        matches!(&second, Err(StorageError::RebuildRunning { holder, .. }) if holder == "the test"),
        "{second:?}"
    );
    let lease = leases::holder(&stage.db, "rebuild/clips").await.unwrap();
    assert_eq!(lease.as_deref(), Some("the test"));
}

async fn a_rebuild_keeps_its_pace(stage: &Stage) {
    lives(stage, 20).await;
    let began = Instant::now();
    rebuild::rebuild(stage.bench(), CLIPS, Some(200.0), |_| {})
        .await
        .unwrap();
    // 140 events at 200 a second.
    assert!(
        began.elapsed() > Duration::from_millis(600),
        "{:?}",
        began.elapsed()
    );
}

async fn old_rows_serve_until_the_new_ones_take_their_place(stage: &Stage) {
    lives(stage, 20).await;
    follow_all(stage).await;
    let forged = Statement::new("UPDATE clips SET title = 'Forged'", vec![]);
    stage.db.execute(&forged).await.unwrap();
    let rebuilding = rebuild::rebuild(stage.bench(), CLIPS, Some(300.0), |_| {});
    let watching = async {
        let mut served = vec![];
        loop {
            let now = rows(stage).await;
            assert_eq!(now.len(), 20, "a reader always finds every clip");
            let forged = now.iter().filter(|row| row.title == "Forged").count();
            served.push(forged);
            if forged == 0 {
                return served;
            }
        }
    };
    let (rebuilt, served) = tokio::join!(rebuilding, watching);
    rebuilt.unwrap();
    assert!(
        served.len() > 2 && served[..served.len() - 1].iter().all(|forged| *forged == 20),
        "{served:?}"
    );
}

async fn a_rebuild_while_others_append_ends_equal(stage: &Stage) {
    lives(stage, 20).await;
    follow_all(stage).await;
    let appending = async {
        for _ in 0..20 {
            lives(stage, 1).await;
            follow_all(stage).await;
        }
    };
    let rebuilding = async {
        for _ in 0..3 {
            rebuild::rebuild(stage.bench(), CLIPS, None, |_| {})
                .await
                .unwrap();
        }
    };
    tokio::join!(appending, rebuilding);
    follow_all(stage).await;
    assert_eq!(rows(stage).await.len(), 40);
    let verdict = rebuild::verify(stage.bench(), CLIPS, |_| {}).await.unwrap();
    assert_eq!((verdict.events, verdict.difference), (280, None));
}

async fn an_event_that_live_rows_took_stops_a_rebuild_that_cannot(stage: &Stage) {
    lives(stage, 3).await;
    follow_all(stage).await;
    let before = rows(stage).await;
    let stopped = rebuild::rebuild(stage.bench(), MOODY, None, |_| {}).await;
    assert!(
        matches!(stopped, Err(StorageError::Inapplicable { position: 7, .. })),
        "{stopped:?}"
    );
    assert_eq!(rows(stage).await, before, "the old rows go on serving");
    let row = rebuild::list(&stage.db).await.unwrap().remove(0);
    assert!(
        row.error
            .unwrap()
            .starts_with("event 7 (`EncodingCompleted`) cannot be applied")
    );
    assert_eq!(parked::count(&stage.db).await.unwrap(), 0);
    rebuild::rebuild(stage.bench(), CLIPS, None, |_| {})
        .await
        .unwrap();
    assert_eq!(rows(stage).await, before);
}

/// A clip with an event in it that nobody can read.
async fn poisoned(stage: &Stage) -> ClipId {
    let clip = ClipId(Uuid::now_v7());
    tell(stage, clip, 0, &whole_story("bad")[..1]).await;
    let poison = append(&clip.stream(), Expected::Version(1), &[1], "poison");
    stage.clips.append(poison).await.unwrap();
    tell(stage, clip, 2, &whole_story("bad")[1..2]).await;
    clip
}

async fn what_is_skipped_while_rows_are_made_is_skipped_in_them(stage: &Stage) {
    poisoned(stage).await;
    lives(stage, 30).await;
    follow_all(stage).await;
    let slow = rebuild::rebuild(stage.bench(), CLIPS, Some(100.0), |_| {});
    drop(tokio::time::timeout(Duration::from_millis(900), slow).await);
    let now = clipper::clock::Clock::now(&*stage.clock);
    parked::skip(&stage.db, &stage.logs, CLIPS, 2, now)
        .await
        .unwrap()
        .unwrap();
    stage.clock.advance(chrono::TimeDelta::seconds(60));
    rebuild::rebuild(stage.bench(), CLIPS, None, |_| {})
        .await
        .unwrap();
    let parked = parked::list(&stage.db, CLIPS, 0, 10).await.unwrap();
    assert_eq!(
        parked
            .iter()
            .map(|event| (event.position, event.skipped))
            .collect::<Vec<_>>(),
        [(2, true)]
    );
    let verdict = rebuild::verify(stage.bench(), CLIPS, |_| {}).await.unwrap();
    assert_eq!(verdict.difference, None);
}

async fn an_event_that_live_rows_never_came_to_may_be_parked_aside(stage: &Stage) {
    lives(stage, 2).await;
    follow_all(stage).await;
    poisoned(stage).await;
    let newer = Projection {
        version: CLIPS.version + 1,
        ..*CLIPS
    };
    // The live rows are of another version: nobody brings them to the event, and it must not stand in the way.
    rebuild::rebuild(stage.bench(), &newer, None, |_| {})
        .await
        .unwrap();
    let parked = parked::list(&stage.db, &newer, 0, 10).await.unwrap();
    assert_eq!(
        parked.iter().map(|event| event.position).collect::<Vec<_>>(),
        [16, 17]
    );
    assert_eq!(rows(stage).await.len(), 3);
}

async fn rows_of_another_version_are_left_alone(stage: &Stage) {
    lives(stage, 2).await;
    follow_all(stage).await;
    let newer = Projection {
        version: CLIPS.version + 1,
        ..*CLIPS
    };
    lives(stage, 1).await;
    let now = clipper::clock::Clock::now(&*stage.clock);
    let at = follow::checkpoint(&stage.db, CLIPS)
        .await
        .unwrap()
        .unwrap()
        .position;
    let refused = follow::advance(&stage.db, &stage.logs, &newer, at, now).await;
    assert!(
        matches!(refused, Err(StorageError::CheckpointMoved { .. })),
        "{refused:?}"
    );
    rebuild::rebuild(stage.bench(), &newer, None, |_| {})
        .await
        .unwrap();
    let checkpoint = follow::checkpoint(&stage.db, &newer).await.unwrap().unwrap();
    assert_eq!((checkpoint.version, checkpoint.position), (newer.version, 21));
    // Now it is the older program that must leave them alone.
    lives(stage, 1).await;
    let refused = follow::advance(&stage.db, &stage.logs, CLIPS, 21, now).await;
    assert!(
        matches!(refused, Err(StorageError::CheckpointMoved { .. })),
        "{refused:?}"
    );
}

#[derive(sqlx::FromRow)]
struct Count {
    count: i64,
}

/// A rebuild of rows that are as they should be changes none of them: readers and replicas see nothing of it.
async fn what_is_equal_is_not_written_again(stage: &Stage) {
    lives(stage, 5).await;
    follow_all(stage).await;
    let watch: &[&'static str] = match stage.db.product() {
        "SQLite" => &[
            "CREATE TABLE touched (id TEXT)",
            "CREATE TRIGGER touched AFTER UPDATE ON clips BEGIN INSERT INTO touched VALUES (NEW.id); END",
        ],
        _ => &[
            "CREATE TABLE touched (id TEXT)",
            "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ \
             BEGIN INSERT INTO touched VALUES (NEW.id); RETURN NULL; END $$",
            "CREATE TRIGGER touched AFTER UPDATE ON clips FOR EACH ROW EXECUTE FUNCTION touch()",
        ],
    };
    for sql in watch {
        stage.db.execute(&Statement::new(*sql, vec![])).await.unwrap();
    }
    let forged = Statement::new(
        "UPDATE clips SET title = 'Forged' WHERE slug LIKE 'clip3%'",
        vec![],
    );
    stage.db.execute(&forged).await.unwrap();
    rebuild::rebuild(stage.bench(), CLIPS, None, |_| {})
        .await
        .unwrap();
    let touched = Query::<Count>::new("SELECT CAST(COUNT(*) AS BIGINT) AS count FROM touched", vec![]);
    assert_eq!(
        stage.db.optional(touched).await.unwrap().unwrap().count,
        2,
        "forged, and mended"
    );
}

#[derive(sqlx::FromRow)]
struct Named {
    name: String,
}

async fn the_columns_of_a_row_are_those_of_its_table(stage: &Stage) {
    for projection in &PROJECTIONS {
        let sql = match stage.db.product() {
            "SQLite" => "SELECT name FROM pragma_table_info($1)",
            _ => {
                "SELECT CAST(column_name AS TEXT) AS name FROM information_schema.columns WHERE table_name = $1"
            }
        };
        let query = Query::<Named>::new(sql, vec![projection.table.name.into()]);
        let mut there: Vec<_> = stage
            .db
            .all(query)
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.name)
            .collect();
        let mut described: Vec<_> = projection
            .table
            .columns
            .iter()
            .map(|column| column.name.to_owned())
            .collect();
        there.sort();
        described.sort();
        assert_eq!(described, there, "{}", projection.name);
    }
}
