//! Which pages of other origins may play clips and report on them.

use actix_cors::Cors;
use actix_web::http::{Method, header};

const MAX_AGE: usize = 12 * 3_600;

/// The rules for these origins, separated by commas; `*` stands for any.
pub(crate) fn cors(allowed_origins: &str) -> Cors {
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
    for origin in allowed_origins
        .split(',')
        .map(str::trim)
        .filter(|origin| !origin.is_empty())
    {
        cors = if origin == "*" {
            cors.allow_any_origin()
        } else {
            cors.allowed_origin(origin)
        };
    }
    cors
}
