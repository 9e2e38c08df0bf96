//! API keys, for those who run it.

use crate::http::endpoint::{Endpoint, delete, get, post};
use crate::http::keys::{self, KeyJson, Keys, NewKey};
use crate::http::problem::Code;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let all = vec![
        get("/api/keys", keys::list, "Who may do what")
            .answers::<Keys>(200, "All keys that were not revoked, the oldest first"),
        post("/api/keys", keys::create, "Make a key")
            .takes::<NewKey>()
            .answers::<KeyJson>(201, "With the `key`, which is shown once"),
        post(
            "/api/keys/{key}/rotate",
            keys::rotate,
            "Another key that may do the same",
        )
        .answers::<KeyJson>(
            201,
            "With the `key`, which is shown once; the old one is worthless",
        )
        .refuses(&[Code::KeyNotFound]),
        delete("/api/keys/{key}", keys::revoke, "Make a key worthless")
            .empty(204, "At once")
            .refuses(&[Code::KeyNotFound]),
    ];
    all.into_iter().map(Endpoint::for_ops).collect()
}
