use super::*;
use crate::hls::master::{IFrameVariant, MasterPlaylist, MasterVariant, SubtitleTrack};
use crate::hls::parse::{ParsedRendition, Playlist, parse_playlist};
use crate::hls::playlist::{Container, MediaPlaylist, PlaylistKind, SegmentNames};
use crate::hls::rendition::measure;
use crate::hls::segment::{inspect_key_frame, inspect_media};
use crate::hls::synthetic::Synthetic;
use crate::hls::validate::read_captions;
use crate::hls::{IFramePlaylist, SegmentFacts};
use clipper_domain::FrameRate;

const SUBTITLES: &str = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:6\n#EXT-X-PLAYLIST-TYPE:VOD\n\
                         #EXTINF:6,\na.vtt\n#EXT-X-ENDLIST\n";
const CAPTIONS: &[u8] = b"WEBVTT\nX-TIMESTAMP-MAP=MPEGTS:0,LOCAL:00:00:00.000\n\n";

/// Two equal rungs, their key frames and subtitles: three segments of two seconds.
#[derive(Clone)]
struct Good {
    master: ParsedMaster,
    playlists: Vec<LoadedPlaylist>,
}

fn media_list(text: &str) -> ParsedMedia {
    match parse_playlist(text) {
        Ok(Playlist::Media(media)) => media,
        other => panic!("{other:?}"),
    }
}

fn loaded(uri: &str, role: Role, text: &str, segments: Vec<LoadedSegment>) -> LoadedPlaylist {
    LoadedPlaylist {
        uri: uri.to_owned(),
        role,
        media: media_list(text),
        segments,
    }
}

fn as_media(facts: MediaFacts) -> LoadedSegment {
    LoadedSegment::Media(Box::new(facts))
}

fn good() -> Good {
    let bytes: Vec<_> = (0..3)
        .map(|number| Synthetic::segment(number * 180_000, 50))
        .collect();
    let read: Vec<_> = bytes
        .iter()
        .map(|bytes| inspect_media(None, bytes).unwrap())
        .collect();
    let videos: Vec<SegmentFacts> = read.iter().filter_map(|facts| facts.video.clone()).collect();
    let facts = measure(&videos, FrameRate::new(25, 1).unwrap()).unwrap();
    let text = MediaPlaylist {
        target_duration: facts.target_duration,
        kind: PlaylistKind::Vod,
        container: Container::Ts,
        names: SegmentNames::Tree,
        segments: &facts.segments,
    }
    .render();
    let key_frames: Vec<_> = videos.iter().map(SegmentFacts::recorded_key_frames).collect();
    let i_frames = IFramePlaylist {
        container: Container::Ts,
        names: SegmentNames::Tree,
        segments: &facts.segments,
        key_frames: &key_frames,
    };
    let ranges = bytes.iter().zip(&key_frames).map(|(bytes, keys)| {
        let (start, length) = (keys[0].offset, keys[0].length);
        let range = usize::try_from(start).unwrap()..usize::try_from(start + length).unwrap();
        as_media(inspect_key_frame(None, &bytes[range]).unwrap())
    });
    let ranges = ranges.collect();
    let segments: Vec<_> = read.into_iter().map(as_media).collect();
    Good {
        master: master(&facts, i_frames.bandwidths()),
        playlists: vec![
            loaded("a.m3u8", Role::Variant, &text, segments.clone()),
            loaded("b.m3u8", Role::Variant, &text, segments),
            loaded("i.m3u8", Role::IFrames, &i_frames.render(), ranges),
            loaded(
                "s.m3u8",
                Role::Subtitles,
                SUBTITLES,
                vec![LoadedSegment::Captions(read_captions(CAPTIONS))],
            ),
        ],
    }
}

fn master(facts: &crate::hls::RenditionFacts, (bandwidth, average_bandwidth): (u64, u64)) -> ParsedMaster {
    let text = MasterPlaylist {
        variants: &["a.m3u8", "b.m3u8"].map(|uri| MasterVariant::of(uri.to_owned(), facts)),
        i_frames: &[IFrameVariant {
            uri: "i.m3u8".to_owned(),
            bandwidth,
            average_bandwidth,
            codecs: facts.picture.codec(),
            width: facts.width,
            height: facts.height,
        }],
        subtitles: &[SubtitleTrack {
            uri: "s.m3u8".to_owned(),
            language: "en".to_owned(),
            name: "English".to_owned(),
        }],
    }
    .render();
    match parse_playlist(&text) {
        Ok(Playlist::Master(master)) => master,
        other => panic!("{other:?}"),
    }
}

