use cqrs_es::test::TestFramework;

use super::*;
use crate::plan::{self, PlanSettings};
use crate::source::{Rejection, RejectionCode};
use crate::{FrameRate, PersonId, Playable, Quality, Run, Segment, Variant};
use chrono::{DateTime, TimeDelta, Utc};

mod captions;
mod deletion;
mod encoding;

type ClipTest = TestFramework<Clip>;

fn registration() -> Registration {
    Registration {
        slug: "amazing-moment".parse().unwrap(),
        title: "Amazing moment".to_owned(),
        owner: PersonId::of_named("ann"),
        visibility: Visibility::Public,
        embed_url: None,
        twitch_clip_url: None,
        source_url: None,
        views: 0,
        created_at: None,
    }
}

fn stored(sha256: &str) -> StoredSource {
    StoredSource {
        object: "c/source/aa".to_owned(),
        bytes: 7,
        sha256: sha256.to_owned(),
        filename: None,
    }
}

fn facts() -> SourceFacts {
    SourceFacts {
        duration_ms: 14_000,
        frames: 420,
        ..plan::tests::source(1280, 720, "30/1")
    }
}

fn work(step: WorkStep) -> ClipCommand {
    work_with(1, step)
}

fn work_with(token: i64, step: WorkStep) -> ClipCommand {
    let held = Held {
        generation: 1,
        unit: 0,
        token,
    };
    ClipCommand::Work { held, step }
}

fn run(quality: Quality, first_segment: u32, count: u32) -> Run {
    let segment = Segment {
        duration_90k: 540_000,
        bytes: 7,
        key_frames: vec![],
    };
    Run {
        quality,
        first_segment,
        segments: vec![segment; count as usize],
        codec: "avc1.4d401e".to_owned(),
    }
}

fn stored_segments(runs: Vec<Run>) -> ClipEvent {
    ClipEvent::SegmentsStored {
        generation: 1,
        unit: 0,
        runs,
    }
}

fn variant(quality: Quality) -> Variant {
    Variant {
        quality,
        width: 854,
        height: 480,
        bitrate: 2_000_000,
        average_bitrate: 1_000_000,
        codec: "avc1.4d401e".to_owned(),
        frame_rate: FrameRate::new(30, 1).unwrap(),
        target_duration: 6,
        segments: vec![],
        copied: false,
        storage_path: format!("c/1/{}", quality.path()),
    }
}

fn store(sha256: &str) -> ClipCommand {
    ClipCommand::StoreSource {
        source: stored(sha256),
        facts: None,
        order: EncodingOrder::fresh(),
    }
}

fn requested() -> Vec<ClipEvent> {
    vec![
        ClipEvent::ClipRegistered(registration()),
        ClipEvent::SourceStored(stored("aa")),
        ClipEvent::EncodingRequested {
            generation: 1,
            qualities: Quality::DEFAULT.to_vec(),
            priority: 5,
            class: EncodingClass::Fresh,
        },
    ]
}

fn started(token: i64) -> ClipEvent {
    ClipEvent::EncodingStarted {
        generation: 1,
        unit: 0,
        token,
        worker: "w".to_owned(),
    }
}

fn planned() -> Vec<ClipEvent> {
    let plan = plan::plan(&facts(), &Quality::DEFAULT, PlanSettings::default()).unwrap();
    let mut events = requested();
    events.extend([
        started(1),
        ClipEvent::SourceProbed(facts()),
        ClipEvent::EncodingPlanned { generation: 1, plan },
    ]);
    events
}

fn ready(quality: Quality) -> ClipEvent {
    ClipEvent::VariantReady {
        generation: 1,
        variant: variant(quality),
    }
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000, 0).unwrap()
}

fn failure(class: FailureClass) -> EncodingFailure {
    EncodingFailure {
        class,
        code: "ffmpeg_failed".to_owned(),
        detail: "it stopped".to_owned(),
    }
}

fn failed(class: FailureClass, retry_at: Option<DateTime<Utc>>) -> ClipEvent {
    ClipEvent::EncodingFailed {
        generation: 1,
        unit: 0,
        token: 1,
        class,
        code: "ffmpeg_failed".to_owned(),
        detail: "it stopped".to_owned(),
        retry_at,
    }
}

#[test]
fn a_clip_is_registered_once_and_repeating_it_is_harmless() {
    let register = || ClipCommand::Register(registration());
    ClipTest::with(())
        .given_no_previous_events()
        .when(register())
        .then_expect_events(vec![ClipEvent::ClipRegistered(registration())]);
    ClipTest::with(())
        .given(vec![ClipEvent::ClipRegistered(registration())])
        .when(register())
        .then_expect_events(vec![]);
}

#[test]
fn another_clip_may_not_take_the_slug() {
    let other = Registration {
        owner: PersonId::of_named("bob"),
        ..registration()
    };
    ClipTest::with(())
        .given(vec![ClipEvent::ClipRegistered(registration())])
        .when(ClipCommand::Register(other))
        .then_expect_error(Refusal::SlugTaken {
            slug: registration().slug,
        });
}

#[test]
fn a_stored_source_asks_for_the_default_ladder() {
    ClipTest::with(())
        .given(vec![ClipEvent::ClipRegistered(registration())])
        .when(store("aa"))
        .then_expect_events(requested().split_off(1));
}

#[test]
fn a_source_needs_a_clip() {
    ClipTest::with(())
        .given_no_previous_events()
        .when(store("aa"))
        .then_expect_error(Refusal::NotRegistered);
}

#[test]
fn the_same_source_again_changes_nothing_and_another_is_refused() {
    ClipTest::with(())
        .given(requested())
        .when(store("aa"))
        .then_expect_events(vec![]);
    ClipTest::with(())
        .given(requested())
        .when(store("bb"))
        .then_expect_error(Refusal::SourceExists);
}

#[test]
fn a_rejected_source_may_be_replaced() {
    let rejection = Rejection {
        code: RejectionCode::NotAVideo,
        detail: "no".to_owned(),
    };
    let mut events = requested();
    events.extend([
        started(1),
        ClipEvent::SourceRejected {
            generation: 1,
            rejection,
        },
    ]);
    let mut expected = requested().split_off(1);
    expected[0] = ClipEvent::SourceStored(stored("bb"));
    expected[1] = ClipEvent::EncodingRequested {
        generation: 2,
        qualities: Quality::DEFAULT.to_vec(),
        priority: 5,
        class: EncodingClass::Fresh,
    };
    ClipTest::with(())
        .given(events)
        .when(store("bb"))
        .then_expect_events(expected);
}
