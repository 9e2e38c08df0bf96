//! For those who run it.

use crate::http::endpoint::{Endpoint, delete, get, post};
use crate::http::problem::Code;
use crate::http::{openapi, operations, ops, queue, storage};
use crate::storage::parked::Retried;

const LINES: &str = "application/x-ndjson";

pub(super) fn health() -> Vec<Endpoint> {
    vec![
        get("/healthz", operations::healthz, "The process answers")
            .answers::<operations::Alive>(200, "It does"),
        get("/readyz", operations::readyz, "It can do its work")
            .answers::<operations::Ready>(200, "It can")
            .answers::<operations::Ready>(503, "It cannot, and which part is why"),
        get("/metrics", operations::metrics, "What is measured").sends(
            200,
            "text/plain",
            "In Prometheus' text format",
        ),
    ]
}

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints: Vec<_> = read_models()
        .into_iter()
        .chain(work())
        .map(Endpoint::for_ops)
        .collect();
    endpoints.push(get("/api/openapi.json", openapi::show, "This description").sends(
        200,
        "application/json",
        "OpenAPI 3.1",
    ));
    endpoints
}

fn read_models() -> Vec<Endpoint> {
    let named = |endpoint: Endpoint| endpoint.refuses(&[Code::ProjectionNotFound]);
    vec![
        get(
            "/api/ops/projections",
            ops::projections,
            "Where read models stand",
        )
        .answers::<ops::Standing>(200, "Each with its lag, and its rebuild if there is one"),
        named(post(
            "/api/ops/projections/{name}/rebuild",
            ops::request_rebuild,
            "Make a read model anew",
        ))
        .may_take::<ops::RebuildRequest>()
        .answers::<ops::Requested>(202, "It will be; the old rows serve meanwhile"),
        named(get(
            "/api/ops/projections/{name}/parked",
            ops::list_parked,
            "Events that could not be applied",
        ))
        .query::<ops::PageQuery>()
        .answers::<ops::Parked>(200, "With their errors"),
        named(post(
            "/api/ops/projections/{name}/parked/{position}/retry",
            ops::retry,
            "Try a parked event again",
        ))
        .answers::<Retried>(200, "What became of its stream")
        .refuses(&[Code::NotParked]),
        named(post(
            "/api/ops/projections/{name}/parked/{position}/skip",
            ops::skip,
            "Pass a parked event over for good",
        ))
        .answers::<Retried>(200, "What became of its stream")
        .refuses(&[Code::NotParked]),
    ]
}

fn work() -> Vec<Endpoint> {
    vec![
        get(
            "/api/ops/storage",
            storage::show,
            "What lies in the media store, by quality and by owner",
        )
        .answers::<storage::StorageJson>(200, "The largest owners first"),
        get("/api/ops/queue", queue::show, "What is left to be encoded")
            .query::<queue::QueueQuery>()
            .answers::<queue::QueuePage>(200, "By class, and unit by unit"),
        post("/api/ops/queue/{class}/pause", queue::pause, "Hold a class back")
            .answers::<queue::Classes>(200, "What is worked on goes on")
            .refuses(&[Code::NotFound]),
        post(
            "/api/ops/queue/{class}/resume",
            queue::resume,
            "Let a class go on",
        )
        .answers::<queue::Classes>(200, "It does")
        .refuses(&[Code::NotFound]),
        get("/api/ops/workers", queue::workers, "Who is at work")
            .answers::<queue::Workers>(200, "Each with its unit"),
        get("/api/ops/events", ops::events, "The logs themselves")
            .query::<ops::EventsQuery>()
            .sends(200, LINES, "An event on each line"),
        get(
            "/api/ops/rejects",
            ops::rejects,
            "Records of players that were set aside",
        )
        .query::<ops::RejectsQuery>()
        .answers::<ops::Rejects>(200, "The latest first"),
        delete(
            "/api/ops/people/{user}",
            ops::erase_person,
            "Forget who is behind a pseudonym",
        )
        .empty(204, "The person is forgotten")
        .refuses(&[Code::PersonNotFound]),
    ]
}
