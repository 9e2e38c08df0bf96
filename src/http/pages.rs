//! The pages, embedded in the program.

mod head;

use actix_web::http::{StatusCode, header};
use actix_web::{HttpRequest, HttpResponse, web};
use clipper_projections::clips::ClipRow;
use rust_embed::{EmbeddedFile, RustEmbed};

use super::auth::Caller;
use super::bytes::is_known;
use super::cdn::Cdn;
use super::clips::find;
use super::problem::{Code, Problem};
use crate::storage::Db;

pub(super) use head::{BOX, escape, player_box};

#[derive(RustEmbed)]
#[folder = "web/dist/"]
struct Dist;

/// Pages that are the same for everybody: where they are, and which file they are.
pub(super) const PLAIN: [(&str, &str); 6] = [
    ("/", "index.html"),
    ("/studio", "studio.html"),
    ("/upload", "studio.html"),
    ("/insights", "insights.html"),
    ("/ops", "ops.html"),
    ("/api/docs", "reference.html"),
];

/// Everything comes from here, media from the CDN as well, if there is one (`{cdn}`), and nothing stands in the markup.
const POLICY: &str = "default-src 'self'; connect-src 'self'{cdn}; img-src 'self' data: blob:{cdn}; \
                      object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'";

/// For pages with a player: `blob:` is what hls.js plays from, its controls bring their styles along in shadow trees, and
/// frames are for `embed_url`.
const PLAYER_POLICY: &str = "default-src 'self'; media-src 'self' blob:{cdn}; connect-src 'self'{cdn}; \
                             worker-src 'self' blob:; img-src 'self' data: blob:{cdn}; \
                             style-src 'self' 'unsafe-inline'; frame-src https:; object-src 'none'; base-uri 'none'; \
                             form-action 'self'; frame-ancestors ";

/// What stands in the file where a clip's page says what it is.
const NAMELESS: &str = "<title>Clipper</title>";

/// A page that is the same for everybody.
pub(super) fn plain(
    file: &'static str,
) -> impl Fn(HttpRequest) -> std::future::Ready<Result<HttpResponse, Problem>> + Clone {
    move |request: HttpRequest| std::future::ready(page(&request, file, POLICY))
}

/// `GET /watch/{clip}`, which asks for the clip's playlist before its scripts run.
pub(super) async fn theatre(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let clip = shown(&name, &caller, &db).await?;
    clip_page(&request, "watch.html", "'self'", clip.as_ref())
}

/// `GET /embed/{clip}`: the player alone, in anybody's frame.
pub(super) async fn embed(
    request: HttpRequest,
    name: web::Path<String>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<HttpResponse, Problem> {
    let clip = shown(&name, &caller, &db).await?;
    clip_page(&request, "embed.html", "*", clip.as_ref())
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

/// `GET /player/clipper-qoe.js`: the reporting library, as a module for players on any page.
pub(super) async fn reporter(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let name = "player/clipper-qoe.js";
    let mut response = send(&request, name, file(name)?, "public, max-age=3600");
    let anybody = header::HeaderValue::from_static("*");
    response
        .headers_mut()
        .insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, anybody);
    Ok(response)
}

/// Where this server was asked at, as the client and the proxies before it call it.
pub(super) fn origin_of(request: &HttpRequest) -> String {
    let connection = request.connection_info();
    format!("{}://{}", connection.scheme(), connection.host())
}

/// The clip, if it is there for the caller: the page says the rest itself.
async fn shown(name: &str, caller: &Caller, db: &Db) -> Result<Option<ClipRow>, Problem> {
    match find(db, name, caller).await {
        Ok(clip) => Ok(Some(clip)),
        Err(problem) if problem.code() == Code::ClipNotFound => Ok(None),
        Err(problem) => Err(problem),
    }
}

fn clip_page(
    request: &HttpRequest,
    name: &str,
    framed_by: &str,
    clip: Option<&ClipRow>,
) -> Result<HttpResponse, Problem> {
    // Who is not public is not for link previews, and nobody's cache may say so.
    let Some(clip) = clip.filter(|clip| clip.visibility == "public") else {
        return page(request, name, &format!("{PLAYER_POLICY}{framed_by}"));
    };
    let html = String::from_utf8_lossy(&file(name)?.data).replacen(
        NAMELESS,
        &head::of_clip(clip, &origin_of(request)),
        1,
    );
    let mut response = HttpResponse::Ok();
    response
        .content_type("text/html; charset=utf-8")
        // It names the host that it was asked at, which only the one who asked knows to be right.
        .insert_header((header::CACHE_CONTROL, "private, no-cache"))
        .insert_header((header::X_CONTENT_TYPE_OPTIONS, "nosniff"))
        .insert_header((
            header::CONTENT_SECURITY_POLICY,
            with_cdn(request, &format!("{PLAYER_POLICY}{framed_by}")),
        ));
    if let Some(master) = &clip.hls_master_url {
        let master = Cdn::of(request).map_or_else(|| master.clone(), |cdn| cdn.url(master.clone()));
        let preload = format!("<{master}>; rel=preload; as=fetch; crossorigin=anonymous");
        response.insert_header((header::LINK, preload));
    }
    Ok(response.body(html))
}

fn page(request: &HttpRequest, name: &str, policy: &str) -> Result<HttpResponse, Problem> {
    let mut response = send(request, name, file(name)?, "no-cache");
    if let Ok(policy) = header::HeaderValue::from_str(&with_cdn(request, policy)) {
        response
            .headers_mut()
            .insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

fn with_cdn(request: &HttpRequest, policy: &str) -> String {
    let cdn = Cdn::of(request).and_then(Cdn::origin);
    let cdn = cdn.map_or_else(String::new, |origin| format!(" {origin}"));
    policy.replace("{cdn}", &cdn)
}

fn file(name: &str) -> Result<EmbeddedFile, Problem> {
    let missing = "The pages are not built into this program: run `make run`.";
    Dist::get(name).ok_or_else(|| Problem::new(Code::NotFound, missing))
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
