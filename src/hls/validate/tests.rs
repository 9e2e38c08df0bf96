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

fn declared() -> (ParsedMaster, RenditionFacts) {
    let facts = measure(&segments(), rate(25)).unwrap();
    let rungs = ["a.m3u8", "b.m3u8"].map(|uri| MasterVariant::of(uri.to_owned(), &facts));
    let i_frames = [IFrameVariant {
        uri: "i.m3u8".to_owned(),
        bandwidth: 2,
        average_bandwidth: 1,
        codecs: "avc1.64001f".to_owned(),
        width: 1280,
        height: 720,
    }];
    let master = MasterPlaylist {
        variants: &rungs,
        i_frames: &i_frames,
        subtitles: &[],
    };
    match parse_playlist(&master.render()) {
        Ok(Playlist::Master(master)) => (master, facts),
        other => panic!("{other:?}"),
    }
}

#[test]
fn our_own_master_breaks_no_rule() {
    let (master, facts) = declared();
    assert_eq!(validate_master(&master), []);
    for variant in &master.variants {
        assert_eq!(validate_declared(variant, &facts), []);
    }
}

fn broken_in_master(change: &dyn Fn(&mut ParsedMaster)) -> Vec<&'static str> {
    let (mut master, _) = declared();
    change(&mut master);
    rules(&validate_master(&master))
}

#[test]
fn each_rule_on_the_choice_of_variants_is_broken_alone() {
    let broken = broken_in_master;
    let small = |m: &mut ParsedMaster| {
        m.variants.truncate(1);
        m.variants[0].resolution = Some((854, 480));
    };
    assert_eq!(broken(&small), ["APL 9.9 small"]);
    assert_eq!(
        broken(&|m| m.variants[0].resolution = Some((854, 480))),
        ["APL 9.10"]
    );
    let heavy = |m: &mut ParsedMaster| {
        for variant in &mut m.variants {
            variant.bandwidth = Some(20_000_000);
            variant.average_bandwidth = Some(16_000_000);
            variant.resolution = Some((3840, 2160));
        }
    };
    assert_eq!(broken(&heavy), ["APL 9.21", "APL 1.34"]);
    assert_eq!(
        broken(&|m| m.variants[0].score = Some("1".to_owned())),
        ["APL 9.19"]
    );
    let hdr = |m: &mut ParsedMaster| {
        for variant in &mut m.variants {
            variant.video_range = Some("PQ".to_owned());
        }
    };
    assert_eq!(broken(&hdr), ["APL 1.24"]);
    assert_eq!(
        broken(&|m| m.variants[0].frame_rate_millis = Some(60_001)),
        ["APL 1.19"]
    );
    assert_eq!(
        broken(&|m| m.variants[0].codecs = Some("avc1.64001f,wvtt".to_owned())),
        ["BIS 4.4.6.2 wvtt"]
    );
    let group = |m: &mut ParsedMaster| m.variants[0].subtitles = Some("s".to_owned());
    assert_eq!(broken(&group), ["RFC 4.3.4.2 groups"]);
    let sound = |m: &mut ParsedMaster| {
        m.renditions.push(ParsedRendition {
            kind: "AUDIO".to_owned(),
            ..ParsedRendition::default()
        });
    };
    assert_eq!(broken(&sound), ["APL 8.10", "BIS 4.4.6.1"]);
    assert_eq!(broken(&|m| m.i_frame_variants.clear()), ["APL 6.1"]);
    assert_eq!(
        broken(&|m| m.i_frame_variants[0].bandwidth = None),
        ["RFC 4.3.4.3"]
    );
    assert_eq!(broken(&|m| m.i_frame_variants[0].codecs = None), ["APL 9.3"]);
    assert_eq!(broken(&|m| m.i_frame_variants[0].resolution = None), ["APL 9.4"]);
}

