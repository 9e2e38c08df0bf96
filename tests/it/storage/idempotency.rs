//! A key's first answer is kept, and given again.

use chrono::TimeDelta;
use clipper::clock::Clock;
use clipper::storage::idempotency::{self, Begun, FirstAnswer, Keyed};
use futures_util::future::join_all;

use super::{Stage, suite};

suite!(
    a_key_is_taken_once_and_answered_for_ever_after,
    a_key_is_free_again_when_its_request_had_no_effect_or_died,
);

fn keyed(fingerprint: &str) -> Keyed {
    Keyed {
        scope: "ann".to_owned(),
        key: "k1".to_owned(),
        fingerprint: fingerprint.to_owned(),
    }
}

async fn begin(stage: &Stage, keyed: &Keyed) -> Begun {
    let now = stage.clock.now();
    idempotency::begin(&stage.db, keyed, now, now + TimeDelta::minutes(1))
        .await
        .unwrap()
}

async fn a_key_is_taken_once_and_answered_for_ever_after(stage: &Stage) {
    let request = keyed("a");
    let begun = join_all((0..8).map(|_| begin(stage, &request))).await;
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::First).count(), 1);
    assert_eq!(begun.iter().filter(|begun| **begun == Begun::UnderWay).count(), 7);
    let first = FirstAnswer {
        status: 201,
        headers: "[]".to_owned(),
        body: "{}".to_owned(),
    };
    let until = stage.clock.now() + TimeDelta::hours(24);
    idempotency::keep(&stage.db, &request, &first, until)
        .await
        .unwrap();
    assert_eq!(begin(stage, &request).await, Begun::Answered(first));
    assert_eq!(begin(stage, &keyed("b")).await, Begun::Other);
    let of_another = Keyed {
        scope: "bob".to_owned(),
        ..keyed("b")
    };
    assert_eq!(
        begin(stage, &of_another).await,
        Begun::First,
        "keys of different people never meet"
    );

    stage.clock.advance(TimeDelta::hours(25));
    assert_eq!(idempotency::sweep(&stage.db, stage.clock.now()).await.unwrap(), 2);
    assert_eq!(begin(stage, &keyed("b")).await, Begun::First);
}

async fn a_key_is_free_again_when_its_request_had_no_effect_or_died(stage: &Stage) {
    let request = keyed("a");
    assert_eq!(begin(stage, &request).await, Begun::First);
    idempotency::let_go(&stage.db, &request).await.unwrap();
    assert_eq!(begin(stage, &keyed("b")).await, Begun::First);
    stage.clock.advance(TimeDelta::minutes(2));
    assert_eq!(
        begin(stage, &request).await,
        Begun::First,
        "the one before it died"
    );
}
