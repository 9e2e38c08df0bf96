//! Members of a dictionary, told apart before any is read, so that one that is broken costs itself alone.

use std::borrow::Cow;

/// Splits at commas that stand in no string. Members keep the place at which they begin.
pub(super) fn members(line: &str) -> Vec<(usize, &str)> {
    let mut members = vec![];
    let (mut begin, mut quoted, mut escaped) = (0, false, false);
    for (place, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => {
                members.push((begin, line.get(begin..place).unwrap_or_default()));
                begin = place + 1;
            }
            _ => {}
        }
    }
    members.push((begin, line.get(begin..).unwrap_or_default()));
    members
}

/// Undoes `application/x-www-form-urlencoded`.
pub(super) fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        match (byte, hex_pair(behind)) {
            (b'%', Some((value, left))) => {
                decoded.push(value);
                rest = left;
            }
            (b'+', _) => decoded.push(b' '),
            _ => decoded.push(*byte),
        }
    }
    Cow::Owned(String::from_utf8_lossy(&decoded).into_owned())
}

fn hex_pair(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, behind) = bytes.split_at_checked(2)?;
    let value = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    Some((value, behind))
}

/// The opposite: everything but letters, digits and `-_.~` as `%XX`.
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}
