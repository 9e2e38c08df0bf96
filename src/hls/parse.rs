//! Reads playlists, ours and others': lenient about what it does not know, typed about what it does.
//!
//! What is missing stays `None`, so that the rules can name it; only text that cannot mean anything is an error.

mod attributes;
#[cfg(test)]
mod tests;

use thiserror::Error;

use super::playlist::PlaylistKind;
use attributes::Attributes;

/// Either kind of playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Playlist {
    /// Lists segments.
    Media(ParsedMedia),
    /// Lists renditions.
    Master(ParsedMaster),
}

/// A media playlist as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedMedia {
    /// `EXT-X-VERSION`; 1 when absent.
    pub version: u32,
    /// `EXT-X-TARGETDURATION`.
    pub target_duration: Option<u32>,
    /// `EXT-X-PLAYLIST-TYPE`.
    pub kind: Option<PlaylistKind>,
    /// `EXT-X-ENDLIST`.
    pub ended: bool,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// `EXT-X-I-FRAMES-ONLY`.
    pub i_frames_only: bool,
    /// URI of the first `EXT-X-MAP`.
    pub map: Option<String>,
    /// The first `EXT-X-KEY` whose method is not `NONE`, as written.
    pub key: Option<String>,
    /// In order.
    pub segments: Vec<ParsedSegment>,
}

/// One segment of a media playlist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedSegment {
    /// As written.
    pub uri: String,
    /// `EXTINF`, to the nearest microsecond.
    pub duration_micros: u64,
    /// Preceded by `EXT-X-DISCONTINUITY`.
    pub discontinuity: bool,
    /// Preceded by `EXT-X-BYTERANGE`, as written.
    pub byte_range: Option<String>,
    /// The `EXT-X-MAP` that holds for it.
    pub map: Option<ParsedMap>,
}

/// One `EXT-X-MAP`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedMap {
    /// As written.
    pub uri: String,
    /// `BYTERANGE`, as written.
    pub byte_range: Option<String>,
}

/// Length and offset of a byte range such as `100@0`; without an offset it follows the range before it.
pub fn parse_byte_range(text: &str) -> Option<(u64, Option<u64>)> {
    match text.trim().split_once('@') {
        Some((length, offset)) => Some((length.parse().ok()?, Some(offset.parse().ok()?))),
        None => Some((text.trim().parse().ok()?, None)),
    }
}

/// Offset and length of each segment that is a part of a resource; a range without an offset follows the one before it.
pub fn byte_ranges(media: &ParsedMedia) -> Vec<Option<(u64, u64)>> {
    let mut end = 0_u64;
    let range = |segment: &ParsedSegment| {
        let (length, offset) = parse_byte_range(segment.byte_range.as_deref()?)?;
        let offset = offset.unwrap_or(end);
        end = offset.saturating_add(length);
        Some((offset, length))
    };
    media.segments.iter().map(range).collect()
}

/// A multivariant playlist as it was written.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedMaster {
    /// `EXT-X-VERSION`; 1 when absent.
    pub version: u32,
    /// `EXT-X-INDEPENDENT-SEGMENTS`.
    pub independent_segments: bool,
    /// `EXT-X-STREAM-INF`, in order.
    pub variants: Vec<ParsedVariant>,
    /// `EXT-X-I-FRAME-STREAM-INF`, in order.
    pub i_frame_variants: Vec<ParsedVariant>,
    /// `EXT-X-MEDIA`, in order.
    pub renditions: Vec<ParsedRendition>,
}

/// One `EXT-X-MEDIA`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedRendition {
    /// `AUDIO`, `VIDEO`, `SUBTITLES` or `CLOSED-CAPTIONS`.
    pub kind: String,
    /// `GROUP-ID`.
    pub group: String,
    /// `NAME`.
    pub name: Option<String>,
    /// `LANGUAGE`.
    pub language: Option<String>,
    /// `CHANNELS`.
    pub channels: Option<String>,
    /// Without one, the sound is in the variants.
    pub uri: Option<String>,
}

/// One `EXT-X-STREAM-INF` or `EXT-X-I-FRAME-STREAM-INF` and its URI.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ParsedVariant {
    /// As written.
    pub uri: String,
    /// Peak bits per second.
    pub bandwidth: Option<u64>,
    /// Average bits per second.
    pub average_bandwidth: Option<u64>,
    /// Comma-separated.
    pub codecs: Option<String>,
    /// Width and height.
    pub resolution: Option<(u32, u32)>,
    /// Frames in a thousand seconds.
    pub frame_rate_millis: Option<u64>,
    /// `NONE` or the name of a group.
    pub closed_captions: Option<String>,
    /// `SDR`, `HLG` or `PQ`.
    pub video_range: Option<String>,
    /// The name of the group with its sound.
    pub audio: Option<String>,
    /// The name of the group with its subtitles.
    pub subtitles: Option<String>,
    /// `SCORE`, as written.
    pub score: Option<String>,
}

