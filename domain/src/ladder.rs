//! The ladder: the rungs that a clip may have, with their ceilings, and the H.264 level that a picture needs.

use serde::{Deserialize, Serialize};

use crate::{FrameRate, Quality};

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
    Rung { quality, short_side, codec, max_kbps, buffer_kbit, audio_kbps, max_fps }
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

/// A row of Table A-1 of ITU-T H.264: level × 10, macroblocks per second and per frame, kbit/s and kbit for Main.
struct LevelLimits(u32, u64, u64, u32, u32);

const LEVELS: [LevelLimits; 15] = [
    LevelLimits(10, 1_485, 99, 64, 175),
    LevelLimits(11, 3_000, 396, 192, 500),
    LevelLimits(12, 6_000, 396, 384, 1_000),
    LevelLimits(13, 11_880, 396, 768, 2_000),
    LevelLimits(20, 11_880, 396, 2_000, 2_000),
    LevelLimits(21, 19_800, 792, 4_000, 4_000),
    LevelLimits(22, 20_250, 1_620, 4_000, 4_000),
    LevelLimits(30, 40_500, 1_620, 10_000, 10_000),
    LevelLimits(31, 108_000, 3_600, 14_000, 14_000),
    LevelLimits(32, 216_000, 5_120, 20_000, 20_000),
    LevelLimits(40, 245_760, 8_192, 20_000, 25_000),
    LevelLimits(42, 522_240, 8_704, 50_000, 62_500),
    LevelLimits(50, 589_824, 22_080, 135_000, 135_000),
    LevelLimits(51, 983_040, 36_864, 240_000, 240_000),
    LevelLimits(52, 2_073_600, 36_864, 240_000, 240_000),
];

/// The lowest H.264 level (× 10) that holds this picture, rate and ceiling; nothing when none does.
pub fn h264_level((width, height): (u32, u32), rate: FrameRate, max_kbps: u32, buffer_kbit: u32) -> Option<u32> {
    let (columns, rows) = (u64::from(width.div_ceil(16)), u64::from(height.div_ceil(16)));
    let per_frame = columns * rows;
    let per_second = (per_frame * u64::from(rate.num())).div_ceil(u64::from(rate.den()));
    // A.3.1: neither side may exceed the square root of eight times the frame size.
    let side_fits = |frame_limit: u64| columns.max(rows).pow(2) <= 8 * frame_limit;
    LEVELS
        .iter()
        .find(|LevelLimits(_, second_limit, frame_limit, kbps, kbit)| {
            per_second <= *second_limit
                && per_frame <= *frame_limit
                && side_fits(*frame_limit)
                && max_kbps <= *kbps
                && buffer_kbit <= *kbit
        })
        .map(|LevelLimits(level, ..)| *level)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rate(fps: u32) -> FrameRate {
        FrameRate::new(fps, 1).unwrap()
    }

    #[test]
    fn the_usual_pictures_need_the_usual_levels() {
        assert_eq!(h264_level((854, 480), rate(24), 2_200, 4_000), Some(30));
        assert_eq!(h264_level((854, 480), rate(30), 2_200, 4_000), Some(31));
        assert_eq!(h264_level((1280, 720), rate(30), 5_500, 10_000), Some(31));
        assert_eq!(h264_level((1280, 720), rate(60), 5_500, 10_000), Some(32));
        assert_eq!(h264_level((1920, 1080), rate(30), 11_000, 20_000), Some(40));
        assert_eq!(h264_level((1920, 1080), rate(60), 11_000, 20_000), Some(42));
        assert_eq!(h264_level((16_000, 16_000), rate(1), 11_000, 20_000), None);
    }

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

        #[test]
        fn the_level_rises_with_the_rate(width in 16_u32..4_096, height in 16_u32..2_304, fps in 1_u32..59) {
            let slow = h264_level((width, height), rate(fps), 2_200, 4_000);
            let fast = h264_level((width, height), rate(fps + 1), 2_200, 4_000);
            prop_assert!(fast.is_none() || slow <= fast);
        }
    }
}
