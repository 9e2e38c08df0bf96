#![expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::float_cmp,
    reason = "the numbers of tests are small"
)]

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeZone, Utc};
use clipper_domain::SessionId;
use clipper_domain::cmcd::{Mode, read_line};
use clipper_domain::report::{PlaybackEvent, Report, Surroundings};
use proptest::prelude::*;
use uuid::Uuid;

use super::*;
use crate::streaming_analytics::{SessionRow, Sessions};
use crate::{ReadModel, Recorded};

const T0: i64 = 1_795_388_400_000;

/// Sessions and roll-ups as a database holds them.
#[derive(Default)]
struct Store {
    sessions: HashMap<SessionId, Vec<SessionRow>>,
    members: BTreeMap<String, MemberRow>,
    cells: Cells,
    concurrency: BTreeMap<(DateTime<Utc>, String), [i64; 6]>,
}

impl Store {
    fn report(&mut self, number: u128, report: &Report) {
        let session = SessionId(Uuid::from_u128(number));
        let recorded = Recorded {
            position: 1,
            stream: session,
            version: 1,
            recorded_at: Utc.timestamp_millis_opt(T0).unwrap(),
            event: PlaybackEvent::PlaybackReported(report.clone()),
        };
        Sessions::fold(self.sessions.entry(session).or_default(), &recorded);
    }

    fn count(&mut self, numbers: &[u128]) {
        let mut recounts = vec![];
        for number in numbers {
            let row = &self.sessions[&SessionId(Uuid::from_u128(*number))][0];
            let before = self.members.remove(&row.id);
            let after = MemberRow::of(row);
            if let Some(after) = &after {
                self.members.insert(row.id.clone(), after.clone());
            }
            recounts.push(Recount { before, after });
        }
        for level in Level::ALL {
            let mut cells: Cells = BTreeMap::new();
            for key in touched(&recounts).into_iter().filter(|key| key.level == level) {
                let held = self.cells.remove(&key).unwrap_or_else(|| CellRow::empty(&key));
                cells.insert(key, held);
            }
            for key in recount(&mut cells, level, &recounts) {
                let mut viewers = Viewers::default();
                let members = self
                    .members
                    .values()
                    .filter(|member| member.keys().contains(&key));
                members
                    .filter_map(|member| member.viewer)
                    .for_each(|viewer| viewers.add(viewer));
                cells.get_mut(&key).unwrap().viewers = viewers;
            }
            self.cells
                .extend(cells.into_iter().filter(|(_, cell)| !cell.is_empty()));
        }
        for (key, more) in concurrency(&recounts) {
            let held = self.concurrency.entry(key).or_default();
            held.iter_mut().zip(more).for_each(|(held, more)| *held += more);
        }
        self.concurrency.retain(|_, slots| *slots != [0; 6]);
    }

    fn all(&self, level: Level) -> &CellRow {
        let total = |key: &&Key| key.level == level && key.clip.is_empty() && key.dimension.is_empty();
        let key = self.cells.keys().find(total).unwrap();
        &self.cells[key]
    }
}

fn report(lines: &[String], country: &str, viewer: Option<&str>) -> Report {
    Report {
        clip: "c".to_owned(),
        clip_id: Some(Uuid::from_u128(7)),
        weight: 1,
        sent_at: T0,
        audience: viewer.map(str::to_owned),
        ctx: Surroundings {
            country: country.to_owned(),
            ..Surroundings::default()
        },
        records: lines
            .iter()
            .map(|line| read_line(line, Mode::Event).unwrap())
            .collect(),
        ..Report::default()
    }
}

fn line(at: i64, rest: &str) -> String {
    format!("ts={},e=ps,{rest}", T0 + at)
}

