//! The ladder: the rungs that a clip may have, with their ceilings.

use serde::{Deserialize, Serialize};

use crate::Quality;

/// The video codec of a rung.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// H.264 Main profile in MPEG-TS.
    H264Main,
    /// H.264 High profile in MPEG-TS.
    H264High,
    /// HEVC Main profile; HLS allows it in fragmented MP4 only (Apple authoring specification 1.5).
    HevcMain,
}

/// One rung: the box and the ceilings, bit rates in kbit/s.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rung {
    /// The rung's name.
    pub quality: Quality,
    /// Length of the picture's short side in pixels.
    pub short_side: u32,
    /// The codec.
    pub codec: Codec,
    /// The ceiling for any second of video.
    pub max_kbps: u32,
    /// The decoder buffer that the ceiling is kept over, in kbit.
    pub buffer_kbit: u32,
    /// The audio bit rate.
    pub audio_kbps: u32,
    /// The highest frame rate.
    pub max_fps: u32,
}

/// The rungs from small to large.
pub const LADDER: [Rung; 5] = [
    rung(Quality::P480, 480, Codec::H264Main, (2_200, 4_000), 128, 30),
    rung(Quality::P720, 720, Codec::H264High, (5_500, 10_000), 192, 60),
    rung(Quality::P1080, 1080, Codec::H264High, (11_000, 20_000), 256, 60),
    rung(Quality::K2, 1440, Codec::H264High, (16_500, 30_000), 256, 60),
    rung(Quality::K4, 2160, Codec::HevcMain, (27_500, 50_000), 320, 60),
];

const fn rung(
    quality: Quality,
    short_side: u32,
    codec: Codec,
    (max_kbps, buffer_kbit): (u32, u32),
    audio_kbps: u32,
    max_fps: u32,
) -> Rung {
    Rung {
        quality,
        short_side,
        codec,
        max_kbps,
        buffer_kbit,
        audio_kbps,
        max_fps,
    }
}

/// The rungs that a source of this short side fills: the smallest always, a larger one only without upscaling.
pub fn rungs_for(short_side: u32, wanted: &[Quality]) -> Vec<Rung> {
    LADDER
        .into_iter()
        .filter(|rung| wanted.contains(&rung.quality))
        .filter(|rung| rung.quality == Quality::P480 || rung.short_side <= short_side)
        .collect()
}

/// The size of a picture on a rung: aspect kept, even, never larger than the source.
pub fn fit((width, height): (u32, u32), short_side: u32) -> (u32, u32) {
    let source_short = width.min(height);
    if source_short <= short_side {
        return (even_below(width), even_below(height));
    }
    if width <= height {
        (short_side, scaled_even(height, short_side, width))
    } else {
        (scaled_even(width, short_side, height), short_side)
    }
}

fn even_below(length: u32) -> u32 {
    (length & !1).max(2)
}

fn scaled_even(length: u32, num: u32, den: u32) -> u32 {
    let halves = (u64::from(length) * u64::from(num) + u64::from(den)) / (2 * u64::from(den).max(1));
    u32::try_from(halves * 2).unwrap_or(u32::MAX).max(2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn portrait_stays_portrait_and_is_fitted_by_its_short_side() {
        assert_eq!(fit((1080, 1920), 720), (720, 1280));
        assert_eq!(fit((1920, 1080), 480), (854, 480));
        assert_eq!(fit((641, 361), 480), (640, 360));
        assert_eq!(fit((314, 273), 480), (314, 272));
    }

    proptest! {
        #[test]
        fn a_fitted_picture_is_even_not_larger_and_keeps_its_aspect(
            width in 2_u32..8_192, height in 2_u32..8_192, short in prop::sample::select(vec![480_u32, 720, 1080, 1440, 2160]),
        ) {
            let (w, h) = fit((width, height), short);
            prop_assert!(w % 2 == 0 && h % 2 == 0);
            prop_assert!(w <= width.max(2) && h <= height.max(2));
            prop_assert_eq!((w > h, w < h) == (width > height, width < height) || w == h, true);
            // Rounding both sides to even moves each by at most one pixel (two when cut to even below).
            let ideal = f64::from(w) * f64::from(height) / f64::from(width);
            let slack = 1.0 + f64::from(height) / f64::from(width);
            prop_assert!((f64::from(h) - ideal).abs() <= slack + 1.0, "{}x{} of {}x{}", w, h, width, height);
        }

        #[test]
        fn more_pixels_never_mean_fewer_rungs(a in 1_u32..4_400, b in 1_u32..4_400) {
            let (small, large) = (a.min(b), a.max(b));
            let of = |side| rungs_for(side, &Quality::ALL).len();
            prop_assert!(of(small) <= of(large));
            prop_assert!(of(small) >= 1);
        }
    }
}
