//! Which pages of other origins may play clips and report on them.

use actix_cors::Cors;
use actix_web::http::header::{HeaderMap, HeaderValue};
use actix_web::http::{Method, header};

const MAX_AGE: usize = 12 * 3_600;
const EXPOSED: &str = "content-length, content-range";
/// What an answer depends on, so that caches tell the answers apart.
const VARY: &str = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers";
/// The same of what is sent in several codings.
const VARY_OF_TEXT: &str =
    "Accept-Encoding, Origin, Access-Control-Request-Method, Access-Control-Request-Headers";

/// The origins that are allowed.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    /// `*` was among them.
    any: bool,
    named: Vec<String>,
}

impl Origins {
    /// Reads a list that is separated by commas; `*` stands for any.
    pub(crate) fn parse(list: &str) -> Self {
        let named: Vec<_> = list
            .split(',')
            .map(str::trim)
            .filter(|origin| !origin.is_empty())
            .map(str::to_owned)
            .collect();
        Self {
            any: named.iter().any(|origin| origin == "*"),
            named,
        }
    }

    /// Whether pages of all origins may play.
    pub(super) fn allow_any(&self) -> bool {
        self.any
    }

    fn allow(&self, origin: &HeaderValue) -> bool {
        self.any
            || self
                .named
                .iter()
                .any(|named| named.as_bytes() == origin.as_bytes())
    }

    /// Says in an answer to a simple request what [`cors`] would say.
    pub(super) fn mark(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        if let Some(origin) = origin.filter(|origin| self.allow(origin)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        }
        for (name, value) in [
            (header::ACCESS_CONTROL_ALLOW_CREDENTIALS, "true"),
            (header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        let vary = if headers.contains_key(header::VARY) {
            VARY_OF_TEXT
        } else {
            VARY
        };
        headers.insert(header::VARY, HeaderValue::from_static(vary));
    }
}

/// The rules for requests that the application answers.
pub(crate) fn cors(allowed: &Origins) -> Cors {
    let mut cors = Cors::default()
        .allowed_methods([Method::GET, Method::HEAD, Method::OPTIONS, Method::POST])
        .allowed_headers([
            header::ORIGIN,
            header::CONTENT_TYPE,
            header::RANGE,
            header::AUTHORIZATION,
        ])
        .allowed_headers(["CMCD-Request", "CMCD-Object", "CMCD-Status", "CMCD-Session"])
        .expose_headers([header::CONTENT_LENGTH, header::CONTENT_RANGE])
        .supports_credentials()
        .block_on_origin_mismatch(false)
        .max_age(MAX_AGE);
    for origin in &allowed.named {
        cors = if origin == "*" {
            cors.allow_any_origin()
        } else {
            cors.allowed_origin(origin)
        };
    }
    cors
}