#[test]
fn two_sessions_come_to_what_was_computed_by_hand() {
    let mut store = Store::default();
    let smooth = [
        line(0, "sta=s"),
        line(500, "sta=p,br=(1000;v)"),
        line(20_500, "sta=e"),
    ];
    store.report(1, &report(&smooth, "DE", Some("ann")));
    let stalled = [
        line(0, "sta=s"),
        line(1_500, "sta=p,br=(3000;v)"),
        line(11_500, "sta=r"),
        line(13_500, "sta=p"),
        line(23_500, "sta=q"),
    ];
    store.report(2, &report(&stalled, "AT", Some("ben")));
    store.report(
        3,
        &report(&[line(0, "sta=s"), line(300, "sta=f,ec=(\"x\")")], "", None),
    );
    store.count(&[1, 2, 3]);
    let total = store.all(Level::Day);
    let value = |name: &str| Metric::named(name).unwrap().of(&total.sums).unwrap();
    assert_eq!(
        (value("sessions"), value("attempts"), value("plays")),
        (3.0, 3.0, 2.0)
    );
    let watched = 20_500.0 + 23_500.0 + 300.0;
    assert_eq!(value("watched_ms"), watched);
    assert!((value("rebuffer_ratio") - 100.0 * 2_000.0 / watched).abs() < 1e-9);
    assert!((value("connection_rebuffer_ratio") - 100.0 * 2_000.0 / 42_000.0).abs() < 1e-9);
    assert_eq!(value("rebuffer_free_share"), 50.0);
    assert!((value("start_failure_pct") - 100.0 / 3.0).abs() < 1e-9);
    assert_eq!(value("startup_ms"), 1_000.0);
    assert_eq!(value("avg_bitrate_kbps"), 2_000.0);
    assert_eq!(value("abandonment_pct"), 50.0);
    let startup = total.sketches.get(Distribution::StartupMs).unwrap();
    assert!((startup.quantile(0.0).unwrap() - 500.0).abs() <= 5.0);
    assert!((startup.quantile(1.0).unwrap() - 1_500.0).abs() <= 15.0);
    assert!((total.viewers.estimate() - 2.0).abs() < 0.01);
    // Ten seconds are covered by a session that was watched in any part of them.
    let minute = Utc.timestamp_millis_opt(T0).unwrap();
    assert_eq!(store.concurrency[&(minute, String::new())], [3, 2, 2, 0, 0, 0]);
    let by_country: Vec<_> = store
        .cells
        .iter()
        .filter(|(key, _)| key.level == Level::Hour && key.clip.is_empty() && key.dimension == "country")
        .map(|(key, cell)| (key.value.as_str(), cell.sums.sessions))
        .collect();
    assert_eq!(by_country, [("", 1), ("AT", 1), ("DE", 1)]);
}

#[test]
fn a_session_whose_beginning_comes_late_leaves_its_bucket_without_a_trace() {
    let mut store = Store::default();
    store.report(
        1,
        &report(&[line(90_000, "sta=p"), line(95_000, "sta=e")], "DE", Some("ann")),
    );
    store.count(&[1]);
    store.report(
        1,
        &report(
            &[line(-4_000_000, "sta=s"), line(-3_999_000, "sta=a")],
            "DE",
            Some("ann"),
        ),
    );
    store.count(&[1]);
    let mut once = Store::default();
    let all = [
        line(-4_000_000, "sta=s"),
        line(-3_999_000, "sta=a"),
        line(90_000, "sta=p"),
        line(95_000, "sta=e"),
    ];
    once.report(1, &report(&all, "DE", Some("ann")));
    once.count(&[1]);
    assert_eq!(store.cells, once.cells);
    assert_eq!(store.concurrency, once.concurrency);
    assert_eq!(
        store.all(Level::Minute).bucket,
        Utc.timestamp_millis_opt(T0 - 4_020_000).unwrap()
    );
}

#[test]
fn robots_count_nowhere_and_a_session_weighs_what_it_stands_for() {
    let mut store = Store::default();
    let lines = [line(0, "sta=p"), line(5_000, "sta=e")];
    store.report(
        1,
        &Report {
            bot: true,
            ..report(&lines, "", None)
        },
    );
    store.report(
        2,
        &Report {
            weight: 4,
            ..report(&lines, "", None)
        },
    );
    store.count(&[1, 2]);
    assert_eq!(store.all(Level::Hour).sums.sessions, 4);
    assert_eq!(store.all(Level::Hour).sums.playing_ms, 20_000);
}