/// Why text is no playlist. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParseError {
    /// The first line is not `#EXTM3U`.
    #[error("playlist does not start with #EXTM3U")]
    NotAPlaylist,
    /// A value is not of the form its tag asks for.
    #[error("line {line}: {tag} has a malformed value")]
    Malformed {
        /// Where.
        line: usize,
        /// Which.
        tag: &'static str,
    },
    /// A URI without the tag that must precede it.
    #[error("line {line}: URI without #EXTINF or #EXT-X-STREAM-INF before it")]
    StrayUri {
        /// Where.
        line: usize,
    },
    /// A tag whose URI does not follow.
    #[error("line {line}: {tag} is not followed by a URI")]
    MissingUri {
        /// Of the tag.
        line: usize,
        /// Which.
        tag: &'static str,
    },
    /// Tags of both kinds of playlist.
    #[error("playlist mixes segments and variants")]
    Mixed,
}

/// Reads a playlist of either kind; one without segments and variants is a media playlist.
pub fn parse_playlist(text: &str) -> Result<Playlist, ParseError> {
    let mut lines = text
        .trim_start_matches('\u{feff}')
        .lines()
        .map(str::trim_end)
        .enumerate();
    if lines.next().is_none_or(|(_, line)| line != "#EXTM3U") {
        return Err(ParseError::NotAPlaylist);
    }
    let mut reader = Reader::default();
    for (index, line) in lines {
        reader.line = index + 1;
        match line.strip_prefix("#EXT") {
            Some(tag) => reader.tag(tag)?,
            None if line.is_empty() || line.starts_with('#') => {}
            None => reader.uri(line)?,
        }
    }
    reader.finish()
}

/// What the next URI will belong to, with the line that announced it.
enum Pending {
    Segment {
        line: usize,
        duration_micros: u64,
    },
    Variant {
        line: usize,
        variant: Box<ParsedVariant>,
    },
}

#[derive(Default)]
struct Reader {
    line: usize,
    version: Option<u32>,
    independent_segments: bool,
    media: ParsedMedia,
    map: Option<ParsedMap>,
    master: ParsedMaster,
    pending: Option<Pending>,
    discontinuity: bool,
    byte_range: Option<String>,
}

impl Reader {
    /// Takes the line after its `#EXT`.
    fn tag(&mut self, tag: &str) -> Result<(), ParseError> {
        let (name, value) = tag.split_once(':').unwrap_or((tag, ""));
        match name {
            "INF" => {
                let duration_micros = self.read("EXTINF", parse_extinf(value))?;
                self.announce(Pending::Segment {
                    line: self.line,
                    duration_micros,
                })?;
            }
            "-X-STREAM-INF" => {
                let variant = Box::new(self.read("EXT-X-STREAM-INF", parse_variant(value))?);
                self.announce(Pending::Variant {
                    line: self.line,
                    variant,
                })?;
            }
            "-X-VERSION" => self.version = Some(self.read("EXT-X-VERSION", value.parse().ok())?),
            "-X-TARGETDURATION" => {
                self.media.target_duration = Some(self.read("EXT-X-TARGETDURATION", value.parse().ok())?);
            }
            "-X-PLAYLIST-TYPE" => {
                self.media.kind = Some(self.read("EXT-X-PLAYLIST-TYPE", parse_kind(value))?);
            }
            "-X-MAP" => {
                let map = self.read("EXT-X-MAP", parse_map(value))?;
                self.media.map.get_or_insert_with(|| map.uri.clone());
                self.map = Some(map);
            }
            "-X-KEY" if !value.contains("METHOD=NONE") => {
                self.media.key.get_or_insert_with(|| value.to_owned());
            }
            "-X-MEDIA" => {
                let rendition = self.read("EXT-X-MEDIA", parse_rendition(value))?;
                self.master.renditions.push(rendition);
            }
            "-X-I-FRAME-STREAM-INF" => {
                let variant = parse_variant(value).filter(|variant| !variant.uri.is_empty());
                let variant = self.read("EXT-X-I-FRAME-STREAM-INF", variant)?;
                self.master.i_frame_variants.push(variant);
            }
            "-X-BYTERANGE" => self.byte_range = Some(value.to_owned()),
            "-X-DISCONTINUITY" => self.discontinuity = true,
            "-X-ENDLIST" => self.media.ended = true,
            "-X-I-FRAMES-ONLY" => self.media.i_frames_only = true,
            "-X-INDEPENDENT-SEGMENTS" => self.independent_segments = true,
            _ => {}
        }
        Ok(())
    }

