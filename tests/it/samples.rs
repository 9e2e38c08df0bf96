//! Old events stay readable for ever: a stored sample of every version of every event, read as today's program reads it.
//!
//! A sample is never edited. A new version of an event adds one, and gives the one before it what it reads as today.

use std::collections::BTreeSet;
use std::path::Path;

use clipper_domain::clip::ClipEvent;
use clipper_domain::report::PlaybackEvent;
use clipper_domain::schema::{self, Schema, Unreadable, Written};
use serde_json::Value;

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/samples")
}

struct Sample {
    event_type: String,
    schema_version: i64,
    payload: Value,
    /// What it reads as; nothing, for the version in which it is written today.
    today: Option<Value>,
}

fn samples() -> Vec<Sample> {
    let mut samples = vec![];
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let (event_type, version) = name.rsplit_once('.').unwrap();
        let mut content: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        samples.push(Sample {
            event_type: event_type.to_owned(),
            schema_version: version.parse().unwrap(),
            payload: content["payload"].take(),
            today: content.get("today").cloned(),
        });
    }
    samples
}

fn read<E: Schema>(sample: &Sample) -> Result<Vec<E>, Unreadable> {
    let payload = sample.payload.to_string();
    schema::read(Written {
        event_type: sample.event_type.clone(),
        schema_version: sample.schema_version,
        payload: payload.as_str(),
    })
}

fn assert_reads_as_it_should<E: Schema>(sample: &Sample) {
    let name = format!("{}.{}", sample.event_type, sample.schema_version);
    let events: Vec<E> = read(sample).unwrap_or_else(|error| panic!("{name}: {error:?}"));
    if E::current_version(&sample.event_type) == Some(sample.schema_version) {
        let written = schema::write(&events[0]).unwrap();
        let payload: Value = serde_json::from_str(&written.payload).unwrap();
        assert_eq!(
            (written.event_type, written.schema_version, payload),
            (
                sample.event_type.clone(),
                sample.schema_version,
                sample.payload.clone()
            ),
            "{name} is not written as it was: a new shape needs a new version"
        );
    } else {
        let today = sample
            .today
            .clone()
            .unwrap_or_else(|| panic!("{name} does not say what it reads as"));
        assert_eq!(serde_json::to_value(&events).unwrap(), today, "{name}");
    }
}

#[test]
fn every_version_of_every_event_has_a_sample_and_is_read_as_it_should() {
    let mut seen = BTreeSet::new();
    for sample in samples() {
        if ClipEvent::current_version(&sample.event_type).is_some() {
            assert_reads_as_it_should::<ClipEvent>(&sample);
        } else {
            assert_reads_as_it_should::<PlaybackEvent>(&sample);
        }
        seen.insert((sample.event_type, sample.schema_version));
    }
    let mut due = BTreeSet::new();
    for (event_type, current) in ClipEvent::VERSIONS.iter().chain(PlaybackEvent::VERSIONS) {
        due.extend((1..=*current).map(|version| ((*event_type).to_owned(), version)));
    }
    assert_eq!(seen, due);
}

#[test]
fn an_event_of_a_newer_program_is_not_guessed_at() {
    for (event_type, schema_version) in [("ClipRegistered", 99), ("ClipRegistered", 0), ("ClipInvented", 1)] {
        let written = Written {
            event_type: event_type.to_owned(),
            schema_version,
            payload: "{}",
        };
        let error = schema::read::<ClipEvent>(written).unwrap_err();
        assert!(
            matches!(error, Unreadable::Unknown { .. }),
            "{event_type}: {error:?}"
        );
    }
}

#[test]
fn an_event_of_another_shape_says_what_is_wrong() {
    let written = Written {
        event_type: "EncodingStarted".to_owned(),
        schema_version: 1,
        payload: r#"{"generation":1,"token":"three","worker":"w"}"#,
    };
    let error = schema::read::<ClipEvent>(written).unwrap_err();
    assert!(matches!(error, Unreadable::Shape { .. }), "{error:?}");
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("expected i64"), "{source}");
}
