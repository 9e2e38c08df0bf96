//! Whole sessions without a network.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::hls::{Playlist, parse_playlist};
use crate::simulate::chance::Purpose;
use crate::simulate::trace::Trace;

const SETUP: Setup = Setup {
    startup: 2_000,
    rebuffer: 2_000,
    target: 12_000,
    interval: 10_000,
};

const PATIENT: Habits = Habits {
    watches: None,
    waits_to_start: 1_000_000,
    waits_for_media: 1_000_000,
    seeks_every: None,
    pauses_every: None,
    pauses_for: 1_000,
};

/// Bytes of a four-second segment in each rung: what is declared, exactly.
const RUNGS: [(&str, u64); 3] = [("480p", 1_000), ("720p", 3_000), ("1080p", 6_000)];
const SEGMENT: Millis = 4_000;

fn ladder() -> Ladder {
    let lines = RUNGS
        .iter()
        .map(|(name, kbps)| format!("#EXT-X-STREAM-INF:BANDWIDTH={}\n{name}.m3u8\n", kbps * 1_000));
    let text = format!("#EXTM3U\n{}", lines.collect::<String>());
    match parse_playlist(&text).unwrap() {
        Playlist::Master(master) => Ladder::of(&master).unwrap(),
        Playlist::Media(_) => panic!("not a master"),
    }
}

fn segments(count: usize) -> Segments {
    let lines = (0..count).map(|n| format!("#EXTINF:4.0,\n{n}.ts\n"));
    let text = format!(
        "#EXTM3U\n#EXT-X-TARGETDURATION:4\n{}#EXT-X-ENDLIST\n",
        lines.collect::<String>()
    );
    match parse_playlist(&text).unwrap() {
        Playlist::Media(media) => Segments::of(&media),
        Playlist::Master(_) => panic!("a master"),
    }
}

fn link(steps: &[(u64, u64)]) -> Link {
    let steps: Vec<_> = steps
        .iter()
        .map(|(ms, kbps)| serde_json::json!({ "duration_ms": ms, "bandwidth_kbps": kbps, "latency_ms": 50 }))
        .collect();
    let text = serde_json::to_string(&steps).unwrap();
    Link::new(Arc::new(Trace::parse("t", &text, 1.0).unwrap()), 0)
}

fn character(habits: Habits, rule: Rule, link: Link, seed: u64) -> Character {
    Character {
        habits,
        rule,
        link,
        conduct: Chance::new(seed, 0, Purpose::Conduct),
    }
}

/// Watches a clip of so many segments; playlists are a thousand bytes.
fn watch(setup: Setup, character: Character, count: usize) -> (Player, Vec<Record>) {
    let mut player = Player::new(setup, character, 500);
    let (ladder, list) = (Arc::new(ladder()), Arc::new(segments(count)));
    let mut records = Vec::new();
    for step in 0.. {
        assert!(step < 100_000, "a session without an end: {player:?}");
        let want = player.next();
        records.append(&mut player.take_records());
        let (bytes, received) = match want {
            None => break,
            Some(Want::Master) => (1_000, Received::Master(Arc::clone(&ladder))),
            Some(Want::Segments(_)) => (1_000, Received::Segments(Arc::clone(&list))),
            Some(Want::Init { .. }) => (1_000, Received::Init),
            Some(Want::Segment { list, .. }) => {
                let rung = RUNGS.iter().find(|(name, _)| list.starts_with(name)).unwrap();
                (rung.1 * SEGMENT / 8, Received::Segment)
            }
        };
        if player.transfer(bytes).whole {
            player.receive(received);
        }
        records.append(&mut player.take_records());
    }
    (player, records)
}

fn states(records: &[Record]) -> Vec<(Millis, &'static str)> {
    let changes = records
        .iter()
        .filter(|record| matches!(record.event, Event::State { .. }));
    changes.map(|record| (record.at, record.state.token())).collect()
}

#[test]
fn a_session_on_a_good_network_is_worked_out_to_the_millisecond() {
    // 10 Mbit/s: a kilobyte takes a millisecond, a segment of 480p 400 ms.
    let character = character(PATIENT, Rule::Ewma, link(&[(1_000, 10_000)]), 1);
    let (player, records) = watch(SETUP, character, 4);
    // The connection and the master 101 ms, a playlist and a segment 51 and 450.
    let startup = 101 + 51 + 450;
    assert_eq!(player.outcome(), Some(Outcome::Ended));
    let measures = player.measures();
    assert_eq!(measures.startup_ms, Some(startup));
    assert_eq!((measures.playing_ms, measures.rebuffer_count), (16_000, 0));
    assert_eq!(measures.watched_ms, startup + 16_000);
    assert_eq!(
        states(&records),
        [(500, "s"), (500 + startup, "p"), (500 + startup + 16_000, "e")]
    );
    // What was measured, 8.9 Mbit/s, is enough for 1080p.
    assert_eq!((measures.upshifts, measures.downshifts), (1, 0));
    assert_eq!(player.quality().as_deref(), Some("1080p"));
    assert_eq!(measures.bits_played, 4_000 * 1_000 + 12_000 * 6_000);
    assert_eq!(measures.bytes, 3 * 1_000 + 500_000 + 3 * 3_000_000);
    let switch = records
        .iter()
        .find(|record| record.event == Event::Rendition)
        .unwrap();
    assert_eq!((switch.at, switch.playhead), (500 + startup + 4_000, 4_000));
    assert_eq!(switch.shown.as_ref().map(|shown| shown.kbps), Some(6_000));
}

