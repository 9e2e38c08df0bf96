//! Pictures as ffmpeg writes them, put onto the plan's grid and cut into segments. Pure.

use clipper_domain::FrameRate;
use clipper_domain::plan::{Plan, PlannedRung};

use super::ORIGIN;
use crate::mux::Picture;

/// Pictures do not lie as they were planned.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum CutError {
    /// A segment does not begin with a picture that can be decoded by itself.
    #[error("segment {segment} does not begin with a key frame")]
    NoKeyFrame {
        /// Counted from 0.
        segment: u32,
    },
    /// A picture is shown outside of the segment that it is decoded in, or twice at one time.
    #[error("a picture of segment {segment} is shown outside of it")]
    Misplaced {
        /// Counted from 0.
        segment: u32,
    },
    /// There are more pictures than planned.
    #[error("there are more pictures than planned")]
    TooMany,
    /// Pictures ended before the segment was whole.
    #[error("the pictures end after {pictures} of segment {segment}, which has {planned}")]
    TooFew {
        /// Counted from 0.
        segment: u32,
        /// How many came.
        pictures: usize,
        /// How many were planned.
        planned: usize,
    },
}

/// The pictures of a segment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gathered {
    /// Counted from 0.
    pub(super) segment: u32,
    /// In the order of decoding.
    pub(super) pictures: Vec<Picture>,
    /// When the first picture of the next segment is decoded.
    pub(super) end: u64,
}

/// Cuts the pictures of one rung.
#[derive(Debug)]
pub(super) struct Cutter {
    /// Of the rung.
    rate: FrameRate,
    step: u64,
    /// First pictures of the segments, counted at the common rate; the last one ends the last segment.
    starts: Vec<u64>,
    /// The number of the segment that is being gathered.
    segment: u32,
    /// The place in `starts` of that segment.
    place: usize,
    /// The time stamp of the first picture.
    first_pts: Option<u64>,
    gathered: Vec<Picture>,
    /// When the first picture of the next segment is decoded.
    end: u64,
    ticks: Ticks,
}

/// The plan's clock.
#[derive(Clone, Copy, Debug)]
struct Ticks(FrameRate);

impl Ticks {
    /// When a picture of the common rate is shown. Decoding begins a few pictures before the first is shown.
    fn at(self, frame: i64) -> u64 {
        let ticks = self
            .0
            .ticks_90k(u32::try_from(frame.unsigned_abs()).unwrap_or(u32::MAX));
        if frame < 0 {
            ORIGIN.saturating_sub(ticks)
        } else {
            ORIGIN + ticks
        }
    }
}

impl Cutter {
    /// A cutter for the segments from `first` up to, but without, `end`.
    pub(super) fn new(plan: &Plan, rung: &PlannedRung, first: u32, end: u32) -> Self {
        Self {
            rate: plan.rate_of(rung),
            step: u64::from(rung.frame_step),
            starts: (first..=end).map(|segment| plan.start_of(segment)).collect(),
            segment: first,
            place: 0,
            first_pts: None,
            gathered: vec![],
            end: 0,
            ticks: Ticks(plan.frame_rate),
        }
    }

    /// Whether every segment is cut.
    pub(super) fn is_done(&self) -> bool {
        self.place + 1 >= self.starts.len()
    }

    /// The pictures of the segment that is being gathered, at the common rate.
    fn bounds(&self) -> Option<(u64, u64)> {
        let start = self.starts.get(self.place)?;
        let end = self.starts.get(self.place + 1)?;
        Some((*start, *end))
    }

    fn planned(&self, (start, end): (u64, u64)) -> usize {
        usize::try_from((end - start).div_ceil(self.step)).unwrap_or(usize::MAX)
    }

    /// Takes the next picture in the order of decoding; gives a segment when it is whole.
    pub(super) fn take(&mut self, picture: Picture) -> Result<Option<Gathered>, CutError> {
        let bounds = self.bounds().ok_or(CutError::TooMany)?;
        let segment = self.segment;
        if self.gathered.is_empty() && !picture.key {
            return Err(CutError::NoKeyFrame { segment });
        }
        let (stamped, decoded) = self.stamped(picture, bounds)?;
        if self.gathered.is_empty() {
            // Every segment of an encoder begins as many pictures before it is shown.
            self.end = self.ticks.at(decoded + (bounds.1 - bounds.0).cast_signed());
        }
        self.gathered.push(stamped);
        if self.gathered.len() < self.planned(bounds) {
            return Ok(None);
        }
        let pictures = std::mem::take(&mut self.gathered);
        self.segment += 1;
        self.place += 1;
        if doubled(&pictures) {
            return Err(CutError::Misplaced { segment });
        }
        Ok(Some(Gathered {
            segment,
            pictures,
            end: self.end,
        }))
    }

    /// Ends: what was gathered must not be half a segment.
    pub(super) fn finish(&self) -> Result<(), CutError> {
        match self.bounds() {
            Some(bounds) => Err(CutError::TooFew {
                segment: self.segment,
                pictures: self.gathered.len(),
                planned: self.planned(bounds),
            }),
            None => Ok(()),
        }
    }

    /// The picture with the time stamps of the grid, and its place in the order of decoding: the stamps of ffmpeg count
    /// from wherever its muxer begins.
    fn stamped(&mut self, picture: Picture, (start, end): (u64, u64)) -> Result<(Picture, i64), CutError> {
        let base = self.starts.first().copied().unwrap_or_default();
        let first_pts = *self.first_pts.get_or_insert(picture.pts);
        let frame = |stamp: u64| {
            let after = self.frames(stamp.cast_signed() - first_pts.cast_signed());
            base.cast_signed() + after * self.step.cast_signed()
        };
        let (shown, decoded) = (frame(picture.pts), frame(picture.dts));
        if shown < start.cast_signed() || shown >= end.cast_signed() {
            return Err(CutError::Misplaced {
                segment: self.segment,
            });
        }
        let stamped = Picture {
            pts: self.ticks.at(shown),
            dts: self.ticks.at(decoded.min(shown)),
            ..picture
        };
        Ok((stamped, decoded.min(shown)))
    }

