//! Plans, units, leases, rungs and failures.

use super::*;

#[test]
fn the_probe_leads_to_a_plan() {
    let mut events = requested();
    events.push(started(1));
    ClipTest::with(())
        .given(events)
        .when(work(WorkStep::RecordProbe {
            facts: Box::new(facts()),
            settings: PlanSettings::default(),
        }))
        .then_expect_events(planned().split_off(4));
}

#[test]
fn a_later_token_takes_over_and_an_earlier_one_is_fenced_off() {
    let take_over = |token| {
        work_with(
            token,
            WorkStep::Start {
                worker: "w".to_owned(),
            },
        )
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
        .when(work(WorkStep::PublishVariant(variant(Quality::P480))))
        .then_expect_error(Refusal::LeaseLost { token: 1, current: 2 });
}

#[test]
fn a_rung_is_published_once_and_only_if_planned() {
    let publish = |quality| work(WorkStep::PublishVariant(variant(quality)));
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
fn the_first_segment_of_a_rung_makes_it_playable_once() {
    let record = |first| {
        work(WorkStep::RecordSegments {
            runs: vec![run(Quality::P480, first, 1)],
            folder: "c/1".to_owned(),
        })
    };
    let playable = ClipEvent::VariantPlayable {
        generation: 1,
        variant: Playable {
            quality: Quality::P480,
            width: 854,
            height: 480,
            codec: "avc1.4d401e".to_owned(),
            frame_rate: FrameRate::new(30, 1).unwrap(),
            target_duration: 6,
            copied: false,
            storage_path: "c/1/480p".to_owned(),
        },
    };
    let stored = |first| stored_segments(vec![run(Quality::P480, first, 1)]);
    ClipTest::with(())
        .given(planned())
        .when(record(0))
        .then_expect_events(vec![playable, stored(0)]);
    let mut events = planned();
    events.push(stored(0));
    for first in [0, 1] {
        ClipTest::with(())
            .given(events.clone())
            .when(record(first))
            .then_expect_events(vec![stored(first)]);
    }
    ClipTest::with(())
        .given(planned())
        .when(work(WorkStep::RecordSegments {
            runs: vec![run(Quality::K4, 0, 1)],
            folder: String::new(),
        }))
        .then_expect_error(Refusal::NotPlanned { quality: Quality::K4 });
}

#[test]
fn a_unit_is_done_when_every_rung_has_its_segments() {
    let mut events = planned();
    events.push(stored_segments(vec![
        run(Quality::P480, 0, 3),
        run(Quality::P720, 0, 2),
    ]));
    ClipTest::with(())
        .given(events.clone())
        .when(work(WorkStep::CompleteUnit))
        .then_expect_error(Refusal::Unfinished {
            missing: vec![Quality::P720],
        });
    events.push(stored_segments(vec![run(Quality::P720, 2, 1)]));
    let done = ClipEvent::UnitEncoded {
        generation: 1,
        unit: 0,
        token: 1,
    };
    ClipTest::with(())
        .given(events.clone())
        .when(work(WorkStep::CompleteUnit))
        .then_expect_events(vec![done.clone()]);
    events.push(done);
    ClipTest::with(())
        .given(events)
        .when(work_with(
            2,
            WorkStep::Start {
                worker: "w".to_owned(),
            },
        ))
        .then_expect_error(Refusal::UnitDone { unit: 0 });
}

/// Every segment of both rungs is stored and the only range is done.
fn encoded() -> Vec<ClipEvent> {
    let mut events = planned();
    events.push(stored_segments(vec![
        run(Quality::P480, 0, 3),
        run(Quality::P720, 0, 3),
    ]));
    events.push(ClipEvent::UnitEncoded {
        generation: 1,
        unit: 0,
        token: 1,
    });
    events
}

#[test]
fn a_copy_that_is_not_valid_leads_to_a_generation_without_copies() {
    let keys = (0..420).step_by(30).collect();
    let compliant = SourceFacts {
        key_frames: keys,
        ..facts()
    };
    let record = |generation| ClipCommand::Work {
        held: Held {
            generation,
            unit: 0,
            token: 1,
        },
        step: WorkStep::RecordProbe {
            facts: Box::new(compliant.clone()),
            settings: PlanSettings::default(),
        },
    };
    let mut events = requested();
    events.push(started(1));
    let mut clip = Clip::default();
    let apply = |clip: &mut Clip, events: Vec<ClipEvent>| {
        for event in events {
            clip.apply(event);
        }
    };
    apply(&mut clip, events);
    let planned = clip.decide(record(1)).unwrap();
    apply(&mut clip, planned);
    assert!(clip.encoding().unwrap().plan.as_ref().unwrap().rungs[1].copied);

    let abandoned = clip
        .decide(work(WorkStep::AbandonCopy {
            quality: Quality::P720,
            reason: "open GOP".to_owned(),
        }))
        .unwrap();
    assert!(matches!(
        abandoned[1],
        ClipEvent::EncodingRequested { generation: 2, .. }
    ));
    apply(&mut clip, abandoned);
    let again = ClipEvent::EncodingStarted {
        generation: 2,
        unit: 0,
        token: 1,
        worker: "w".to_owned(),
    };
    apply(&mut clip, vec![again]);
    let planned = clip.decide(record(2)).unwrap();
    apply(&mut clip, planned);
    let plan = clip.encoding().unwrap().plan.clone().unwrap();
    assert_eq!(plan.not_copied, [CopyObstacle::Invalid]);
}

#[test]
fn an_encoding_is_finished_only_when_no_rung_is_missing() {
    let finish = || work(WorkStep::Finish);
    let mut events = encoded();
    events.push(ready(Quality::P480));
    ClipTest::with(())
        .given(events.clone())
        .when(finish())
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
        .when(finish())
        .then_expect_events(vec![completed()]);
}

fn completed() -> ClipEvent {
    ClipEvent::EncodingCompleted {
        generation: 1,
        qualities: vec![Quality::P480],
        failed: vec![Quality::P720],
    }
}

#[test]
fn a_clip_is_encoded_again_when_nothing_is_under_way() {
    let order = EncodingOrder {
        qualities: vec![Quality::P720],
        priority: 3,
        class: EncodingClass::Reencode,
    };
    ClipTest::with(())
        .given(planned())
        .when(ClipCommand::RequestEncoding(order.clone()))
        .then_expect_error(Refusal::EncodingUnderWay { generation: 1 });
    let mut events = encoded();
    events.push(completed());
    ClipTest::with(())
        .given(events)
        .when(ClipCommand::RequestEncoding(order))
        .then_expect_events(vec![ClipEvent::EncodingRequested {
            generation: 2,
            qualities: vec![Quality::P720],
            priority: 3,
            class: EncodingClass::Reencode,
        }]);
}

#[test]
fn a_cancelled_encoding_takes_no_more_work_and_cancelling_again_changes_nothing() {
    let cancelled = ClipEvent::EncodingCancelled { generation: 1 };
    ClipTest::with(())
        .given(planned())
        .when(ClipCommand::CancelEncoding)
        .then_expect_events(vec![cancelled.clone()]);
    let mut events = planned();
    events.push(cancelled);
    ClipTest::with(())
        .given(events.clone())
        .when(ClipCommand::CancelEncoding)
        .then_expect_events(vec![]);
    ClipTest::with(())
        .given(events)
        .when(work(WorkStep::CompleteUnit))
        .then_expect_error(Refusal::EncodingEnded { generation: 1 });
}

#[test]
fn our_faults_are_tried_again_later_and_given_up_in_the_end() {
    let fail = |class| {
        work(WorkStep::Fail {
            failure: failure(class),
            at: noon(),
        })
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
fn a_unit_that_lacked_something_takes_less_from_then_on() {
    let after_failing = |class| {
        let mut clip = Clip::default();
        for event in planned() {
            clip.apply(event);
        }
        clip.apply(failed(class, Some(noon())));
        // A failure of another kind in between does not make it large again.
        clip.apply(failed(FailureClass::Ours, Some(noon())));
        let unit = clip.encoding().unwrap().unit(0);
        (unit.starved, unit.failures)
    };
    assert_eq!(after_failing(FailureClass::Resource), (true, 2));
    assert_eq!(after_failing(FailureClass::Ours), (false, 2));
}

#[test]
fn an_ended_encoding_takes_no_more_commands() {
    let mut events = planned();
    events.push(failed(FailureClass::Content, None));
    ClipTest::with(())
        .given(events)
        .when(work_with(
            9,
            WorkStep::Start {
                worker: "w".to_owned(),
            },
        ))
        .then_expect_error(Refusal::EncodingEnded { generation: 1 });
}

#[test]
fn a_rung_that_is_left_out_is_missed_by_nobody() {
    let skipped = ClipEvent::VariantSkipped {
        generation: 1,
        quality: Quality::P720,
    };
    let skip = || {
        work(WorkStep::SkipVariant {
            quality: Quality::P720,
        })
    };
    ClipTest::with(())
        .given(planned())
        .when(skip())
        .then_expect_events(vec![skipped.clone()]);
    // What can be played already stays.
    let mut playing = planned();
    playing.push(stored_segments(vec![run(Quality::P720, 0, 1)]));
    ClipTest::with(())
        .given(playing)
        .when(skip())
        .then_expect_events(vec![]);
    let mut events = planned();
    events.push(skipped);
    let mut clip = Clip::default();
    for event in events {
        clip.apply(event);
    }
    let encoding = clip.encoding().unwrap();
    let standing: Vec<_> = encoding.standing_rungs().map(|rung| rung.quality).collect();
    assert_eq!(
        (standing, encoding.missing()),
        (vec![Quality::P480], vec![Quality::P480])
    );
}
