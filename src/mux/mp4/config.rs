//! What a decoder must know before the first sample, read from the first key picture and the first frame of sound.

use thiserror::Error;

use super::boxes::{boxed, full_box};
use super::sample::length;
use crate::hls::aac::read_header;
use crate::hls::hevc::{self, Head};
use crate::hls::nal::{NAL_DELIMITER, NAL_SPS, nal_type, nal_units};
use crate::hls::sps::parse_sps;
use crate::mux::Picture;

/// How pictures are coded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PictureFormat {
    /// ITU-T H.264.
    H264,
    /// ITU-T H.265.
    Hevc,
}

impl PictureFormat {
    fn nal_type(self, nal: &[u8]) -> Option<u8> {
        match self {
            Self::H264 => nal_type(nal),
            Self::Hevc => hevc::nal_type(nal),
        }
    }

    /// The NAL unit types of parameter sets, in the order in which a decoder wants them.
    fn parameter_sets(self) -> &'static [u8] {
        match self {
            Self::H264 => &[NAL_SPS, 8],
            Self::Hevc => &[32, hevc::NAL_SPS, 34],
        }
    }

    /// Whether a NAL unit is no part of a sample: a parameter set, a delimiter, or nothing.
    pub(super) fn is_described(self, nal: &[u8]) -> bool {
        let delimiter = match self {
            Self::H264 => NAL_DELIMITER,
            Self::Hevc => hevc::NAL_DELIMITER,
        };
        self.nal_type(nal)
            .is_none_or(|kind| kind == delimiter || self.parameter_sets().contains(&kind))
    }
}

/// A picture or frame does not say how it is to be decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("no readable description of the format")]
pub struct UnknownFormat;

/// The description of a video track.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VideoConfig {
    pub(super) format: PictureFormat,
    pub(super) width: u16,
    pub(super) height: u16,
    /// `avcC` or `hvcC`.
    decoder: Vec<u8>,
}

impl VideoConfig {
    /// Reads the parameter sets of a key picture.
    pub fn of_picture(format: PictureFormat, picture: &Picture) -> Result<Self, UnknownFormat> {
        Self::read(format, picture).ok_or(UnknownFormat)
    }

    fn read(format: PictureFormat, picture: &Picture) -> Option<Self> {
        let of_kind = |kind: &u8| -> Vec<&[u8]> {
            let kinds = nal_units(&picture.data);
            kinds.filter(|nal| format.nal_type(nal) == Some(*kind)).collect()
        };
        let sets: Vec<_> = format.parameter_sets().iter().map(of_kind).collect();
        let (width, height, decoder) = match (format, sets.as_slice()) {
            (PictureFormat::H264, [sps, pps]) => avc_decoder(sps, pps)?,
            (PictureFormat::Hevc, [_, sps, _]) => {
                let facts = Head::parse(sps.first()?)?;
                let (width, height) = facts.picture.shown;
                (width, height, hevc_decoder(&facts, format, &sets)?)
            }
            (PictureFormat::H264 | PictureFormat::Hevc, _) => return None,
        };
        Some(Self {
            format,
            width: u16::try_from(width).ok()?,
            height: u16::try_from(height).ok()?,
            decoder,
        })
    }

    /// The sample entry, `avc1` or `hvc1`: parameter sets are here and nowhere else.
    pub(super) fn sample_entry(&self) -> Vec<u8> {
        let kind = match self.format {
            PictureFormat::H264 => *b"avc1",
            PictureFormat::Hevc => *b"hvc1",
        };
        let mut front = [0; 24];
        // The first and only data reference.
        front[7] = 1;
        let size = [self.width.to_be_bytes(), self.height.to_be_bytes()].concat();
        // 72 dots per inch both ways, one picture a sample, no name, 24 bits of depth and no colour table.
        let mut back = vec![0, 0x48, 0, 0, 0, 0x48, 0, 0, 0, 0, 0, 0, 0, 1];
        back.extend([0; 32]);
        back.extend([0, 0x18, 0xff, 0xff]);
        boxed(kind, &[&front, &size, &back, &self.decoder])
    }
}

/// Width, height and `avcC` (ISO/IEC 14496-15, 5.3.3).
fn avc_decoder(sps: &[&[u8]], pps: &[&[u8]]) -> Option<(u32, u32, Vec<u8>)> {
    const FOUR_BYTE_LENGTHS: u8 = 0xff;
    let &[_, profile, constraints, level] = sps.first()?.first_chunk()?;
    let facts = parse_sps(sps.first()?)?;
    let mut record = vec![1, profile, constraints, level, FOUR_BYTE_LENGTHS];
    record.push(0xe0 | u8::try_from(sps.len()).ok()?);
    record.extend(sized(sps));
    record.push(u8::try_from(pps.len()).ok()?);
    record.extend(sized(pps));
    if [100, 110, 122, 144].contains(&profile) {
        let extra_bits = 0xf8 | facts.bit_depth.saturating_sub(8);
        record.extend([0xfc | facts.chroma_format_idc, extra_bits, extra_bits, 0]);
    }
    Some((facts.width, facts.height, boxed(*b"avcC", &[&record])))
}