    /// Ticks as frames of the rung, to the nearest.
    fn frames(&self, ticks: i64) -> i64 {
        let num = i128::from(self.rate.num());
        let den = i128::from(self.rate.den()) * 90_000;
        let nearest = (i128::from(ticks) * num * 2 + den).div_euclid(den * 2);
        i64::try_from(nearest).unwrap_or(i64::MAX)
    }
}

/// Whether two pictures are shown at one time.
fn doubled(pictures: &[Picture]) -> bool {
    let mut shown: Vec<u64> = pictures.iter().map(|picture| picture.pts).collect();
    shown.sort_unstable();
    shown.windows(2).any(|pair| pair.first() == pair.last())
}

#[cfg(test)]
mod tests {
    use clipper_domain::Quality;
    use clipper_domain::ladder::Codec;
    use clipper_domain::plan::KeyFrames;

    use super::*;

    fn plan(rate: &str, starts: &[u64], frames: u64) -> Plan {
        let rung = PlannedRung {
            quality: Quality::P480,
            width: 854,
            height: 480,
            frame_step: 1,
            codec: Codec::H264Main,
            level: 30,
            max_kbps: 2_200,
            buffer_kbit: 4_000,
            audio_kbps: 128,
            copied: false,
        };
        Plan {
            frame_rate: rate.parse().unwrap(),
            frames,
            key_frames: KeyFrames::Every(2),
            segment_starts: starts.to_vec(),
            range_starts: vec![0],
            deinterlace: false,
            tone_map: None,
            audio: false,
            rungs: vec![rung],
            not_copied: vec![],
        }
    }

    /// A picture as ffmpeg stamps it at 25 frames per second, from some beginning of its own.
    fn picture(shown: u64, decoded: u64, key: bool) -> Picture {
        Picture {
            pts: 133_200 + shown * 3_600,
            dts: 126_000 + decoded * 3_600,
            key,
            data: vec![],
        }
    }

    fn cutter(plan: &Plan, first: u32, end: u32) -> Cutter {
        Cutter::new(plan, &plan.rungs[0], first, end)
    }

    #[test]
    fn a_range_in_the_middle_is_stamped_as_if_the_whole_had_been_encoded() {
        let plan = plan("25/1", &[0, 4, 8], 10);
        let mut cutter = cutter(&plan, 1, 3);
        assert_eq!(cutter.take(picture(0, 0, true)), Ok(None));
        assert_eq!(cutter.take(picture(3, 1, false)), Ok(None));
        assert_eq!(cutter.take(picture(1, 2, false)), Ok(None));
        let gathered = cutter.take(picture(2, 3, false)).unwrap().unwrap();
        assert_eq!((gathered.segment, gathered.end), (1, ORIGIN + 6 * 3_600));
        let stamps: Vec<_> = gathered
            .pictures
            .iter()
            .map(|p| ((p.pts - ORIGIN) / 3_600, (p.dts - ORIGIN) / 3_600))
            .collect();
        assert_eq!(stamps, [(4, 2), (7, 3), (5, 4), (6, 5)]);
        cutter.take(picture(4, 4, true)).unwrap();
        assert_eq!(cutter.take(picture(5, 5, false)).unwrap().unwrap().segment, 2);
        assert!(cutter.is_done());
        assert_eq!(cutter.finish(), Ok(()));
        assert_eq!(cutter.take(picture(6, 6, true)), Err(CutError::TooMany));
    }

    #[test]
    fn pictures_that_lie_otherwise_than_planned_are_refused() {
        let plan = plan("25/1", &[0, 4], 6);
        assert_eq!(
            cutter(&plan, 0, 2).take(picture(0, 0, false)),
            Err(CutError::NoKeyFrame { segment: 0 })
        );
        let mut open = cutter(&plan, 0, 2);
        open.take(picture(2, 0, true)).unwrap();
        assert_eq!(
            open.take(picture(1, 1, false)),
            Err(CutError::Misplaced { segment: 0 })
        );
        let mut doubled = cutter(&plan, 0, 1);
        for (shown, key) in [(0, true), (1, false), (1, false)] {
            doubled.take(picture(shown, 0, key)).unwrap();
        }
        assert_eq!(
            doubled.take(picture(3, 0, false)),
            Err(CutError::Misplaced { segment: 0 })
        );
        let mut short = cutter(&plan, 0, 2);
        short.take(picture(0, 0, true)).unwrap();
        let too_few = CutError::TooFew {
            segment: 0,
            pictures: 1,
            planned: 4,
        };
        assert_eq!(short.finish(), Err(too_few));
    }

    #[test]
    fn broadcast_rates_do_not_drift() {
        let plan = plan("30000/1001", &[0, 2], 9_000);
        let mut cutter = Cutter::new(&plan, &plan.rungs[0], 1, 2);
        for n in 0..8_997_u64 {
            let ticks = n * 3_003;
            assert_eq!(
                cutter.take(Picture {
                    pts: ticks + 7,
                    dts: ticks,
                    key: n == 0,
                    data: vec![],
                }),
                Ok(None)
            );
        }
        let last = cutter.gathered.last().unwrap();
        assert_eq!(last.pts, ORIGIN + (8_996 + 2) * 3_003);
    }
}
