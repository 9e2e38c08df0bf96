//! What is told of a clip, and its end.

use super::*;

fn registered() -> ClipEvent {
    ClipEvent::ClipRegistered(registration())
}

fn titled(title: &str) -> ChangedDetails {
    ChangedDetails {
        title: Some(title.to_owned()),
        ..ChangedDetails::default()
    }
}

fn change(details: ChangedDetails, seen: Option<u32>) -> ClipCommand {
    ClipCommand::ChangeDetails {
        details,
        visibility: None,
        seen,
    }
}

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
}

fn deleted() -> ClipEvent {
    ClipEvent::ClipDeleted { purge_after: at(60) }
}

fn given(events: impl IntoIterator<Item = ClipEvent>) -> cqrs_es::test::AggregateTestExecutor<Clip> {
    ClipTest::with(()).given(events.into_iter().collect())
}

#[test]
fn only_what_is_different_is_a_fact() {
    let wanted = ChangedDetails {
        title: Some("Amazing moment".to_owned()),
        description: Some(Some("Look".to_owned())),
        embed_url: Some(None),
        twitch_clip_url: None,
    };
    let changed = ChangedDetails {
        description: Some(Some("Look".to_owned())),
        ..ChangedDetails::default()
    };
    let command = ClipCommand::ChangeDetails {
        details: wanted,
        visibility: Some(Visibility::Private),
        seen: Some(1),
    };
    let events = vec![
        ClipEvent::DetailsChanged(changed),
        ClipEvent::VisibilityChanged {
            visibility: Visibility::Private,
        },
    ];
    given([registered()])
        .when(command.clone())
        .then_expect_events(events.clone());
    let after = [registered()].into_iter().chain(events);
    given(after.clone())
        .when(command)
        .then_expect_error(Refusal::Outdated { seen: 1, current: 3 });
    given(after)
        .when(change(titled("Amazing moment"), Some(3)))
        .then_expect_events(vec![]);
    // The registration stays what it was: repeating it is harmless, whatever the clip is called by now.
    given([registered(), ClipEvent::DetailsChanged(titled("B"))])
        .when(ClipCommand::Register(registration()))
        .then_expect_events(vec![]);
}

#[test]
fn a_deleted_clip_takes_nothing_and_comes_back_as_it_was() {
    for refused in [
        change(titled("B"), None),
        store("aa"),
        ClipCommand::RequestEncoding(EncodingOrder::fresh()),
    ] {
        given([registered(), deleted()])
            .when(refused)
            .then_expect_error(Refusal::Deleted);
    }
    given([registered(), deleted()])
        .when(ClipCommand::Register(registration()))
        .then_expect_error(Refusal::SlugTaken {
            slug: registration().slug,
        });
    given([registered(), deleted()])
        .when(ClipCommand::Restore)
        .then_expect_events(vec![ClipEvent::ClipRestored {}]);
    given([registered(), deleted(), ClipEvent::ClipRestored {}])
        .when(change(titled("B"), None))
        .then_expect_events(vec![ClipEvent::DetailsChanged(titled("B"))]);
    let again = ClipCommand::Delete { purge_after: at(99) };
    given([registered(), deleted()])
        .when(again)
        .then_expect_events(vec![]);
}

#[test]
fn what_a_deletion_stops_begins_anew_when_it_is_taken_back() {
    let stopped = ClipEvent::EncodingCancelled { generation: 1 };
    given(requested())
        .when(ClipCommand::Delete { purge_after: at(60) })
        .then_expect_events(vec![deleted(), stopped.clone()]);
    let order = EncodingOrder::fresh();
    let after = requested().into_iter().chain([deleted(), stopped.clone()]);
    given(after)
        .when(ClipCommand::Restore)
        .then_expect_events(vec![ClipEvent::ClipRestored {}, Encoding::next(1, order)]);
    // What somebody had stopped before stays stopped.
    let after = requested().into_iter().chain([stopped, deleted()]);
    given(after)
        .when(ClipCommand::Restore)
        .then_expect_events(vec![ClipEvent::ClipRestored {}]);
}

#[test]
fn media_goes_once_nobody_may_want_it_back_and_never_comes_back() {
    let purge = |at| ClipCommand::StartPurge { at };
    given([registered()])
        .when(purge(None))
        .then_expect_error(Refusal::NotDeleted);
    given([registered(), deleted()])
        .when(purge(Some(at(59))))
        .then_expect_error(Refusal::Restorable { until: at(60) });
    for due in [purge(Some(at(60))), purge(None)] {
        given([registered(), deleted()])
            .when(due)
            .then_expect_events(vec![ClipEvent::PurgeStarted {}]);
    }
    let started = [registered(), deleted(), ClipEvent::PurgeStarted {}];
    let finish = ClipCommand::FinishPurge { objects: 2, bytes: 7 };
    let purged = ClipEvent::MediaPurged { objects: 2, bytes: 7 };
    given(started.clone())
        .when(ClipCommand::Restore)
        .then_expect_error(Refusal::Purged);
    // Whoever began may have died: another begins again.
    given(started.clone())
        .when(purge(Some(at(99))))
        .then_expect_events(vec![]);
    given(started.clone())
        .when(finish.clone())
        .then_expect_events(vec![purged.clone()]);
    given(started.into_iter().chain([purged]))
        .when(finish.clone())
        .then_expect_events(vec![]);
    given([registered(), deleted()])
        .when(finish)
        .then_expect_error(Refusal::NotDeleted);
}
