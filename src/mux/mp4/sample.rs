//! Coded pictures and sound as samples: with lengths instead of start codes and headers.

use super::config::PictureFormat;
use crate::hls::nal::nal_units;
use crate::mux::Picture;

/// A picture as a sample: NAL units behind their lengths, without delimiters and parameter sets, which the description
/// of the track has.
pub fn picture_sample(format: PictureFormat, picture: &Picture) -> Vec<u8> {
    let mut sample = Vec::with_capacity(picture.data.len() + 16);
    append_sample(&mut sample, format, picture);
    sample
}

/// Appends the sample; says how long it is.
pub(super) fn append_sample(bytes: &mut Vec<u8>, format: PictureFormat, picture: &Picture) -> u32 {
    let start = bytes.len();
    for nal in nal_units(&picture.data).filter(|nal| !format.is_described(nal)) {
        bytes.extend(length(nal.len()).to_be_bytes());
        bytes.extend_from_slice(nal);
    }
    length(bytes.len() - start)
}

/// An AAC frame as a sample: without its ADTS header.
pub fn sound_sample(adts: &[u8]) -> &[u8] {
    // The header is two bytes longer when a checksum follows.
    let has_checksum = adts.get(1).is_some_and(|flags| flags & 1 == 0);
    adts.get(if has_checksum { 9 } else { 7 }..).unwrap_or_default()
}

/// No coded picture or frame comes near 4 GiB.
pub(super) fn length(bytes: usize) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}
