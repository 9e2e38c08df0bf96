//! H.264 in Annex B form: a stream of NAL units between start codes (ITU-T H.264 annex B, 7.3.1, 7.4.1).

pub(crate) const NAL_IDR: u8 = 5;
pub(crate) const NAL_SPS: u8 = 7;
pub(crate) const NAL_DELIMITER: u8 = 9;

/// The NAL units of an Annex B stream, without start codes and trailing zeros.
pub(crate) fn nal_units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = split_at_start_code(stream).map(|(_, after)| after);
    std::iter::from_fn(move || {
        let current = rest?;
        let (nal, after) = match split_at_start_code(current) {
            Some((nal, after)) => (nal, Some(after)),
            None => (current, None),
        };
        rest = after;
        Some(without_trailing_zeros(nal))
    })
}

pub(crate) fn nal_type(nal: &[u8]) -> Option<u8> {
    nal.first().map(|header| header & 0x1f)
}

fn split_at_start_code(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let position = memchr::memmem::find(bytes, &[0, 0, 1])?;
    Some((bytes.get(..position)?, bytes.get(position + 3..)?))
}

fn without_trailing_zeros(mut nal: &[u8]) -> &[u8] {
    while let [head @ .., 0] = nal {
        nal = head;
    }
    nal
}

/// Removes the bytes that keep start codes out of a payload (7.4.1: 00 00 03 stands for 00 00).
pub(crate) fn unescaped(nal: &[u8]) -> Vec<u8> {
    let mut zeros = 0;
    nal.iter()
        .copied()
        .filter(|&byte| {
            let inserted = zeros >= 2 && byte == 3;
            zeros = if byte == 0 { zeros + 1 } else { 0 };
            !inserted
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn start_codes_of_three_and_four_bytes_separate_units() {
        let stream = [0, 0, 0, 1, 9, 0x10, 0, 0, 0, 1, 0x67, 1, 2, 0, 0, 1, 0x65, 7, 0];
        let units: Vec<_> = nal_units(&stream).collect();
        assert_eq!(units, [&[9, 0x10][..], &[0x67, 1, 2], &[0x65, 7]]);
        assert_eq!(
            units.into_iter().filter_map(nal_type).collect::<Vec<_>>(),
            [9, 7, 5]
        );
    }

    #[test]
    fn a_stream_without_start_codes_has_no_units() {
        assert_eq!(nal_units(&[0, 0, 2, 1, 0, 0]).count(), 0);
        assert_eq!(nal_units(&[]).count(), 0);
    }

    #[test]
    fn inserted_bytes_are_removed() {
        assert_eq!(
            unescaped(&[1, 0, 0, 3, 1, 0, 0, 3, 0, 0, 3]),
            [1, 0, 0, 1, 0, 0, 0, 0]
        );
        assert_eq!(unescaped(&[0, 3, 0, 0, 0, 3]), [0, 3, 0, 0, 0]);
    }
}
