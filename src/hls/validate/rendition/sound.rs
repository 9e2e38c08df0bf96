//! Rules on the sound: one track without gaps.

use super::Case;
use crate::hls::segment::SegmentFacts;

pub(super) fn is_one_track(case: &Case<'_>) -> Option<String> {
    let first = case.sound()?;
    let changed = |segment: &SegmentFacts| {
        segment
            .audio
            .as_ref()
            .is_some_and(|sound| !sound.same_track(first))
    };
    let number = case.first_segment(changed)?;
    Some(format!("segment {number} changes the sound track"))
}

/// The sound of a clip may start late or end early, but players wait for what was announced.
pub(super) fn is_in_every_segment(case: &Case<'_>) -> Option<String> {
    case.sound()?;
    let number = case.first_segment(|segment| segment.audio.is_none())?;
    Some(format!("segment {number} has no sound, others have"))
}

/// Cuts wander by a frame around those of the video, but nothing may be missing or doubled between segments.
pub(super) fn is_continuous(case: &Case<'_>) -> Option<String> {
    let (number, ..) = case.neighbours().find(|(_, segment, next)| {
        let (Some(sound), Some(after)) = (&segment.audio, &next.audio) else {
            return false;
        };
        sound.gap_after(sound.frames, after.first_pts) > sound.ticks(1)
    })?;
    Some(format!(
        "sound of segment {number} does not continue where the segment before it ends"
    ))
}

/// Counts from the first segment, so that gaps too small to be heard cannot add up.
pub(super) fn does_not_drift(case: &Case<'_>) -> Option<String> {
    let first = case.sound()?;
    let mut frames = 0_u32;
    let number = case.first_segment(|segment| {
        let Some(sound) = &segment.audio else { return false };
        let before = frames;
        frames = frames.saturating_add(sound.frames);
        first.gap_after(before, sound.first_pts) > first.ticks(1)
    })?;
    Some(format!(
        "sound of segment {number} is more than a frame from where counting its frames puts it"
    ))
}

pub(super) fn is_stereo_lc(case: &Case<'_>) -> Option<String> {
    let sound = case.sound()?;
    (sound.object_type != 2 || sound.channel_config != 2).then(|| {
        format!(
            "sound is {} in channel configuration {}",
            sound.codec(),
            sound.channel_config
        )
    })
}
