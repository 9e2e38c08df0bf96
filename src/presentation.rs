//! Loads an HLS presentation, ours or anyone's, from disk or over HTTP, for `hls` to judge.
//!
//! Promises:
//! - memory is bounded: a few segments at a time, each forgotten once its facts are known, none beyond a limit;
//! - what cannot be had becomes part of the answer; only a start that is no playlist is an error.

mod fetch;
mod place;

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use crate::hls::{
    self, InitFacts, InspectError, LoadedPlaylist, LoadedSegment, ParseError, ParsedMap, ParsedMaster,
    ParsedMedia, ParsedSegment, Playlist, Report, Role, parse_playlist,
};
pub(crate) use fetch::unzipped;
use fetch::{Fetcher, Resource};
pub use place::{Place, PlaceError};

/// Segments that are fetched at the same time.
const CONCURRENCY: usize = 4;

/// A presentation with everything that its playlists name.
#[derive(Debug)]
pub struct Presentation {
    name: String,
    master: Option<ParsedMaster>,
    playlists: Vec<LoadedPlaylist>,
    delivery: BTreeMap<String, Vec<hls::Finding>>,
}

/// Why there is nothing to check.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// It cannot be had.
    #[error("cannot read `{name}`: {reason}")]
    Unreachable {
        /// What was asked for.
        name: String,
        /// Why.
        reason: String,
    },
    /// There is no way to ask a server.
    #[error("the HTTP client cannot be used")]
    Client(#[from] reqwest::Error),
    /// It is no playlist.
    #[error("`{name}` is not an HLS playlist")]
    NotAPlaylist {
        /// What was asked for.
        name: String,
        /// Why.
        #[source]
        source: ParseError,
    },
}

impl Presentation {
    /// Loads a master or media playlist and all that it names.
    pub async fn load(place: &Place) -> Result<Self, LoadError> {
        let fetcher = Fetcher::new()?;
        let name = place.to_string();
        let resource = fetcher
            .playlist(place)
            .await
            .map_err(|reason| LoadError::Unreachable {
                name: name.clone(),
                reason,
            })?;
        let parsed = parse(&resource).map_err(|source| LoadError::NotAPlaylist {
            name: name.clone(),
            source,
        })?;
        let mut loaded = Self {
            delivery: BTreeMap::from([(name.clone(), resource.findings_of_playlist())]),
            name: name.clone(),
            master: None,
            playlists: Vec::new(),
        };
        match parsed {
            Playlist::Media(media) => loaded.take(&fetcher, place, name, Role::Variant, media).await,
            Playlist::Master(master) => {
                for (uri, role) in named_by(&master) {
                    loaded.follow(&fetcher, place, uri, role).await;
                }
                loaded.master = Some(master);
            }
        }
        Ok(loaded)
    }

    /// Everything that is wrong, playlist by playlist.
    pub fn validate(&self) -> Vec<Report> {
        let mut reports = hls::validate_presentation(&self.name, self.master.as_ref(), &self.playlists);
        for (playlist, findings) in &self.delivery {
            match reports.iter_mut().find(|report| report.playlist == *playlist) {
                Some(report) => report.findings.extend(findings.iter().cloned()),
                None if findings.is_empty() => {}
                None => reports.push(Report {
                    playlist: playlist.clone(),
                    findings: findings.clone(),
                }),
            }
        }
        reports
    }

    async fn follow(&mut self, fetcher: &Fetcher, master: &Place, uri: String, role: Role) {
        let place = master.join(&uri);
        let resource = match fetcher.playlist(&place).await {
            Ok(resource) => resource,
            Err(reason) => return self.note(&uri, "RFC 6.2.1", format!("cannot be read: {reason}")),
        };
        self.delivery.insert(uri.clone(), resource.findings_of_playlist());
        match parse(&resource) {
            Ok(Playlist::Media(media)) => self.take(fetcher, &place, uri, role, media).await,
            Ok(Playlist::Master(_)) => {
                self.note(&uri, "RFC 4.3.4", "is a master playlist itself".to_owned());
            }
            Err(error) => self.note(&uri, "RFC 4", format!("is not a playlist: {error}")),
        }
    }

    fn note(&mut self, uri: &str, rule: &'static str, message: String) {
        self.delivery
            .entry(uri.to_owned())
            .or_default()
            .push(hls::Finding {
                rule,
                severity: hls::Severity::Must,
                message,
            });
    }

