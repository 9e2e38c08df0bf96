//! What the application is given of the table of endpoints.

use actix_web::ResponseError;
use actix_web::error::{JsonPayloadError, PathError, QueryPayloadError};
use actix_web::http::StatusCode;
use actix_web::web::{self, ServiceConfig, resource};
use actix_web::{HttpRequest, HttpResponse};

use super::endpoint::Endpoint;
use super::endpoints;
use super::problem::{Code, Problem, sentence};

/// The largest body that is read whole.
const MAX_BODY: usize = 1 << 20;

/// Every route.
pub(crate) fn configure(app: &mut ServiceConfig) {
    app.app_data(
        web::JsonConfig::default()
            .limit(MAX_BODY)
            .error_handler(|error, _| json_problem(&error).into()),
    )
    .app_data(web::QueryConfig::default().error_handler(|error, _| query_problem(&error).into()))
    .app_data(web::PathConfig::default().error_handler(|error, _| path_problem(&error).into()))
    .app_data(web::PayloadConfig::new(MAX_BODY));
    for section in endpoints::sections() {
        register(app, section.endpoints);
    }
    register(app, endpoints::pages());
    app.default_service(web::to(not_found));
}

/// How the process is; of workers, this is all.
pub(crate) fn configure_health(app: &mut ServiceConfig) {
    register(app, endpoints::health());
}

/// Each path once, with all its methods.
fn register(app: &mut ServiceConfig, endpoints: Vec<Endpoint>) {
    let mut paths: Vec<(&str, Vec<Endpoint>)> = vec![];
    for endpoint in endpoints {
        match paths.iter_mut().find(|(path, _)| *path == endpoint.path) {
            Some((_, methods)) => methods.push(endpoint),
            None => paths.push((endpoint.path, vec![endpoint])),
        }
    }
    for (path, methods) in paths {
        let routes = methods.iter().flat_map(Endpoint::routes);
        let resource = routes.fold(resource(path), actix_web::Resource::route);
        app.service(resource.default_service(web::to(method_not_allowed)));
    }
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
