use chrono::TimeDelta;
use clipper::clock::{Clock, ManualClock, SystemClock};
use clipper::shutdown::Shutdown;
use clipper::storage::news::News;
use clipper::storage::{Expected, Log, leases};
use futures_util::future::join_all;

use super::{Stage, append, suite};

suite!(
    a_lease_has_one_winner,
    a_lease_that_ran_out_is_taken_over_with_a_higher_token,
    a_lease_that_was_given_back_is_free_at_once,
    a_token_is_higher_than_what_events_tell,
    a_lease_that_is_seized_is_lost_by_its_holder,
    other_processes_hear_of_an_append,
    a_node_whose_clock_is_wrong_takes_nothing_and_loses_nothing,
    a_lease_from_before_the_clock_was_set_back_is_free,
    leases_that_ran_out_long_ago_are_forgotten,
);

const LENGTH: TimeDelta = TimeDelta::seconds(10);

async fn a_lease_has_one_winner(stage: &Stage) {
    let now = stage.clock.now();
    let takers = (0..8).map(|n| {
        let db = stage.db.clone();
        async move {
            leases::take(&db, "unit", &format!("w{n}"), 0, (now, now + LENGTH))
                .await
                .unwrap()
        }
    });
    assert_eq!(join_all(takers).await.iter().flatten().count(), 1);
}

async fn a_lease_that_ran_out_is_taken_over_with_a_higher_token(stage: &Stage) {
    let now = stage.clock.now();
    let first = leases::take(&stage.db, "unit", "a", 0, (now, now + LENGTH))
        .await
        .unwrap()
        .unwrap();
    assert!(leases::renew(&stage.db, &first, 0.5, now + LENGTH).await.unwrap());

    stage.clock.advance(LENGTH);
    let later = stage.clock.now();
    let second = leases::take(&stage.db, "unit", "b", 0, (later, later + LENGTH))
        .await
        .unwrap()
        .unwrap();
    assert_eq!((first.token, second.token), (1, 2));
    assert!(
        !leases::renew(&stage.db, &first, 0.9, later + LENGTH)
            .await
            .unwrap(),
        "the first holder has lost it"
    );
}

async fn a_lease_that_was_given_back_is_free_at_once(stage: &Stage) {
    let now = stage.clock.now();
    let first = leases::take(&stage.db, "unit", "a", 0, (now, now + LENGTH))
        .await
        .unwrap()
        .unwrap();
    leases::give_back(&stage.db, &first, now).await.unwrap();
    let second = leases::take(&stage.db, "unit", "b", 0, (now, now + LENGTH))
        .await
        .unwrap()
        .unwrap();
    assert!(second.token > first.token);
}

async fn a_token_is_higher_than_what_events_tell(stage: &Stage) {
    let now = stage.clock.now();
    let lease = leases::take(&stage.db, "unit", "a", 41, (now, now + LENGTH))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(lease.token, 42);
}

/// PostgreSQL tells other processes what was appended; SQLite is asked.
async fn other_processes_hear_of_an_append(stage: &Stage) {
    if stage.db.product() == "SQLite" {
        return;
    }
    let shutdown = Shutdown::new();
    let news = News::listen(&stage.db, &shutdown);
    let (mut clip, mut playback) = (news.appended(Log::Clip), news.appended(Log::Playback));
    // The first change is that it hears at all.
    clip.changed().await.unwrap();
    playback.changed().await.unwrap();
    let writer = stage.another_writer();
    writer
        .append(append("clip-a", Expected::Version(0), &[1], "c"))
        .await
        .unwrap();
    let heard = tokio::time::timeout(std::time::Duration::from_secs(5), clip.changed()).await;
    assert!(heard.is_ok());
    assert!(!playback.has_changed().unwrap(), "the other log did not grow");
    shutdown.abandon().await;
}

async fn a_lease_that_is_seized_is_lost_by_its_holder(stage: &Stage) {
    let now = stage.clock.now();
    let old = leases::seize(&stage.db, "unit", "old", now + LENGTH)
        .await
        .unwrap();
    let new = leases::seize(&stage.db, "unit", "new", now + LENGTH)
        .await
        .unwrap();
    assert!(new.token > old.token);
    assert!(!leases::renew(&stage.db, &old, 0.0, now + LENGTH).await.unwrap());
    assert!(leases::renew(&stage.db, &new, 0.0, now + LENGTH).await.unwrap());
    assert_eq!(
        leases::holder(&stage.db, "unit").await.unwrap().as_deref(),
        Some("new")
    );
    let late = leases::take(&stage.db, "unit", "old", 0, (now, now + LENGTH))
        .await
        .unwrap();
    assert_eq!(late, None);
}

/// Nodes that share a server reckon by the server's clock; those that share a file are on one machine.
async fn a_node_whose_clock_is_wrong_takes_nothing_and_loses_nothing(stage: &Stage) {
    if stage.db.product() == "SQLite" {
        assert_eq!(stage.db.now(&*stage.clock).await.unwrap(), stage.clock.now());
        return;
    }
    let hour = TimeDelta::hours(1);
    let truth = SystemClock.now();
    let (behind, ahead) = (ManualClock::new(truth - hour), ManualClock::new(truth + hour));
    let now = stage.db.now(&behind).await.unwrap();
    let held = leases::take(&stage.db, "unit", "behind", 0, (now, now + LENGTH))
        .await
        .unwrap()
        .unwrap();
    let now = stage.db.now(&ahead).await.unwrap();
    let stolen = leases::take(&stage.db, "unit", "ahead", 0, (now, now + LENGTH));
    assert_eq!(stolen.await.unwrap(), None, "it has not run out");
    assert!(leases::is_held(&stage.db, "unit", now).await.unwrap());
    assert!(leases::is_ours(&stage.db, &held).await.unwrap());
}

async fn a_lease_from_before_the_clock_was_set_back_is_free(stage: &Stage) {
    let before = stage.clock.now();
    let late = before + TimeDelta::hours(1);
    let old = leases::take(&stage.db, "unit", "old", 0, (late, late + LENGTH))
        .await
        .unwrap()
        .unwrap();
    let new = leases::take(&stage.db, "unit", "new", 0, (before, before + LENGTH))
        .await
        .unwrap()
        .unwrap();
    assert!(new.token > old.token, "what the old holder says is refused");
    assert!(!leases::is_ours(&stage.db, &old).await.unwrap());
}

async fn leases_that_ran_out_long_ago_are_forgotten(stage: &Stage) {
    let now = stage.clock.now();
    for resource in ["encode/a/1/0", "projection/clips"] {
        leases::take(&stage.db, resource, "w", 0, (now, now + LENGTH))
            .await
            .unwrap();
    }
    assert_eq!(leases::sweep(&stage.db, now).await.unwrap(), 0, "it is held");
    let later = now + LENGTH * 2;
    assert_eq!(leases::sweep(&stage.db, later).await.unwrap(), 1);
    let kept = leases::holder(&stage.db, "projection/clips").await.unwrap();
    assert_eq!(kept.as_deref(), Some("w"));
}