    async fn take(&mut self, fetcher: &Fetcher, place: &Place, uri: String, role: Role, media: ParsedMedia) {
        let inits = load_inits(fetcher, place, &media).await;
        let ranges = hls::byte_ranges(&media);
        let mut segments = Vec::with_capacity(media.segments.len());
        let mut delivery = Vec::new();
        let loads = media.segments.iter().zip(ranges).map(|(segment, range)| {
            load_segment(fetcher, place.join(&segment.uri), range, segment, &inits, role)
        });
        let unchecked = media.key.is_some();
        let mut loads = stream::iter(loads).buffered(CONCURRENCY);
        while !unchecked && let Some((segment, findings)) = loads.next().await {
            segments.push(segment);
            delivery.extend(findings);
        }
        drop(loads);
        segments.resize(media.segments.len(), LoadedSegment::Unchecked);
        // One finding for each rule: whole servers are set up wrongly, not single segments.
        delivery.sort_by_key(|finding: &hls::Finding| finding.rule);
        delivery.dedup_by_key(|finding| finding.rule);
        self.delivery.entry(uri.clone()).or_default().extend(delivery);
        self.playlists.push(LoadedPlaylist {
            uri,
            role,
            media,
            segments,
        });
    }
}

fn parse(resource: &Resource) -> Result<Playlist, ParseError> {
    parse_playlist(&String::from_utf8_lossy(&resource.bytes))
}

/// Every playlist that a master names, once.
fn named_by(master: &ParsedMaster) -> Vec<(String, Role)> {
    let variants = master
        .variants
        .iter()
        .map(|variant| (variant.uri.clone(), Role::Variant));
    let renditions = master.renditions.iter().filter_map(|rendition| {
        let role = match rendition.kind.as_str() {
            "AUDIO" => Role::Audio,
            "SUBTITLES" => Role::Subtitles,
            _ => return None,
        };
        Some((rendition.uri.clone()?, role))
    });
    let i_frames = master
        .i_frame_variants
        .iter()
        .map(|variant| (variant.uri.clone(), Role::IFrames));
    let mut named: Vec<(String, Role)> = Vec::new();
    for (uri, role) in variants.chain(renditions).chain(i_frames) {
        if !named.iter().any(|(known, _)| *known == uri) {
            named.push((uri, role));
        }
    }
    named
}

/// The init segments of a list, by how it names them.
type Inits = BTreeMap<(String, Option<String>), Result<InitFacts, LoadedSegment>>;

fn init_key(map: &ParsedMap) -> (String, Option<String>) {
    (map.uri.clone(), map.byte_range.clone())
}

async fn load_inits(fetcher: &Fetcher, place: &Place, media: &ParsedMedia) -> Inits {
    let mut inits = Inits::new();
    for map in media.segments.iter().filter_map(|segment| segment.map.as_ref()) {
        if inits.contains_key(&init_key(map)) || media.key.is_some() {
            continue;
        }
        let range = map.byte_range.as_deref().and_then(hls::parse_byte_range);
        let range = range.map(|(length, offset)| (offset.unwrap_or(0), length));
        let init = match fetcher.media(&place.join(&map.uri), range).await {
            Ok(resource) => hls::inspect_init(&resource.bytes).map_err(LoadedSegment::Unreadable),
            Err(reason) => Err(LoadedSegment::Missing(format!("its EXT-X-MAP: {reason}"))),
        };
        inits.insert(init_key(map), init);
    }
    inits
}

async fn load_segment(
    fetcher: &Fetcher,
    place: Place,
    range: Option<(u64, u64)>,
    segment: &ParsedSegment,
    inits: &Inits,
    role: Role,
) -> (LoadedSegment, Vec<hls::Finding>) {
    let init = match segment.map.as_ref().and_then(|map| inits.get(&init_key(map))) {
        Some(Ok(init)) => Some(init),
        Some(Err(why)) => return (why.clone(), Vec::new()),
        None => None,
    };
    let resource = match fetcher.media(&place, range).await {
        Ok(resource) => resource,
        Err(reason) => return (LoadedSegment::Missing(reason), Vec::new()),
    };
    let loaded = match role {
        Role::Subtitles => Ok(LoadedSegment::Captions(hls::read_captions(&resource.bytes))),
        Role::IFrames => hls::inspect_key_frame(init, &resource.bytes).map(as_media),
        Role::Variant | Role::Audio => hls::inspect_media(init, &resource.bytes).map(as_media),
    };
    let loaded = loaded.unwrap_or_else(|error: InspectError| LoadedSegment::Unreadable(error));
    (loaded, resource.findings_of_segment(init.is_some(), role))
}

fn as_media(facts: hls::MediaFacts) -> LoadedSegment {
    LoadedSegment::Media(Box::new(facts))
}
