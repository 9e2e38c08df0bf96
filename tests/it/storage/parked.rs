//! A poisoned event does not stop the world: it waits with its stream, is tried again, or passed over for good.

use clipper::clock::Clock;
use clipper::storage::parked::{self, Retried};
use clipper::storage::{Expected, rebuild};
use clipper_domain::ClipId;
use clipper_domain::clip::ClipEvent;
use clipper_projections::{PROJECTIONS, Projection, Statement, clips};
use uuid::Uuid;

use super::projections::{follow_all, registered, tell, whole_story};
use super::{Stage, append, suite};

suite!(
    a_parked_event_says_why_and_its_stream_waits,
    a_parked_event_is_tried_again_with_its_stream,
    a_skipped_event_is_passed_over_also_in_a_rebuild,
    a_row_that_the_table_refuses_is_parked_alone,
    what_is_not_parked_is_neither_tried_again_nor_skipped,
);

const CLIPS: &Projection = &PROJECTIONS[0];

/// A clip with an unreadable event in the middle of its life.
async fn poisoned(stage: &Stage) -> ClipId {
    let clip = ClipId(Uuid::now_v7());
    tell(stage, clip, 0, &[registered("bad")]).await;
    stage
        .clips
        .append(append(&clip.stream(), Expected::Version(1), &[1], "poison"))
        .await
        .unwrap();
    let started = ClipEvent::EncodingStarted {
        generation: 1,
        unit: 0,
        token: 1,
        worker: "w".to_owned(),
    };
    tell(stage, clip, 2, &[started]).await;
    follow_all(stage).await;
    clip
}

async fn state_of(stage: &Stage, clip: ClipId) -> String {
    stage
        .db
        .optional(clips::by_id(clip))
        .await
        .unwrap()
        .unwrap()
        .encoding_state
}

async fn a_parked_event_says_why_and_its_stream_waits(stage: &Stage) {
    let clip = poisoned(stage).await;
    let parked = parked::list(&stage.db, CLIPS, 0, 10).await.unwrap();
    assert_eq!(
        parked.iter().map(|event| event.position).collect::<Vec<_>>(),
        [2, 3]
    );
    assert_eq!(
        (
            parked[0].event_type.as_str(),
            parked[0].attempts,
            parked[0].skipped
        ),
        ("Counted", 1, false)
    );
    assert_eq!(
        parked[0].error,
        "event 2 (`Counted`) cannot be applied: `Counted` in schema version 1 is not known to this program"
    );
    assert_eq!(
        parked[1].error,
        format!("an earlier event of `{}` is parked", clip.stream())
    );
    // What comes later of the stream is parked at once.
    tell(
        stage,
        clip,
        3,
        &[ClipEvent::EncodingStarted {
            generation: 1,
            unit: 0,
            token: 2,
            worker: "w".to_owned(),
        }],
    )
    .await;
    follow_all(stage).await;
    assert_eq!(parked::list(&stage.db, CLIPS, 3, 10).await.unwrap().len(), 1);
    assert_eq!(state_of(stage, clip).await, "awaiting_source");
}

async fn a_parked_event_is_tried_again_with_its_stream(stage: &Stage) {
    let clip = poisoned(stage).await;
    let now = stage.clock.now();
    let again = parked::retry(&stage.db, &stage.logs, CLIPS, 2, now)
        .await
        .unwrap();
    assert_eq!(
        again,
        Some(Retried {
            applied: 0,
            parked: 2
        }),
        "it still cannot be read"
    );
    assert_eq!(parked::list(&stage.db, CLIPS, 0, 1).await.unwrap()[0].attempts, 2);

    // A program that knows the event would find it readable; here it is the event that becomes readable.
    for sql in match stage.db.product() {
        "SQLite" => ["DROP TRIGGER clip_events_are_final", MEND],
        _ => ["DROP TRIGGER clip_events_are_final ON clip_events", MEND],
    } {
        stage.db.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
    let again = parked::retry(&stage.db, &stage.logs, CLIPS, 3, now)
        .await
        .unwrap();
    assert_eq!(
        again,
        Some(Retried {
            applied: 2,
            parked: 0
        }),
        "whichever of the stream is named"
    );
    assert_eq!(parked::list(&stage.db, CLIPS, 0, 10).await.unwrap(), []);
    assert_eq!(state_of(stage, clip).await, "encoding");
    let verdict = rebuild::verify(stage.bench(), CLIPS, |_| {}).await.unwrap();
    assert_eq!(verdict.difference, None);
}

const MEND: &str = "UPDATE clip_events SET event_type = 'EncodingRequested', \
    payload = '{\"generation\":1,\"qualities\":[\"480p\"],\"priority\":5,\"class\":\"fresh\"}' WHERE position = 2";

async fn a_skipped_event_is_passed_over_also_in_a_rebuild(stage: &Stage) {
    let clip = poisoned(stage).await;
    let skipped = parked::skip(&stage.db, &stage.logs, CLIPS, 2, stage.clock.now())
        .await
        .unwrap();
    assert_eq!(
        skipped,
        Some(Retried {
            applied: 1,
            parked: 0
        })
    );
    assert_eq!(state_of(stage, clip).await, "encoding");
    rebuild::rebuild(stage.bench(), CLIPS, None, |_| {})
        .await
        .unwrap();
    assert_eq!(state_of(stage, clip).await, "encoding");
    let list = parked::list(&stage.db, CLIPS, 0, 10).await.unwrap();
    assert_eq!(
        list.iter()
            .map(|event| (event.position, event.skipped))
            .collect::<Vec<_>>(),
        [(2, true)]
    );
    assert_eq!(
        parked::count(&stage.db).await.unwrap(),
        8,
        "the other four read models of the clip log still wait"
    );
}

async fn a_row_that_the_table_refuses_is_parked_alone(stage: &Stage) {
    let refuse = match stage.db.product() {
        "SQLite" => vec![
            "CREATE TRIGGER refuse BEFORE INSERT ON clips WHEN NEW.slug = 'bad' \
             BEGIN SELECT RAISE(ABORT, 'no such slug here'); END",
        ],
        _ => vec!["ALTER TABLE clips ADD CONSTRAINT refuse CHECK (slug <> 'bad')"],
    };
    for sql in refuse {
        stage.db.execute(&Statement::new(sql, vec![])).await.unwrap();
    }
    let (bad, good) = (ClipId(Uuid::now_v7()), ClipId(Uuid::now_v7()));
    tell(stage, bad, 0, &whole_story("bad")).await;
    tell(stage, good, 0, &whole_story("good")).await;
    follow_all(stage).await;
    assert_eq!(state_of(stage, good).await, "completed");
    assert!(stage.db.optional(clips::by_id(bad)).await.unwrap().is_none());
    let parked = parked::list(&stage.db, CLIPS, 0, 10).await.unwrap();
    assert_eq!(parked.len(), 7);
    assert!(
        parked[0].error.contains("the database refuses it"),
        "{}",
        parked[0].error
    );
    assert!(
        parked[6].error.contains("an earlier event"),
        "{}",
        parked[6].error
    );
}

async fn what_is_not_parked_is_neither_tried_again_nor_skipped(stage: &Stage) {
    poisoned(stage).await;
    let now = stage.clock.now();
    assert_eq!(
        parked::retry(&stage.db, &stage.logs, CLIPS, 1, now)
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        parked::skip(&stage.db, &stage.logs, CLIPS, 99, now)
            .await
            .unwrap(),
        None
    );
}
