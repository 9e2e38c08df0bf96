//! ffprobe's listing of a file's streams.

use clipper_domain::FrameRate;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(super) struct Listing {
    #[serde(default)]
    pub(super) streams: Vec<Stream>,
    pub(super) format: Format,
}

#[derive(Debug, Deserialize)]
pub(super) struct Format {
    #[serde(default, rename = "format_name")]
    pub(super) name: String,
    duration: Option<String>,
    start_time: Option<String>,
    bit_rate: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct Stream {
    pub(super) index: u32,
    codec_type: Option<String>,
    pub(super) codec_name: Option<String>,
    pub(super) width: Option<u32>,
    pub(super) height: Option<u32>,
    pub(super) pix_fmt: Option<String>,
    pub(super) color_transfer: Option<String>,
    pub(super) color_primaries: Option<String>,
    color_range: Option<String>,
    codec_tag_string: Option<String>,
    bit_rate: Option<String>,
    pub(super) channels: Option<u32>,
    sample_rate: Option<String>,
    sample_aspect_ratio: Option<String>,
    field_order: Option<String>,
    r_frame_rate: Option<String>,
    duration: Option<String>,
    #[serde(default)]
    disposition: Disposition,
    #[serde(default)]
    tags: Tags,
    #[serde(default)]
    side_data_list: Vec<SideData>,
}

#[derive(Debug, Default, Deserialize)]
struct Disposition {
    #[serde(default)]
    attached_pic: u8,
}

#[derive(Debug, Default, Deserialize)]
struct Tags {
    rotate: Option<String>,
}

#[derive(Debug, Deserialize)]
struct SideData {
    rotation: Option<f64>,
    displaymatrix: Option<String>,
}

impl Listing {
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn seconds(&self) -> Option<f64> {
        self.format.duration.as_deref()?.parse().ok()
    }

    /// The tracks that can be heard.
    pub(super) fn sounds(&self) -> impl Iterator<Item = &Stream> {
        self.streams.iter().filter(|stream| stream.is_sound())
    }

    pub(super) fn bitrate(&self) -> u64 {
        number(self.format.bit_rate.as_deref())
    }

    /// When the file begins by its own clock.
    pub(super) fn start(&self) -> f64 {
        number(self.format.start_time.as_deref())
    }
}

fn number<N: std::str::FromStr + Default>(text: Option<&str>) -> N {
    text.and_then(|text| text.parse().ok()).unwrap_or_default()
}

impl Stream {
    pub(super) fn is_moving_picture(&self) -> bool {
        self.codec_type.as_deref() == Some("video") && self.disposition.attached_pic == 0
    }

    /// A track with neither channels nor a known codec is a promise of a damaged header, not a sound.
    pub(super) fn is_sound(&self) -> bool {
        self.codec_type.as_deref() == Some("audio")
            && self.channels.is_some_and(|channels| channels > 0)
            && self.codec_name.as_deref().is_some_and(|codec| codec != "unknown")
    }

    pub(super) fn seconds(&self) -> Option<f64> {
        self.duration.as_deref()?.parse().ok()
    }

    pub(super) fn sample_rate(&self) -> u32 {
        number(self.sample_rate.as_deref())
    }

    pub(super) fn bitrate(&self) -> u64 {
        number(self.bit_rate.as_deref())
    }

    /// Whether the media is under Common Encryption (ISO/IEC 23001-7).
    pub(super) fn encrypted(&self) -> bool {
        matches!(self.codec_tag_string.as_deref(), Some("encv" | "enca"))
    }

    pub(super) fn full_range(&self) -> bool {
        self.color_range.as_deref() == Some("pc")
            || self
                .pix_fmt
                .as_deref()
                .is_some_and(|format| format.starts_with("yuvj"))
    }

