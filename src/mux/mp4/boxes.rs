//! Boxes: a length, four letters, and what is in them (ISO/IEC 14496-12, 4.2).

/// A box with these parts one after the other.
pub(super) fn boxed(kind: [u8; 4], parts: &[&[u8]]) -> Vec<u8> {
    let length = 8 + parts.iter().map(|part| part.len()).sum::<usize>();
    let mut bytes = Vec::with_capacity(length);
    // Only media grow beyond 4 GiB, and they are not made here.
    bytes.extend(u32::try_from(length).unwrap_or(u32::MAX).to_be_bytes());
    bytes.extend(kind);
    for part in parts {
        bytes.extend_from_slice(part);
    }
    bytes
}

/// A box that starts with its version and 24 flags.
pub(super) fn full_box(kind: [u8; 4], version: u8, flags: u32, parts: &[&[u8]]) -> Vec<u8> {
    let [_, flags @ ..] = flags.to_be_bytes();
    let mut all: Vec<&[u8]> = vec![std::slice::from_ref(&version), &flags];
    all.extend(parts);
    boxed(kind, &all)
}

/// Numbers of 32 bits, one after the other.
pub(super) fn words(numbers: impl IntoIterator<Item = u32>) -> Vec<u8> {
    numbers.into_iter().flat_map(u32::to_be_bytes).collect()
}

/// The start of the box that holds `length` bytes of media, which follow.
pub(super) fn media_header(length: u64) -> Vec<u8> {
    if let Ok(whole) = u32::try_from(length.saturating_add(8)) {
        [&whole.to_be_bytes()[..], b"mdat"].concat()
    } else {
        let whole = length.saturating_add(16);
        [&1_u32.to_be_bytes()[..], b"mdat", &whole.to_be_bytes()].concat()
    }
}
