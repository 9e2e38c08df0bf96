//! What is said of an object over HTTP, whoever sends it: this program, or the bucket itself.

/// A playlist (RFC 8216 §4).
pub const PLAYLIST: &str = "application/vnd.apple.mpegurl";
/// A segment of MPEG-TS.
pub const TS: &str = "video/MP2T";
/// A segment of fragmented MP4.
pub const FMP4: &str = "video/iso.segment";
/// An initialization section, or a whole file.
pub const MP4: &str = "video/mp4";
/// Captions, and the list of a storyboard.
pub const VTT: &str = "text/vtt; charset=utf-8";
/// A still picture.
pub const JPEG: &str = "image/jpeg";
/// What may become another one when its clip is encoded again.
pub const FINAL: &str = "public, max-age=3600";
/// What never changes under its name.
pub const IMMUTABLE: &str = "public, max-age=31536000, immutable";
