//! I-frame playlists: the key frames of a rendition as byte ranges of its segments, for scrubbing (BIS 4.4.3.6).

use clipper_domain::{KeyFrame, Segment};

use super::clock::micros;
use super::playlist::{Container, SegmentNames, decimal_seconds};
use super::rendition::{SegmentEntry, bits_per_second, peak_bandwidth, target_duration, total};
use super::segment::SegmentFacts;

impl SegmentFacts {
    /// The key frames, as they are recorded and as an I-frame playlist lists them.
    pub fn recorded_key_frames(&self) -> Vec<KeyFrame> {
        let recorded = |key: &super::segment::KeyFrame| KeyFrame {
            at_90k: u32::try_from(key.pts.saturating_sub(self.first_pts)).unwrap_or_default(),
            offset: key.offset,
            length: key.length,
        };
        self.key_frames.iter().map(recorded).collect()
    }
}

/// Where the key frames of a finished rendition lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFrames {
    segments: Vec<SegmentEntry>,
    key_frames: Vec<Vec<KeyFrame>>,
}

impl KeyFrames {
    /// Those of recorded segments; nothing, when one does not say where its key frames lie.
    pub fn of(segments: &[Segment]) -> Option<Self> {
        let known = !segments.is_empty() && segments.iter().all(|segment| !segment.key_frames.is_empty());
        known.then(|| Self {
            segments: segments.iter().map(SegmentEntry::from).collect(),
            key_frames: segments
                .iter()
                .map(|segment| segment.key_frames.clone())
                .collect(),
        })
    }

    /// Their playlist.
    pub fn playlist<'a>(&'a self, container: Container, names: SegmentNames<'a>) -> IFramePlaylist<'a> {
        IFramePlaylist {
            container,
            names,
            segments: &self.segments,
            key_frames: &self.key_frames,
        }
    }
}

/// A finished I-frame playlist of one rendition.
#[derive(Debug, Clone, Copy)]
pub struct IFramePlaylist<'a> {
    /// Of all segments.
    pub container: Container,
    /// How segments are named.
    pub names: SegmentNames<'a>,
    /// In order, from the first.
    pub segments: &'a [SegmentEntry],
    /// Of each segment, in order.
    pub key_frames: &'a [Vec<KeyFrame>],
}

/// One key frame with the number of its segment, shown until the next one.
struct Shown {
    segment: usize,
    key: KeyFrame,
    end_90k: u64,
}

