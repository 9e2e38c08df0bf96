use chrono::{DateTime, TimeDelta, Utc};
use cqrs_es::test::TestFramework;

use super::*;
use crate::{FrameRate, PersonId};

type ClipTest = TestFramework<Clip>;

fn registration() -> Registration {
    Registration {
        slug: "amazing-moment".parse().unwrap(),
        title: "Amazing moment".to_owned(),
        owner: PersonId::of_named("ann"),
        visibility: Visibility::Public,
        embed_url: None,
        twitch_clip_url: None,
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
        container: "mov".to_owned(),
        video_stream: 0,
        video_codec: "h264".to_owned(),
        coded_width: 1280,
        coded_height: 720,
        sample_aspect: (1, 1),
        quarter_turned: false,
        frame_rate: FrameRate::new(30, 1).unwrap(),
        duration_ms: 10_000,
        interlaced: false,
        pixel_format: "yuv420p".to_owned(),
        transfer: None,
        audio: None,
        bitrate: 1_000_000,
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
        .when(ClipCommand::StoreSource(stored("aa")))
        .then_expect_events(requested().split_off(1));
}

#[test]
fn a_source_needs_a_clip() {
    ClipTest::with(())
        .given_no_previous_events()
        .when(ClipCommand::StoreSource(stored("aa")))
        .then_expect_error(Refusal::NotRegistered);
}

#[test]
fn the_same_source_again_changes_nothing_and_another_is_refused() {
    ClipTest::with(())
        .given(requested())
        .when(ClipCommand::StoreSource(stored("aa")))
        .then_expect_events(vec![]);
    ClipTest::with(())
        .given(requested())
        .when(ClipCommand::StoreSource(stored("bb")))
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
        .when(ClipCommand::StoreSource(stored("bb")))
        .then_expect_events(expected);
}

#[test]
fn the_probe_leads_to_a_plan() {
    let mut events = requested();
    events.push(started(1));
    ClipTest::with(())
        .given(events)
        .when(ClipCommand::RecordProbe {
            generation: 1,
            token: 1,
            facts: facts(),
            settings: PlanSettings::default(),
        })
        .then_expect_events(planned().split_off(4));
}

#[test]
fn a_later_token_takes_over_and_an_earlier_one_is_fenced_off() {
    let take_over = |token| ClipCommand::StartEncoding {
        generation: 1,
        token,
        worker: "w".to_owned(),
    };
    ClipTest::with(())
        .given(planned())
        .when(take_over(2))
        .then_expect_events(vec![started(2)]);
    ClipTest::with(())
        .given(planned())
        .when(take_over(1))
        .then_expect_events(vec![]);

    let mut taken_over = planned();
    taken_over.push(started(2));
    ClipTest::with(())
        .given(taken_over)
        .when(ClipCommand::PublishVariant {
            generation: 1,
            token: 1,
            variant: variant(Quality::P480),
        })
        .then_expect_error(Refusal::LeaseLost { token: 1, current: 2 });
}

#[test]
fn a_rung_is_published_once_and_only_if_planned() {
    let publish = |quality| ClipCommand::PublishVariant {
        generation: 1,
        token: 1,
        variant: variant(quality),
    };
    ClipTest::with(())
        .given(planned())
        .when(publish(Quality::P480))
        .then_expect_events(vec![ready(Quality::P480)]);
    let mut events = planned();
    events.push(ready(Quality::P480));
    ClipTest::with(())
        .given(events)
        .when(publish(Quality::P480))
        .then_expect_events(vec![]);
    ClipTest::with(())
        .given(planned())
        .when(publish(Quality::P1080))
        .then_expect_error(Refusal::NotPlanned {
            quality: Quality::P1080,
        });
}

#[test]
fn an_encoding_is_finished_only_when_no_rung_is_missing() {
    let mut events = planned();
    events.push(ready(Quality::P480));
    ClipTest::with(())
        .given(events.clone())
        .when(ClipCommand::FinishEncoding {
            generation: 1,
            token: 1,
        })
        .then_expect_error(Refusal::Unfinished {
            missing: vec![Quality::P720],
        });

    events.push(ClipEvent::VariantFailed {
        generation: 1,
        quality: Quality::P720,
        reason: "invalid".to_owned(),
    });
    ClipTest::with(())
        .given(events)
        .when(ClipCommand::FinishEncoding {
            generation: 1,
            token: 1,
        })
        .then_expect_events(vec![ClipEvent::EncodingCompleted {
            generation: 1,
            qualities: vec![Quality::P480],
            failed: vec![Quality::P720],
        }]);
}

#[test]
fn our_faults_are_tried_again_later_and_given_up_in_the_end() {
    let fail = |class| ClipCommand::FailEncoding {
        generation: 1,
        token: 1,
        failure: failure(class),
        at: noon(),
    };
    let after = |seconds| Some(noon() + TimeDelta::seconds(seconds));
    ClipTest::with(())
        .given(planned())
        .when(fail(FailureClass::Ours))
        .then_expect_events(vec![failed(FailureClass::Ours, after(2))]);
    ClipTest::with(())
        .given(planned())
        .when(fail(FailureClass::Content))
        .then_expect_events(vec![failed(FailureClass::Content, None)]);

    let mut tired = planned();
    for _ in 1..MAX_ATTEMPTS {
        tired.push(failed(FailureClass::Ours, after(2)));
    }
    ClipTest::with(())
        .given(tired)
        .when(fail(FailureClass::Ours))
        .then_expect_events(vec![failed(FailureClass::Ours, None)]);
}

#[test]
fn an_ended_encoding_takes_no_more_commands() {
    let mut events = planned();
    events.push(failed(FailureClass::Content, None));
    ClipTest::with(())
        .given(events)
        .when(ClipCommand::StartEncoding {
            generation: 1,
            token: 9,
            worker: "w".to_owned(),
        })
        .then_expect_error(Refusal::EncodingEnded { generation: 1 });
}
