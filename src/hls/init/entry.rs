//! Sample descriptions: codec, parameter sets and kind of sound (ISO/IEC 14496-12, 12.1.3 and 12.2.3; 14496-15).

use super::{Media, SoundEntry, VideoEntry};
use crate::hls::aac::SAMPLE_RATES;
use crate::hls::bits::BitReader;
use crate::hls::boxes::{Fields, boxes, descend};
use crate::hls::hevc;
use crate::hls::picture::SampleEntry;
use crate::hls::segment::InspectError;
use crate::hls::video::Coding;

/// Bytes of a visual and of an audio sample entry before the boxes in it.
const VISUAL_FIELDS: usize = 78;
const AUDIO_FIELDS: usize = 28;

/// Sound and picture formats that we know of and do not read. Anything else is data.
const FOREIGN: [&[u8; 4]; 12] = [
    b"av01", b"vp08", b"vp09", b"dvh1", b"dvhe", b"mp4v", b"ac-3", b"ec-3", b"ac-4", b"Opus", b"fLaC",
    b"alac",
];

/// Reads the first entry of `stsd`; HLS knows no second one.
pub(super) fn read_descriptions(payload: &[u8]) -> Result<Media, InspectError> {
    let mut fields = Fields(payload);
    let entry = fields.take(8).and_then(|_| boxes(fields.0).next()?.ok());
    let entry = entry.ok_or(InspectError::BadBox { name: "stsd" })?;
    if let Some(name) = SampleEntry::named(entry.kind) {
        return read_video(name, entry.payload).map(Media::Video);
    }
    match &entry.kind {
        b"mp4a" => read_sound(entry.payload)
            .map(Media::Sound)
            .ok_or(InspectError::BadBox { name: "esds" }),
        b"encv" | b"enca" => Err(InspectError::Encrypted),
        kind if FOREIGN.contains(&kind) => Err(InspectError::ForeignEntry {
            name: String::from_utf8_lossy(kind).into_owned(),
        }),
        _ => Ok(Media::Other),
    }
}

fn read_video(name: SampleEntry, payload: &[u8]) -> Result<VideoEntry, InspectError> {
    let inner = payload.get(VISUAL_FIELDS..).unwrap_or_default();
    let (coding, parameter_sets, length_bytes) = match name {
        SampleEntry::Avc1 | SampleEntry::Avc3 => descend(inner, &[b"avcC"])
            .and_then(read_avc)
            .map(|(sets, length)| (Coding::H264, sets, length))
            .ok_or(InspectError::BadBox { name: "avcC" })?,
        SampleEntry::Hvc1 | SampleEntry::Hev1 => descend(inner, &[b"hvcC"])
            .and_then(read_hevc)
            .map(|(sets, length)| (Coding::Hevc, sets, length))
            .ok_or(InspectError::BadBox { name: "hvcC" })?,
    };
    let picture = match parameter_sets.first() {
        Some(set) => Some(coding.parse_sps(set).ok_or(InspectError::BadSps)?),
        None => None,
    };
    Ok(VideoEntry {
        coding,
        entry: name,
        parameter_sets,
        picture: picture.map(|picture| crate::hls::PictureFacts {
            entry: name,
            ..picture
        }),
        length_bytes,
    })
}

/// Sequence parameter sets and length of lengths.
fn read_avc(payload: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut fields = Fields(payload);
    fields.take(4)?;
    let length_bytes = usize::from(fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for _ in 0..fields.u8()? & 0x1f {
        let length = usize::from(fields.u16()?);
        sets.push(fields.take(length)?.to_vec());
    }
    Some((sets, length_bytes))
}

fn read_hevc(payload: &[u8]) -> Option<(Vec<Vec<u8>>, usize)> {
    let mut fields = Fields(payload);
    fields.take(21)?;
    let length_bytes = usize::from(fields.u8()? & 3) + 1;
    let mut sets = Vec::new();
    for _ in 0..fields.u8()? {
        let kind = fields.u8()? & 0x3f;
        for _ in 0..fields.u16()? {
            let length = usize::from(fields.u16()?);
            let unit = fields.take(length)?;
            if kind == hevc::NAL_SPS {
                sets.push(unit.to_vec());
            }
        }
    }
    Some((sets, length_bytes))
}

/// `AudioSpecificConfig` in the decoder's part of `esds` (ISO/IEC 14496-1 7.2.6, 14496-3 1.6.2).
fn read_sound(payload: &[u8]) -> Option<SoundEntry> {
    let descriptors = descend(payload.get(AUDIO_FIELDS..)?, &[b"esds"])?;
    let mut fields = Fields(descriptors.get(4..)?);
    let stream = descriptor(&mut fields, 3)?;
    let mut fields = Fields(stream);
    fields.u16()?;
    let flags = fields.u8()?;
    // Dependency, URL and clock are each announced by a flag.
    fields.take(if flags & 0x80 == 0 { 0 } else { 2 })?;
    if flags & 0x40 != 0 {
        let length = usize::from(fields.u8()?);
        fields.take(length)?;
    }
    fields.take(if flags & 0x20 == 0 { 0 } else { 2 })?;
    let decoder = descriptor(&mut fields, 4)?;
    let mut fields = Fields(decoder);
    // 0x40 is MPEG-4 audio; 0x66 to 0x68 are AAC as MPEG-2 has it, with the same configuration.
    if !matches!(fields.u8()?, 0x40 | 0x66..=0x68) {
        return None;
    }
    fields.take(12)?;
    read_configuration(descriptor(&mut fields, 5)?)
}

fn descriptor<'a>(fields: &mut Fields<'a>, wanted: u8) -> Option<&'a [u8]> {
    if fields.u8()? != wanted {
        return None;
    }
    let mut length = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        length = length << 7 | usize::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.take(length)
}

fn read_configuration(bytes: &[u8]) -> Option<SoundEntry> {
    const ESCAPE: u32 = 31;
    let mut reader = BitReader::new(bytes);
    let object_type = match reader.bits(5)? {
        ESCAPE => reader.bits(6)? + 32,
        kind => kind,
    };
    let sample_rate = match reader.bits(4)? {
        15 => reader.bits(24)?,
        index => *SAMPLE_RATES.get(usize::try_from(index).ok()?)?,
    };
    Some(SoundEntry {
        object_type: u8::try_from(object_type).ok()?,
        sample_rate,
        channel_config: u8::try_from(reader.bits(4)?).ok()?,
    })
}
