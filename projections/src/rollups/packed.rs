//! Numbers in few bytes: the same numbers always give the same bytes.

/// Appends a whole number, seven bits to a byte.
pub(super) fn put(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(low(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low(number));
}

/// Appends a number that may be negative: small ones stay short on both sides of zero.
pub(super) fn put_signed(bytes: &mut Vec<u8>, number: i64) {
    put(
        bytes,
        (number.cast_unsigned() << 1) ^ (number >> 63).cast_unsigned(),
    );
}

/// Appends bytes with their length.
pub(super) fn put_bytes(bytes: &mut Vec<u8>, part: &[u8]) {
    put(bytes, part.len() as u64);
    bytes.extend_from_slice(part);
}

fn low(number: u64) -> u8 {
    let [byte, ..] = number.to_le_bytes();
    byte & 0x7f
}

/// Reads what was put. What breaks off reads as nothing.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl<'a> Reader<'a> {
    pub(super) fn take(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0_u64, 0);
        while let Some((byte, rest)) = self.0.split_first() {
            self.0 = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift)?;
            if byte & 0x80 == 0 {
                return Some(number);
            }
            shift += 7;
        }
        None
    }

    pub(super) fn take_signed(&mut self) -> Option<i64> {
        let number = self.take()?;
        Some((number >> 1).cast_signed() ^ -(number & 1).cast_signed())
    }

    pub(super) fn take_bytes(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.take()?).ok()?;
        let (part, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(part)
    }
}
