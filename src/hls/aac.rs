//! AAC in ADTS frames: what the headers say of the sound (ISO/IEC 13818-7, 6.2).

use serde::{Deserialize, Serialize};

use super::clock::{TICKS_PER_SECOND, rounded, unwrap_near};

const SAMPLES_PER_FRAME: u32 = 1024;
pub(crate) const HEADER_BYTES: usize = 7;
pub(crate) const SAMPLE_RATES: [u32; 13] = [
    96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

/// The sound of one segment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudioFacts {
    /// Of the first frame, in 90 kHz ticks, on the same count as the video.
    pub first_pts: i64,
    /// Blocks of 1024 samples.
    pub frames: u32,
    /// 2 is AAC-LC; HE-AAC announces itself only inside the frames and shows as 2 here.
    pub object_type: u8,
    /// Samples per second and channel.
    pub sample_rate: u32,
    /// 1 mono, 2 stereo, 6 is 5.1.
    pub channel_config: u8,
}

impl AudioFacts {
    /// How long `frames` frames of this sound last, in ticks.
    pub(super) fn ticks(&self, frames: u32) -> u64 {
        let samples = u128::from(frames) * u128::from(SAMPLES_PER_FRAME);
        rounded(
            samples * u128::from(TICKS_PER_SECOND),
            u128::from(self.sample_rate.max(1)),
        )
    }

    /// How far `pts` is from the end of the first `frames` frames of this sound, in ticks.
    pub(super) fn gap_after(&self, frames: u32, pts: i64) -> u64 {
        let end = self.first_pts.saturating_add_unsigned(self.ticks(frames));
        unwrap_near(end, pts).abs_diff(end)
    }

    /// The RFC 6381 name, such as `mp4a.40.2`.
    pub(super) fn codec(&self) -> String {
        format!("mp4a.40.{}", self.object_type)
    }

    /// Whether both could be parts of one track.
    pub(super) fn same_track(&self, other: &Self) -> bool {
        let track = |audio: &Self| (audio.object_type, audio.sample_rate, audio.channel_config);
        track(self) == track(other)
    }
}

/// The frame at this offset of the stream has no valid header, or differs from those before it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadFrame {
    pub(super) offset: usize,
}

/// Reads all whole frames of a stream; `None` when there is none.
pub(super) fn read_frames(stream: &[u8], first_pts: i64) -> Result<Option<AudioFacts>, BadFrame> {
    let mut facts: Option<AudioFacts> = None;
    let mut rest = stream;
    while rest.len() >= HEADER_BYTES {
        let bad = BadFrame {
            offset: stream.len() - rest.len(),
        };
        let Some((mut frame, length)) = read_header(rest, first_pts) else {
            return Err(bad);
        };
        // Other packagers let a frame continue in the next segment, where it counts.
        let Some(after) = rest.get(length..) else { break };
        rest = after;
        if let Some(before) = &facts {
            if !before.same_track(&frame) {
                return Err(bad);
            }
            frame.frames = frame.frames.saturating_add(before.frames);
        }
        facts = Some(frame);
    }
    Ok(facts)
}

/// The facts of one frame and its length in bytes.
pub(crate) fn read_header(bytes: &[u8], first_pts: i64) -> Option<(AudioFacts, usize)> {
    let &[sync, low_sync, kind, channels, length, low_length, blocks] = bytes.first_chunk()?;
    if sync != 0xff || low_sync & 0xf6 != 0xf0 {
        return None;
    }
    let length = usize::from(channels & 3) << 11 | usize::from(length) << 3 | usize::from(low_length >> 5);
    let facts = AudioFacts {
        first_pts,
        frames: u32::from(blocks & 3) + 1,
        object_type: (kind >> 6) + 1,
        sample_rate: *SAMPLE_RATES.get(usize::from((kind >> 2) & 0x0f))?,
        channel_config: (kind & 1) << 2 | channels >> 6,
    };
    (length >= HEADER_BYTES).then_some((facts, length))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::synthetic::adts_frames;

    #[test]
    fn frames_are_counted_and_described() {
        let facts = read_frames(&adts_frames(3), 900).unwrap().unwrap();
        assert_eq!(facts.frames, 3);
        assert_eq!(
            (facts.object_type, facts.sample_rate, facts.channel_config),
            (2, 48_000, 2)
        );
        assert_eq!((facts.first_pts, facts.ticks(3)), (900, 5760));
        assert_eq!(facts.codec(), "mp4a.40.2");
    }

    #[test]
    fn a_frame_that_continues_elsewhere_is_not_counted() {
        let stream = adts_frames(3);
        let facts = read_frames(&stream[..stream.len() - 1], 0).unwrap().unwrap();
        assert_eq!(facts.frames, 2);
        assert_eq!(read_frames(&[], 0), Ok(None));
    }

    #[test]
    fn a_lost_or_changed_header_is_bad() {
        let mut stream = adts_frames(2);
        let second = stream.len() / 2;
        stream[second + 2] ^= 0x04;
        assert_eq!(read_frames(&stream, 0), Err(BadFrame { offset: second }));
        stream[second] = 0;
        assert_eq!(read_frames(&stream, 0), Err(BadFrame { offset: second }));
    }
}