    /// From the pixel format, which names more than eight bits: `yuv420p10le`.
    pub(super) fn bit_depth(&self) -> u8 {
        let format = self.pix_fmt.as_deref().unwrap_or_default();
        let deep = [("9", 9), ("10", 10), ("12", 12), ("14", 14), ("16", 16)];
        deep.into_iter()
            .find(|(digits, _)| {
                ["le", "be"]
                    .iter()
                    .any(|order| format.ends_with(&format!("p{digits}{order}")))
            })
            .map_or(8, |(_, bits)| bits)
    }

    pub(super) fn stated_rate(&self) -> Option<FrameRate> {
        self.r_frame_rate.as_deref()?.parse().ok()
    }

    pub(super) fn sample_aspect(&self) -> (u32, u32) {
        let parse = |text: &str| {
            let (num, den) = text.split_once(':')?;
            Some((num.parse().ok()?, den.parse().ok()?))
        };
        let stated = self.sample_aspect_ratio.as_deref().and_then(parse);
        stated.filter(|(num, den)| *num > 0 && *den > 0).unwrap_or((1, 1))
    }

    pub(super) fn interlaced(&self) -> bool {
        matches!(self.field_order.as_deref(), Some("tt" | "bb" | "tb" | "bt"))
    }

    /// Degrees clockwise; the matrix counts the other way, the old tag does not.
    pub(super) fn rotation(&self) -> u16 {
        let matrix = self.side_data_list.iter().find_map(|data| data.rotation);
        let tag = self.tags.rotate.as_deref();
        let degrees = matrix.map_or_else(|| number::<f64>(tag), |degrees| -degrees);
        match (degrees / 90.0).round().rem_euclid(4.0) {
            quarters if quarters < 0.5 => 0,
            quarters if quarters < 1.5 => 90,
            quarters if quarters < 2.5 => 180,
            _ => 270,
        }
    }

    /// A matrix that turns right into left has a negative determinant.
    pub(super) fn mirrored(&self) -> bool {
        let matrix = self
            .side_data_list
            .iter()
            .find_map(|data| data.displaymatrix.as_deref());
        let rows: Vec<f64> = matrix
            .unwrap_or_default()
            .lines()
            .filter_map(|line| line.split_once(':'))
            .flat_map(|(_, row)| row.split_whitespace().filter_map(|word| word.parse().ok()))
            .collect();
        match rows.as_slice() {
            [a, b, _, c, d, ..] => a * d - b * c < 0.0,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stream(json: &str) -> Stream {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn a_turn_is_known_from_the_matrix_and_from_the_old_tag() {
        let turned = |json: &str| stream(json).rotation();
        assert_eq!(turned(r#"{"index":0,"side_data_list":[{"rotation":-90}]}"#), 90);
        assert_eq!(turned(r#"{"index":0,"tags":{"rotate":"270"}}"#), 270);
        assert_eq!(turned(r#"{"index":0,"side_data_list":[{"rotation":-180}]}"#), 180);
        assert_eq!(turned(r#"{"index":0,"side_data_list":[{"rotation":90}]}"#), 270);
        assert_eq!(turned(r#"{"index":0}"#), 0);
    }

    #[test]
    fn a_mirrored_picture_is_known_from_the_matrix() {
        let matrix = |a: i32, d: i32| {
            let text = format!("\\n00000000: {a} 0 0\\n00000001: 0 {d} 0\\n00000002: 0 0 1073741824\\n");
            stream(&format!(
                r#"{{"index":0,"side_data_list":[{{"displaymatrix":"{text}"}}]}}"#
            ))
            .mirrored()
        };
        assert!(matrix(-65_536, 65_536));
        assert!(!matrix(-65_536, -65_536));
        assert!(!stream(r#"{"index":0}"#).mirrored());
    }

    #[test]
    fn depth_and_range_follow_from_the_pixel_format() {
        let of = |format: &str| stream(&format!(r#"{{"index":0,"pix_fmt":"{format}"}}"#));
        assert_eq!(of("yuv420p10le").bit_depth(), 10);
        assert_eq!(of("yuv410p").bit_depth(), 8);
        assert!(of("yuvj420p").full_range() && !of("yuv420p").full_range());
    }
}
