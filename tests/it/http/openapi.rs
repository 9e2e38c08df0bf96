//! The description of the API: it is the one in `docs/`, every reference in it leads somewhere, and real answers are as
//! it says.

use serde_json::Value;

use crate::support::app::TestApp;
use crate::support::database::Backend;

const KEPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/openapi.json");

#[actix_web::test]
async fn the_description_is_the_one_in_the_docs() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let served = app.text("/api/openapi.json").await;
    let kept = tokio::fs::read_to_string(KEPT).await.unwrap();
    assert!(
        served == kept,
        "the API has changed: `clipper openapi > docs/openapi.json` writes it down"
    );
    app.finish().await;
}

#[actix_web::test]
async fn every_reference_leads_somewhere_and_every_operation_has_a_name_of_its_own() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    let document = app.json("/api/openapi.json").await;
    let mut references = vec![];
    collect_references(&document, &mut references);
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.trim_start_matches('#');
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
    let mut names: Vec<_> = operations(&document)
        .iter()
        .map(|(_, _, operation)| operation["operationId"].as_str().unwrap().to_owned())
        .collect();
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    app.finish().await;
}

/// Without a key, what needs one says so, and whatever is answered is described.
#[actix_web::test]
async fn strangers_get_the_answers_that_are_described() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    app.register("known").await;
    let document = app.json("/api/openapi.json").await;
    for (method, path, operation) in operations(&document) {
        let address = path
            .replace("{clip}", "known")
            .replace("{quality}", "480p")
            .replace("{segment}", "segment-0.ts")
            .replace("{language}", "en")
            .replace("{class}", "fresh")
            .replace("{webhook}", "0190aaaa-0000-7000-8000-000000000002")
            .replace("{key}", "0190aaaa-0000-7000-8000-000000000005")
            .replace("{delivery}", "0190aaaa-0000-7000-8000-000000000003")
            .replace("{id}", "0190aaaa-0000-7000-8000-000000000004")
            .replace("{number}", "0")
            .replace("{id}", "0190aaaa-0000-7000-8000-000000000000")
            .replace("{position}", "1")
            .replace("{sid}", "0190aaaa-0000-7000-8000-000000000000")
            .replace("{upload}", "0190aaaa-0000-7000-8000-000000000001");
        let address = address.replace("{name}", "clips").replace("{user}", "nobody");
        assert!(
            !address.contains('{'),
            "{path}: the test has no name for a part of it"
        );
        let verb = method.to_uppercase().parse().unwrap();
        let response = app
            .client
            .request(verb, app.url(&address))
            .header("Content-Type", "application/json")
            .header("Tus-Resumable", "1.0.0")
            .body("{}")
            .send()
            .await
            .unwrap();
        let status = response.status().as_u16();
        assert!(status < 500 || path == "/readyz", "{method} {path}: {status}");
        assert!(
            operation["responses"][status.to_string()].is_object(),
            "{method} {path} answers {status}, which is not described"
        );
        let guarded = !operation["security"].as_array().unwrap().is_empty();
        let open = operation["security"]
            .as_array()
            .unwrap()
            .contains(&serde_json::json!({}));
        if guarded && !open {
            assert_eq!(status, 401, "{method} {path} is for those who have a key");
        }
    }
    app.finish().await;
}

#[actix_web::test]
async fn the_page_shows_what_is_described() {
    let app = TestApp::spawn(Backend::Sqlite).await;
    assert!(app.text("/api/docs").await.contains("API · Clipper"));
    app.finish().await;
}

fn operations(document: &Value) -> Vec<(String, String, Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths
        .iter()
        .flat_map(|(path, methods)| {
            let methods = methods.as_object().unwrap();
            methods
                .iter()
                .map(|(method, operation)| (method.clone(), path.clone(), operation.clone()))
        })
        .collect()
}

fn collect_references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, field) in fields {
                match (name.as_str(), field.as_str()) {
                    ("$ref", Some(reference)) => found.push(reference.to_owned()),
                    _ => collect_references(field, found),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|item| collect_references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
