//! Subtitles: what a segment of `WebVTT` says of itself.

/// A segment of `WebVTT`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaptionFacts {
    /// Length of the whole.
    pub bytes: u64,
    /// Starts with `WEBVTT`.
    pub is_webvtt: bool,
    /// Says how its times lie to those of the pictures (`X-TIMESTAMP-MAP`, RFC 3.5).
    pub has_time_map: bool,
}

/// Reads the header of a segment of `WebVTT`, which ends with the first empty line.
pub fn read_captions(bytes: &[u8]) -> CaptionFacts {
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_start_matches('\u{feff}');
    let mut header = text.lines().take_while(|line| !line.trim().is_empty());
    CaptionFacts {
        bytes: bytes.len() as u64,
        is_webvtt: header.next().is_some_and(|line| line.starts_with("WEBVTT")),
        has_time_map: header.any(|line| line.starts_with("X-TIMESTAMP-MAP=")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_ends_with_an_empty_line() {
        let mapped = read_captions(b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:900000,LOCAL:00:00:00.000\n\n");
        assert!(mapped.is_webvtt && mapped.has_time_map);
        let late = read_captions(b"WEBVTT\n\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n");
        assert!(late.is_webvtt && !late.has_time_map);
        assert!(!read_captions(b"1\n00:00 --> 00:01\n").is_webvtt);
    }
}
