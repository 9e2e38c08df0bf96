//! The table of routes.

use actix_web::ResponseError;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::{Method, StatusCode};
use actix_web::web::{self, ServiceConfig, delete, get, head, patch, post, put, resource};
use actix_web::{HttpRequest, HttpResponse, Resource, Route};

use super::problem::{Code, Problem, sentence};
use super::{
    analytics, beacons, captions, clips, cmcd, download, encodings, oembed, operations, ops, pages, playback,
    progress, queue, session, source, thumbnails, ticket, uploads,
};

/// The largest body that is read whole.
const MAX_BODY: usize = 1 << 20;

/// Every route. Media comes first: routes are tried in order, and media is what most requests are for.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.app_data(
        web::JsonConfig::default()
            .limit(MAX_BODY)
            .error_handler(|error, _| json_problem(&error).into()),
    )
    .app_data(web::QueryConfig::default().error_handler(|error, _| query_problem(&error).into()))
    .app_data(web::PathConfig::default().error_handler(|error, _| path_problem(&error).into()))
    .app_data(web::PayloadConfig::new(MAX_BODY))
    .configure(configure_media)
    .service(route(
        "/api/sessions/{sid}/reports",
        [post().to(beacons::post_session)],
    ))
    .service(route("/api/analytics/beacons", [post().to(beacons::post)]))
    .service(route("/api/analytics/cmcd", [post().to(cmcd::post)]))
    .service(route("/api/analytics/cmcd/validate", [post().to(cmcd::validate)]))
    .service(route(
        "/api/clips",
        [get().to(clips::list), post().to(clips::create)],
    ))
    .service(route(
        "/api/session",
        [
            get().to(session::show),
            post().to(session::sign_in),
            delete().to(session::sign_out),
        ],
    ))
    .service(route("/api/clips/{clip}", [get().to(clips::show)]))
    .service(route("/api/clips/{clip}/source", [put().to(source::put)]))
    .service(route(
        "/api/clips/{clip}/encodings",
        [post().to(encodings::request)],
    ))
    .service(route(
        "/api/clips/{clip}/encodings/current",
        [delete().to(encodings::cancel)],
    ))
    .service(route(
        "/api/clips/{clip}/captions/{language}",
        [put().to(captions::put), delete().to(captions::remove)],
    ))
    .service(route(
        "/api/clips/{clip}/playback-token",
        [post().to(ticket::mint)],
    ))
    .service(route("/api/clips/{clip}/progress", [get().to(progress::watch)]))
    .service(route("/api/clips/{clip}/history", [get().to(clips::history)]))
    .configure(configure_health)
    .configure(configure_analytics)
    .configure(configure_pages)
    .configure(configure_uploads)
    .configure(configure_ops)
    .default_service(web::to(not_found));
}

/// How the process is; of workers, this is all.
pub(crate) fn configure_health(app: &mut ServiceConfig) {
    app.service(route("/healthz", [get().to(operations::healthz)]))
        .service(route("/readyz", [get().to(operations::readyz)]))
        .service(route("/metrics", [get().to(operations::metrics)]));
}

fn configure_media(app: &mut ServiceConfig) {
    app.service(read(
        "/api/video/{clip}/captions/{language}.vtt",
        || get().to(captions::show),
        || head().to(captions::show),
    ))
    .service(read(
        "/api/video/{clip}/captions/{language}.m3u8",
        || get().to(captions::playlist),
        || head().to(captions::playlist),
    ))
    .service(read(
        "/api/video/{clip}/{quality}/iframes.m3u8",
        || get().to(playback::i_frames),
        || head().to(playback::i_frames),
    ))
    .service(read(
        "/api/video/{clip}/{quality}/{segment}",
        || get().to(playback::segment),
        || head().to(playback::segment),
    ))
    .service(read(
        "/api/video/{clip}/download.mp4",
        || get().to(download::download),
        || head().to(download::download),
    ))
    .service(read(
        "/api/video/{clip}/poster.jpg",
        || get().to(thumbnails::poster),
        || head().to(thumbnails::poster),
    ))
    .service(read(
        "/api/video/{clip}/storyboard.vtt",
        || get().to(thumbnails::storyboard),
        || head().to(thumbnails::storyboard),
    ))
    .service(read(
        "/api/video/{clip}/storyboard-{number}.jpg",
        || get().to(thumbnails::sheet),
        || head().to(thumbnails::sheet),
    ))
    .service(read(
        "/api/video/{clip}/master.m3u8",
        || get().to(playback::master),
        || head().to(playback::master),
    ))
    .service(read(
        "/api/video/{clip}/{quality}.m3u8",
        || get().to(playback::variant),
        || head().to(playback::variant),
    ));
}

