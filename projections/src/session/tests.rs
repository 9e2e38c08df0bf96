use clipper_domain::cmcd::{Cmcd, Mode, read_line};
use proptest::prelude::*;

use super::measures::Outcome;
use super::*;

/// Records as players write them, without what is the same in each: `1800 ps p br=(4200;v)`.
fn records(script: &str) -> Vec<Cmcd> {
    let record = |(number, line): (usize, &str)| {
        let mut words = line.split_whitespace();
        let (ts, event) = (words.next().unwrap(), words.next().unwrap());
        let mut members = vec![format!("ts={ts}"), format!("e={event}"), format!("sn={number}")];
        for word in words {
            members.push(if word.contains('=') || word == "bg" {
                word.to_owned()
            } else {
                format!("sta={word}")
            });
        }
        read_line(&members.join(","), Mode::Event).unwrap()
    };
    let lines = script.lines().map(str::trim).filter(|line| !line.is_empty());
    lines.enumerate().map(record).collect()
}

fn report(records: Vec<Cmcd>) -> Report {
    Report {
        clip: "c".to_owned(),
        weight: 1,
        records,
        ..Report::default()
    }
}

fn measured(script: &str) -> Measures {
    let mut session = Session::default();
    session.fold(&report(records(script)));
    session.measures()
}

#[test]
fn a_session_with_one_stall_and_one_switch() {
    let measures = measured(
        "1000 ps s
         1800 ps p clipper-q=\"480p\" mtp=(4000) br=(1000;v)
         3800 bc clipper-q=\"1080p\" br=(4000;v)
         9800 ps r
         10300 ps p
         11300 ps e",
    );
    assert_eq!(measures.startup_ms, Some(800));
    assert_eq!(
        (measures.playing_ms, measures.rebuffer_ms, measures.watched_ms),
        (9_000, 500, 10_300)
    );
    assert_eq!(
        (
            measures.switches,
            measures.upshifts,
            measures.magnitude,
            measures.stalls
        ),
        (1, 1, 2_000, 1)
    );
    assert_eq!(measures.quality(), Some("1080p"));
    assert_eq!(measures.throughput.mean(), Some(4_000.0));
    assert_eq!(
        (measures.bits, measures.rated_ms),
        (2_000_000 + 7_000 * 4_000, 9_000)
    );
    assert_eq!(
        (measures.outcome, measures.completed, measures.truncated),
        (Outcome::Played, true, false)
    );
    assert_eq!(measures.active, [(1_000, 11_300)]);
}

#[test]
fn a_stall_during_a_seek_is_no_stall() {
    let measures = measured("0 ps p\n 1000 ps k\n 1100 ps r\n 1400 ps p\n 2000 ps q");
    assert_eq!((measures.stalls, measures.rebuffer_ms), (0, 0));
    assert_eq!((measures.seek_ms, measures.seeks), (400, vec![400]));
}

#[test]
fn seeks_that_follow_each_other_are_one() {
    let measures = measured(
        "0 ps p\n 1000 ps k\n 1300 ps p\n 2000 ps k\n 2100 ps p\n 9000 ps k\n 9500 ps p\n 9600 ps q",
    );
    assert_eq!(measures.seeks, [400, 500]);
}

#[test]
fn a_seek_closes_a_stall_and_a_short_one_was_none() {
    let measures = measured("0 ps p\n 1000 ps r\n 1400 ps k\n 1500 ps p\n 5000 ps r\n 5200 ps p\n 6000 ps e");
    assert_eq!(
        (
            measures.stalls,
            measures.rebuffer_ms,
            measures.connection_rebuffer_ms
        ),
        (1, 400, 400)
    );
    assert_eq!((measures.playing_ms, measures.watched_ms), (5_500, 6_000));
}

#[test]
fn a_stall_that_nobody_sees_or_that_follows_a_seek_is_kept_apart() {
    let measures = measured(
        "0 ps p\n 1000 ps r bg\n 2000 ps p\n 3000 ps k\n 3100 ps p\n 4000 ps r\n 4700 ps p\n 5000 ps q",
    );
    assert_eq!(
        (measures.background_rebuffer_ms, measures.background_ms),
        (1_000, 1_000)
    );
    assert_eq!((measures.rebuffer_ms, measures.connection_rebuffer_ms), (700, 0));
}

