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
}

impl Listing {
    pub(super) fn read(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json).ok()
    }

    pub(super) fn seconds(&self) -> Option<f64> {
        self.format.duration.as_deref()?.parse().ok()
    }

    pub(super) fn bitrate(&self) -> u64 {
        self.format
            .bit_rate
            .as_deref()
            .and_then(|rate| rate.parse().ok())
            .unwrap_or_default()
    }
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
        self.sample_rate
            .as_deref()
            .and_then(|rate| rate.parse().ok())
            .unwrap_or_default()
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

    pub(super) fn quarter_turned(&self) -> bool {
        let matrix = self.side_data_list.iter().find_map(|data| data.rotation);
        let tag = self
            .tags
            .rotate
            .as_deref()
            .and_then(|degrees| degrees.parse().ok());
        let degrees: f64 = matrix.or(tag).unwrap_or_default();
        ((degrees / 90.0).round() % 2.0).abs() > 0.5
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quarter_turn_is_known_from_the_matrix_and_from_the_old_tag() {
        let turned = |json: &str| serde_json::from_str::<Stream>(json).unwrap().quarter_turned();
        assert!(turned(r#"{"index":0,"side_data_list":[{"rotation":-90}]}"#));
        assert!(turned(r#"{"index":0,"tags":{"rotate":"270"}}"#));
        assert!(!turned(r#"{"index":0,"side_data_list":[{"rotation":180}]}"#));
        assert!(!turned(r#"{"index":0}"#));
    }
}
