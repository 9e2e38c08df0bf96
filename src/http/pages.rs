//! The pages, embedded in the program.

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use rust_embed::{EmbeddedFile, RustEmbed};

use super::bytes::is_known;
use super::problem::{Code, Problem};

#[derive(RustEmbed)]
#[folder = "web/dist/"]
struct Dist;

/// Scripts, styles and media come from here only; `blob:` is what hls.js plays from, frames are for `embed_url`.
const POLICY: &str = "default-src 'self'; media-src 'self' blob:; worker-src 'self' blob:; img-src 'self' data: blob:; \
                      style-src 'self' 'unsafe-inline'; frame-src https:; object-src 'none'; base-uri 'none'; \
                      frame-ancestors 'self'";

/// `GET /`.
pub(super) async fn library(request: HttpRequest) -> Result<HttpResponse, Problem> {
    page(&request, "index.html")
}

/// `GET /watch/{clip}`.
pub(super) async fn theatre(request: HttpRequest) -> Result<HttpResponse, Problem> {
    page(&request, "watch.html")
}

/// `GET /upload`.
pub(super) async fn upload(request: HttpRequest) -> Result<HttpResponse, Problem> {
    page(&request, "upload.html")
}

/// `GET /assets/{file}`: named after their content, so that they are kept for ever.
pub(super) async fn asset(request: HttpRequest, file: web::Path<String>) -> Result<HttpResponse, Problem> {
    let name = format!("assets/{file}");
    let missing = || Problem::new(Code::NotFound, format!("There is no `{name}`."));
    let embedded = Dist::get(&name).ok_or_else(missing)?;
    Ok(send(
        &request,
        &name,
        embedded,
        "public, max-age=31536000, immutable",
    ))
}

fn page(request: &HttpRequest, name: &str) -> Result<HttpResponse, Problem> {
    let missing = || {
        Problem::new(
            Code::NotFound,
            "The pages are not built into this program: run `make run`.",
        )
    };
    let embedded = Dist::get(name).ok_or_else(missing)?;
    let mut response = send(request, name, embedded, "no-cache");
    response.headers_mut().insert(
        header::CONTENT_SECURITY_POLICY,
        header::HeaderValue::from_static(POLICY),
    );
    Ok(response)
}

fn send(request: &HttpRequest, name: &str, file: EmbeddedFile, cache_control: &'static str) -> HttpResponse {
    let hash = file.metadata.sha256_hash();
    let tag = hex::encode(hash.get(..8).unwrap_or_default());
    let etag = header::EntityTag::new_weak(tag);
    let known = is_known(request, &etag);
    let mut response = HttpResponse::Ok();
    response
        .content_type(mime_guess::from_path(name).first_or_octet_stream())
        .insert_header(header::ETag(etag))
        .insert_header((header::CACHE_CONTROL, cache_control))
        .insert_header((header::VARY, "Accept-Encoding"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"));
    if known {
        response.status(StatusCode::NOT_MODIFIED).finish()
    } else {
        response.body(file.data.into_owned())
    }
}