/// The binding rules that break when a good presentation is changed.
fn broken(change: impl Fn(&mut Good)) -> Vec<&'static str> {
    let mut changed = good();
    change(&mut changed);
    let reports = validate_presentation("master.m3u8", Some(&changed.master), &changed.playlists);
    let findings = reports.into_iter().flat_map(|report| report.findings);
    let mut rules: Vec<_> = findings
        .filter(|finding| finding.severity == Severity::Must)
        .map(|finding| finding.rule)
        .collect();
    rules.dedup();
    rules
}

fn facts(good: &mut Good, list: usize, segment: usize) -> &mut MediaFacts {
    let LoadedSegment::Media(facts) = &mut good.playlists[list].segments[segment] else {
        panic!("segment {segment} of list {list} holds no media");
    };
    facts
}

fn video(good: &mut Good, list: usize, segment: usize) -> &mut SegmentFacts {
    facts(good, list, segment).video.as_mut().unwrap()
}

#[test]
fn a_good_presentation_breaks_no_binding_rule() {
    assert_eq!(broken(|_| {}), [""; 0]);
}

#[test]
fn each_list_is_held_against_its_segments() {
    type Change = fn(&mut Good);
    let cases: [(&str, Change); 11] = [
        ("APL 8.1 EXTINF", |g| {
            g.playlists[0].media.segments[0].duration_micros -= 50_000;
            g.playlists[0].media.segments[1].duration_micros += 50_000;
        }),
        ("APL 7.4", |g| video(g, 0, 1).starts_with_idr = false),
        ("RFC 6.2.1", |g| {
            g.playlists[0].segments[1] = LoadedSegment::Missing("gone".to_owned());
        }),
        ("RFC 3", |g| {
            g.playlists[0].segments[1] = LoadedSegment::Unreadable(InspectError::NoTables);
        }),
        ("APL 8.20", |g| {
            g.playlists[0].segments[1] = LoadedSegment::Unreadable(InspectError::NoInit);
        }),
        ("APL 6.8", |g| g.playlists[2].media.i_frames_only = false),
        ("BIS 4.4.3.6", |g| video(g, 2, 1).starts_with_idr = false),
        ("BIS 4.4.3.6 EXTINF", |g| {
            g.playlists[2].media.segments[0].duration_micros = 2_100_000;
        }),
        ("RFC 4.3.4.3 peak", |g| facts(g, 2, 1).bytes *= 2),
        ("RFC 3.5", |g| {
            g.playlists[3].segments[0] = LoadedSegment::Captions(read_captions(b"1"));
        }),
        ("APL 5.3", |g| {
            g.playlists[3].segments[0] = LoadedSegment::Captions(read_captions(b"WEBVTT\n\n"));
        }),
    ];
    for (rule, change) in cases {
        assert_eq!(broken(change), [rule]);
    }
}

#[test]
fn lists_are_held_against_each_other_and_the_master() {
    type Change = fn(&mut Good);
    let cases: [(&str, Change); 12] = [
        ("APL 8.2", |g| g.playlists[1].media.target_duration = Some(3)),
        ("APL 8.7", |g| {
            g.playlists[3].media.kind = Some(PlaylistKind::Event);
        }),
        ("APL 5.5", |g| {
            g.playlists[3].media.segments[0].duration_micros = 1_900_000;
        }),
        ("APL 8.15 discontinuities", |g| {
            g.playlists[1].media.segments[1].discontinuity = true;
        }),
        ("APL 9.12", |g| g.master.independent_segments = false),
        ("RFC 4.3.4.2 captions", |g| {
            g.master.variants[0].closed_captions = None;
        }),
        ("APL 9.19", |g| g.master.variants[0].score = Some("1".to_owned())),
        ("APL 1.26", |g| g.master.variants[0].average_bandwidth = Some(1)),
        ("RFC 4.3.4.2 peak", |g| {
            let variant = &mut g.master.variants[0];
            variant.bandwidth = variant.bandwidth.map(|peak| peak * 99 / 100);
            variant.average_bandwidth = variant.bandwidth;
        }),
        ("APL 9.1 bytes", |g| {
            g.master.variants[0].codecs = Some("avc1.42001e".to_owned());
        }),
        ("APL 9.16", |g| {
            g.master.variants[0].video_range = Some("PQ".to_owned());
        }),
        ("APL 8.10", |g| g.master.renditions[0].language = None),
    ];
    for (rule, change) in cases {
        assert_eq!(broken(change), [rule]);
    }
}