#[test]
fn a_network_that_goes_away_stalls_the_player_until_it_is_back() {
    let character = character(PATIENT, Rule::Ewma, link(&[(2_000, 3_000), (20_000, 0)]), 1);
    let (player, records) = watch(SETUP, character, 3);
    let measures = player.measures();
    assert_eq!(player.outcome(), Some(Outcome::Ended));
    assert!(measures.rebuffer_count >= 1);
    let states = states(&records);
    let stalled: Millis = states
        .windows(2)
        .filter(|pair| pair[0].1 == "r")
        .map(|pair| pair[1].0 - pair[0].0)
        .sum();
    assert_eq!(measures.rebuffer_ms, stalled);
    assert!(stalled > 10_000, "{states:?}");
}

#[test]
fn viewers_leave_who_have_waited_or_seen_enough() {
    let end = |habits, steps: &[(u64, u64)]| {
        let (player, records) = watch(SETUP, character(habits, Rule::Bola, link(steps), 1), 30);
        assert_eq!(states(&records).last().map(|(_, state)| *state), Some("q"));
        let last = records.last().map(|record| record.at);
        (
            player.outcome().unwrap(),
            last.unwrap(),
            player.measures().clone(),
        )
    };
    let (outcome, at, measures) = end(
        Habits {
            waits_to_start: 3_000,
            ..PATIENT
        },
        &[(1_000, 10), (1_000, 10)],
    );
    assert_eq!((outcome, at), (Outcome::LeftStarting, 3_500));
    assert_eq!((measures.aborted, measures.startup_ms), (1, None));
    let (outcome, _, measures) = end(
        Habits {
            watches: Some(7_123),
            ..PATIENT
        },
        &[(1_000, 10_000)],
    );
    assert_eq!((outcome, measures.playing_ms), (Outcome::Left, 7_123));
    let (outcome, _, measures) = end(
        Habits {
            waits_for_media: 4_000,
            ..PATIENT
        },
        &[(3_000, 2_000), (60_000, 0)],
    );
    assert_eq!((outcome, measures.rebuffer_ms), (Outcome::LeftWaiting, 4_000));
}

#[test]
fn what_fails_is_said_and_ends_the_session() {
    let mut player = Player::new(SETUP, character(PATIENT, Rule::Bba, link(&[(1_000, 10)]), 1), 0);
    assert_eq!(player.next(), Some(Want::Master));
    player.fail("http_404");
    assert_eq!((player.next(), player.outcome()), (None, Some(Outcome::Failed)));
    let events: Vec<_> = player
        .take_records()
        .into_iter()
        .map(|record| (record.event, record.state))
        .collect();
    assert_eq!(
        events[1].0,
        Event::Error {
            code: "http_404".to_owned()
        }
    );
    assert_eq!(events[2].1, PlayerState::Fatal);
}

/// How long a session was in each state, from its records alone.
fn times(records: &[Record]) -> BTreeMap<&'static str, Millis> {
    let mut times = BTreeMap::new();
    for pair in records.windows(2) {
        *times.entry(pair[0].state.token()).or_default() += pair[1].at - pair[0].at;
    }
    times
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn every_session_ends_and_its_records_tell_what_it_was(
        steps in prop::collection::vec((1_u64..20_000, 0_u64..15_000), 1..6),
        rule in prop::sample::select(Rule::ALL.to_vec()),
        seed: u64,
        count in 1_usize..40,
        watches in prop::option::of(0_u64..200_000),
        waits in (0_u64..30_000, 0_u64..30_000),
        seeks_every in prop::option::of(1_u64..30_000),
        pauses_every in prop::option::of(1_u64..30_000),
        buffers in (0_u64..6_000, 1_u64..6_000, 6_000_u64..40_000),
    ) {
        prop_assume!(steps.iter().any(|(ms, kbps)| ms * kbps > 100));
        let habits = Habits {
            watches, waits_to_start: waits.0, waits_for_media: waits.1, seeks_every, pauses_every, pauses_for: 3_000,
        };
        let setup = Setup { startup: buffers.0, rebuffer: buffers.1, target: buffers.2, interval: 10_000 };
        let character = || character(habits, rule, link(&steps), seed);
        let (player, records) = watch(setup, character(), count);
        let measures = player.measures();
        let outcome = player.outcome().unwrap();

        prop_assert!(records.windows(2).all(|pair| pair[0].at <= pair[1].at && pair[0].number + 1 == pair[1].number));
        prop_assert_eq!(records.len() as u64, measures.records);
        let times = times(&records);
        let of = |state: &str| times.get(state).copied().unwrap_or_default();
        prop_assert_eq!(of("p"), measures.playing_ms);
        prop_assert_eq!(of("r"), measures.rebuffer_ms);
        prop_assert_eq!(of("k"), measures.seek_ms);
        prop_assert_eq!(of("a"), measures.paused_ms);
        prop_assert_eq!(of("s") + of("p") + of("r") + of("k"), measures.watched_ms);
        let entered = |state: &str| states(&records).iter().filter(|(_, s)| *s == state).count();
        prop_assert_eq!(entered("r"), measures.rebuffer_count as usize);
        prop_assert_eq!(entered("k"), measures.seek_count as usize);
        prop_assert_eq!(entered("a"), measures.pause_count as usize);
        let shifts = records.iter().filter(|record| record.event == Event::Rendition).count();
        prop_assert_eq!(shifts, measures.switches() as usize);
        // A stall that takes no time is none.
        prop_assert!(states(&records).windows(2).all(|pair| pair[0].1 != "r" || pair[0].0 < pair[1].0));
        if measures.seek_count == 0 {
            prop_assert!(measures.playing_ms <= count as u64 * SEGMENT);
            prop_assert_eq!(outcome == Outcome::Ended, measures.playing_ms == count as u64 * SEGMENT && entered("e") == 1);
        }
        let (_, again) = watch(setup, self::character(habits, rule, link(&steps), seed), count);
        prop_assert_eq!(records, again);
    }
}
