//! The multivariant playlist as text, in the order in which players should meet its rungs.

use super::i_frames::IFramePlaylist;
use super::rendition::RenditionFacts;
use clipper_domain::FrameRate;

/// hls.js does not choose a variant above its `abrEwmaDefaultEstimateMax` first (hls.js#7348).
const START_MAX_BANDWIDTH: u64 = 5_000_000;
const START_MAX_SHORT_SIDE: u32 = 720;

/// One rung of the ladder as the master playlist declares it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MasterVariant {
    /// Of the media playlist, relative to the master.
    pub uri: String,
    /// Peak bits per second.
    pub bandwidth: u64,
    /// Average bits per second.
    pub average_bandwidth: u64,
    /// RFC 6381 names.
    pub codecs: String,
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
    /// Of the video.
    pub frame_rate: FrameRate,
}

impl MasterVariant {
    /// Declares what was measured.
    pub fn of(uri: String, facts: &RenditionFacts) -> Self {
        Self {
            uri,
            bandwidth: facts.peak_bandwidth,
            average_bandwidth: facts.average_bandwidth,
            codecs: facts.codecs.clone(),
            width: facts.width,
            height: facts.height,
            frame_rate: facts.frame_rate,
        }
    }

    fn may_start(&self) -> bool {
        self.bandwidth <= START_MAX_BANDWIDTH && self.width.min(self.height) <= START_MAX_SHORT_SIDE
    }

    fn is_hevc(&self) -> bool {
        self.codecs.contains("hvc1.") || self.codecs.contains("hev1.")
    }

    fn stream_inf(&self) -> String {
        let millis = self.frame_rate.per_thousand_seconds();
        format!(
            "#EXT-X-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",RESOLUTION={}x{},\
             FRAME-RATE={}.{:03},CLOSED-CAPTIONS=NONE",
            self.bandwidth,
            self.average_bandwidth,
            self.codecs,
            self.width,
            self.height,
            millis / 1000,
            millis % 1000,
        )
    }
}

/// The key frames of a rung, for scrubbing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IFrameVariant {
    /// Of the I-frame playlist, relative to the master.
    pub uri: String,
    /// Peak bits per second of the key frames.
    pub bandwidth: u64,
    /// Average bits per second of the key frames.
    pub average_bandwidth: u64,
    /// The RFC 6381 name of the video alone.
    pub codecs: String,
    /// As shown.
    pub width: u32,
    /// As shown.
    pub height: u32,
}

impl IFrameVariant {
    /// Declares what a list of a rung's key frames holds; `codecs` and the size are those of the rung.
    pub fn of(
        uri: String,
        key_frames: &IFramePlaylist<'_>,
        codecs: &str,
        (width, height): (u32, u32),
    ) -> Self {
        let (bandwidth, average_bandwidth) = key_frames.bandwidths();
        let video: Vec<_> = codecs
            .split(',')
            .filter(|codec| !codec.starts_with("mp4a."))
            .collect();
        Self {
            uri,
            bandwidth,
            average_bandwidth,
            codecs: video.join(","),
            width,
            height,
        }
    }

    fn line(&self) -> String {
        format!(
            "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH={},AVERAGE-BANDWIDTH={},CODECS=\"{}\",RESOLUTION={}x{},URI=\"{}\"",
            self.bandwidth, self.average_bandwidth, self.codecs, self.width, self.height, self.uri,
        )
    }
}

/// Subtitles in one language.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubtitleTrack {
    /// Of the subtitle playlist, relative to the master.
    pub uri: String,
    /// By RFC 5646, such as `en`.
    pub language: String,
    /// As people read it.
    pub name: String,
}

const SUBTITLES: &str = "subtitles";

impl SubtitleTrack {
    fn line(&self) -> String {
        format!(
            "#EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"{SUBTITLES}\",LANGUAGE=\"{}\",NAME=\"{}\",AUTOSELECT=YES,\
             DEFAULT=NO,URI=\"{}\"",
            quotable(&self.language),
            quotable(&self.name),
            self.uri,
        )
    }
}

/// Quoted strings hold neither quotes nor line ends (RFC 4.2).
fn quotable(text: &str) -> String {
    text.chars()
        .map(|letter| match letter {
            '"' => '\'',
            '\n' | '\r' => ' ',
            other => other,
        })
        .collect()
}

/// A multivariant playlist with all that it may have.
#[derive(Debug, Clone, Copy, Default)]
pub struct MasterPlaylist<'a> {
    /// In any order.
    pub variants: &'a [MasterVariant],
    /// In any order.
    pub i_frames: &'a [IFrameVariant],
    /// The most likely language first.
    pub subtitles: &'a [SubtitleTrack],
}