#[test]
fn paused_time_is_not_watched_and_a_start_is_not_counted_while_paused() {
    let measures =
        measured("0 ps s\n 300 ps a\n 5300 ps s\n 5700 ps p\n 6700 ps a\n 66700 ps p\n 67700 ps q");
    assert_eq!(
        (measures.startup_ms, measures.watched_ms, measures.paused_ms),
        (Some(700), 2_700, 65_000)
    );
}

#[test]
fn how_it_ended_is_told_apart() {
    let of = |script| measured(script).outcome;
    assert_eq!(of("0 ps d\n 500 t d"), Outcome::Idle);
    assert_eq!(of("0 ps s\n 900 ps q"), Outcome::Brief);
    assert_eq!(of("0 ps s\n 3000 ps q"), Outcome::LeftBeforeStart);
    assert_eq!(
        of("0 ps s\n 900 e ec=(\"net.timeout\")\n 901 ps f"),
        Outcome::FailedToStart
    );
    assert_eq!(
        of("0 ps s\n 900 ps p\n 2000 e ec=(\"net.timeout\")\n 2001 ps f"),
        Outcome::FailedMidway
    );
    assert_eq!(
        of("0 ps s\n 900 e ec=(\"http.403\")\n 901 ps f"),
        Outcome::Refused
    );
    let measures = measured("0 ps s\n 500 ps p\n 600 e ec=(\"a\")\n 900 e ec=(\"b\")\n 901 ps f");
    assert_eq!((measures.error.as_deref(), measures.warnings), (Some("b"), 1));
}

#[test]
fn who_leaves_soon_after_a_stall_gives_up() {
    assert!(measured("0 ps p\n 1000 ps r\n 3000 ps p\n 9000 ps q").abandoned);
    assert!(!measured("0 ps p\n 1000 ps r\n 3000 ps p\n 13001 ps q").abandoned);
    assert!(!measured("0 ps p\n 1000 ps r\n 3000 ps p\n 9000 ps e").abandoned);
    let measures = measured("0 ps p\n 1000 ps r\n 3000 t r");
    assert_eq!(
        (measures.abandoned, measures.truncated, measures.rebuffer_ms),
        (true, true, 2_000)
    );
}

#[test]
fn silence_counts_only_as_far_as_the_playhead_moved() {
    let measures = measured("0 ps p pt=0\n 30000 t p pt=30000\n 630000 t p pt=70000\n 631000 ps q pt=71000");
    assert_eq!((measures.playing_ms, measures.media_ms), (71_000, 71_000));
    let asleep = measured("0 ps p\n 30000 t p\n 630000 t p\n 631000 ps q");
    assert_eq!(asleep.playing_ms, 31_000);
}

#[test]
fn more_media_than_the_clock_allows_is_not_believed() {
    let measures = measured("0 ps p pt=0\n 1000 t p pt=900000\n 2000 ps q");
    assert!(measures.implausible);
    assert_eq!(measures.media_ms, 2_000);
}

#[test]
fn what_was_shown_twice_was_seen_once() {
    let measures = measured("0 ps p pt=0\n 5000 ps k pt=5000\n 5100 ps p pt=2000\n 9100 ps e pt=6000");
    assert_eq!(measures.passes, [(0, 5_000), (2_000, 6_000)]);
    assert_eq!((measures.covered_ms(), measures.media_ms), (6_000, 9_000));
}

#[test]
fn where_a_seek_leads_to_is_no_progress() {
    // Ten seconds ahead after a minute: within what a clock allows, and nobody watched them.
    let ahead = measured("0 ps p pt=0\n 60000 ps k pt=70000\n 60400 ps p pt=70000\n 70400 ps e pt=80000");
    assert_eq!((ahead.media_ms, ahead.covered_ms()), (70_000, 70_000));
    assert_eq!(ahead.passes, [(0, 60_000), (70_000, 80_000)]);
    // Far ahead: no reason for doubt.
    let far = measured("0 ps p pt=0\n 5000 ps k pt=900000\n 5400 ps p pt=900000\n 6400 ps q pt=901000");
    assert!(!far.implausible);
    assert_eq!(far.passes, [(0, 5_000), (900_000, 901_000)]);
    // Nobody said where it led to, until later.
    let untold = measured("0 ps p pt=0\n 5000 ps k\n 5400 ps p\n 7400 t p pt=62000\n 8400 ps e pt=63000");
    assert!(!untold.implausible);
    assert_eq!(untold.passes, [(0, 5_000), (60_000, 63_000)]);
}

