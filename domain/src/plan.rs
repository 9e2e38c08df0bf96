//! The plan: what is to be encoded from a source, decided before any process starts.
//!
//! Promises: nothing is upscaled, the aspect is kept, every size is even, and all rungs share one grid of key frames
//! by construction, since each rung's rate is the common rate divided by a whole number.

use serde::{Deserialize, Serialize};

use crate::ladder::{self, Codec, Rung};
use crate::source::SourceFacts;
use crate::{FrameRate, Quality, h264_level};

/// The choices of the operator that a plan depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanSettings {
    /// Seconds of a media segment.
    pub segment_seconds: u32,
    /// Seconds between two key frames.
    pub key_frame_seconds: u32,
}

impl Default for PlanSettings {
    fn default() -> Self {
        Self {
            segment_seconds: 6,
            key_frame_seconds: 2,
        }
    }
}

/// What is to be encoded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The constant rate that every picture is brought onto before it is scaled.
    pub frame_rate: FrameRate,
    /// Frames between two key frames at the common rate.
    pub key_frame_interval: u32,
    /// Frames of a segment at the common rate, a multiple of the key-frame interval.
    pub segment_frames: u32,
    /// Frames that may come out at most; a source whose clock lies ends here.
    pub frame_limit: u64,
    /// Whether the source is interlaced and must not stay so (Apple authoring specification 1.14).
    pub deinterlace: bool,
    /// Whether the source is HDR and is brought into the range of BT.709.
    pub tone_map: bool,
    /// Whether there is sound.
    pub audio: bool,
    /// The rungs, from small to large.
    pub rungs: Vec<PlannedRung>,
}

/// One rung of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedRung {
    /// The rung's name.
    pub quality: Quality,
    /// Width in pixels.
    pub width: u32,
    /// Height in pixels.
    pub height: u32,
    /// Every how many frames of the common rate one is kept.
    pub frame_step: u32,
    /// The codec.
    pub codec: Codec,
    /// The H.264 level × 10.
    pub level: u8,
    /// The ceiling for any second of video in kbit/s.
    pub max_kbps: u32,
    /// The decoder buffer in kbit.
    pub buffer_kbit: u32,
    /// The audio bit rate in kbit/s.
    pub audio_kbps: u32,
}

/// Why there is no plan for a source.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlan {
    /// The picture exceeds what the largest H.264 level holds.
    #[error("a picture of {width}×{height} pixels fits no rung")]
    PictureTooLarge {
        /// Width as shown.
        width: u32,
        /// Height as shown.
        height: u32,
    },
}

/// The highest rate that HLS allows (Apple authoring specification 1.19).
const MAX_FPS: u32 = 60;

/// Slower sources show each picture several times, so that a segment can end every few seconds.
const MIN_FPS: u32 = 5;

/// Decides what to encode from a source.
pub fn plan(source: &SourceFacts, wanted: &[Quality], settings: PlanSettings) -> Result<Plan, NoPlan> {
    let size = source.display_size();
    let frame_rate = raised(capped(source.frame_rate, MAX_FPS), MIN_FPS);
    let key_frame_interval = frames_in(frame_rate, settings.key_frame_seconds);
    let key_frames_per_segment = (settings.segment_seconds / settings.key_frame_seconds.max(1)).max(1);
    let rungs = ladder::rungs_for(size.0.min(size.1), wanted)
        .into_iter()
        .map(|rung| planned(&rung, size, frame_rate))
        .collect::<Option<Vec<_>>>()
        .filter(|rungs| !rungs.is_empty())
        .ok_or(NoPlan::PictureTooLarge {
            width: size.0,
            height: size.1,
        })?;
    Ok(Plan {
        frame_rate,
        key_frame_interval,
        segment_frames: key_frame_interval * key_frames_per_segment,
        frame_limit: frame_limit(source.duration_ms, frame_rate),
        deinterlace: source.interlaced,
        tone_map: matches!(source.transfer.as_deref(), Some("smpte2084" | "arib-std-b67")),
        audio: source.audio.is_some(),
        rungs,
    })
}

fn planned(rung: &Rung, size: (u32, u32), frame_rate: FrameRate) -> Option<PlannedRung> {
    let (width, height) = ladder::fit(size, rung.short_side);
    let frame_step = steps_under(frame_rate, rung.max_fps);
    let rate = frame_rate.divided_by(frame_step);
    let level = h264_level((width, height), rate, rung.max_kbps, rung.buffer_kbit)?;
    Some(PlannedRung {
        quality: rung.quality,
        width,
        height,
        frame_step,
        codec: rung.codec,
        level,
        max_kbps: rung.max_kbps,
        buffer_kbit: rung.buffer_kbit,
        audio_kbps: rung.audio_kbps,
    })
}

fn capped(rate: FrameRate, max_fps: u32) -> FrameRate {
    rate.divided_by(steps_under(rate, max_fps))
}

fn raised(rate: FrameRate, min_fps: u32) -> FrameRate {
    let times = rate.den().saturating_mul(min_fps).div_ceil(rate.num()).max(1);
    FrameRate::new(rate.num().saturating_mul(times), rate.den()).unwrap_or(rate)
}

fn steps_under(rate: FrameRate, max_fps: u32) -> u32 {
    rate.num().div_ceil(rate.den().saturating_mul(max_fps)).max(1)
}