impl MasterPlaylist<'_> {
    /// The text: a sensible start rung first, because players begin with the first they see, then all others from
    /// the lowest bandwidth to the highest.
    pub fn render(&self) -> String {
        let mut lines = vec![
            "#EXTM3U".to_owned(),
            "#EXT-X-VERSION:6".to_owned(),
            "#EXT-X-INDEPENDENT-SEGMENTS".to_owned(),
        ];
        lines.extend(self.subtitles.iter().map(SubtitleTrack::line));
        for variant in in_playing_order(self.variants) {
            lines.push(variant.stream_inf() + &self.common_attributes());
            lines.push(variant.uri.clone());
        }
        let mut i_frames: Vec<_> = self.i_frames.iter().collect();
        i_frames.sort_by_key(|variant| variant.bandwidth);
        lines.extend(i_frames.into_iter().map(|variant| variant.line() + self.range()));
        lines.push(String::new());
        lines.join("\n")
    }

    fn common_attributes(&self) -> String {
        if self.subtitles.is_empty() {
            return self.range().to_owned();
        }
        format!("{},SUBTITLES=\"{SUBTITLES}\"", self.range())
    }

    /// HEVC could be HDR; where it is offered, every variant says that it is not (APL 9.16).
    fn range(&self) -> &'static str {
        if self.variants.iter().any(MasterVariant::is_hevc) {
            ",VIDEO-RANGE=SDR"
        } else {
            ""
        }
    }
}

fn in_playing_order(variants: &[MasterVariant]) -> Vec<&MasterVariant> {
    let mut ordered: Vec<_> = variants.iter().collect();
    ordered.sort_by_key(|variant| variant.bandwidth);
    let start = ordered
        .iter()
        .enumerate()
        .filter(|(_, variant)| variant.may_start())
        .max_by_key(|(_, variant)| u64::from(variant.width) * u64::from(variant.height));
    if let Some((position, _)) = start {
        let rung = ordered.remove(position);
        ordered.insert(0, rung);
    }
    ordered
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rung(height: u32, bandwidth: u64) -> MasterVariant {
        MasterVariant {
            uri: format!("{height}p.m3u8"),
            bandwidth,
            average_bandwidth: bandwidth / 2,
            codecs: "avc1.64001f,mp4a.40.2".to_owned(),
            width: height * 16 / 9,
            height,
            frame_rate: FrameRate::new(30_000, 1001).unwrap(),
        }
    }

    fn order(variants: &[MasterVariant]) -> Vec<u32> {
        in_playing_order(variants)
            .into_iter()
            .map(|variant| variant.height)
            .collect()
    }

    #[test]
    fn a_master_declares_everything() {
        assert_eq!(
            MasterPlaylist {
                variants: &[rung(720, 3_000_000)],
                ..MasterPlaylist::default()
            }
            .render(),
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=1500000,CODECS=\"avc1.64001f,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE\n720p.m3u8\n"
        );
    }

    #[test]
    fn subtitles_key_frames_and_hevc_are_declared() {
        let mut hevc = rung(720, 3_000_000);
        hevc.codecs = "hvc1.1.6.L93.90,mp4a.40.2".to_owned();
        let master = MasterPlaylist {
            variants: &[hevc],
            i_frames: &[IFrameVariant {
                uri: "720p/iframes.m3u8".to_owned(),
                bandwidth: 300_000,
                average_bandwidth: 200_000,
                codecs: "hvc1.1.6.L93.90".to_owned(),
                width: 1280,
                height: 720,
            }],
            subtitles: &[SubtitleTrack {
                uri: "en.m3u8".to_owned(),
                language: "en".to_owned(),
                name: "The \"English\"".to_owned(),
            }],
        };
        assert_eq!(
            master.render(),
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-MEDIA:TYPE=SUBTITLES,GROUP-ID=\"subtitles\",LANGUAGE=\"en\",NAME=\"The 'English'\",AUTOSELECT=YES,\
             DEFAULT=NO,URI=\"en.m3u8\"\n\
             #EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=1500000,CODECS=\"hvc1.1.6.L93.90,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE,VIDEO-RANGE=SDR,SUBTITLES=\"subtitles\"\n\
             720p.m3u8\n\
             #EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=300000,AVERAGE-BANDWIDTH=200000,CODECS=\"hvc1.1.6.L93.90\",\
             RESOLUTION=1280x720,URI=\"720p/iframes.m3u8\",VIDEO-RANGE=SDR\n"
        );
    }

    #[test]
    fn the_highest_rung_that_starts_quickly_comes_first() {
        let ladder = [rung(1080, 4_900_000), rung(720, 3_000_000), rung(480, 1_500_000)];
        assert_eq!(order(&ladder), [720, 480, 1080]);
        let heavy = [rung(1080, 9_000_000), rung(720, 5_000_001), rung(480, 1_500_000)];
        assert_eq!(order(&heavy), [480, 720, 1080]);
    }

    #[test]
    fn without_such_a_rung_the_lowest_comes_first() {
        assert_eq!(order(&[rung(720, 6_000_000), rung(480, 5_500_000)]), [480, 720]);
        assert_eq!(order(&[]), [0; 0]);
    }

    #[test]
    fn portrait_counts_by_its_short_side() {
        let mut portrait = rung(1280, 3_000_000);
        portrait.width = 720;
        assert_eq!(order(&[rung(480, 1_500_000), portrait]), [1280, 480]);
    }
}
