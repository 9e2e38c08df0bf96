use chrono::TimeDelta;
use clipper::clock::Clock;
use clipper::storage::leases;
use futures_util::future::join_all;

use super::{Stage, suite};

suite!(
    a_lease_has_one_winner,
    a_lease_that_ran_out_is_taken_over_with_a_higher_token,
    a_lease_that_was_given_back_is_free_at_once,
    a_token_is_higher_than_what_events_tell,
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
    assert_eq!(leases::progress(&stage.db, "unit").await.unwrap(), Some(0.5));

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