impl IFramePlaylist<'_> {
    /// The text.
    pub fn render(&self) -> String {
        let mut lines = self.header();
        let mut end_micros = self.start_micros();
        for shown in self.shown() {
            let start_micros = end_micros;
            end_micros = micros(shown.end_90k);
            lines.push(format!("#EXTINF:{},", decimal_seconds(end_micros - start_micros)));
            lines.push(format!(
                "#EXT-X-BYTERANGE:{}@{}",
                shown.key.length, shown.key.offset
            ));
            lines.push(self.names.segment(shown.segment, self.container));
        }
        lines.push("#EXT-X-ENDLIST".to_owned());
        lines.push(String::new());
        lines.join("\n")
    }

    /// Peak and average bits per second, for `EXT-X-I-FRAME-STREAM-INF`.
    pub fn bandwidths(&self) -> (u64, u64) {
        let entries = self.entries();
        let average = bits_per_second(total(&entries));
        let peak = peak_bandwidth(&entries, target_duration(&entries)).unwrap_or(0);
        (peak.max(average), average)
    }

    fn header(&self) -> Vec<String> {
        // Byte ranges and I-FRAMES-ONLY need 4, EXT-X-MAP beside the latter needs 5 (BIS 8).
        let version = match self.container {
            Container::Ts => 4,
            Container::Fmp4 => 5,
        };
        let mut lines = vec![
            "#EXTM3U".to_owned(),
            format!("#EXT-X-VERSION:{version}"),
            format!("#EXT-X-TARGETDURATION:{}", target_duration(&self.entries())),
            "#EXT-X-MEDIA-SEQUENCE:0".to_owned(),
            "#EXT-X-PLAYLIST-TYPE:VOD".to_owned(),
            "#EXT-X-I-FRAMES-ONLY".to_owned(),
        ];
        match self.container {
            Container::Ts => {}
            Container::Fmp4 => lines.push(format!("#EXT-X-MAP:URI=\"{}\"", self.names.init())),
        }
        lines
    }

    /// The first key frame is the first picture, or the list starts where it is shown.
    fn start_micros(&self) -> u64 {
        let mut start = 0;
        for (segment, keys) in self.segments.iter().zip(self.key_frames) {
            if let Some(first) = keys.first() {
                return micros(start + u64::from(first.at_90k));
            }
            start += u64::from(segment.duration_90k);
        }
        0
    }

    fn shown(&self) -> Vec<Shown> {
        let mut shown: Vec<Shown> = Vec::new();
        let mut start = 0;
        for (segment, (entry, keys)) in self.segments.iter().zip(self.key_frames).enumerate() {
            for key in keys {
                if let Some(last) = shown.last_mut() {
                    last.end_90k = start + u64::from(key.at_90k);
                }
                shown.push(Shown {
                    segment,
                    key: *key,
                    end_90k: 0,
                });
            }
            start += u64::from(entry.duration_90k);
            if let Some(last) = shown.last_mut() {
                last.end_90k = start;
            }
        }
        shown
    }

    /// The key frames as if they were segments.
    fn entries(&self) -> Vec<SegmentEntry> {
        let mut ends = None;
        let entry = |shown: Shown| {
            let start = ends.replace(shown.end_90k).unwrap_or(0);
            SegmentEntry {
                duration_90k: u32::try_from(shown.end_90k.saturating_sub(start)).unwrap_or(u32::MAX),
                bytes: shown.key.length,
            }
        };
        self.shown().into_iter().map(entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENTS: &[SegmentEntry] = &[
        SegmentEntry {
            duration_90k: 360_000,
            bytes: 9000,
        },
        SegmentEntry {
            duration_90k: 90_000,
            bytes: 900,
        },
    ];

    fn key(at_90k: u32, offset: u64, length: u64) -> KeyFrame {
        KeyFrame {
            at_90k,
            offset,
            length,
        }
    }

    fn keys() -> Vec<Vec<KeyFrame>> {
        vec![
            vec![key(0, 0, 1000), key(180_000, 4000, 500)],
            vec![key(0, 188, 300)],
        ]
    }

    fn playlist(container: Container, keys: &[Vec<KeyFrame>]) -> IFramePlaylist<'_> {
        IFramePlaylist {
            container,
            names: SegmentNames::ApiRung { generation: 2 },
            segments: SEGMENTS,
            key_frames: keys,
        }
    }

    #[test]
    fn each_key_frame_is_a_range_that_lasts_until_the_next() {
        assert_eq!(
            playlist(Container::Ts, &keys()).render(),
            "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:2\n#EXT-X-MEDIA-SEQUENCE:0\n\
             #EXT-X-PLAYLIST-TYPE:VOD\n#EXT-X-I-FRAMES-ONLY\n\
             #EXTINF:2.000000,\n#EXT-X-BYTERANGE:1000@0\nsegment-0.ts?g=2\n\
             #EXTINF:2.000000,\n#EXT-X-BYTERANGE:500@4000\nsegment-0.ts?g=2\n\
             #EXTINF:1.000000,\n#EXT-X-BYTERANGE:300@188\nsegment-1.ts?g=2\n#EXT-X-ENDLIST\n"
        );
    }

    #[test]
    fn fragments_need_their_init_segment() {
        let text = playlist(Container::Fmp4, &keys()).render();
        assert!(text.contains("#EXT-X-VERSION:5\n"), "{text}");
        assert!(text.contains("#EXT-X-MAP:URI=\"init.mp4?g=2\"\n"), "{text}");
    }

    #[test]
    fn bandwidths_are_those_of_the_key_frames() {
        assert_eq!(playlist(Container::Ts, &keys()).bandwidths(), (4000, 2880));
        assert_eq!(playlist(Container::Ts, &[]).bandwidths(), (0, 0));
    }
}
