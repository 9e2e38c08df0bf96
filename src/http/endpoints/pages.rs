//! The pages.

use crate::http::endpoint::{Endpoint, get};
use crate::http::pages;

pub(super) fn endpoints() -> Vec<Endpoint> {
    let mut endpoints: Vec<_> = pages::PLAIN
        .into_iter()
        .map(|(path, file)| get(path, pages::plain(file), "A page"))
        .collect();
    endpoints.extend([
        get("/watch/{clip}", pages::theatre, "The theatre"),
        get("/embed/{clip}", pages::embed, "The player alone"),
        get("/player/clipper-qoe.js", pages::reporter, "The reporting library"),
        get("/assets/{file}", pages::asset, "What pages need"),
    ]);
    endpoints
}
