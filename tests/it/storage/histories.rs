//! Laws that hold for any history: delivered twice is delivered once, rebuilt is live, and pages do not matter.

use chrono::DateTime;
use clipper::clock::Clock;
use clipper::storage::{follow, rebuild};
use clipper_domain::ClipId;
use clipper_domain::clip::{ChangedDetails, ChosenPoster, ClipEvent, Visibility};
use clipper_projections::{PROJECTIONS, Projection};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use uuid::Uuid;

use super::Stage;
use super::projections::{tell, whole_story};
use crate::support::database::Backend;

/// What happens next: an event of some clip's life is recorded, the followers go on, one of them comes late, or a read
/// model is rebuilt.
#[derive(Clone, Debug)]
enum Step {
    Append { clip: usize, events: usize },
    Follow { projection: usize },
    FollowFromBefore { projection: usize, back: i64 },
    Rebuild { projection: usize },
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0..4_usize, 1..4_usize).prop_map(|(clip, events)| Step::Append { clip, events }),
        3 => (0..3_usize).prop_map(|projection| Step::Follow { projection }),
        1 => (0..3_usize, 1..9_i64).prop_map(|(projection, back)| Step::FollowFromBefore { projection, back }),
        1 => (0..3_usize).prop_map(|projection| Step::Rebuild { projection }),
    ];
    proptest::collection::vec(step, 1..40)
}

/// The lives of four clips, in any order that a log may hold, also the strange ones: a life may end in the middle, or
/// begin a second encoding.
struct Lives {
    clips: Vec<(ClipId, Vec<ClipEvent>, i64)>,
}

impl Lives {
    fn new() -> Self {
        let life = |n| {
            let mut events = whole_story(&format!("clip{n}"));
            events.extend(whole_story(&format!("clip{n}")).into_iter().skip(2));
            let purge_after = DateTime::UNIX_EPOCH;
            events.extend([
                ClipEvent::DetailsChanged(ChangedDetails {
                    title: Some("Another title".to_owned()),
                    embed_url: Some(None),
                    ..ChangedDetails::default()
                }),
                ClipEvent::PosterChosen {
                    poster: ChosenPoster {
                        object: "c/poster/p.jpg".to_owned(),
                        sha256: "aa".to_owned(),
                        bytes: 7,
                        width: 640,
                        height: 360,
                        at_ms: Some(1_500),
                    },
                    replaced: None,
                },
                ClipEvent::VisibilityChanged {
                    visibility: Visibility::Private,
                },
                ClipEvent::ClipDeleted { purge_after },
                ClipEvent::ClipRestored {},
                ClipEvent::ClipDeleted { purge_after },
                ClipEvent::PurgeStarted {},
                ClipEvent::MediaPurged { objects: 2, bytes: 7 },
            ]);
            (ClipId(Uuid::from_u128(n)), events, 0)
        };
        Self {
            clips: (1..5).map(life).collect(),
        }
    }
}

async fn play(stage: &Stage, steps: &[Step]) -> Result<(), TestCaseError> {
    let mut lives = Lives::new();
    for step in steps {
        match step {
            Step::Append { clip, events } => {
                let (id, life, told) = &mut lives.clips[*clip];
                let next: Vec<_> = life.drain(..(*events).min(life.len())).collect();
                if !next.is_empty() {
                    tell(stage, *id, *told, &next).await;
                    *told += i64::try_from(next.len()).unwrap();
                }
            }
            Step::Follow { projection } => follow_from(stage, &PROJECTIONS[*projection], 0).await,
            Step::FollowFromBefore { projection, back } => {
                follow_from(stage, &PROJECTIONS[*projection], *back).await;
            }
            Step::Rebuild { projection } => {
                rebuild::rebuild(stage.bench(), &PROJECTIONS[*projection], None, |_| {})
                    .await
                    .unwrap();
            }
        }
    }
    for projection in &PROJECTIONS[..3] {
        follow_from(stage, projection, 0).await;
        let verdict = rebuild::verify(stage.bench(), projection, |_| {}).await.unwrap();
        prop_assert_eq!(verdict.difference, None, "{}", projection.name);
    }
    Ok(())
}

/// A follower that believes in an older checkpoint delivers events again; nothing may come of it.
async fn follow_from(stage: &Stage, projection: &Projection, back: i64) {
    let now = stage.clock.now();
    let checkpoint = follow::begin(&stage.db, projection, now).await.unwrap();
    let from = (checkpoint.position - back).max(0);
    let outcome = follow::advance(&stage.db, &stage.logs, projection, from, now).await;
    if from == checkpoint.position {
        outcome.unwrap();
    }
}

fn every_history(backend: Backend, cases: u32) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mut runner = TestRunner::new(Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    });
    let outcome = runner.run(&steps(), |steps| {
        runtime.block_on(async {
            let stage = Stage::set(backend).await;
            let verdict = play(&stage, &steps).await;
            stage.strike().await;
            verdict
        })
    });
    outcome.unwrap();
}

#[test]
fn rebuilt_equals_live_for_any_history_on_sqlite() {
    every_history(Backend::Sqlite, 32);
}

#[test]
fn rebuilt_equals_live_for_any_history_on_postgres() {
    every_history(Backend::Postgres, 12);
}
