//! A whole presentation: every playlist against its segments, and all of them against each other.

mod i_frames;
mod sound;
#[cfg(test)]
mod tests;
mod together;
mod video;

use serde::Serialize;

use super::{CaptionFacts, Finding, Severity, validate_master, validate_media};
use crate::hls::parse::{ParsedMaster, ParsedMedia};
use crate::hls::segment::{InspectError, MediaFacts};

/// What a playlist is in its presentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Of `EXT-X-STREAM-INF`, or a media playlist on its own.
    Variant,
    /// Of `EXT-X-MEDIA:TYPE=AUDIO`.
    Audio,
    /// Of `EXT-X-MEDIA:TYPE=SUBTITLES`.
    Subtitles,
    /// Of `EXT-X-I-FRAME-STREAM-INF`.
    IFrames,
}

/// A segment after it was fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LoadedSegment {
    /// Sound or pictures.
    Media(Box<MediaFacts>),
    /// Subtitles.
    Captions(CaptionFacts),
    /// It was there, and cannot be read.
    Unreadable(InspectError),
    /// It was not there; the reason.
    Missing(String),
    /// Left alone, because it is encrypted.
    Unchecked,
}

/// A playlist and all its segments, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadedPlaylist {
    /// As the master names it.
    pub uri: String,
    /// What it is for.
    pub role: Role,
    /// What it says.
    pub media: ParsedMedia,
    /// One for each of `media.segments`.
    pub segments: Vec<LoadedSegment>,
}

/// What is wrong with one playlist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Which.
    pub playlist: String,
    /// In the order of the rules.
    pub findings: Vec<Finding>,
}

/// Checks everything; there is a report for the master, if there is one, and for each playlist, in order. What concerns
/// several playlists is reported on the first.
pub fn validate_presentation(
    name: &str,
    master: Option<&ParsedMaster>,
    playlists: &[LoadedPlaylist],
) -> Vec<Report> {
    let mut whole = master.map(validate_master).unwrap_or_default();
    whole.extend(together::validate(master, playlists));
    let mut reports = vec![Report {
        playlist: name.to_owned(),
        findings: whole,
    }];
    for playlist in playlists {
        let findings = validate_playlist(master, playlist, playlists);
        match (master, reports.first_mut()) {
            // A media playlist on its own is the whole presentation.
            (None, Some(only)) => only.findings.extend(findings),
            (Some(_), _) | (None, None) => reports.push(Report {
                playlist: playlist.uri.clone(),
                findings,
            }),
        }
    }
    reports
}

fn validate_playlist(
    master: Option<&ParsedMaster>,
    playlist: &LoadedPlaylist,
    playlists: &[LoadedPlaylist],
) -> Vec<Finding> {
    let mut findings = validate_media(&playlist.media);
    findings.extend(unread(playlist));
    findings.extend(match playlist.role {
        Role::IFrames => i_frames::validate(master, playlist),
        Role::Subtitles => captions(playlist),
        Role::Audio => sound::validate(playlist),
        Role::Variant if has_pictures(playlist) => video::validate(master, playlist, playlists),
        Role::Variant => sound::validate(playlist),
    });
    findings
}

fn finding(rule: &'static str, message: String) -> Finding {
    Finding {
        rule,
        severity: Severity::Must,
        message,
    }
}

fn advice(rule: &'static str, message: String) -> Finding {
    Finding {
        rule,
        severity: Severity::Should,
        message,
    }
}

fn has_pictures(playlist: &LoadedPlaylist) -> bool {
    media(playlist).any(|(_, facts)| facts.video.is_some())
}

/// The segments that could be read, with their numbers.
fn media(playlist: &LoadedPlaylist) -> impl Iterator<Item = (usize, &MediaFacts)> {
    let read = |(number, segment)| Some((number, facts_of(segment)?));
    playlist.segments.iter().enumerate().filter_map(read)
}

fn facts_of(segment: &LoadedSegment) -> Option<&MediaFacts> {
    match segment {
        LoadedSegment::Media(facts) => Some(facts),
        LoadedSegment::Captions(_)
        | LoadedSegment::Unreadable(_)
        | LoadedSegment::Missing(_)
        | LoadedSegment::Unchecked => None,
    }
}

/// The first of each kind that was not there or cannot be read: a hundred lines of one fault help nobody.
fn unread(playlist: &LoadedPlaylist) -> Vec<Finding> {
    let mut missing = None;
    let mut unreadable = None;
    for (number, segment) in playlist.segments.iter().enumerate() {
        match segment {
            LoadedSegment::Missing(reason) => {
                missing.get_or_insert_with(|| format!("segment {number} is missing: {reason}"));
            }
            LoadedSegment::Unreadable(error) => {
                let rule = if *error == InspectError::NoInit {
                    "APL 8.20"
                } else {
                    "RFC 3"
                };
                unreadable.get_or_insert_with(|| (rule, format!("segment {number}: {error}")));
            }
            LoadedSegment::Media(_) | LoadedSegment::Captions(_) | LoadedSegment::Unchecked => {}
        }
    }
    let missing = missing.map(|message| finding("RFC 6.2.1", message));
    let unreadable = unreadable.map(|(rule, message)| finding(rule, message));
    missing.into_iter().chain(unreadable).collect()
}

fn captions(playlist: &LoadedPlaylist) -> Vec<Finding> {
    let first = |wrong: fn(&CaptionFacts) -> bool| {
        playlist.segments.iter().position(|segment| match segment {
            LoadedSegment::Captions(facts) => wrong(facts),
            LoadedSegment::Media(_)
            | LoadedSegment::Unreadable(_)
            | LoadedSegment::Missing(_)
            | LoadedSegment::Unchecked => false,
        })
    };
    let foreign = first(|facts| !facts.is_webvtt)
        .map(|number| finding("RFC 3.5", format!("segment {number} does not start with WEBVTT")));
    let unmapped = first(|facts| facts.is_webvtt && !facts.has_time_map)
        .map(|number| finding("APL 5.3", format!("segment {number} has no X-TIMESTAMP-MAP")));
    foreign.into_iter().chain(unmapped).collect()
}
