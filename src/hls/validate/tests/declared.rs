//! What playlists declare.

use super::*;

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
