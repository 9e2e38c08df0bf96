//! What a request for media asks for, as its address spells it.

use clipper_domain::Quality;

use crate::delivery::Step;

/// What a request for media asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Target<'a> {
    pub(super) clip: &'a str,
    pub(super) wanted: Wanted<'a>,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted<'a> {
    Master,
    Variant(Quality),
    File {
        quality: Quality,
        file: &'a str,
        generation: Option<u32>,
    },
}

impl Wanted<'_> {
    pub(super) fn step(&self) -> Step {
        match self {
            Self::Master | Self::Variant(_) => Step::Begins,
            Self::File { .. } => Step::GoesOn,
        }
    }
}

impl<'a> Target<'a> {
    /// Nothing, when it is none of these, or not spelled as playlists spell it.
    pub(super) fn parse(path: &'a str, query: Option<&str>) -> Option<Self> {
        let (clip, rest) = path.strip_prefix("/api/video/")?.split_once('/')?;
        let wanted = if rest == "master.m3u8" {
            if query.is_some_and(|query| query.contains("token=")) {
                return None;
            }
            Wanted::Master
        } else if let Some((quality, file)) = rest.split_once('/') {
            if !file.starts_with("segment-") && file != "init.mp4" {
                return None;
            }
            Wanted::File {
                quality: quality.parse().ok()?,
                file,
                generation: match generation_of(query) {
                    Some(number) => Some(number.parse().ok()?),
                    None => None,
                },
            }
        } else {
            Wanted::Variant(rest.strip_suffix(".m3u8")?.parse().ok()?)
        };
        Some(Self { clip, wanted })
    }
}

/// What a query says of the generation.
fn generation_of(query: Option<&str>) -> Option<&str> {
    let mut parameters = query.unwrap_or_default().split('&');
    parameters.find_map(|parameter| parameter.strip_prefix("g="))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_playlists_spell_them() {
        let file = |file, generation| Wanted::File {
            quality: Quality::P720,
            file,
            generation,
        };
        let cases = [
            ("/api/video/a/master.m3u8", None, Wanted::Master),
            (
                "/api/video/a/720p.m3u8",
                Some("x=1"),
                Wanted::Variant(Quality::P720),
            ),
            ("/api/video/a/720p/segment-0.ts", None, file("segment-0.ts", None)),
            (
                "/api/video/a/720p/segment-3.m4s",
                Some("CMCD=bs&g=2"),
                file("segment-3.m4s", Some(2)),
            ),
            ("/api/video/a/720p/init.mp4", None, file("init.mp4", None)),
        ];
        for (path, query, wanted) in cases {
            assert_eq!(Target::parse(path, query), Some(Target { clip: "a", wanted }));
        }
    }

    #[test]
    fn everything_else_is_left_to_the_application() {
        for path in [
            "/api/video/a/720p/iframes.m3u8",
            "/api/video/a/captions/en.m3u8",
            "/api/video/a/poster.jpg",
            "/api/video/a/9p.m3u8",
            "/api/video/a",
            "/api/clips/a/master.m3u8",
        ] {
            assert_eq!(Target::parse(path, None), None, "{path}");
        }
        assert_eq!(Target::parse("/api/video/a/720p/segment-0.ts", Some("g=x")), None);
    }
}
