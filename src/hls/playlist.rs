//! Media playlists as text, and the names of the segments in them.

use serde::{Deserialize, Serialize};

use super::clock::micros;
use super::rendition::SegmentEntry;

/// Whether segments may still be appended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaylistKind {
    /// Grows at its end while the rendition is encoded.
    Event,
    /// Complete: never changes again.
    Vod,
}

/// What segments are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Container {
    /// MPEG-TS, for H.264.
    Ts,
    /// Fragmented MP4, the only one that HLS allows for HEVC.
    Fmp4,
}

impl Container {
    fn extension(self) -> &'static str {
        match self {
            Self::Ts => "ts",
            Self::Fmp4 => "m4s",
        }
    }

    /// The lowest version with fractional durations, or with `EXT-X-MAP` (RFC section 7).
    fn version(self) -> u8 {
        match self {
            Self::Ts => 3,
            Self::Fmp4 => 6,
        }
    }
}

/// How a playlist refers to its segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SegmentNames<'a> {
    /// The routes of the service, relative to `{quality}.m3u8`: `720p/segment-0.ts`, and `720p/segment-0.ts?g=2` from
    /// the second generation on, since what was ever published under an address stays what it is.
    Api {
        /// The directory.
        quality: &'a str,
        /// Counts the encodings of the clip from 1.
        generation: u32,
    },
    /// The routes of the service, relative to `{quality}/iframes.m3u8`: `segment-0.ts?g=2`.
    ApiRung {
        /// Counts the encodings of the clip from 1.
        generation: u32,
    },
    /// The stored tree, relative to `{quality}/playlist.m3u8`: `segment-000.ts`.
    Tree,
}

impl SegmentNames<'_> {
    /// The URI of segment `number`, counted from 0.
    pub fn segment(self, number: usize, container: Container) -> String {
        let extension = container.extension();
        match self {
            Self::Api { quality, .. } => {
                format!("{quality}/segment-{number}.{extension}{}", self.query())
            }
            Self::ApiRung { .. } => format!("segment-{number}.{extension}{}", self.query()),
            Self::Tree => format!("segment-{number:03}.{extension}"),
        }
    }

    pub(super) fn init(self) -> String {
        match self {
            Self::Api { quality, .. } => format!("{quality}/init.mp4{}", self.query()),
            Self::ApiRung { .. } => format!("init.mp4{}", self.query()),
            Self::Tree => "init.mp4".to_owned(),
        }
    }

    fn query(self) -> String {
        match self {
            Self::Api { generation, .. } | Self::ApiRung { generation } if generation > 1 => {
                format!("?g={generation}")
            }
            Self::Api { .. } | Self::ApiRung { .. } | Self::Tree => String::new(),
        }
    }
}

/// A media playlist of one rendition.
#[derive(Debug, Clone, Copy)]
pub struct MediaPlaylist<'a> {
    /// Whole seconds. It may not change while the playlist grows.
    pub target_duration: u32,
    /// Growing or complete.
    pub kind: PlaylistKind,
    /// Of all segments.
    pub container: Container,
    /// How segments are named.
    pub names: SegmentNames<'a>,
    /// In order, from the first.
    pub segments: &'a [SegmentEntry],
}

impl MediaPlaylist<'_> {
    /// The text.
    pub fn render(&self) -> String {
        let mut lines = self.header();
        let mut end_90k = 0;
        let mut end_micros = 0;
        for (number, segment) in self.segments.iter().enumerate() {
            // Rounding where segments end, not how long they last, keeps any sum within a microsecond of the truth.
            let start_micros = end_micros;
            end_90k += u64::from(segment.duration_90k);
            end_micros = micros(end_90k);
            lines.push(format!("#EXTINF:{},", decimal_seconds(end_micros - start_micros)));
            lines.push(self.names.segment(number, self.container));
        }
        match self.kind {
            PlaylistKind::Event => {}
            PlaylistKind::Vod => lines.push("#EXT-X-ENDLIST".to_owned()),
        }
        lines.push(String::new());
        lines.join("\n")
    }

    fn header(&self) -> Vec<String> {
        let kind = match self.kind {
            PlaylistKind::Event => "EVENT",
            PlaylistKind::Vod => "VOD",
        };
        let mut lines = vec![
            "#EXTM3U".to_owned(),
            format!("#EXT-X-VERSION:{}", self.container.version()),
            format!("#EXT-X-TARGETDURATION:{}", self.target_duration),
            "#EXT-X-MEDIA-SEQUENCE:0".to_owned(),
            format!("#EXT-X-PLAYLIST-TYPE:{kind}"),
        ];
        match self.container {
            Container::Ts => {}
            Container::Fmp4 => lines.push(format!("#EXT-X-MAP:URI=\"{}\"", self.names.init())),
        }
        lines
    }
}

