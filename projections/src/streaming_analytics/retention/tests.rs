use proptest::prelude::*;

use super::*;

fn uniques(retention: &Retention) -> Vec<i64> {
    retention.buckets().iter().map(|bucket| bucket.unique).collect()
}

#[test]
fn buckets_are_seconds_between_ten_and_a_thousand() {
    let count = |ms| Retention::of(ms).buckets().len();
    assert_eq!(
        [
            count(0),
            count(2_000),
            count(10_499),
            count(61_500),
            count(7_200_000)
        ],
        [10, 10, 10, 62, 1_000]
    );
    let retention = Retention::of(61_500);
    assert_eq!((retention.start_of(0), retention.start_of(62)), (0, 61_500));
}

#[test]
fn what_was_seen_again_skipped_and_left_is_told_apart() {
    let mut retention = Retention::of(10_000);
    // All of it, and three seconds twice.
    retention.add(&[(0, 5_000), (2_000, 10_000)], 1);
    // The first two seconds, then the last three; of the bucket at 7 s less than half.
    retention.add(&[(0, 2_000), (7_600, 10_000)], 1);
    // Stands for three who left after 4.5 s.
    retention.add(&[(0, 4_500)], 3);
    assert_eq!(uniques(&retention), [5, 5, 4, 4, 4, 1, 1, 1, 2, 2]);
    let passes: Vec<_> = retention.buckets().iter().map(|bucket| bucket.passes).collect();
    assert_eq!(passes, [5, 5, 5, 5, 5, 1, 1, 1, 2, 2]);
    let skipped: Vec<_> = retention.buckets().iter().map(|bucket| bucket.skipped).collect();
    assert_eq!(skipped, [0, 0, 1, 1, 1, 1, 1, 1, 0, 0]);
    assert_eq!((retention.sessions, retention.plays), (3, 5));
    assert_eq!(retention.milestones(), [(25, 5), (50, 1), (75, 1), (95, 1)]);
    let completion = (10_000.0 + 4_400.0 + 3.0 * 4_500.0) / 10_000.0 / 5.0;
    assert!((retention.completion().unwrap() - completion).abs() < 1e-12);
}

#[test]
fn halves_of_different_passes_are_one() {
    let mut retention = Retention::of(10_000);
    retention.add(&[(0, 300), (600, 900)], 1);
    let first = retention.buckets()[0];
    assert_eq!((first.unique, first.passes), (1, 1));
}

#[test]
fn what_lies_outside_the_clip_does_not_count() {
    let mut retention = Retention::of(10_000);
    retention.add(&[(-5_000, 1_000), (9_000, 60_000), (8_000, 3_000)], 1);
    assert_eq!(uniques(&retention), [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
}

fn any_session() -> impl Strategy<Value = (Vec<(i64, i64)>, i64)> {
    let pass = (0..40_000_i64, 1..20_000_i64).prop_map(|(from, ms)| (from, from + ms));
    (proptest::collection::vec(pass, 0..12), 1..4_i64)
}

/// The definition, millisecond by millisecond.
fn slowly(duration_ms: i64, sessions: &[(Vec<(i64, i64)>, i64)]) -> Vec<i64> {
    let empty = Retention::of(duration_ms);
    (0..empty.buckets().len())
        .map(|bucket| {
            let (start, end) = (empty.start_of(bucket), empty.start_of(bucket + 1));
            let saw = |passes: &[(i64, i64)]| {
                let seen = (start..end).filter(|ms| passes.iter().any(|(from, to)| (from..to).contains(&ms)));
                2 * i64::try_from(seen.count()).unwrap() >= end - start
            };
            let who = sessions.iter().filter(|(passes, _)| saw(passes));
            who.map(|(_, weight)| weight).sum()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Sums and shares hold whatever was watched, in whatever order it comes.
    #[test]
    fn every_order_of_sessions_and_passes_gives_the_same(
        duration in 1..50_000_i64,
        (sessions, shuffled) in proptest::collection::vec(any_session(), 0..8)
            .prop_flat_map(|sessions| (Just(sessions.clone()), Just(sessions).prop_shuffle())),
    ) {
        let mut one = Retention::of(duration);
        for (passes, weight) in &sessions {
            one.add(passes, *weight);
        }
        let mut other = Retention::of(duration);
        for (passes, weight) in &shuffled {
            let backwards: Vec<_> = passes.iter().rev().copied().collect();
            other.add(&backwards, *weight);
        }
        prop_assert_eq!((one.buckets(), one.plays, one.milestones()), (other.buckets(), other.plays, other.milestones()));
        prop_assert_eq!(uniques(&one), slowly(duration, &sessions));
        for bucket in one.buckets() {
            prop_assert!(bucket.unique + bucket.skipped <= one.plays);
            prop_assert!(bucket.passes >= bucket.unique);
        }
        prop_assert!(one.completion().is_none_or(|share| (0.0..=1.0).contains(&share)));
        let milestones = one.milestones().map(|(_, plays)| plays);
        prop_assert!(milestones.is_sorted_by(|more, less| more >= less));
    }
}
