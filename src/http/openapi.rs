//! `GET /api/openapi.json`: the table of endpoints as a description of the API (<https://spec.openapis.org/oas/v3.1.1>).

use std::collections::BTreeMap;
use std::sync::LazyLock;

use actix_web::HttpResponse;
use actix_web::http::header;
use schemars::SchemaGenerator;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::endpoint::{Access, Answer, Body, Endpoint};
use super::endpoints::{Section, sections};
use super::problem::Code;

/// What every endpoint may be answered with.
const ALWAYS: [Code; 5] = [
    Code::InvalidRequest,
    Code::RateLimited,
    Code::HeadTooLarge,
    Code::Internal,
    Code::Overloaded,
];

/// The description, as it is served.
pub fn description() -> &'static str {
    &DOCUMENT
}

static DOCUMENT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", document()));

/// `GET /api/openapi.json`.
pub(super) async fn show() -> HttpResponse {
    HttpResponse::Ok()
        .content_type("application/json")
        .insert_header((header::CACHE_CONTROL, "public, max-age=300"))
        .body(description())
}

fn document() -> Value {
    let mut shapes = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let sections = sections();
    let mut paths = Map::new();
    for section in &sections {
        for endpoint in &section.endpoints {
            describe(&mut paths, section, endpoint, &mut shapes);
        }
    }
    let mut schemas = shapes.take_definitions(true);
    schemas.insert("Problem".to_owned(), problem());
    let tag = |section: &Section| json!({ "name": section.name, "description": section.says });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Clipper",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Adaptive HLS clip streaming: upload, encode, serve, learn.",
            "license": { "name": "Apache 2.0", "identifier": "Apache-2.0" },
        },
        "tags": sections.iter().map(tag).collect::<Vec<_>>(),
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "key": { "type": "http", "scheme": "bearer", "description": "An API key, or a token that the configured identity provider signed (JWT)." },
                "session": { "type": "apiKey", "in": "cookie", "name": "clipper_session", "description": "Who signed in on the pages." },
            },
        },
    })
}

/// RFC 9457, with our stable code.
fn problem() -> Value {
    let codes: Vec<_> = Code::ALL.iter().map(|code| code.as_str()).collect();
    json!({
        "type": "object",
        "description": "An error (RFC 9457). `error` has the same sentence as `detail`.",
        "properties": {
            "type": { "type": "string" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "detail": { "type": "string" },
            "code": { "type": "string", "enum": codes },
            "error": { "type": "string" },
            "parameter": { "type": "string", "description": "Of the query, where the problem is about one." },
        },
        "required": ["type", "title", "status", "detail", "code", "error"],
    })
}

/// Adds an endpoint to its path.
fn describe(
    paths: &mut Map<String, Value>,
    section: &Section,
    endpoint: &Endpoint,
    shapes: &mut SchemaGenerator,
) {
    let parameters = parameters(endpoint, shapes);
    let responses = responses(endpoint, shapes);
    let body = endpoint.body.as_ref().map(|body| request_body(body, shapes));
    let operation = |method: &str, responses: &Value| {
        let mut operation = object(json!({
            "tags": [section.name],
            "operationId": operation_id(method, endpoint.path),
            "summary": endpoint.summary,
            "description": who(endpoint.access),
            "security": security(endpoint.access),
            "parameters": parameters,
            "responses": responses,
        }));
        if let Some(body) = &body {
            operation.insert("requestBody".to_owned(), body.clone());
        }
        Value::Object(operation)
    };
    let method = endpoint.method.as_str().to_ascii_lowercase();
    let mut methods = object(paths.remove(endpoint.path).unwrap_or_default());
    if endpoint.has_head {
        methods.insert("head".to_owned(), operation("head", &without_bodies(&responses)));
    }
    let described = operation(&method, &responses);
    methods.insert(method, described);
    paths.insert(endpoint.path.to_owned(), Value::Object(methods));
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => Map::new(),
    }
}

/// `get_api_clips_clip`.
fn operation_id(method: &str, path: &str) -> String {
    let words = path
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty());
    words.fold(method.to_owned(), |id, word| format!("{id}_{word}"))
}

fn who(access: Access) -> String {
    match access {
        Access::Anyone => "Anybody may.".to_owned(),
        Access::Viewer => "Anybody may, of a public clip; of a private one its owner, `ops`, and holders of a playback token.".to_owned(),
        Access::Key(scope) => format!("With a key that has the scope `{}`.", scope.as_str()),
        Access::Analyst => "With a key that has the scope `analytics:read` or `ops`; with `clips:write`, of one's own clips.".to_owned(),
        Access::Owner => "The clip's owner may, with a key that has the scope `clips:write`, and `ops`.".to_owned(),
    }
}

fn security(access: Access) -> Value {
    match access {
        Access::Anyone => json!([]),
        Access::Viewer => json!([{}, { "key": [] }, { "session": [] }]),
        Access::Key(_) | Access::Owner | Access::Analyst => json!([{ "key": [] }, { "session": [] }]),
    }
}