/// `hvcC` (ISO/IEC 14496-15, 8.3.3.1).
fn hevc_decoder(facts: &Head, format: PictureFormat, sets: &[Vec<&[u8]>]) -> Option<Vec<u8>> {
    const FOUR_BYTE_LENGTHS: u8 = 3;
    const COMPLETE: u8 = 0x80;
    let (profile, picture) = (&facts.profile, &facts.picture);
    let tier = u8::from(profile.high_tier);
    let mut record = vec![1, profile.space << 6 | tier << 5 | profile.idc];
    record.extend(profile.compatibility.to_be_bytes());
    record.extend(profile.constraints);
    record.push(facts.level_idc);
    // Nothing is said of slices that could be decoded side by side, nor of the frame rate.
    record.extend([0xf0, 0, 0xfc, 0xfc | picture.chroma_format_idc]);
    let extra_bits = |depth: u8| depth.checked_sub(8).filter(|bits| *bits <= 7);
    let (luma, chroma) = (
        extra_bits(picture.bit_depth)?,
        extra_bits(picture.chroma_bit_depth)?,
    );
    record.extend([0xf8 | luma, 0xf8 | chroma, 0, 0]);
    let nesting = u8::from(facts.temporal_nesting);
    let layers = u8::try_from(facts.sub_layers + 1).ok()?;
    record.push(layers << 3 | nesting << 2 | FOUR_BYTE_LENGTHS);
    let [arrays, ..] = sets.len().to_le_bytes();
    record.push(arrays);
    for (kind, nals) in format.parameter_sets().iter().zip(sets) {
        let [.., high, low] = length(nals.len()).to_be_bytes();
        record.extend([COMPLETE | kind, high, low]);
        record.extend(sized(nals));
    }
    Some(boxed(*b"hvcC", &[&record]))
}

/// Parameter sets behind lengths of two bytes.
fn sized(nals: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for nal in nals {
        let [.., high, low] = length(nal.len()).to_be_bytes();
        bytes.extend([high, low]);
        bytes.extend_from_slice(nal);
    }
    bytes
}

/// The description of a sound track.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AudioConfig {
    /// Samples per second and channel.
    pub(super) sample_rate: u32,
    channel_config: u8,
    /// `AudioSpecificConfig` (ISO/IEC 14496-3, 1.6.2.1).
    specific: [u8; 2],
}

impl AudioConfig {
    /// Reads the ADTS header of a frame.
    pub fn of_frame(adts: &[u8]) -> Result<Self, UnknownFormat> {
        Self::read(adts).ok_or(UnknownFormat)
    }

    fn read(adts: &[u8]) -> Option<Self> {
        let (facts, _) = read_header(adts, 0)?;
        let rate_index = u16::from(adts.get(2)? >> 2 & 0x0f);
        let specific =
            u16::from(facts.object_type) << 11 | rate_index << 7 | u16::from(facts.channel_config) << 3;
        Some(Self {
            sample_rate: facts.sample_rate,
            channel_config: facts.channel_config,
            specific: specific.to_be_bytes(),
        })
    }

    /// The sample entry, `mp4a`.
    pub(super) fn sample_entry(self) -> Vec<u8> {
        // Configuration 7 is 7.1; all others are as many channels as their number.
        let channels = if self.channel_config == 7 {
            8
        } else {
            self.channel_config
        };
        // A rate that 16 bits cannot say is in the descriptor only.
        let [high, low] = u16::try_from(self.sample_rate).unwrap_or(0).to_be_bytes();
        let mut entry = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        entry.extend([0, channels, 0, 16, 0, 0, 0, 0, high, low, 0, 0]);
        boxed(*b"mp4a", &[&entry, &self.elementary_stream()])
    }

    /// `esds` (ISO/IEC 14496-1, 7.2.6.5): AAC, of no declared buffer or bit rate.
    fn elementary_stream(self) -> Vec<u8> {
        const AAC: u8 = 0x40;
        const AUDIO_STREAM: u8 = 0x15;
        let decoder_specific = [&[5, 2][..], &self.specific].concat();
        let decoder = [&[4, 17, AAC, AUDIO_STREAM][..], &[0; 11], &decoder_specific].concat();
        let stream = [&[3, 25, 0, 0, 0][..], &decoder, &[6, 1, 2]].concat();
        full_box(*b"esds", 0, 0, &[&stream])
    }
}
