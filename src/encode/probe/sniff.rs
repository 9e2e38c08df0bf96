//! Naming a file that is no video, so that its maker knows what was uploaded by mistake.

use clipper_domain::source::RejectionCode;

/// First bytes, whether they are those of sound, and what to call the file.
const KNOWN: [(&[u8], bool, &str); 18] = [
    (b"\x89PNG", false, "a PNG picture"),
    (b"\xff\xd8\xff", false, "a JPEG picture"),
    (b"BM", false, "a BMP picture"),
    (b"ID3", true, "an MP3"),
    (b"\xff\xfb", true, "an MP3"),
    (b"\xff\xf3", true, "an MP3"),
    (b"fLaC", true, "a FLAC"),
    (b"#EXTM3U", false, "a playlist of other files"),
    (b"ffconcat", false, "a script for ffmpeg"),
    (b"%PDF", false, "a PDF document"),
    (b"PK\x03\x04", false, "a ZIP archive"),
    (b"\x1f\x8b", false, "a gzip archive"),
    (b"Rar!", false, "a RAR archive"),
    (b"7z\xbc\xaf", false, "a 7-Zip archive"),
    (b"<svg", false, "an SVG drawing"),
    (b"<!DOCTYPE", false, "a web page"),
    (b"<html", false, "a web page"),
    (b"<?xml", false, "an XML document"),
];

/// What a file is, judged by how it begins; nothing, when it begins like nothing in particular.
pub(super) fn name(head: &[u8]) -> Option<(RejectionCode, String)> {
    if let Some(kind) = riff(head) {
        return Some(kind);
    }
    let (_, sound, name) = KNOWN.iter().find(|(magic, ..)| begins_with(head, magic))?;
    Some(if *sound {
        sound_only(name)
    } else {
        not_a_video(name)
    })
}

/// Tags of markup are written in either case.
fn begins_with(head: &[u8], magic: &[u8]) -> bool {
    head.get(..magic.len())
        .is_some_and(|begin| begin.eq_ignore_ascii_case(magic))
}

/// RIFF files say what they are behind their length.
fn riff(head: &[u8]) -> Option<(RejectionCode, String)> {
    let kind = head.strip_prefix(b"RIFF")?.get(4..8)?;
    match kind {
        b"WAVE" => Some(sound_only("a WAV")),
        b"WEBP" => Some(not_a_video("a WebP picture")),
        _ => None,
    }
}

fn sound_only(name: &str) -> (RejectionCode, String) {
    let detail = format!("This is {name} file, which holds only sound.");
    (RejectionCode::NoVideoStream, detail)
}

fn not_a_video(name: &str) -> (RejectionCode, String) {
    (RejectionCode::NotAVideo, format!("This is {name}, not a video."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_by_how_they_begin() {
        let detail = |head: &[u8]| name(head).map(|(_, detail)| detail);
        assert_eq!(
            detail(b"\x89PNG\r\n"),
            Some("This is a PNG picture, not a video.".to_owned())
        );
        assert_eq!(
            name(b"RIFF\0\0\0\0WAVEfmt ").unwrap().0,
            RejectionCode::NoVideoStream
        );
        assert_eq!(
            detail(b"<!doctype html>"),
            Some("This is a web page, not a video.".to_owned())
        );
        assert_eq!(detail(b"RIFF\0\0\0\0AVI LIST"), None);
        assert_eq!(detail(b"\0\0\0\x18ftypmp42"), None);
        assert_eq!(detail(b""), None);
    }
}
