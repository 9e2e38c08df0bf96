//! Bringing clip events of older shapes up to date.

use serde_json::{Map, Value, json};

use crate::PersonId;
use crate::schema::Written;

/// Brings an event one version nearer to today's.
pub(super) fn step(old: Written<Value>) -> Written<Value> {
    match old.schema_version {
        1 => to_second_version(old),
        _ => to_third_version(old),
    }
}

/// Every type that has a second version got it by one of these changes.
fn to_second_version(mut old: Written<Value>) -> Written<Value> {
    if let Some(payload) = old.payload.as_object_mut() {
        match old.event_type.as_str() {
            "ClipRegistered" => name_owner_by_pseudonym(payload),
            "SourceProbed" => add_facts(payload),
            "EncodingPlanned" => lay_out_grid(payload),
            "EncodingStarted" | "EncodingFailed" => {
                payload.insert("unit".to_owned(), json!(0));
            }
            "VariantReady" => add_key_frames(payload),
            _ => {}
        }
    }
    old.schema_version = 2;
    old
}

fn to_third_version(mut old: Written<Value>) -> Written<Value> {
    if let (Some(payload), "ClipRegistered") = (old.payload.as_object_mut(), old.event_type.as_str()) {
        add_past(payload);
    }
    old.schema_version = 3;
    old
}

/// Version 2 knew of no life before the registration.
fn add_past(registration: &mut Map<String, Value>) {
    registration.insert("source_url".to_owned(), Value::Null);
    registration.insert("views".to_owned(), json!(0));
    registration.insert("created_at".to_owned(), Value::Null);
}

/// Version 1 named the owner in the clear as `owner_id`.
fn name_owner_by_pseudonym(registration: &mut Map<String, Value>) {
    let owner_id = registration.remove("owner_id").unwrap_or_default();
    let owner = PersonId::of_named(owner_id.as_str().unwrap_or_default());
    registration.insert("owner".to_owned(), json!(owner));
}

/// Version 1 knew only whether a picture was turned by a quarter, and nothing that copying needs.
fn add_facts(facts: &mut Map<String, Value>) {
    let turned = facts.remove("quarter_turned") == Some(Value::Bool(true));
    let deep = facts
        .get("pixel_format")
        .and_then(Value::as_str)
        .is_some_and(|format| format.contains("10"));
    let heard = facts.get("audio").is_some_and(Value::is_object);
    if let Some(audio) = facts.get_mut("audio").and_then(Value::as_object_mut) {
        audio.insert("bitrate".to_owned(), json!(0));
    }
    let added = json!({
        "rotation": if turned { 90 } else { 0 },
        "mirrored": false,
        "variable_rate": true,
        "frames": 0,
        "key_frames": [],
        "start_ms": 0,
        "edited": false,
        "bit_depth": if deep { 10 } else { 8 },
        "full_range": false,
        "primaries": null,
        "audio_tracks": u8::from(heard),
        "video_bitrate": 0,
        "peak_bitrate": 0,
    });
    facts.extend(added.as_object().cloned().unwrap_or_default());
}

/// Version 1 said how long a segment is rather than where each begins, and counted a second too many.
fn lay_out_grid(planned: &mut Map<String, Value>) {
    let Some(plan) = planned.get_mut("plan").and_then(Value::as_object_mut) else {
        return;
    };
    let number = |value: Option<Value>| value.and_then(|value| value.as_u64()).unwrap_or_default();
    let interval = number(plan.remove("key_frame_interval")).max(1);
    let segment = usize::try_from(number(plan.remove("segment_frames")).max(1)).unwrap_or(usize::MAX);
    let rate = |key: &str| number(plan.get("frame_rate").and_then(|rate| rate.get(key)).cloned()).max(1);
    let second = rate("num").div_ceil(rate("den"));
    let frames = number(plan.remove("frame_limit")).saturating_sub(second).max(1);
    let starts: Vec<u64> = (0..frames).step_by(segment).collect();
    let hdr = plan.remove("tone_map") == Some(Value::Bool(true));
    plan.insert("frames".to_owned(), json!(frames));
    plan.insert("key_frames".to_owned(), json!({ "every": interval }));
    plan.insert("segment_starts".to_owned(), json!(starts));
    plan.insert("range_starts".to_owned(), json!([0]));
    plan.insert("tone_map".to_owned(), if hdr { json!("pq") } else { Value::Null });
    plan.insert("not_copied".to_owned(), json!(["disabled"]));
    let rungs = plan.get_mut("rungs").and_then(Value::as_array_mut);
    for rung in rungs.into_iter().flatten().filter_map(Value::as_object_mut) {
        rung.insert("copied".to_owned(), json!(false));
    }
}

/// Version 1 did not say where key frames lie.
fn add_key_frames(ready: &mut Map<String, Value>) {
    let segments = ready
        .get_mut("variant")
        .and_then(|variant| variant.get_mut("segments"))
        .and_then(Value::as_array_mut);
    for segment in segments.into_iter().flatten().filter_map(Value::as_object_mut) {
        segment.insert("key_frames".to_owned(), json!([]));
    }
}