pub(super) fn decimal_seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// The name of a segment file, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SegmentName {
    /// Counted from 0.
    pub number: u32,
    /// By its extension.
    pub container: Container,
}

/// Reads `segment-7.ts` or `segment-007.m4s`, with any number of leading zeros; `None` for anything else.
pub fn parse_segment_name(name: &str) -> Option<SegmentName> {
    let (digits, extension) = name.strip_prefix("segment-")?.split_once('.')?;
    let container = match extension {
        "ts" => Container::Ts,
        "m4s" => Container::Fmp4,
        _ => return None,
    };
    // `parse` alone would take a sign.
    if !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    Some(SegmentName {
        number: digits.parse().ok()?,
        container,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::parse::{Playlist, parse_playlist};
    use proptest::prelude::*;

    const SEGMENTS: &[SegmentEntry] = &[
        SegmentEntry {
            duration_90k: 540_540,
            bytes: 1000,
        },
        SegmentEntry {
            duration_90k: 3754,
            bytes: 10,
        },
    ];

    fn playlist(kind: PlaylistKind, container: Container, names: SegmentNames<'_>) -> String {
        MediaPlaylist {
            target_duration: 6,
            kind,
            container,
            names,
            segments: SEGMENTS,
        }
        .render()
    }

    #[test]
    fn a_finished_rendition_of_the_service() {
        let names = SegmentNames::Api {
            quality: "720p",
            generation: 1,
        };
        assert_eq!(
            playlist(PlaylistKind::Vod, Container::Ts, names),
            "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:VOD\n#EXTINF:6.006000,\n720p/segment-0.ts\n\
             #EXTINF:0.041711,\n720p/segment-1.ts\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn a_growing_rendition_in_the_tree() {
        assert_eq!(
            playlist(PlaylistKind::Event, Container::Fmp4, SegmentNames::Tree),
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-TARGETDURATION:6\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:EVENT\n#EXT-X-MAP:URI=\"init.mp4\"\n#EXTINF:6.006000,\nsegment-000.m4s\n\
             #EXTINF:0.041711,\nsegment-001.m4s\n"
        );
    }

    #[test]
    fn segment_names_are_read_with_any_padding() {
        let ts = |number| {
            Some(SegmentName {
                number,
                container: Container::Ts,
            })
        };
        assert_eq!(parse_segment_name("segment-0.ts"), ts(0));
        assert_eq!(parse_segment_name("segment-000.ts"), ts(0));
        assert_eq!(parse_segment_name("segment-00000000000007.ts"), ts(7));
        assert_eq!(parse_segment_name("segment-4294967295.ts"), ts(u32::MAX));
        let fmp4 = SegmentName {
            number: 12,
            container: Container::Fmp4,
        };
        assert_eq!(parse_segment_name("segment-012.m4s"), Some(fmp4));
    }

    #[test]
    fn other_names_are_refused() {
        for name in [
            "",
            "segment-.ts",
            "segment-+1.ts",
            "segment--1.ts",
            "segment-1",
            "segment-1.TS",
            "segment-1.ts.ts",
            "segment-4294967296.ts",
            "segment-１.ts",
            "segment-1 .ts",
            "Segment-1.ts",
            "../segment-1.ts",
            "segment-1.mp4",
            "segment-0x1.ts",
        ] {
            assert_eq!(parse_segment_name(name), None, "{name}");
        }
    }

    proptest! {
        #[test]
        fn any_run_of_durations_is_within_a_microsecond_of_the_truth(
            ticks in prop::collection::vec(1_u32..2_000_000, 1..200),
            from in 0_usize..200,
        ) {
            let segments: Vec<_> =
                ticks.iter().map(|&duration_90k| SegmentEntry { duration_90k, bytes: 1 }).collect();
            let names = SegmentNames::Tree;
            let (kind, container) = (PlaylistKind::Vod, Container::Ts);
            let text = MediaPlaylist { target_duration: 23, kind, container, names, segments: &segments }.render();
            let Ok(Playlist::Media(parsed)) = parse_playlist(&text) else { panic!("{text}") };
            let declared: u64 = parsed.segments.iter().skip(from).map(|segment| segment.duration_micros).sum();
            let ninths_of_true_micros: u64 = ticks.iter().skip(from).map(|ticks| u64::from(*ticks) * 100).sum();
            prop_assert!((declared * 9).abs_diff(ninths_of_true_micros) <= 9);
        }
    }
}
