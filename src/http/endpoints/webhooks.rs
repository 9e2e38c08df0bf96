//! Webhooks, for those who run it.

use crate::http::endpoint::{Endpoint, delete, get, patch, post};
use crate::http::webhooks;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let endpoints = vec![
        get("/api/webhooks", webhooks::list, "Who is told of clips' events"),
        post("/api/webhooks", webhooks::create, "Tell an address"),
        get("/api/webhooks/{webhook}", webhooks::show, "One of them"),
        patch("/api/webhooks/{webhook}", webhooks::change, "Change it"),
        delete("/api/webhooks/{webhook}", webhooks::remove, "Tell it no more"),
        post("/api/webhooks/{webhook}/test", webhooks::test, "Try it"),
        post("/api/webhooks/{webhook}/rotate", webhooks::rotate, "A new secret"),
        post(
            "/api/webhooks/{webhook}/replay",
            webhooks::replay,
            "Tell it once more what happened",
        ),
        get(
            "/api/webhooks/{webhook}/deliveries",
            webhooks::list_deliveries,
            "What it was told",
        ),
        post(
            "/api/webhooks/{webhook}/deliveries/{delivery}/retry",
            webhooks::retry,
            "Tell it that again",
        ),
    ];
    endpoints.into_iter().map(Endpoint::for_ops).collect()
}
