//! The boxes of ISO base media files (ISO/IEC 14496-12, 4.2), walked without copying.

/// One box and where it lies in the bytes that were walked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mp4Box<'a> {
    pub(super) kind: [u8; 4],
    pub(super) start: usize,
    pub(super) payload: &'a [u8],
}

/// A box says that it is longer than what holds it, or shorter than its own header.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadBox {
    pub(super) offset: usize,
}

/// The boxes that lie side by side in `bytes`; after a damaged one there are no more.
pub(super) fn boxes(bytes: &[u8]) -> impl Iterator<Item = Result<Mp4Box<'_>, BadBox>> {
    let mut offset = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(offset..).filter(|rest| !rest.is_empty())?;
        let Some((kind, header, length)) = read_header(rest) else {
            let bad = BadBox { offset };
            offset = bytes.len();
            return Some(Err(bad));
        };
        let start = offset;
        offset += length;
        let payload = rest.get(header..length).unwrap_or_default();
        Some(Ok(Mp4Box { kind, start, payload }))
    })
}

/// Kind, length of the header, and length of the whole.
fn read_header(bytes: &[u8]) -> Option<([u8; 4], usize, usize)> {
    let mut fields = Fields(bytes);
    let short = fields.u32()?;
    let kind = *fields.take(4)?.first_chunk()?;
    let (header, length) = match short {
        // Up to the end of what holds it.
        0 => (8, bytes.len()),
        1 => (16, usize::try_from(fields.u64()?).ok()?),
        _ => (8, usize::try_from(short).ok()?),
    };
    (header..=bytes.len())
        .contains(&length)
        .then_some((kind, header, length))
}

/// All whole boxes of one kind inside another.
pub(super) fn children(payload: &[u8], kind: [u8; 4]) -> impl Iterator<Item = &[u8]> {
    boxes(payload)
        .map_while(Result::ok)
        .filter(move |child| child.kind == kind)
        .map(|child| child.payload)
}

/// The payload of the first box at the end of a path of kinds.
pub(super) fn descend<'a>(payload: &'a [u8], path: &[&'static [u8; 4]]) -> Option<&'a [u8]> {
    path.iter()
        .try_fold(payload, |inner, kind| children(inner, **kind).next())
}

/// Big-endian numbers one after the other; `None` past the end.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a>(pub(super) &'a [u8]);

impl<'a> Fields<'a> {
    pub(super) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    pub(super) fn u8(&mut self) -> Option<u8> {
        self.take(1)?.first().copied()
    }

    pub(super) fn u16(&mut self) -> Option<u16> {
        Some(u16::from_be_bytes(*self.take(2)?.first_chunk()?))
    }

    pub(super) fn u32(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(*self.take(4)?.first_chunk()?))
    }

    pub(super) fn u64(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(*self.take(8)?.first_chunk()?))
    }

    /// Version and flags, with which full boxes begin.
    pub(super) fn version_and_flags(&mut self) -> Option<(u8, u32)> {
        let word = self.u32()?;
        let [version, ..] = word.to_be_bytes();
        Some((version, word & 0x00ff_ffff))
    }

    /// A time, of 64 bits since version 1.
    pub(super) fn time(&mut self, version: u8) -> Option<u64> {
        if version == 0 {
            self.u32().map(u64::from)
        } else {
            self.u64()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NESTED: &[u8] = &[
        0, 0, 0, 20, b'm', b'o', b'o', b'v', 0, 0, 0, 12, b't', b'r', b'a', b'k', 1, 2, 3, 4,
    ];

    #[test]
    fn boxes_lie_side_by_side_and_in_each_other() {
        let twice = NESTED.repeat(2);
        let places: Vec<_> = boxes(&twice).map(|found| found.map(|b| b.start)).collect();
        assert_eq!(places, [Ok(0), Ok(20)]);
        assert_eq!(descend(NESTED, &[b"moov", b"trak"]), Some(&[1, 2, 3, 4][..]));
        assert_eq!(descend(NESTED, &[b"moov", b"mvex"]), None);
    }

    #[test]
    fn a_box_that_is_longer_than_what_holds_it_is_bad() {
        let cut = NESTED.get(..19).unwrap();
        assert_eq!(
            boxes(cut).map(|b| b.map(|b| b.start)).collect::<Vec<_>>(),
            [Err(BadBox { offset: 0 })]
        );
        let empty = [0, 0, 0, 7, b'f', b'r', b'e', b'e'];
        assert!(boxes(&empty).next().is_some_and(|first| first.is_err()));
    }

    #[test]
    fn large_and_open_lengths_are_read() {
        let large = [0, 0, 0, 1, b'm', b'd', b'a', b't', 0, 0, 0, 0, 0, 0, 0, 17, 9];
        assert_eq!(children(&large, *b"mdat").collect::<Vec<_>>(), [&[9][..]]);
        let open = [0, 0, 0, 0, b'm', b'd', b'a', b't', 9, 8];
        assert_eq!(children(&open, *b"mdat").collect::<Vec<_>>(), [&[9, 8][..]]);
    }
}
