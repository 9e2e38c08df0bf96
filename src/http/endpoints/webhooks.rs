//! Webhooks, for those who run it.

use serde_json::Value;

use crate::http::endpoint::{Endpoint, delete, get, patch, post};
use crate::http::problem::Code;
use crate::http::webhooks::{self, Change, DeliveryJson, ListQuery, NewWebhook, Replay, WebhookJson};

pub(super) fn endpoints() -> Vec<Endpoint> {
    let all = vec![
        get("/api/webhooks", webhooks::list, "Who is told of clips' events")
            .answers::<Value>(200, "`webhooks`, and the `event_types` that there are"),
        post("/api/webhooks", webhooks::create, "Tell an address")
            .takes::<NewWebhook>()
            .answers::<Value>(201, "The webhook with its `secret`, which is shown once")
            .refuses(&[Code::PrivateAddress, Code::TooManyWebhooks]),
    ];
    let one = one().into_iter();
    all.into_iter()
        .chain(one.map(|endpoint| endpoint.refuses(&[Code::WebhookNotFound])))
        .map(Endpoint::for_ops)
        .collect()
}

fn one() -> Vec<Endpoint> {
    vec![
        get("/api/webhooks/{webhook}", webhooks::show, "One of them")
            .answers::<WebhookJson>(200, "The webhook"),
        patch("/api/webhooks/{webhook}", webhooks::change, "Change it")
            .takes::<Change>()
            .answers::<WebhookJson>(200, "The webhook")
            .refuses(&[Code::PrivateAddress]),
        delete("/api/webhooks/{webhook}", webhooks::remove, "Tell it no more")
            .empty(204, "Its deliveries went with it"),
        post("/api/webhooks/{webhook}/test", webhooks::test, "Try it")
            .answers::<Value>(200, "What it answered"),
        post("/api/webhooks/{webhook}/rotate", webhooks::rotate, "A new secret").answers::<Value>(
            200,
            "The webhook with its `secret`, which is shown once; the old one signs along for a day",
        ),
        post(
            "/api/webhooks/{webhook}/replay",
            webhooks::replay,
            "Tell it once more what happened",
        )
        .takes::<Replay>()
        .answers::<WebhookJson>(202, "It will be told"),
        get(
            "/api/webhooks/{webhook}/deliveries",
            webhooks::list_deliveries,
            "What it was told",
        )
        .query::<ListQuery>()
        .answers::<Value>(200, "A page, and where the next one begins"),
        post(
            "/api/webhooks/{webhook}/deliveries/{delivery}/retry",
            webhooks::retry,
            "Tell it that again",
        )
        .answers::<DeliveryJson>(202, "It will be")
        .refuses(&[Code::DeliveryNotFound]),
    ]
}
