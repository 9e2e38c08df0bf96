//! Captions as people hand them in, `SubRip` or `WebVTT`, and as players get them: `WebVTT` of nothing but what it knows.

mod settings;
mod text;

use std::fmt;

/// Captions that can be shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Captions {
    cues: Vec<Cue>,
}

/// One caption.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Cue {
    start: Instant,
    end: Instant,
    /// Where on the picture, as a list of `WebVTT` settings.
    settings: String,
    text: String,
}

/// Milliseconds after the beginning of the clip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Instant(u64);

/// Why a text is no captions. Lines count from 1.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CaptionsError {
    /// It is in another character set.
    #[error("the captions must be in UTF-8; this file is in another character set")]
    NotUtf8,
    /// There is none.
    #[error("there is no caption in the file")]
    Empty,
    /// A block of lines does not say when it is shown.
    #[error("line {line}: a caption begins with its times, as in 00:00:01.000 --> 00:00:02.500")]
    NoTimes {
        /// The first line of the block.
        line: usize,
    },
    /// The times cannot be read.
    #[error("line {line}: the times cannot be read; write them as 00:00:01.000 --> 00:00:02.500")]
    BadTimes {
        /// The line.
        line: usize,
    },
    /// A caption ends before it begins.
    #[error("line {line}: the caption ends before it begins")]
    Backwards {
        /// The line.
        line: usize,
    },
    /// Another caption begins in the middle of one.
    #[error("line {line}: a caption needs an empty line before it")]
    Unseparated {
        /// The line.
        line: usize,
    },
}

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    SubRip,
    WebVtt,
}

/// A line with its number.
type Line<'a> = (usize, &'a str);

impl Captions {
    /// Reads `SubRip` or `WebVTT`. What styles, scripts or regions say is left out; text between the tags is kept.
    pub fn parse(bytes: &[u8]) -> Result<Self, CaptionsError> {
        let text = str::from_utf8(bytes).map_err(|_elsewhere| CaptionsError::NotUtf8)?;
        let text = text.trim_start_matches('\u{feff}').replace("\r\n", "\n");
        let lines: Vec<Line<'_>> = (1..).zip(text.split(['\n', '\r'])).collect();
        let mut blocks = lines
            .split(|(_, line)| line.trim().is_empty())
            .filter(|block| !block.is_empty())
            .peekable();
        let form = if blocks.peek().is_some_and(|block| is_header(block)) {
            blocks.next();
            Form::WebVtt
        } else {
            Form::SubRip
        };
        let mut cues = vec![];
        for block in blocks.filter(|block| form == Form::SubRip || !is_aside(block)) {
            cues.extend(cue(form, block)?);
        }
        if cues.is_empty() {
            return Err(CaptionsError::Empty);
        }
        // Players read on from where they are.
        cues.sort_by_key(|cue| cue.start);
        Ok(Self { cues })
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.cues.len()
    }

    /// The file for players; `origin` is the time stamp of the first picture, in 90 kHz ticks.
    pub fn render(&self, origin: u64) -> String {
        let header = format!("WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:{origin}\n");
        let cues = self.cues.iter().map(|cue| {
            let Cue {
                start,
                end,
                settings,
                text,
            } = cue;
            format!("\n{start} --> {end}{settings}\n{text}\n")
        });
        [header].into_iter().chain(cues).collect()
    }
}

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, rest) = (self.0 / 1_000, self.0 % 1_000);
        let (hours, minutes) = (seconds / 3_600, seconds / 60 % 60);
        write!(f, "{hours:02}:{minutes:02}:{:02}.{rest:03}", seconds % 60)
    }
}

