//! The picture track of a segment, gathered access unit by access unit, whatever container they come in.

use std::ops::Range;

use super::clock::unwrap_near;
use super::hevc;
use super::nal;
use super::picture::{PictureFacts, SampleEntry};
use super::segment::{InspectError, KeyFrame};
use super::sps;

/// How the NAL units of a track are to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Coding {
    #[default]
    H264,
    Hevc,
}

/// What a NAL unit is to us.
enum Kind {
    Idr,
    Delimiter,
    ParameterSet,
    /// Shown before its key frame, and needs nothing from before it.
    DecodableLeading,
    Other,
}

impl Coding {
    fn kind(self, unit: &[u8]) -> Kind {
        match self {
            Self::H264 => match nal::nal_type(unit) {
                Some(nal::NAL_IDR) => Kind::Idr,
                Some(nal::NAL_DELIMITER) => Kind::Delimiter,
                Some(nal::NAL_SPS) => Kind::ParameterSet,
                Some(_) | None => Kind::Other,
            },
            Self::Hevc => match hevc::nal_type(unit) {
                Some(hevc::NAL_IDR_W_RADL | hevc::NAL_IDR_N_LP) => Kind::Idr,
                Some(hevc::NAL_DELIMITER) => Kind::Delimiter,
                Some(hevc::NAL_SPS) => Kind::ParameterSet,
                Some(kind) if hevc::is_decodable_leading(kind) => Kind::DecodableLeading,
                Some(_) | None => Kind::Other,
            },
        }
    }

    pub(super) fn parse_sps(self, unit: &[u8]) -> Option<PictureFacts> {
        match self {
            Self::H264 => sps::parse_sps(unit),
            Self::Hevc => hevc::parse_sps(unit),
        }
    }
}

/// What lies in one access unit.
#[derive(Default)]
pub(super) struct Contents {
    pub(super) idr: bool,
    pub(super) delimiters: u32,
    decodable_leading: bool,
}

/// When an access unit is shown and decoded, as in the stream.
#[derive(Clone, Copy)]
pub(super) struct Stamp {
    pub(super) pts: i64,
    pub(super) dts: i64,
}

#[derive(Default)]
pub(super) struct Video {
    coding: Coding,
    /// As the init segment names it, when there is one.
    entry: Option<SampleEntry>,
    /// Of the first access unit.
    pub(super) first: Option<Stamp>,
    pub(super) last_pts: i64,
    pub(super) frames: u32,
    pub(super) leading_frames: u32,
    pub(super) starts_with_idr: bool,
    pub(super) key_frames: Vec<KeyFrame>,
    /// All that differ, in order.
    pub(super) parameter_sets: Vec<Vec<u8>>,
}

impl Video {
    pub(super) fn new(coding: Coding) -> Self {
        Self {
            coding,
            ..Self::default()
        }
    }

    pub(super) fn in_entry(self, entry: SampleEntry) -> Self {
        Self {
            entry: Some(entry),
            ..self
        }
    }

    /// What the first parameter set says.
    pub(super) fn picture(&self) -> Result<PictureFacts, InspectError> {
        let set = self.parameter_sets.first().ok_or(InspectError::NoSps)?;
        let picture = self.coding.parse_sps(set).ok_or(InspectError::BadSps)?;
        Ok(PictureFacts {
            entry: self.entry.unwrap_or(picture.entry),
            ..picture
        })
    }

    /// Looks at the NAL units of an access unit and keeps the parameter sets among them.
    pub(super) fn read<'a>(&mut self, units: impl Iterator<Item = &'a [u8]>) -> Contents {
        let mut contents = Contents::default();
        for unit in units {
            match self.coding.kind(unit) {
                Kind::Idr => contents.idr = true,
                Kind::Delimiter => contents.delimiters = contents.delimiters.saturating_add(1),
                Kind::ParameterSet => self.keep_parameter_set(unit),
                Kind::DecodableLeading => contents.decodable_leading = true,
                Kind::Other => {}
            }
        }
        contents
    }

    pub(super) fn keep_parameter_set(&mut self, unit: &[u8]) {
        if !self.parameter_sets.iter().any(|known| known == unit) {
            self.parameter_sets.push(unit.to_vec());
        }
    }

    /// Takes the access unit that was read; `range` is what an I-frame playlist would point to.
    pub(super) fn take(&mut self, stamp: Stamp, contents: &Contents, range: &Range<usize>) {
        let Some(first) = self.first else {
            let dts = unwrap_near(stamp.pts, stamp.dts);
            self.first = Some(Stamp { dts, ..stamp });
            self.last_pts = stamp.pts;
            self.starts_with_idr = contents.idr;
            return self.note_key_frame(stamp.pts, contents, range);
        };
        let pts = unwrap_near(first.pts, stamp.pts);
        self.last_pts = self.last_pts.max(pts);
        self.leading_frames += u32::from(pts < first.pts && !contents.decodable_leading);
        self.note_key_frame(pts, contents, range);
    }

    fn note_key_frame(&mut self, pts: i64, contents: &Contents, range: &Range<usize>) {
        if contents.idr {
            let (offset, length) = (range.start as u64, range.len() as u64);
            self.key_frames.push(KeyFrame { pts, offset, length });
        }
    }
}