/// Frames in a number of seconds, even so that a rung at half the rate has its key frames on the same instants.
fn frames_in(rate: FrameRate, seconds: u32) -> u32 {
    let halves =
        (u64::from(rate.num()) * u64::from(seconds) + u64::from(rate.den())) / (2 * u64::from(rate.den()));
    u32::try_from(halves * 2).unwrap_or(u32::MAX).max(2)
}

/// The frames of the stated duration and a second more: a source whose clock lies is cut there.
fn frame_limit(duration_ms: u64, rate: FrameRate) -> u64 {
    let ms = u128::from(duration_ms) + 1_000;
    let frames = (ms * u128::from(rate.num())).div_ceil(1_000 * u128::from(rate.den()));
    u64::try_from(frames).unwrap_or(u64::MAX)
}

impl Plan {
    /// Seconds of a full segment.
    pub fn segment_seconds(&self) -> f64 {
        self.frame_rate.seconds(u64::from(self.segment_frames))
    }

    /// The frame rate of one of its rungs.
    pub fn rate_of(&self, rung: &PlannedRung) -> FrameRate {
        self.frame_rate.divided_by(rung.frame_step)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn source(width: u32, height: u32, rate: &str) -> SourceFacts {
        SourceFacts {
            container: "mov".to_owned(),
            video_stream: 0,
            video_codec: "h264".to_owned(),
            coded_width: width,
            coded_height: height,
            sample_aspect: (1, 1),
            quarter_turned: false,
            frame_rate: rate.parse().unwrap(),
            duration_ms: 30_000,
            interlaced: false,
            pixel_format: "yuv420p".to_owned(),
            transfer: None,
            audio: None,
            bitrate: 6_000_000,
        }
    }

    fn default_plan(source: &SourceFacts) -> Plan {
        plan(source, &Quality::DEFAULT, PlanSettings::default()).unwrap()
    }

    #[test]
    fn a_full_hd_source_fills_three_rungs_on_a_grid_of_two_seconds() {
        let plan = default_plan(&source(1920, 1080, "24/1"));
        let sizes: Vec<_> = plan
            .rungs
            .iter()
            .map(|r| (r.quality, r.width, r.height))
            .collect();
        assert_eq!(
            sizes,
            [
                (Quality::P480, 854, 480),
                (Quality::P720, 1280, 720),
                (Quality::P1080, 1920, 1080)
            ]
        );
        assert_eq!((plan.key_frame_interval, plan.segment_frames), (48, 144));
    }

    #[test]
    fn the_smallest_rung_halves_sixty_frames_and_keeps_the_instants_of_key_frames() {
        let plan = default_plan(&source(1920, 1080, "60000/1001"));
        assert_eq!(
            plan.rungs.iter().map(|r| r.frame_step).collect::<Vec<_>>(),
            [2, 1, 1]
        );
        assert_eq!(plan.key_frame_interval, 120);
        assert_eq!(plan.rate_of(&plan.rungs[0]).to_string(), "30000/1001");
    }

    #[test]
    fn a_turned_phone_picture_is_planned_as_it_is_shown() {
        let mut portrait = source(1920, 1080, "30/1");
        portrait.quarter_turned = true;
        let plan = default_plan(&portrait);
        assert!(plan.rungs.iter().all(|rung| rung.width < rung.height));
    }

    #[test]
    fn anamorphic_pixels_become_square() {
        let mut wide = source(720, 576, "25/1");
        wide.sample_aspect = (64, 45);
        assert_eq!(wide.display_size(), (1024, 576));
        assert_eq!(
            (
                default_plan(&wide).rungs[0].width,
                default_plan(&wide).rungs[0].height
            ),
            (854, 480)
        );
    }

    #[test]
    fn a_picture_beyond_every_level_has_no_plan() {
        let refused = plan(
            &source(200_000, 400, "30/1"),
            &Quality::DEFAULT,
            PlanSettings::default(),
        );
        assert_eq!(
            refused,
            Err(NoPlan::PictureTooLarge {
                width: 200_000,
                height: 400
            })
        );
    }

    proptest! {
        #[test]
        fn every_plan_keeps_its_promises(
            width in 16_u32..4_097, height in 16_u32..2_305, num in 1_u32..240_000, den in 1_u32..1_002,
            segment in 2_u32..11, duration in 1_u64..40_000_000,
        ) {
            prop_assume!(num / den <= 1_000);
            let mut source = source(width, height, &format!("{num}/{den}"));
            source.duration_ms = duration;
            let settings = PlanSettings { segment_seconds: segment, key_frame_seconds: 2 };
            let Ok(plan) = plan(&source, &Quality::ALL, settings) else { return Ok(()); };
            prop_assert!(plan.frame_rate.as_f64() <= 60.0 && plan.frame_rate.as_f64() >= 5.0);
            prop_assert!(plan.segment_seconds() <= f64::from(segment) + 1.0);
            prop_assert_eq!(plan.segment_frames % plan.key_frame_interval, 0);
            for rung in &plan.rungs {
                prop_assert!(rung.width <= width && rung.height <= height);
                prop_assert!(rung.width % 2 == 0 && rung.height % 2 == 0);
                // Key frames of every rung fall on the same instants. A rung at a third of the rate would break this.
                prop_assert_eq!(plan.key_frame_interval % rung.frame_step, 0);
            }
            let distinct: std::collections::HashSet<_> = plan.rungs.iter().map(|r| (r.width, r.height)).collect();
            prop_assert_eq!(distinct.len(), plan.rungs.len());
            prop_assert!(plan.frame_rate.seconds(plan.frame_limit) >= std::time::Duration::from_millis(duration).as_secs_f64());
        }
    }
}