#[expect(clippy::too_many_lines, reason = "one course, asserted from several sides")]
#[test]
fn a_timeline_has_no_gaps_and_tells_what_happened() {
    let script = "1000 ps s
         1800 ps p clipper-q=\"480p\" mtp=(4000) br=(1000;v) bl=(2000)
         3800 bc clipper-q=\"1080p\" br=(4000;v)
         9800 ps r
         10300 ps p
         11000 ps r
         11100 ps p
         12000 e ec=(\"net.timeout\")
         13000 ps a
         14000 ps e";
    let mut session = Session::default();
    session.fold(&report(records(script)));
    let timeline = session.timeline();
    let segments: Vec<_> = timeline
        .segments
        .iter()
        .map(|segment| {
            (
                segment.state,
                segment.start_ms,
                segment.end_ms,
                segment.duration_ms,
            )
        })
        .collect();
    assert_eq!(
        segments,
        [
            ("starting", 0, 800, 800),
            ("playing", 800, 8_800, 8_000),
            ("stalled", 8_800, 9_300, 500),
            ("playing", 9_300, 12_000, 2_700),
            ("paused", 12_000, 13_000, 1_000),
        ]
    );
    let renditions: Vec<_> = timeline
        .renditions
        .iter()
        .map(|change| (change.at_ms, change.quality.as_deref(), change.bitrate_kbps))
        .collect();
    assert_eq!(
        renditions,
        [
            (800, Some("480p"), Some(1_000)),
            (2_800, Some("1080p"), Some(4_000))
        ]
    );
    let stalls: Vec<_> = timeline
        .stalls
        .iter()
        .map(|stall| (stall.start_ms, stall.duration_ms))
        .collect();
    assert_eq!(stalls, [(8_800, 500)]);
    assert_eq!(
        (timeline.errors[0].at_ms, timeline.errors[0].codes.as_slice()),
        (11_000, &["net.timeout".to_owned()][..])
    );
    assert_eq!(
        (timeline.buffer_ms.as_slice(), timeline.bitrate_kbps.as_slice()),
        (&[(800, 2_000)][..], &[(800, 1_000), (2_800, 4_000)][..])
    );
}

#[test]
fn numbers_that_are_missing_were_lost() {
    let mut session = Session::default();
    let mut all = records("0 ps s\n 100 ps p\n 200 t p\n 300 t p\n 400 ps q");
    all.remove(2);
    session.fold(&report(all));
    let measures = session.measures();
    assert_eq!((measures.received, measures.expected), (4, 5));
}

#[test]
fn durations_follow_the_clock_that_nobody_corrects() {
    let measures = measured(
        "1000000 ps s clipper-mono=\"100.2\"
         1000800 ps p clipper-mono=\"900.4\"
         400000 ps q clipper-mono=\"10900.4\"",
    );
    assert_eq!(
        (measures.startup_ms, measures.playing_ms, measures.first_at),
        (Some(800), 10_000, 1_000_000)
    );
}

#[test]
fn scores_follow_their_formulas() {
    let scores = measured("0 ps s\n 2000 ps p\n 12000 ps r\n 13000 ps p\n 20000 ps e")
        .scores()
        .unwrap();
    assert_eq!((scores.startup, scores.success), (Some(80.0), 100.0));
    let smoothness = f64::midpoint(100.0 / 1.25_f64.sqrt(), 100.0 * (-0.5_f64).exp());
    assert!((scores.smoothness.unwrap() - smoothness).abs() < 1e-9);
    let experience = 100.0 * (0.8 * (smoothness / 100.0).powi(2)).cbrt();
    assert!((scores.experience - experience).abs() < 1e-9, "{scores:?}");
    let of = |script| measured(script).scores().map(|scores| scores.experience);
    assert_eq!(of("0 ps s\n 2000 ps q"), Some(50.0));
    assert_eq!(of("0 ps s\n 2000 ps f"), Some(0.0));
}

#[test]
fn an_old_report_does_not_take_the_clip_away() {
    let mut session = Session::default();
    session.fold(&Report {
        clip: "late".to_owned(),
        sent_at: 9,
        ..report(vec![])
    });
    session.fold(&Report {
        clip: "early".to_owned(),
        sent_at: 5,
        ..report(vec![])
    });
    session.fold(&Report {
        clip: "later".to_owned(),
        sent_at: 7,
        ..report(vec![])
    });
    assert_eq!(session.about.unwrap().clip, "early");
}

fn any_records() -> impl Strategy<Value = Vec<Cmcd>> {
    let state = proptest::sample::select(&["s", "p", "k", "r", "a", "e", "f", "q", "d"][..]);
    let event = proptest::sample::select(&["ps", "t", "bc", "e", "rr"][..]);
    let record = (
        0..400_000_i64,
        event,
        proptest::option::of(state),
        0..60_000_i64,
        0..3_i64,
        proptest::option::of(0..400_000_i64),
    )
        .prop_map(|(ts, event, state, pt, extra, mono)| {
            let mut line = format!(
                "ts={ts},e={event},pt={pt},ec=(\"x\"),url=\"u\",rc=200,ttfb=5,br=({};v),sn={extra}",
                1_000 * (extra + 1)
            );
            if let Some(state) = state {
                line.push_str(&format!(",sta={state}"));
            }
            if let Some(mono) = mono {
                line.push_str(&format!(",clipper-mono=\"{mono}.5\",clipper-ep=\"{extra}\""));
            }
            read_line(&line, Mode::Event).unwrap()
        });
    proptest::collection::vec(record, 1..40)
}

proptest! {
    /// Any order, any number of repetitions, any division into batches: the same session.
    #[test]
    fn the_order_of_records_does_not_matter(
        (records, shuffled) in any_records().prop_flat_map(|records| {
            let twice: Vec<_> = records.iter().chain(records.iter().take(7)).cloned().collect();
            (Just(records), Just(twice).prop_shuffle())
        }),
        cut in 0..40_usize,
    ) {
        let mut at_once = Session::default();
        at_once.fold(&report(records));
        let mut in_pieces = Session::default();
        let (first, second) = shuffled.split_at(cut.min(shuffled.len()));
        in_pieces.fold(&report(second.to_vec()));
        in_pieces.fold(&report(first.to_vec()));
        prop_assert_eq!(in_pieces.measures(), at_once.measures());
        prop_assert_eq!(&in_pieces, &at_once);
        let stored = serde_json::to_string(&in_pieces).unwrap();
        prop_assert_eq!(serde_json::from_str::<Session>(&stored).unwrap(), at_once);
    }

    /// A timeline tells the same as the columns.
    #[test]
    fn a_timeline_adds_up(records in any_records()) {
        let mut session = Session::default();
        session.fold(&report(records));
        let (m, timeline) = (session.measures(), session.timeline());
        let mut reached = 0;
        for segment in &timeline.segments {
            prop_assert_eq!(segment.start_ms, reached);
            prop_assert_eq!(segment.duration_ms, segment.end_ms - segment.start_ms);
            prop_assert!(segment.counted_ms <= segment.duration_ms);
            reached = segment.end_ms;
        }
        prop_assert_eq!(reached, m.last_at - m.first_at);
        let sum = |state| {
            let of = timeline.segments.iter().filter(|segment| segment.state == state);
            of.map(|segment| segment.counted_ms).sum::<i64>()
        };
        prop_assert_eq!(sum("playing"), m.playing_ms);
        prop_assert_eq!(sum("seeking"), m.seek_ms);
        prop_assert_eq!(sum("paused"), m.paused_ms);
        prop_assert_eq!(sum("stalled"), m.rebuffer_ms + m.background_rebuffer_ms);
        let seen = timeline.stalls.iter().filter(|stall| !stall.background);
        prop_assert_eq!(seen.map(|stall| stall.duration_ms).sum::<i64>(), m.rebuffer_ms);
    }

    #[test]
    fn time_is_spent_once(records in any_records()) {
        let mut session = Session::default();
        session.fold(&report(records));
        let m = session.measures();
        let span = m.last_at - m.first_at;
        prop_assert!(m.watched_ms + m.paused_ms <= span, "{m:?}");
        prop_assert!(m.playing_ms + m.rebuffer_ms + m.background_rebuffer_ms + m.seek_ms + m.starting_ms <= m.watched_ms);
        prop_assert!(m.rebuffer_ms >= 250 * m.stalls);
        prop_assert!(m.covered_ms() <= m.media_ms);
        prop_assert_eq!(m.active.iter().map(|(from, to)| to - from).sum::<i64>(), m.watched_ms);
    }
}