/// What stands in the path, in the query and in headers.
fn parameters(endpoint: &Endpoint, shapes: &mut SchemaGenerator) -> Vec<Value> {
    let in_path = endpoint
        .path
        .split('{')
        .skip(1)
        .filter_map(|rest| rest.split('}').next());
    let mut parameters: Vec<_> = in_path.map(path_parameter).collect();
    if let Some(shape) = endpoint.query {
        parameters.extend(query_parameters(shape(shapes).as_value(), shapes));
    }
    let asked = endpoint.asked.iter().map(|named| text_parameter("query", named));
    let headers = endpoint
        .headers
        .iter()
        .map(|named| text_parameter("header", named));
    parameters.extend(asked.chain(headers));
    parameters
}

fn text_parameter(place: &str, (name, says): &(&str, &str)) -> Value {
    json!({ "name": name, "in": place, "description": says, "schema": { "type": "string" } })
}

fn path_parameter(name: &str) -> Value {
    let (says, schema) = match name {
        "clip" => ("The clip's UUID or slug", json!({ "type": "string" })),
        "quality" => (
            "In any case",
            json!({ "type": "string", "enum": ["480p", "720p", "1080p", "2k", "4k"] }),
        ),
        "segment" => (
            "`segment-0.ts`, `segment-0.m4s` or `init.mp4`",
            json!({ "type": "string" }),
        ),
        "language" => ("A language tag of BCP 47", json!({ "type": "string" })),
        "number" | "position" => ("Counted from 0", json!({ "type": "integer", "minimum": 0 })),
        "class" => (
            "Of work",
            json!({ "type": "string", "enum": ["fresh", "reencode", "backfill"] }),
        ),
        "sid" | "upload" | "webhook" | "delivery" => {
            ("Its UUID", json!({ "type": "string", "format": "uuid" }))
        }
        _ => ("Its name", json!({ "type": "string" })),
    };
    json!({ "name": name, "in": "path", "required": true, "description": says, "schema": schema })
}

/// Each field of the type that the query is read as.
fn query_parameters(shape: &Value, shapes: &SchemaGenerator) -> Vec<Value> {
    let name = shape["$ref"].as_str().and_then(|path| path.rsplit('/').next());
    let whole = name
        .and_then(|name| shapes.definitions().get(name))
        .unwrap_or(shape);
    let required = |name: &str| {
        let names = whole["required"].as_array();
        names.is_some_and(|names| names.iter().any(|required| required == name))
    };
    let fields = whole["properties"].as_object().into_iter().flatten();
    fields
        .map(|(name, schema)| {
            let mut schema = schema.clone();
            let says = schema
                .as_object_mut()
                .and_then(|schema| schema.remove("description"));
            json!({
                "name": name, "in": "query", "required": required(name),
                "description": says.unwrap_or_default(), "schema": never_null(schema),
            })
        })
        .collect()
}

/// What is absent from a query is absent, and never null.
fn never_null(schema: Value) -> Value {
    let mut fields = object(schema);
    let kinds = fields.get("type").and_then(Value::as_array);
    let kind = kinds.and_then(|kinds| kinds.iter().find(|kind| *kind != "null").cloned());
    if let Some(kind) = kind {
        fields.insert("type".to_owned(), kind);
    }
    Value::Object(fields)
}

fn request_body(body: &Body, shapes: &mut SchemaGenerator) -> Value {
    let schema = body
        .shape
        .map_or_else(|| json!({}), |shape| shape(shapes).to_value());
    let content: Map<_, _> = body
        .types
        .iter()
        .map(|media| ((*media).to_owned(), json!({ "schema": schema })))
        .collect();
    json!({ "required": body.required, "content": content })
}

/// Answers, and the problems by their status.
fn responses(endpoint: &Endpoint, shapes: &mut SchemaGenerator) -> Value {
    let mut responses = Map::new();
    for answer in &endpoint.answers {
        responses.insert(answer.status.to_string(), response(answer, shapes));
    }
    let mut by_status: BTreeMap<u16, Vec<Code>> = BTreeMap::new();
    for code in endpoint
        .problems
        .iter()
        .chain(of_access(endpoint.access))
        .chain(&ALWAYS)
    {
        let codes = by_status.entry(code.status()).or_default();
        if !codes.contains(code) {
            codes.push(*code);
        }
    }
    for (status, codes) in by_status {
        responses
            .entry(status.to_string())
            .or_insert_with(|| refusal(&codes));
    }
    Value::Object(responses)
}

fn of_access(access: Access) -> &'static [Code] {
    match access {
        Access::Anyone => &[],
        // A key that is shown must be one.
        Access::Viewer => &[Code::Unauthorized],
        Access::Key(_) | Access::Owner | Access::Analyst => &[Code::Unauthorized, Code::Forbidden],
    }
}

fn response(answer: &Answer, shapes: &mut SchemaGenerator) -> Value {
    let Some(media) = answer.media else {
        return json!({ "description": answer.says });
    };
    let schema = answer
        .shape
        .map_or_else(|| json!({}), |shape| shape(shapes).to_value());
    json!({ "description": answer.says, "content": { media: { "schema": schema } } })
}

fn refusal(codes: &[Code]) -> Value {
    let says: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}`: {}.", code.as_str(), code.title()))
        .collect();
    json!({
        "description": says.join(" "),
        "content": { "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } } },
    })
}

fn without_bodies(responses: &Value) -> Value {
    let all = responses.as_object().into_iter().flatten();
    let bare = |(status, response): (&String, &Value)| {
        (status.clone(), json!({ "description": response["description"] }))
    };
    all.map(bare).collect::<Map<_, _>>().into()
}
