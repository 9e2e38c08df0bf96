//! What both sides of the comparison do: lives of clips as commands, nearly all of which give one event.

use clipper_domain::clip::{ClipCommand, EncodingOrder, Held, Registration, Visibility, WorkStep};
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, PersonId};
use uuid::Uuid;

/// Commands in the life of one clip.
pub(crate) const LIFE: i64 = 20;

/// A clip that is not there yet. Identities rise with time, as those of Clipper do.
pub(crate) fn clip() -> ClipId {
    ClipId(Uuid::now_v7())
}

/// A task's n-th command.
pub(crate) fn command(clip: ClipId, n: i64) -> ClipCommand {
    match n % LIFE {
        0 => ClipCommand::Register(Registration {
            slug: format!("clip-{}", clip.0.simple()).parse().expect("a slug"),
            title: "Amazing gaming moment".to_owned(),
            owner: PersonId(Uuid::NAMESPACE_OID),
            visibility: Visibility::Public,
            embed_url: Some("https://clips.example/embed?clip=AmazingGamingMoment".to_owned()),
            twitch_clip_url: None,
            source_url: None,
            views: 0,
            created_at: None,
        }),
        1 => ClipCommand::StoreSource {
            source: StoredSource {
                object: format!("{clip}/source/{}", "ab".repeat(32)),
                bytes: 12_345_678,
                sha256: "ab".repeat(32),
                filename: Some("clip.mp4".to_owned()),
            },
            facts: None,
            order: EncodingOrder::fresh(),
        },
        token => ClipCommand::Work {
            held: Held {
                generation: 1,
                unit: 0,
                token,
            },
            step: WorkStep::Start {
                worker: "worker:0190a3c27f4e7cc398c4dc0c0c07398f".to_owned(),
            },
        },
    }
}