#[test]
fn a_rung_with_other_time_stamps_is_refused() {
    let later = |good: &mut Good| {
        for number in 0..3 {
            let moved = video(good, 1, number);
            moved.first_pts += 9000;
            moved.last_pts += 9000;
            moved.audio.as_mut().unwrap().first_pts += 9000;
        }
    };
    assert_eq!(broken(later), ["RFC 6.2.4"]);
}

#[test]
fn after_a_discontinuity_time_stamps_may_start_anew() {
    let anew = |good: &mut Good| {
        for list in 0..2 {
            good.playlists[list].media.segments[1].discontinuity = true;
            for number in 1..3 {
                let moved = video(good, list, number);
                moved.first_pts += 9_000_000;
                moved.last_pts += 9_000_000;
                moved.audio.as_mut().unwrap().first_pts += 9_000_000;
                for key in &mut moved.key_frames {
                    key.pts += 9_000_000;
                }
            }
        }
    };
    assert_eq!(broken(anew), [""; 0]);
    let unannounced = |good: &mut Good| {
        anew(good);
        for list in 0..2 {
            good.playlists[list].media.segments[1].discontinuity = false;
        }
    };
    assert!(broken(unannounced).contains(&"APL 8.1 EXTINF"));
}

/// The sound of the second rung on its own, in one group that both rungs use.
fn with_sound_apart(good: &mut Good) {
    let mut sound = good.playlists[1].clone();
    sound.uri = "en.m3u8".to_owned();
    sound.role = Role::Audio;
    for segment in &mut sound.segments {
        if let LoadedSegment::Media(facts) = segment {
            facts.video = None;
            facts.bytes = 1000;
        }
    }
    good.playlists.push(sound);
    good.master.renditions.push(ParsedRendition {
        kind: "AUDIO".to_owned(),
        group: "sound".to_owned(),
        language: Some("en".to_owned()),
        channels: Some("2".to_owned()),
        uri: Some("en.m3u8".to_owned()),
        ..ParsedRendition::default()
    });
    for variant in &mut good.master.variants {
        variant.audio = Some("sound".to_owned());
        variant.bandwidth = variant.bandwidth.map(|peak| peak + 4000);
        variant.average_bandwidth = variant.average_bandwidth.map(|average| average + 4000);
    }
}

#[test]
fn sound_of_its_own_counts_into_the_bandwidth_of_each_variant() {
    assert_eq!(broken(with_sound_apart), [""; 0]);
    let lighter = |good: &mut Good| {
        with_sound_apart(good);
        good.master.variants[0].bandwidth = good.master.variants[0].bandwidth.map(|peak| peak - 1);
        good.master.variants[0].average_bandwidth = good.master.variants[0].bandwidth;
    };
    assert_eq!(broken(lighter), ["RFC 4.3.4.2 peak"]);
}

#[test]
fn sound_of_its_own_has_no_gaps_and_the_clock_of_the_pictures() {
    let gap = |good: &mut Good| {
        with_sound_apart(good);
        facts(good, 4, 1).audio.as_mut().unwrap().first_pts += 2000;
    };
    assert_eq!(broken(gap), ["APL 7.3 sound"]);
    let elsewhere = |good: &mut Good| {
        with_sound_apart(good);
        for number in 0..3 {
            facts(good, 4, number).audio.as_mut().unwrap().first_pts += 90_000;
        }
    };
    assert_eq!(broken(elsewhere), ["RFC 6.2.4 sound"]);
    let short = |good: &mut Good| {
        with_sound_apart(good);
        good.playlists[4].media.segments[0].duration_micros -= 30_000;
    };
    // The same bytes in less time are also a higher rate than declared.
    assert_eq!(broken(short), ["RFC 4.3.4.2 peak", "APL 8.1 EXTINF"]);
}
