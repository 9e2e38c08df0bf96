//! Captions and still pictures.

use super::*;
use crate::captions::Captions;
use crate::{Poster, Storyboard, Thumbnails};

fn captions(language: &str, sha256: &str) -> Captions {
    Captions {
        language: language.parse().unwrap(),
        object: format!("c/captions/{language}-{sha256}.vtt"),
        sha256: sha256.to_owned(),
        bytes: 7,
        cues: 1,
    }
}

fn added(language: &str, sha256: &str, replaced: Option<&str>) -> ClipEvent {
    ClipEvent::CaptionsAdded {
        captions: captions(language, sha256),
        replaced: replaced.map(str::to_owned),
    }
}

#[test]
fn captions_replace_those_in_their_language_and_no_others() {
    let given = vec![ClipEvent::ClipRegistered(registration()), added("en", "aa", None)];
    for (language, sha256, events) in [
        ("en", "aa", vec![]),
        ("en", "bb", vec![added("en", "bb", Some("c/captions/en-aa.vtt"))]),
        ("de", "aa", vec![added("de", "aa", None)]),
    ] {
        ClipTest::with(())
            .given(given.clone())
            .when(ClipCommand::AddCaptions(captions(language, sha256)))
            .then_expect_events(events);
    }
    ClipTest::with(())
        .given_no_previous_events()
        .when(ClipCommand::AddCaptions(captions("en", "aa")))
        .then_expect_error(Refusal::NotRegistered);
}

#[test]
fn captions_are_removed_once() {
    let mut events = vec![ClipEvent::ClipRegistered(registration()), added("en", "aa", None)];
    let remove = || ClipCommand::RemoveCaptions("en".parse().unwrap());
    let removed = ClipEvent::CaptionsRemoved {
        language: "en".parse().unwrap(),
        object: "c/captions/en-aa.vtt".to_owned(),
    };
    ClipTest::with(())
        .given(events.clone())
        .when(remove())
        .then_expect_events(vec![removed.clone()]);
    events.push(removed);
    ClipTest::with(())
        .given(events)
        .when(remove())
        .then_expect_error(Refusal::NoCaptions {
            language: "en".parse().unwrap(),
        });
}

#[test]
fn there_are_no_more_tracks_than_languages() {
    let languages = ('a'..='z').flat_map(|first| ('a'..='d').map(move |second| format!("x{first}{second}")));
    let mut events = vec![ClipEvent::ClipRegistered(registration())];
    events.extend(languages.take(100).map(|language| added(&language, "aa", None)));
    ClipTest::with(())
        .given(events)
        .when(ClipCommand::AddCaptions(captions("en", "aa")))
        .then_expect_error(Refusal::TooManyCaptions { most: 100 });
}

#[test]
fn still_pictures_are_recorded_once_in_a_generation() {
    let thumbnails = Thumbnails {
        poster: Poster {
            width: 1280,
            height: 720,
            at_90k: 0,
        },
        storyboard: Storyboard {
            sheets: 1,
            pictures: 7,
            columns: 7,
            rows: 1,
            tile_width: 160,
            tile_height: 90,
        },
    };
    let record = || work(WorkStep::RecordThumbnails(thumbnails.clone()));
    let ready = ClipEvent::ThumbnailsReady {
        generation: 1,
        thumbnails: thumbnails.clone(),
    };
    let mut events = requested();
    events.push(started(1));
    ClipTest::with(())
        .given(events.clone())
        .when(record())
        .then_expect_events(vec![ready.clone()]);
    events.push(ready);
    ClipTest::with(())
        .given(events)
        .when(record())
        .then_expect_events(vec![]);
}

#[test]
fn a_chosen_poster_takes_the_place_of_another() {
    let poster = |sha256: &str| ChosenPoster {
        object: format!("c/poster/{sha256}.jpg"),
        sha256: sha256.to_owned(),
        bytes: 7,
        width: 640,
        height: 360,
        at_ms: None,
    };
    let chosen = |sha256: &str, replaced: Option<&str>| ClipEvent::PosterChosen {
        poster: poster(sha256),
        replaced: replaced.map(str::to_owned),
    };
    let given = vec![ClipEvent::ClipRegistered(registration()), chosen("aa", None)];
    for (command, events) in [
        (ClipCommand::ChoosePoster(poster("aa")), vec![]),
        (
            ClipCommand::ChoosePoster(poster("bb")),
            vec![chosen("bb", Some("c/poster/aa.jpg"))],
        ),
        (
            ClipCommand::ResetPoster,
            vec![ClipEvent::PosterReset {
                object: "c/poster/aa.jpg".to_owned(),
            }],
        ),
    ] {
        ClipTest::with(())
            .given(given.clone())
            .when(command)
            .then_expect_events(events);
    }
    ClipTest::with(())
        .given(vec![ClipEvent::ClipRegistered(registration())])
        .when(ClipCommand::ResetPoster)
        .then_expect_events(vec![]);
}
