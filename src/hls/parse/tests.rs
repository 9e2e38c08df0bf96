use proptest::prelude::*;

use super::*;
use crate::hls::clock::rounded;
use crate::hls::master::{MasterPlaylist, MasterVariant};
use crate::hls::playlist::{Container, MediaPlaylist, SegmentNames};
use crate::hls::rendition::SegmentEntry;
use clipper_domain::FrameRate;

fn media(text: &str) -> ParsedMedia {
    match parse_playlist(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

fn master(text: &str) -> ParsedMaster {
    match parse_playlist(text) {
        Ok(Playlist::Master(master)) => master,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_foreign_media_playlist_is_read() {
    let text = "\u{feff}#EXTM3U\r\n#EXT-X-TARGETDURATION:10\r\n# comment\r\n#EXT-X-KEY:METHOD=NONE\r\n\r\n\
                #EXTINF:9.5,Title, with comma\r\n#EXT-X-BYTERANGE:100@0\r\na.ts\r\n#EXT-X-DISCONTINUITY\r\n\
                #EXTINF:3\r\nb.ts\r\n#EXT-X-ENDLIST\r\n";
    let media = media(text);
    assert_eq!(
        (media.version, media.target_duration, media.kind, media.ended),
        (1, Some(10), None, true)
    );
    let segments: Vec<_> = media
        .segments
        .iter()
        .map(|s| (s.uri.as_str(), s.duration_micros, s.discontinuity))
        .collect();
    assert_eq!(segments, [("a.ts", 9_500_000, false), ("b.ts", 3_000_000, true)]);
    assert_eq!(media.segments[0].byte_range.as_deref(), Some("100@0"));
    assert_eq!(media.segments[1].byte_range, None);
}

#[test]
fn a_foreign_master_keeps_what_is_missing_missing() {
    let master = master(
        "#EXTM3U\n#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID=\"a\",NAME=\"x\"\n\
         #EXT-X-STREAM-INF:BANDWIDTH=100, RESOLUTION=64x36,FRAME-RATE=25,AUDIO=\"a\"\nlow.m3u8\n",
    );
    let low = &master.variants[0];
    assert_eq!(
        (low.bandwidth, low.average_bandwidth, low.codecs.as_deref()),
        (Some(100), None, None)
    );
    assert_eq!(
        (low.resolution, low.frame_rate_millis),
        (Some((64, 36)), Some(25_000))
    );
    assert_eq!(low.audio.as_deref(), Some("a"));
}

#[test]
fn what_cannot_be_meant_is_refused_with_its_line() {
    let cases = [
        ("", ParseError::NotAPlaylist),
        ("<html>", ParseError::NotAPlaylist),
        ("#EXTM3U\na.ts\n", ParseError::StrayUri { line: 2 }),
        (
            "#EXTM3U\n#EXTINF:-1,\na.ts",
            ParseError::Malformed {
                line: 2,
                tag: "EXTINF",
            },
        ),
        (
            "#EXTM3U\n\n#EXTINF:1,\n",
            ParseError::MissingUri {
                line: 3,
                tag: "EXTINF",
            },
        ),
        (
            "#EXTM3U\n#EXTINF:1,\n#EXTINF:1,\na",
            ParseError::MissingUri {
                line: 2,
                tag: "EXTINF",
            },
        ),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=x\na",
            ParseError::Malformed {
                line: 2,
                tag: "EXT-X-STREAM-INF",
            },
        ),
        (
            "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\na\n#EXTINF:1,\nb",
            ParseError::Mixed,
        ),
    ];
    for (text, reason) in cases {
        assert_eq!(parse_playlist(text), Err(reason), "{text}");
    }
}

/// The durations in ticks that the microseconds stand for: exact, because segment ends are.
fn ticks(media: &ParsedMedia) -> Vec<u32> {
    let (mut micros, mut end) = (0, 0);
    media
        .segments
        .iter()
        .map(|segment| {
            let start = end;
            micros += segment.duration_micros;
            end = rounded(u128::from(micros) * 9, 100);
            u32::try_from(end - start).unwrap()
        })
        .collect()
}

fn any_kind() -> impl Strategy<Value = PlaylistKind> {
    prop_oneof![Just(PlaylistKind::Event), Just(PlaylistKind::Vod)]
}

fn any_container() -> impl Strategy<Value = Container> {
    prop_oneof![Just(Container::Ts), Just(Container::Fmp4)]
}

prop_compose! {
    fn any_variant()(
        uri in "[a-z0-9]{1,8}\\.m3u8",
        (bandwidth, average_bandwidth) in any::<(u64, u64)>(),
        codecs in "avc1\\.[0-9a-f]{6}(,mp4a\\.40\\.2)?",
        (width, height) in any::<(u32, u32)>(),
        (numerator, denominator) in (1_u32.., 1_u32..),
    ) -> MasterVariant {
        let frame_rate = FrameRate::new(numerator, denominator).unwrap();
        MasterVariant { uri, bandwidth, average_bandwidth, codecs, width, height, frame_rate }
    }
}

fn as_parsed(variant: &MasterVariant) -> ParsedVariant {
    ParsedVariant {
        uri: variant.uri.clone(),
        bandwidth: Some(variant.bandwidth),
        average_bandwidth: Some(variant.average_bandwidth),
        codecs: Some(variant.codecs.clone()),
        resolution: Some((variant.width, variant.height)),
        frame_rate_millis: Some(variant.frame_rate.per_thousand_seconds()),
        closed_captions: Some("NONE".to_owned()),
        video_range: None,
        audio: None,
        ..ParsedVariant::default()
    }
}

proptest! {
    #[test]
    fn a_printed_media_playlist_reads_as_it_was(
        target_duration in any::<u32>(),
        kind in any_kind(),
        container in any_container(),
        durations in prop::collection::vec(1_u32.., 0..50),
    ) {
        let segments: Vec<_> =
            durations.iter().map(|&duration_90k| SegmentEntry { duration_90k, bytes: 0 }).collect();
        let names = SegmentNames::Api {
            quality: "2k",
            generation: 1,
        };
        let text = MediaPlaylist { target_duration, kind, container, names, segments: &segments }.render();
        let parsed = media(&text);
        prop_assert_eq!(ticks(&parsed), durations);
        prop_assert_eq!((parsed.target_duration, parsed.kind), (Some(target_duration), Some(kind)));
        prop_assert_eq!(parsed.ended, kind == PlaylistKind::Vod);
        prop_assert_eq!(parsed.map.is_some(), container == Container::Fmp4);
        for (number, segment) in parsed.segments.iter().enumerate() {
            prop_assert_eq!(&segment.uri, &names.segment(number, container));
        }
    }

    #[test]
    fn a_printed_master_reads_as_it_was(variants in prop::collection::vec(any_variant(), 1..8)) {
        let parsed = master(
            &MasterPlaylist {
                variants: &variants,
                ..MasterPlaylist::default()
            }
            .render(),
        );
        prop_assert!(parsed.independent_segments);
        let by_text = |variant: &ParsedVariant| format!("{variant:?}");
        let mut read = parsed.variants;
        let mut written: Vec<_> = variants.iter().map(as_parsed).collect();
        read.sort_by_key(by_text);
        written.sort_by_key(by_text);
        prop_assert_eq!(read, written);
    }

    #[test]
    fn arbitrary_text_is_answered_without_panic(
        lines in prop::collection::vec("(#EXTINF:|#EXT-X-STREAM-INF:|#EXT-X-MAP:|#EXT-X-VERSION:)?\\PC{0,30}", 0..10),
    ) {
        let text = format!("#EXTM3U\n{}", lines.join("\n"));
        prop_assert_ne!(parse_playlist(&text), Err(ParseError::NotAPlaylist));
    }
}
