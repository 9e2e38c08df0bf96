//! What a player knows of a clip: its renditions, and of each the segments.

use std::sync::Arc;

use super::Millis;
use crate::hls::{ParsedMaster, ParsedMedia};

/// A clip's renditions, the lowest first.
#[derive(Debug, PartialEq)]
pub(super) struct Ladder {
    pub(super) rungs: Vec<Rung>,
    pub(super) kbps: Vec<u64>,
    /// The one that the master names first: players begin there.
    pub(super) first: usize,
}

/// One rendition.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rung {
    /// `720p`
    pub(super) quality: Arc<str>,
    /// As the master names its playlist.
    pub(super) uri: String,
}

/// One rendition's segments.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segments {
    list: Vec<Segment>,
    /// The header that the segments need, when they need one.
    pub(super) init: Option<String>,
}

/// One segment, by its place in the media.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) uri: String,
    pub(super) begins: Millis,
    pub(super) ends: Millis,
}

impl Ladder {
    /// Nothing, when no rendition says what it needs.
    pub(super) fn of(master: &ParsedMaster) -> Option<Self> {
        let mut rungs: Vec<(u64, Rung)> = master
            .variants
            .iter()
            .filter_map(|variant| {
                let rung = Rung {
                    quality: quality(&variant.uri).into(),
                    uri: variant.uri.clone(),
                };
                Some((variant.bandwidth?.div_ceil(1_000), rung))
            })
            .collect();
        let first = rungs.first()?.1.uri.clone();
        rungs.sort_by_key(|(kbps, _)| *kbps);
        let (kbps, rungs): (Vec<_>, Vec<_>) = rungs.into_iter().unzip();
        let first = rungs.iter().position(|rung| rung.uri == first)?;
        Some(Self { rungs, kbps, first })
    }
}

/// A rendition's name is the name of its playlist.
fn quality(uri: &str) -> &str {
    let path = uri.split(['?', '#']).next().unwrap_or_default();
    let name = path.rsplit('/').next().unwrap_or_default();
    name.split('.').next().unwrap_or_default()
}

impl Segments {
    /// Where segments begin is rounded once, from the beginning, so that no error adds up.
    pub(super) fn of(media: &ParsedMedia) -> Self {
        let mut micros = 0_u64;
        let list = media.segments.iter().map(|segment| {
            let begins = micros;
            micros = micros.saturating_add(segment.duration_micros);
            Segment {
                uri: segment.uri.clone(),
                begins: millis(begins),
                ends: millis(micros),
            }
        });
        Self {
            list: list.collect(),
            init: media.map.clone(),
        }
    }

    pub(super) fn duration(&self) -> Millis {
        self.list.last().map_or(0, |segment| segment.ends)
    }

    /// The segment in which a moment lies.
    pub(super) fn at(&self, moment: Millis) -> Option<&Segment> {
        self.list
            .get(self.list.partition_point(|segment| segment.ends <= moment))
    }
}

fn millis(micros: u64) -> Millis {
    (micros + 500) / 1_000
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hls::{Playlist, parse_playlist};

    #[test]
    fn the_first_that_is_named_need_not_be_the_lowest() {
        let text = "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=2871000\n720p.m3u8?g=2\n#EXT-X-STREAM-INF:BANDWIDTH=900001\n480p.m3u8\n";
        let Playlist::Master(master) = parse_playlist(text).unwrap() else {
            panic!("not a master");
        };
        let ladder = Ladder::of(&master).unwrap();
        assert_eq!(
            (ladder.kbps.as_slice(), ladder.first),
            ([901, 2_871].as_slice(), 1)
        );
        let names: Vec<_> = ladder.rungs.iter().map(|rung| &*rung.quality).collect();
        assert_eq!(names, ["480p", "720p"]);
        assert_eq!(Ladder::of(&ParsedMaster::default()), None);
    }

    #[test]
    fn segments_are_found_by_time() {
        let text = "#EXTM3U\n#EXT-X-TARGETDURATION:6\n#EXTINF:6.0064,\na.ts\n#EXTINF:6.0064,\nb.ts\n#EXTINF:1.0,\nc.ts\n";
        let Playlist::Media(media) = parse_playlist(text).unwrap() else {
            panic!("a master");
        };
        let segments = Segments::of(&media);
        assert_eq!(segments.duration(), 13_013);
        let at = |moment| segments.at(moment).map(|segment| segment.uri.as_str());
        assert_eq!(
            [at(0), at(6_005), at(6_006), at(13_012), at(13_013)],
            [Some("a.ts"), Some("a.ts"), Some("b.ts"), Some("c.ts"), None]
        );
    }
}