#[test]
fn sets_of_viewers_tell_their_size() {
    for count in [0, 1, 10, 1_000, 30_000] {
        let mut viewers = Viewers::default();
        let mut other = Viewers::default();
        for viewer in 0..count {
            let half = if viewer % 2 == 0 { &mut viewers } else { &mut other };
            half.add(hash(&format!("viewer {viewer}")));
        }
        viewers.merge(&other);
        let estimate = viewers.estimate();
        assert!(
            (estimate - f64::from(count)).abs() <= 0.03 * f64::from(count) + 0.01,
            "{count}: {estimate}"
        );
        assert_eq!(Viewers::unpack(&viewers.pack()), viewers);
    }
}

/// What happens in a session, as numbers: when it begins, and lines.
fn sessions() -> impl Strategy<Value = Vec<Vec<String>>> {
    let states = prop::sample::select(vec!["s", "p", "r", "k", "a", "e"]);
    let session =
        (0..7_000_i64, prop::collection::vec((1..40_000_i64, states), 1..8)).prop_map(|(begin, steps)| {
            let mut at = begin * 1_000;
            let step = |(after, state): (i64, &str)| {
                at += after;
                line(
                    at,
                    &format!("sta={state},br=({};v),bl=({};v)", 500 + after, after % 9_000),
                )
            };
            steps.into_iter().map(step).collect()
        });
    prop::collection::vec(session, 1..6)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn any_division_order_and_repetition_of_records_gives_the_same_roll_ups(
        sessions in sessions(),
        seeds in prop::collection::vec(any::<prop::sample::Index>(), 1..40),
    ) {
        let country = |number: usize| ["DE", "AT", ""][number % 3];
        let viewer = |number: usize| format!("viewer {}", number % 2);
        let mut once = Store::default();
        let numbers: Vec<u128> = (1..=sessions.len() as u128).collect();
        for (number, lines) in sessions.iter().enumerate() {
            once.report(number as u128 + 1, &report(lines, country(number), Some(&viewer(number))));
        }
        once.count(&numbers);

        let mut live = Store::default();
        let mut records: Vec<(usize, &String)> =
            sessions.iter().enumerate().flat_map(|(number, lines)| lines.iter().map(move |line| (number, line))).collect();
        for seed in &seeds {
            let (a, b) = (seed.index(records.len()), records.len() - 1);
            records.swap(a, b);
            records.push(records[a]);
        }
        for (number, record) in records {
            live.report(number as u128 + 1, &report(std::slice::from_ref(record), country(number), Some(&viewer(number))));
            live.count(&[number as u128 + 1]);
        }
        prop_assert_eq!(&live.cells, &once.cells);
        prop_assert_eq!(&live.concurrency, &once.concurrency);
        // A day is what its hours come to, and an hour what its minutes come to.
        for (key, cell) in once.cells.iter().filter(|(key, _)| key.level != Level::Minute && key.dimension.is_empty()) {
            let finer = if key.level == Level::Day { Level::Hour } else { Level::Minute };
            let mut sum = CellRow::empty(key);
            for (_, part) in once.cells.iter().filter(|(other, _)| {
                other.level == finer && other.clip == key.clip && other.dimension.is_empty()
                    && key.level.bucket(other.bucket) == key.bucket
            }) {
                sum.sums.add(&part.sums, 1);
                sum.sketches.merge(&part.sketches, 1);
                sum.viewers.merge(&part.viewers);
            }
            prop_assert_eq!(&sum, cell);
        }
    }

    #[test]
    fn percentiles_of_parts_put_together_are_within_one_per_cent(
        values in prop::collection::vec((0..10_000_000_i64, 0..7_usize), 1..400),
        share in 0.0..=1.0_f64,
    ) {
        let mut parts = vec![Sketch::default(); 7];
        for (value, part) in &values {
            parts[*part].add(*value, 1);
        }
        let mut whole = Sketch::default();
        for part in &parts {
            whole.merge(part, 1);
        }
        let mut sorted: Vec<_> = values.iter().map(|(value, _)| *value).collect();
        sorted.sort_unstable();
        let rank = (share * (sorted.len() - 1) as f64).floor() as usize;
        let (exact, found) = (sorted[rank] as f64, whole.quantile(share).unwrap());
        prop_assert!((found - exact).abs() <= exact * (ALPHA + 1e-9), "{found} for {exact}");
        for part in &parts {
            whole.merge(part, -1);
        }
        prop_assert!(whole.is_empty());
    }
}
