//! The multivariant playlist as text, in the order in which players should meet its rungs.

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

/// The text: a sensible start rung first, because players begin with the first they see, then all others from the
/// lowest bandwidth to the highest.
pub fn render_master(variants: &[MasterVariant]) -> String {
    let mut lines = vec![
        "#EXTM3U".to_owned(),
        "#EXT-X-VERSION:6".to_owned(),
        "#EXT-X-INDEPENDENT-SEGMENTS".to_owned(),
    ];
    for variant in in_playing_order(variants) {
        lines.push(variant.stream_inf());
        lines.push(variant.uri.clone());
    }
    lines.push(String::new());
    lines.join("\n")
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
            render_master(&[rung(720, 3_000_000)]),
            "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n\
             #EXT-X-STREAM-INF:BANDWIDTH=3000000,AVERAGE-BANDWIDTH=1500000,CODECS=\"avc1.64001f,mp4a.40.2\",\
             RESOLUTION=1280x720,FRAME-RATE=29.970,CLOSED-CAPTIONS=NONE\n720p.m3u8\n"
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