    fn uri(&mut self, uri: &str) -> Result<(), ParseError> {
        let uri = uri.to_owned();
        match self.pending.take() {
            Some(Pending::Segment { duration_micros, .. }) => self.media.segments.push(ParsedSegment {
                uri,
                duration_micros,
                discontinuity: std::mem::take(&mut self.discontinuity),
                byte_range: self.byte_range.take(),
                map: self.map.clone(),
            }),
            Some(Pending::Variant { variant, .. }) => {
                self.master.variants.push(ParsedVariant { uri, ..*variant });
            }
            None => return Err(ParseError::StrayUri { line: self.line }),
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Playlist, ParseError> {
        self.no_pending()?;
        let version = self.version.unwrap_or(1);
        let independent_segments = self.independent_segments;
        match (self.media.segments.is_empty(), self.master.variants.is_empty()) {
            (false, false) => Err(ParseError::Mixed),
            (true, false) => Ok(Playlist::Master(ParsedMaster {
                version,
                independent_segments,
                ..self.master
            })),
            (_, true) => Ok(Playlist::Media(ParsedMedia {
                version,
                independent_segments,
                ..self.media
            })),
        }
    }

    fn announce(&mut self, next: Pending) -> Result<(), ParseError> {
        self.no_pending()?;
        self.pending = Some(next);
        Ok(())
    }

    fn no_pending(&mut self) -> Result<(), ParseError> {
        let (line, tag) = match self.pending.take() {
            Some(Pending::Segment { line, .. }) => (line, "EXTINF"),
            Some(Pending::Variant { line, .. }) => (line, "EXT-X-STREAM-INF"),
            None => return Ok(()),
        };
        Err(ParseError::MissingUri { line, tag })
    }

    fn read<T>(&self, tag: &'static str, value: Option<T>) -> Result<T, ParseError> {
        value.ok_or(ParseError::Malformed { line: self.line, tag })
    }
}

fn parse_extinf(value: &str) -> Option<u64> {
    let duration = value.split_once(',').map_or(value, |(duration, _)| duration);
    attributes::parse_decimal(duration.trim(), 6)
}

fn parse_map(value: &str) -> Option<ParsedMap> {
    let attributes = Attributes::parse(value)?;
    Some(ParsedMap {
        uri: attributes.get("URI")?.to_owned(),
        byte_range: attributes.get("BYTERANGE").map(str::to_owned),
    })
}

fn parse_rendition(value: &str) -> Option<ParsedRendition> {
    let attributes = Attributes::parse(value)?;
    let text = |name| attributes.get(name).map(str::to_owned);
    Some(ParsedRendition {
        kind: text("TYPE")?,
        group: text("GROUP-ID")?,
        name: text("NAME"),
        language: text("LANGUAGE"),
        channels: text("CHANNELS"),
        uri: text("URI"),
    })
}

fn parse_kind(value: &str) -> Option<PlaylistKind> {
    match value {
        "EVENT" => Some(PlaylistKind::Event),
        "VOD" => Some(PlaylistKind::Vod),
        _ => None,
    }
}

/// A present but malformed attribute makes the whole tag malformed.
fn parse_variant(value: &str) -> Option<ParsedVariant> {
    let attributes = Attributes::parse(value)?;
    let text = |name| attributes.get(name).map(str::to_owned);
    Some(ParsedVariant {
        uri: attributes.get("URI").unwrap_or_default().to_owned(),
        bandwidth: attributes.read("BANDWIDTH", |value| value.parse().ok())?,
        average_bandwidth: attributes.read("AVERAGE-BANDWIDTH", |value| value.parse().ok())?,
        codecs: text("CODECS"),
        resolution: attributes.read("RESOLUTION", |value| {
            let (width, height) = value.split_once('x')?;
            Some((width.parse().ok()?, height.parse().ok()?))
        })?,
        frame_rate_millis: attributes.read("FRAME-RATE", |value| attributes::parse_decimal(value, 3))?,
        closed_captions: text("CLOSED-CAPTIONS"),
        video_range: text("VIDEO-RANGE"),
        audio: text("AUDIO"),
        subtitles: text("SUBTITLES"),
        score: text("SCORE"),
    })
}
