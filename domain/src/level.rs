//! Levels of H.264 and HEVC: the lowest one that a size, frame rate and bit rate fit in (ITU-T H.264 table A-1, H.265
//! tables A.8 and A.9).

use crate::FrameRate;

/// What a level allows: its `level_idc`; blocks per second and per picture; kbit/s and kbit.
struct LevelLimits(u8, u64, u64, u32, u32);

/// Table A-1 of ITU-T H.264: level × 10, in macroblocks, bit rates for Main.
const H264_LEVELS: [LevelLimits; 16] = [
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
    LevelLimits(41, 245_760, 8_192, 50_000, 62_500),
    LevelLimits(42, 522_240, 8_704, 50_000, 62_500),
    LevelLimits(50, 589_824, 22_080, 135_000, 135_000),
    LevelLimits(51, 983_040, 36_864, 240_000, 240_000),
    LevelLimits(52, 2_073_600, 36_864, 240_000, 240_000),
];

/// The lowest H.264 level (`level_idc`, × 10) that holds this picture, rate, ceiling and buffer; nothing when none
/// that HLS allows does. A ceiling or buffer of 0 asks nothing.
pub fn h264_level(
    (width, height): (u32, u32),
    rate: FrameRate,
    max_kbps: u32,
    buffer_kbit: u32,
) -> Option<u8> {
    let blocks = (width.div_ceil(16), height.div_ceil(16));
    lowest(&H264_LEVELS, blocks, rate, (max_kbps, buffer_kbit))
}

/// Tables A.8 and A.9 of ITU-T H.265: level × 30, in luma samples, bit rates of the Main tier.
const HEVC_LEVELS: [LevelLimits; 9] = [
    LevelLimits(30, 552_960, 36_864, 128, 350),
    LevelLimits(60, 3_686_400, 122_880, 1_500, 1_500),
    LevelLimits(63, 7_372_800, 245_760, 3_000, 3_000),
    LevelLimits(90, 16_588_800, 552_960, 6_000, 6_000),
    LevelLimits(93, 33_177_600, 983_040, 10_000, 10_000),
    LevelLimits(120, 66_846_720, 2_228_224, 12_000, 12_000),
    LevelLimits(123, 133_693_440, 2_228_224, 20_000, 20_000),
    LevelLimits(150, 267_386_880, 8_912_896, 25_000, 25_000),
    LevelLimits(153, 534_773_760, 8_912_896, 40_000, 40_000),
];

/// The lowest HEVC level (`general_level_idc`, × 30) whose Main tier holds this picture, rate, ceiling and buffer; nothing
/// when none that HLS allows does. A ceiling or buffer of 0 asks nothing.
pub fn hevc_level(
    (width, height): (u32, u32),
    rate: FrameRate,
    max_kbps: u32,
    buffer_kbit: u32,
) -> Option<u8> {
    lowest(&HEVC_LEVELS, (width, height), rate, (max_kbps, buffer_kbit))
}

fn lowest(
    levels: &[LevelLimits],
    (wide, high): (u32, u32),
    rate: FrameRate,
    (max_kbps, buffer_kbit): (u32, u32),
) -> Option<u8> {
    let (wide, high) = (u64::from(wide), u64::from(high));
    let per_picture = wide * high;
    let per_second = (u128::from(per_picture) * u128::from(rate.num())).div_ceil(u128::from(rate.den()));
    // H.264 A.3.1, H.265 A.4.1: neither side may exceed the square root of eight times the picture size.
    let side_fits = |picture_limit: u64| wide.max(high).pow(2) <= 8 * picture_limit;
    levels
        .iter()
        .find(|LevelLimits(_, second_limit, picture_limit, kbps, kbit)| {
            per_second <= u128::from(*second_limit)
                && per_picture <= *picture_limit
                && side_fits(*picture_limit)
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
    fn a_high_bit_rate_raises_the_level() {
        assert_eq!(h264_level((1920, 1080), rate(24), 20_000, 0), Some(40));
        assert_eq!(h264_level((1920, 1080), rate(24), 20_001, 0), Some(41));
    }

    #[test]
    fn the_usual_pictures_need_the_usual_hevc_levels() {
        assert_eq!(hevc_level((1280, 720), rate(30), 0, 0), Some(93));
        assert_eq!(hevc_level((1920, 1080), rate(30), 0, 0), Some(120));
        assert_eq!(hevc_level((1920, 1080), rate(60), 0, 0), Some(123));
        assert_eq!(hevc_level((2560, 1440), rate(30), 16_500, 33_000), Some(153));
        assert_eq!(hevc_level((3840, 2160), rate(30), 25_000, 25_000), Some(150));
        assert_eq!(hevc_level((3840, 2160), rate(60), 0, 0), Some(153));
        assert_eq!(hevc_level((7680, 4320), rate(24), 0, 0), None);
        assert_eq!(hevc_level((8_445, 100), rate(1), 0, 0), None);
    }

    proptest! {
        #[test]
        fn the_hevc_level_rises_with_the_rate(width in 16_u32..4_096, height in 16_u32..2_304, fps in 1_u32..59) {
            let slow = hevc_level((width, height), rate(fps), 2_200, 4_000);
            let fast = hevc_level((width, height), rate(fps + 1), 2_200, 4_000);
            prop_assert!(fast.is_none() || slow <= fast);
        }

        #[test]
        fn the_level_rises_with_the_rate(width in 16_u32..4_096, height in 16_u32..2_304, fps in 1_u32..59) {
            let slow = h264_level((width, height), rate(fps), 2_200, 4_000);
            let fast = h264_level((width, height), rate(fps + 1), 2_200, 4_000);
            prop_assert!(fast.is_none() || slow <= fast);
        }
    }
}