fn is_header(block: &[Line<'_>]) -> bool {
    let rest = block.first().and_then(|(_, line)| line.strip_prefix("WEBVTT"));
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t']))
}

/// A comment, a style sheet or a region.
fn is_aside(block: &[Line<'_>]) -> bool {
    let first = block.first().map_or("", |(_, line)| line);
    let word = first.split([' ', '\t']).next().unwrap_or_default();
    ["NOTE", "STYLE", "REGION"].contains(&word) && !first.contains("-->")
}

/// A caption with its times in the first line or, below its number or name, in the second; nothing, when it is empty.
fn cue(form: Form, block: &[Line<'_>]) -> Result<Option<Cue>, CaptionsError> {
    let is_times = |(_, line): &Line<'_>| line.contains("-->");
    let (times, lines) = match block {
        [times, lines @ ..] if is_times(times) => (times, lines),
        [_, times, lines @ ..] if is_times(times) => (times, lines),
        _ => {
            let line = block.first().map_or(1, |(line, _)| *line);
            return Err(CaptionsError::NoTimes { line });
        }
    };
    if let Some((line, _)) = lines.iter().find(|line| is_times(line)) {
        return Err(CaptionsError::Unseparated { line: *line });
    }
    let &(line, times) = times;
    let (start, end, settings) = read_times(times).ok_or(CaptionsError::BadTimes { line })?;
    if end <= start {
        return Err(CaptionsError::Backwards { line });
    }
    let lines = lines.iter().map(|(_, line)| match form {
        Form::SubRip => text::clean(&text::without_overrides(line)),
        Form::WebVtt => text::clean(line),
    });
    let text = lines
        .filter(|line| !line.trim().is_empty())
        .collect::<Vec<_>>()
        .join("\n");
    Ok((!text.is_empty()).then_some(Cue {
        start,
        end,
        settings,
        text,
    }))
}

/// `00:00:01.000 --> 00:00:02.500 align:start`.
fn read_times(line: &str) -> Option<(Instant, Instant, String)> {
    let (start, rest) = line.split_once("-->")?;
    let mut words = rest.split_whitespace();
    let (start, end) = (text::instant(start.trim())?, text::instant(words.next()?)?);
    Some((start, end, settings::known(words)))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HEADER: &str = "WEBVTT\nX-TIMESTAMP-MAP=LOCAL:00:00:00.000,MPEGTS:900000\n";

    fn rendered(text: &str) -> String {
        let rendered = Captions::parse(text.as_bytes()).unwrap().render(900_000);
        rendered.strip_prefix(HEADER).unwrap().to_owned()
    }

    #[test]
    fn subrip_becomes_webvtt() {
        let text = "\u{feff}1\r\n00:00:01,000 --> 00:00:02,500\r\n<i>Grüße</i> & <font color=\"red\">Küsse</font>\r\n\
                    {\\an8}a --  b\r\n\r\n\r\n2\r\n01:00:00,5 --> 01:00:01,25 X1:10\r\n<3\r\n";
        assert_eq!(
            rendered(text),
            "\n00:00:01.000 --> 00:00:02.500\n<i>Grüße</i> &amp; Küsse\na --  b\n\
             \n01:00:00.500 --> 01:00:01.250\n&lt;3\n"
        );
    }

    #[test]
    fn webvtt_keeps_what_it_knows_and_nothing_else() {
        let text = "WEBVTT - a title\nX-TIMESTAMP-MAP=MPEGTS:5,LOCAL:00:00:00.000\n\nSTYLE\n::cue { color: red }\n\n\
                    NOTE a comment\nof two lines\n\nREGION\nid:fred\n\n\
                    name\n00:05.000 --> 00:07.000 align:start position:10%,line-left region:fred size:200%\n\
                    <v.loud Anna>Hi</v> <script>alert(1)</script><00:00:06.000><c.a.b>there</c>\n\n\
                    00:01.000 --> 00:02.000\nfirst\n";
        assert_eq!(
            rendered(text),
            "\n00:00:01.000 --> 00:00:02.000\nfirst\n\
             \n00:00:05.000 --> 00:00:07.000 align:start position:10%,line-left\n\
             <v.loud Anna>Hi</v> alert(1)<00:00:06.000><c.a.b>there</c>\n"
        );
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let error = |text: &str| Captions::parse(text.as_bytes()).unwrap_err();
        let good = "00:01.000 --> 00:02.000\na\n\n";
        assert_eq!(error(""), CaptionsError::Empty);
        assert_eq!(error("WEBVTT\n"), CaptionsError::Empty);
        assert_eq!(error("WEBVTT\n\n00:01.000 --> 00:02.000\n"), CaptionsError::Empty);
        assert_eq!(error("<html>\n<body>"), CaptionsError::NoTimes { line: 1 });
        assert_eq!(
            error(&format!("{good}stray\n")),
            CaptionsError::NoTimes { line: 4 }
        );
        for times in [
            "0 --> 1",
            "00:61.000 --> 00:62.000",
            "00:01.000 -->",
            "00:01.0000 --> 00:02.000",
        ] {
            assert_eq!(
                error(&format!("{good}{times}\nb")),
                CaptionsError::BadTimes { line: 4 },
                "{times}"
            );
        }
        assert_eq!(
            error("00:02.000 --> 00:01.000\na"),
            CaptionsError::Backwards { line: 1 }
        );
        assert_eq!(
            error("00:01.000 --> 00:02.000\na\n00:02.000 --> 00:03.000\nb"),
            CaptionsError::Unseparated { line: 3 }
        );
        assert_eq!(
            Captions::parse(b"1\n00:01,000 --> 00:02,000\nGr\xfc\xdfe"),
            Err(CaptionsError::NotUtf8)
        );
        assert_eq!(Captions::parse(b"\xff\xfe1\0"), Err(CaptionsError::NotUtf8));
    }

    proptest! {
        #[test]
        fn whatever_is_read_is_webvtt_and_read_again_as_the_same(
            text in "(WEBVTT\n\n)?([0-9:.,>&; a-z<>/{}\\\\-]{0,20}\n|00:0[1-3].000 --> 00:0[4-9].000\n|<[a-z/.]{1,6}>|&amp;|\n){1,12}",
        ) {
            if let Ok(captions) = Captions::parse(text.as_bytes()) {
                let rendered = captions.render(900_000);
                prop_assert!(rendered.starts_with(HEADER));
                let again = Captions::parse(rendered.as_bytes()).unwrap();
                prop_assert_eq!(again.render(900_000), rendered);
            }
        }
    }
}