#[test]
fn each_rule_on_a_master_is_broken_alone() {
    let broken = broken_in_master;
    assert_eq!(
        broken(&|m| m.variants[0].bandwidth = None),
        ["RFC 4.3.4.2", "RFC 4.3.4.2 order"]
    );
    assert_eq!(broken(&|m| m.variants[0].average_bandwidth = None), ["APL 9.14"]);
    assert_eq!(broken(&|m| m.variants[0].codecs = None), ["APL 9.1"]);
    assert_eq!(
        broken(&|m| m.variants[0].resolution = None),
        ["APL 9.2", "APL 9.10"]
    );
    assert_eq!(broken(&|m| m.variants[0].frame_rate_millis = None), ["APL 9.15"]);
    assert_eq!(broken(&|m| m.independent_segments = false), ["APL 9.11"]);
    assert_eq!(broken(&|m| m.variants.truncate(1)), ["APL 9.9", "APL 9.10"]);
    assert_eq!(
        broken(&|m| m.variants[0].closed_captions = None),
        ["RFC 4.3.4.2 captions"]
    );
    let hevc = |m: &mut ParsedMaster| {
        for variant in &mut m.variants {
            variant.codecs = Some("hev1.1".to_owned());
        }
    };
    assert_eq!(broken(&hevc), ["APL 1.12", "APL 1.10"]);
}

#[test]
fn each_rule_on_a_declaration_is_broken_alone() {
    let broken = |change: &dyn Fn(&mut ParsedVariant)| {
        let (master, facts) = declared();
        let mut variant = master.variants[0].clone();
        change(&mut variant);
        rules(&validate_declared(&variant, &facts))
    };
    let scale = |value: &mut Option<u64>, percent: u64| *value = value.map(|value| value * percent / 100);
    assert_eq!(broken(&|v| scale(&mut v.average_bandwidth, 112)), ["APL 1.26"]);
    assert_eq!(broken(&|v| scale(&mut v.bandwidth, 112)), ["APL 1.27"]);
    assert_eq!(broken(&|v| scale(&mut v.bandwidth, 95)), ["RFC 4.3.4.2 peak"]);
    assert_eq!(
        broken(&|v| v.codecs = Some("avc1.42001e".to_owned())),
        ["APL 9.1 bytes"]
    );
    assert_eq!(broken(&|v| v.resolution = Some((1, 1))), ["APL 9.2 bytes"]);
    assert_eq!(
        broken(&|v| v.frame_rate_millis = Some(25_013)),
        ["APL 9.15 bytes"]
    );
    assert_eq!(broken(&|v| v.video_range = Some("HLG".to_owned())), ["APL 9.16"]);
    assert_eq!(
        broken(&|v| v.codecs = Some("MP4A.40.2, avc1.64001F".to_owned())),
        [""; 0]
    );
}

const GOOD: &str = "#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                    #EXTINF:6.4,\na\n#EXT-X-ENDLIST\n";

#[test]
fn each_rule_on_a_media_playlist_is_broken_alone() {
    let broken = |text: &str| match parse_playlist(&format!("#EXTM3U\n{text}")) {
        Ok(Playlist::Media(media)) => rules(&validate_media(&media)),
        other => panic!("{other:?}"),
    };
    assert_eq!(broken(GOOD), [""; 0]);
    assert_eq!(broken(&GOOD.replace("6.4", "6.5")), ["BIS 4.4.3.1"]);
    assert_eq!(
        broken(&GOOD.replace("TARGETDURATION:6", "TARGETDURATION:0")),
        ["BIS 4.4.3.1"]
    );
    assert_eq!(broken(&GOOD.replace("#EXT-X-ENDLIST", "")), ["APL 8.6"]);
    assert_eq!(broken(&GOOD.replace("#EXT-X-PLAYLIST-TYPE:VOD", "")), ["APL 8.6"]);
    assert_eq!(broken(&GOOD.replace("VERSION:3", "VERSION:2")), ["BIS 7"]);
    assert_eq!(
        broken(&GOOD.replace("a\n", "#EXT-X-MAP:URI=\"i\"\na\n")),
        ["BIS 7"]
    );
    assert_eq!(
        broken(
            &GOOD
                .replace("a\n", "#EXT-X-BYTERANGE:9\na\n")
                .replace("ION:3", "ION:4")
        ),
        ["BIS 4.4.4.2"]
    );
    assert_eq!(
        broken(
            &GOOD
                .replace("#EXTINF", "#EXT-X-I-FRAMES-ONLY\n#EXTINF")
                .replace("ION:3", "ION:4")
        ),
        ["APL 6.8"]
    );
    assert_eq!(
        broken(&GOOD.replace("#EXTINF", "#EXT-X-KEY:METHOD=AES-128,URI=\"k\"\n#EXTINF")),
        ["RFC 4.3.2.4"]
    );
    assert_eq!(validate_media(&ParsedMedia::default()).len(), 1);
}