fn configure_analytics(app: &mut ServiceConfig) {
    app.service(route("/api/analytics/sessions", [get().to(analytics::sessions)]));
}

fn configure_pages(app: &mut ServiceConfig) {
    for (path, file) in pages::PLAIN {
        app.service(route(path, [pages::plain(file)]));
    }
    app.service(route("/watch/{clip}", [get().to(pages::theatre)]))
        .service(route("/embed/{clip}", [get().to(pages::embed)]))
        .service(route("/assets/{file}", [get().to(pages::asset)]))
        .service(route("/player/clipper-qoe.js", [get().to(pages::reporter)]))
        .service(route("/api/oembed", [get().to(oembed::show)]));
}

fn configure_uploads(app: &mut ServiceConfig) {
    app.service(route(
        "/api/uploads",
        [
            post().to(uploads::create),
            web::method(Method::OPTIONS).to(uploads::options),
        ],
    ))
    .service(route(
        "/api/uploads/{upload}",
        [
            head().to(uploads::head),
            patch().to(uploads::patch),
            delete().to(uploads::delete),
            web::method(Method::OPTIONS).to(uploads::options),
        ],
    ));
}

fn configure_ops(app: &mut ServiceConfig) {
    app.service(route("/api/ops/projections", [get().to(ops::projections)]))
        .service(route(
            "/api/ops/projections/{name}/rebuild",
            [post().to(ops::request_rebuild)],
        ))
        .service(route(
            "/api/ops/projections/{name}/parked",
            [get().to(ops::list_parked)],
        ))
        .service(route(
            "/api/ops/projections/{name}/parked/{position}/retry",
            [post().to(ops::retry)],
        ))
        .service(route(
            "/api/ops/projections/{name}/parked/{position}/skip",
            [post().to(ops::skip)],
        ))
        .service(route("/api/ops/queue", [get().to(queue::show)]))
        .service(route("/api/ops/queue/{class}/pause", [post().to(queue::pause)]))
        .service(route("/api/ops/queue/{class}/resume", [post().to(queue::resume)]))
        .service(route("/api/ops/workers", [get().to(queue::workers)]))
        .service(route("/api/ops/events", [get().to(ops::events)]))
        .service(route("/api/ops/people/{user}", [delete().to(ops::erase_person)]));
}

fn route<const N: usize>(path: &str, methods: [Route; N]) -> Resource {
    methods
        .into_iter()
        .fold(resource(path), Resource::route)
        .default_service(web::to(method_not_allowed))
}

fn read(path: &str, on_get: fn() -> Route, on_head: fn() -> Route) -> Resource {
    route(path, [on_get(), on_head()])
}

async fn not_found(request: HttpRequest) -> Result<HttpResponse, Problem> {
    Err(Problem::new(
        Code::NotFound,
        format!("There is nothing at `{}`.", request.path()),
    ))
}

async fn method_not_allowed(request: HttpRequest) -> Result<HttpResponse, Problem> {
    let detail = format!("`{}` is not allowed at `{}`.", request.method(), request.path());
    Err(Problem::new(Code::MethodNotAllowed, detail))
}

fn json_problem(error: &JsonPayloadError) -> Problem {
    if matches!(error, JsonPayloadError::ContentType) {
        Problem::new(Code::UnsupportedMediaType, "Send the body as application/json.")
    } else if error.status_code() == StatusCode::PAYLOAD_TOO_LARGE {
        Problem::new(
            Code::TooLarge,
            format!("A JSON body may have at most {MAX_BODY} bytes."),
        )
    } else {
        Problem::new(Code::MalformedJson, sentence(&error.to_string()))
    }
}

fn query_problem(error: &QueryPayloadError) -> Problem {
    Problem::new(Code::InvalidRequest, sentence(&error.to_string()))
}

fn path_problem(error: &PathError) -> Problem {
    Problem::new(Code::NotFound, sentence(&error.to_string()))
}
