//! Reports of older shapes.

use serde_json::{Value, json};

use crate::PersonId;
use crate::schema::Written;

/// Version 1 named the viewer in the clear as `user_id`.
pub(super) fn first(mut old: Written<Value>) -> Written<Value> {
    if let Some(report) = old.payload.as_object_mut() {
        let viewer = match report.remove("user_id") {
            Some(Value::String(user_id)) => json!(PersonId::of_named(&user_id)),
            _ => Value::Null,
        };
        report.insert("viewer".to_owned(), viewer);
    }
    old.schema_version = 2;
    old
}

/// Version 2 kept nine keys of a record, lists as their most telling number, and the rung as `quality`.
pub(super) fn second(mut old: Written<Value>) -> Written<Value> {
    let records = old.payload.get_mut("records").and_then(Value::as_array_mut);
    for record in records.into_iter().flatten().filter_map(Value::as_object_mut) {
        for key in ["bl", "br", "mtp"] {
            if let Some(number) = record.remove(key) {
                record.insert(key.to_owned(), json!({ "": number }));
            }
        }
        if let Some(quality) = record.remove("quality") {
            record.insert("x".to_owned(), json!({ "q": quality }));
        }
    }
    old.schema_version = 3;
    old
}
