//! The table of endpoints, by subject.

mod analytics;
mod clips;
mod keys;
mod operations;
mod pages;
mod reports;
mod uploads;
mod video;
mod webhooks;

use super::endpoint::Endpoint;

/// Endpoints of one subject.
pub(super) struct Section {
    pub(super) name: &'static str,
    pub(super) says: &'static str,
    pub(super) endpoints: Vec<Endpoint>,
}

/// Every endpoint that is documented. Media comes first: routes are tried in order, and media is what most requests
/// are for.
pub(super) fn sections() -> Vec<Section> {
    vec![
        Section {
            name: "playback",
            says: "Playlists, segments and what stands beside them. The same below `/s/{token}`, for holders of a playback token.",
            endpoints: video::endpoints(),
        },
        Section {
            name: "clips",
            says: "Registering clips, looking at them, encoding them.",
            endpoints: clips::endpoints(),
        },
        Section {
            name: "uploads",
            says: "Resumable uploads by the tus protocol 1.0.0.",
            endpoints: uploads::endpoints(),
        },
        Section {
            name: "reports",
            says: "What players tell.",
            endpoints: reports::endpoints(),
        },
        Section {
            name: "analytics",
            says: "How clips were played.",
            endpoints: analytics::endpoints(),
        },
        Section {
            name: "keys",
            says: "Who may do what.",
            endpoints: keys::endpoints(),
        },
        Section {
            name: "webhooks",
            says: "Who is told of clips' events, and how that went.",
            endpoints: webhooks::endpoints(),
        },
        Section {
            name: "health",
            says: "How the process is.",
            endpoints: operations::health(),
        },
        Section {
            name: "operations",
            says: "Read models, the queue and the logs.",
            endpoints: operations::endpoints(),
        },
    ]
}

/// The pages, which are no part of the API.
pub(super) fn pages() -> Vec<Endpoint> {
    pages::endpoints()
}

/// How a process is; of workers, this is all.
pub(super) fn health() -> Vec<Endpoint> {
    operations::health()
}
