use super::*;
use crate::hls::master::{IFrameVariant, MasterPlaylist, MasterVariant};
use crate::hls::parse::{
    ParsedMaster, ParsedMedia, ParsedRendition, ParsedVariant, Playlist, parse_playlist,
};
use crate::hls::picture::{HevcProfile, SampleEntry, VideoCodec};
use crate::hls::playlist::Container;
use crate::hls::rendition::{RenditionFacts, measure};
use crate::hls::segment::{SegmentFacts, inspect_segment};
use crate::hls::synthetic::Synthetic;
use clipper_domain::FrameRate;

mod declared;

/// Three segments of two seconds at 25 frames per second.
fn segments() -> Vec<SegmentFacts> {
    let inspect = |pts| inspect_segment(&Synthetic::segment(pts, 50)).unwrap();
    (0..3).map(|number| inspect(number * 180_000)).collect()
}

fn all(segments: &mut [SegmentFacts], change: impl Fn(&mut SegmentFacts)) {
    for segment in segments {
        change(segment);
    }
}

fn rate(per_second: u32) -> FrameRate {
    FrameRate::new(per_second, 1).unwrap()
}

fn planned() -> Expected {
    Expected {
        width: 1280,
        height: 720,
        frame_rate: rate(25),
        max_level: 52,
        duration_90k: 540_000,
    }
}

fn rules(findings: &[Finding]) -> Vec<&'static str> {
    findings.iter().map(|finding| finding.rule).collect()
}

/// The rules that break when the segments are changed before they are measured.
fn broken_by(change: impl Fn(&mut Vec<SegmentFacts>)) -> Vec<&'static str> {
    let mut segments = segments();
    change(&mut segments);
    let facts = measure(&segments, rate(25)).unwrap();
    rules(&validate_rendition(&facts, &segments, &planned()))
}

/// The rules that break when the measured facts are changed.
fn broken_by_facts(change: impl Fn(&mut RenditionFacts)) -> Vec<&'static str> {
    let mut facts = measure(&segments(), rate(25)).unwrap();
    change(&mut facts);
    rules(&validate_rendition(&facts, &segments(), &planned()))
}

#[test]
fn a_proper_rendition_breaks_no_rule() {
    assert_eq!(broken_by(|_| {}), [""; 0]);
}

#[test]
fn each_rule_on_segments_is_broken_alone() {
    type Change = fn(&mut Vec<SegmentFacts>);
    let cases: [(&str, Change); 21] = [
        ("APL 8.1 frames", |s| s[1].frames -= 2),
        ("APL 7.3", |s| s[0].last_pts = 180_000),
        ("APL 7.4", |s| s[2].starts_with_idr = false),
        ("APL 7.4 closed GOP", |s| s[1].leading_frames = 1),
        ("APL 1.13", |s| s[1].key_frames.clear()),
        ("APL 8.14", |s| s[1].distinct_sps = 2),
        ("APL 8.14", |s| s[1].picture.chroma_format_idc = 2),
        ("RFC 3.2", |s| s[1].tables_first = false),
        ("RFC 3.2 packets", |s| s[1].lost_packets = 1),
        ("APL 1.3", |s| all(s, |s| s.picture.level_idc = 60)),
        ("H.264 A.3", |s| all(s, |s| s.picture.level_idc = 30)),
        ("APL 1.11 level", |s| all(s, |s| s.picture.level_idc = 32)),
        ("APL 1.3", |s| all(s, |s| s.picture.bit_depth = 10)),
        ("APL 1.14", |s| all(s, |s| s.picture.progressive = false)),
        ("APL 9.16", |s| all(s, |s| s.picture.transfer = Some(16))),
        ("APL 1.33 samples", |s| {
            all(s, |s| s.picture.sample_aspect = Some((64, 45)));
        }),
        ("APL 9.2", |s| all(s, |s| s.picture.width = 1278)),
        ("APL 1.10", |s| s[1].picture.entry = SampleEntry::Avc3),
        ("APL 8.14 sound", |s| {
            s[1].audio.as_mut().unwrap().sample_rate = 44_100;
        }),
        ("APL 2.3 gap", |s| s[1].audio = None),
        ("APL 2.3", |s| {
            all(s, |s| s.audio.as_mut().unwrap().channel_config = 6);
        }),
    ];
    for (rule, change) in cases {
        assert!(
            broken_by(change).contains(&rule),
            "{rule}: {:?}",
            broken_by(change)
        );
    }
}

const MAIN_10: HevcProfile = HevcProfile {
    space: 0,
    high_tier: false,
    idc: 2,
    compatibility: 0x2000_0000,
    constraints: [0x90, 0, 0, 0, 0, 0],
};

/// The same pictures, as if they were HEVC at level 3.1 in fMP4, and then changed.
fn broken_by_hevc(change: impl Fn(&mut SegmentFacts)) -> Vec<&'static str> {
    broken_by(|segments| {
        all(segments, |segment| {
            segment.container = Container::Fmp4;
            segment.picture.entry = SampleEntry::Hvc1;
            segment.picture.level_idc = 93;
            segment.picture.codec = VideoCodec::Hevc(MAIN_10);
            change(segment);
        });
    })
}

#[test]
fn hevc_has_rules_of_its_own() {
    // The level is above the one that H.264 has at most, which is what was planned.
    assert_eq!(broken_by_hevc(|_| {}), ["APL 1.6"]);
    let at_most = |level: u8| broken_by_hevc(move |s| s.picture.level_idc = level);
    assert_eq!(at_most(52), ["H.265 A.4"]);
    assert_eq!(
        broken_by_hevc(|s| s.container = Container::Ts),
        ["APL 1.5", "APL 1.6"]
    );
}

#[test]
fn sound_may_wander_by_a_frame_and_no_further() {
    let shift =
        |ticks: i64| broken_by(move |segments| segments[1].audio.as_mut().unwrap().first_pts += ticks);
    assert_eq!(shift(1920), [""; 0]);
    assert_eq!(shift(1921), ["APL 7.3 sound", "APL 8.1 sound"]);
    let drift = broken_by(|segments| {
        for segment in segments {
            segment.audio.as_mut().unwrap().frames -= 1;
        }
    });
    assert_eq!(drift, ["APL 8.1 sound"]);
}

#[test]
fn each_rule_on_facts_is_broken_alone() {
    assert_eq!(
        broken_by_facts(|facts| facts.target_duration = 1),
        ["BIS 4.4.3.1"]
    );
    assert_eq!(
        broken_by_facts(|facts| facts.segments[2].duration_90k -= 3600),
        [""; 0]
    );
    assert_eq!(
        broken_by_facts(|facts| facts.segments[2].duration_90k -= 3601),
        ["APL 8.1", "APL 8.1 frames"]
    );
    assert_eq!(
        broken_by_facts(|facts| facts.frame_rate = rate(61)),
        ["APL 1.19", "H.264 A.3"]
    );
    assert_eq!(
        broken_by_facts(|facts| facts.peak_bandwidth = facts.average_bandwidth - 1),
        ["RFC 4.3.4.2"]
    );
    assert_eq!(broken_by_facts(|facts| facts.peak_bandwidth *= 3), ["APL 1.30"]);
}

/// A ladder of two rungs, the second of them changed.
fn broken_in_set(change: impl Fn(&mut RenditionFacts)) -> Vec<&'static str> {
    let large = measure(&segments(), rate(25)).unwrap();
    let mut small = large.clone();
    (small.width, small.height) = (854, 480);
    small.peak_bandwidth /= 2;
    change(&mut small);
    rules(&validate_set(&[large, small]))
}

#[test]
fn each_rule_between_rungs_is_broken_alone() {
    assert_eq!(broken_in_set(|_| {}), [""; 0]);
    assert_eq!(broken_in_set(|small| small.target_duration = 3), ["APL 8.2"]);
    assert_eq!(
        broken_in_set(|small| small.segments[2].duration_90k += 3601),
        ["APL 8.3", "APL 8.22"]
    );
    assert_eq!(broken_in_set(|small| small.start_pts = 3601), ["RFC 6.2.4"]);
    assert_eq!(broken_in_set(|small| small.start_pts = 3600), [""; 0]);
    assert_eq!(
        broken_in_set(|small| small.key_frames_90k.push(400_000)),
        ["APL 8.22 key frames"]
    );
    assert_eq!(broken_in_set(|small| small.width = 640), ["APL 1.33"]);
    assert_eq!(broken_in_set(|small| small.codecs.truncate(11)), ["APL 8.15"]);
    assert_eq!(broken_in_set(|small| small.peak_bandwidth *= 3), ["APL 9.13"]);
    let boundary = |small: &mut RenditionFacts| {
        small.segments[0].duration_90k += 3601;
        small.segments[1].duration_90k -= 3601;
    };
    assert_eq!(broken_in_set(boundary), ["APL 8.22"]);
}

#[test]
fn some_rung_must_play_everywhere() {
    let found = |rungs: &[RenditionFacts]| rules(&validate_set(rungs)).contains(&"APL 1.11 reach");
    let mut only = measure(&segments(), rate(25)).unwrap();
    only.level_idc = 42;
    let mut hevc = only.clone();
    hevc.picture.codec = VideoCodec::Hevc(MAIN_10);
    hevc.level_idc = 153;
    assert!(found(&[only.clone()]) && found(&[hevc.clone()]) && found(&[only.clone(), hevc.clone()]));
    only.level_idc = 41;
    assert!(!found(&[only, hevc]) && !found(&[]));
}
