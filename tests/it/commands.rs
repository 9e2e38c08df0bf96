//! Commands on clips: from several nodes at once, and through cqrs-es's own framework.

use clipper::commands::{ClipCommands, ClipEventStore, CommandContext, CommandError, LoadedClip};
use clipper_domain::clip::{
    Clip, ClipCommand, EncodingOrder, Held, Refusal, Registration, Visibility, WorkStep,
};
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, PersonId};
use cqrs_es::CqrsFramework;
use uuid::Uuid;

use crate::storage::{Stage, suite};

suite!(
    another_nodes_change_is_seen_before_deciding,
    a_refusal_on_old_news_is_thought_over,
    that_there_is_nothing_to_do_is_thought_over_too,
    a_command_given_twice_happens_once,
    the_framework_of_cqrs_es_runs_on_our_log,
);

fn registration(slug: &str) -> Registration {
    Registration {
        slug: slug.parse().unwrap(),
        title: slug.to_owned(),
        owner: PersonId::of_named("ann"),
        visibility: Visibility::Public,
        embed_url: None,
        twitch_clip_url: None,
        source_url: None,
        views: 0,
        created_at: None,
    }
}

fn source(sha256: &str) -> ClipCommand {
    ClipCommand::StoreSource {
        source: StoredSource {
            object: format!("c/source/{sha256}"),
            bytes: 1,
            sha256: sha256.to_owned(),
            filename: None,
        },
        facts: None,
        order: EncodingOrder::fresh(),
    }
}

fn node(stage: &Stage, name: &str) -> ClipCommands {
    ClipCommands::new(stage.logs.clone(), stage.another_writer(), name.to_owned())
}

/// Two nodes hold the same clip in memory; one of them lags behind.
async fn two_nodes(stage: &Stage, clip: ClipId) -> [(ClipCommands, LoadedClip); 2] {
    let (a, b) = (node(stage, "a"), node(stage, "b"));
    let mut held = LoadedClip::default();
    let register = ClipCommand::Register(registration("shared"));
    a.execute(clip, &mut held, register, &CommandContext::once("ann"))
        .await
        .unwrap();
    [(a, held.clone()), (b, held)]
}

async fn another_nodes_change_is_seen_before_deciding(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let [(a, mut held_a), (b, mut held_b)] = two_nodes(stage, clip).await;
    a.execute(clip, &mut held_a, source("aa"), &CommandContext::once("ann"))
        .await
        .unwrap();
    // Node b still believes that there is no source: its append conflicts, it reads on and decides anew.
    let late = b
        .execute(clip, &mut held_b, source("bb"), &CommandContext::once("ann"))
        .await;
    assert!(
        matches!(late, Err(CommandError::Refused(Refusal::SourceExists))),
        "{late:?}"
    );
    assert_eq!(held_b.version, held_a.version);
    assert_eq!(held_b.clip, held_a.clip);
}

async fn a_refusal_on_old_news_is_thought_over(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let [(a, mut held_a), (b, mut held_b)] = two_nodes(stage, clip).await;
    a.execute(clip, &mut held_a, source("aa"), &CommandContext::once("ann"))
        .await
        .unwrap();
    // To node b there is nothing to encode; the truth is that there is.
    let start = ClipCommand::Work {
        held: Held {
            generation: 1,
            unit: 0,
            token: 1,
        },
        step: WorkStep::Start {
            worker: "b".to_owned(),
        },
    };
    let started = b
        .execute(clip, &mut held_b, start, &CommandContext::once("b"))
        .await
        .unwrap();
    assert_eq!(started.events.len(), 1);
}

/// A node that has not heard of an encoding yet stops it all the same.
async fn that_there_is_nothing_to_do_is_thought_over_too(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let [(a, mut held_by_a), (b, mut held_by_b)] = two_nodes(stage, clip).await;
    a.execute(clip, &mut held_by_a, source("aa"), &CommandContext::once("ann"))
        .await
        .unwrap();
    let cancel = || ClipCommand::CancelEncoding;
    let cancelled = b
        .execute(clip, &mut held_by_b, cancel(), &CommandContext::once("ann"))
        .await
        .unwrap();
    assert_eq!(cancelled.events.len(), 1);
    let again = b
        .execute(clip, &mut held_by_b, cancel(), &CommandContext::once("ann"))
        .await
        .unwrap();
    assert_eq!(again.events, []);
}

async fn a_command_given_twice_happens_once(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let [(a, mut held_a), (b, mut held_b)] = two_nodes(stage, clip).await;
    let context = CommandContext::once("ann");
    let first = a
        .execute(clip, &mut held_a, source("aa"), &context)
        .await
        .unwrap();
    let again = b
        .execute(clip, &mut held_b, source("aa"), &context)
        .await
        .unwrap();
    assert_eq!((first.events.len(), again.events.len()), (2, 0));
    assert_eq!(again.position, first.position, "the first answer is given again");
    assert_eq!(held_b.clip, held_a.clip);
}

async fn the_framework_of_cqrs_es_runs_on_our_log(stage: &Stage) {
    let id = ClipId(Uuid::now_v7());
    let commands = node(stage, "framework");
    let framework = CqrsFramework::<Clip, _>::new(ClipEventStore::new(commands.clone()), vec![], ());
    let name = id.to_string();
    framework
        .execute(&name, ClipCommand::Register(registration("framed")))
        .await
        .unwrap();
    framework.execute(&name, source("aa")).await.unwrap();
    let refused = framework.execute(&name, source("bb")).await;
    assert!(
        matches!(
            refused,
            Err(cqrs_es::AggregateError::UserError(Refusal::SourceExists))
        ),
        "{refused:?}"
    );
    let loaded = commands.catch_up(id, LoadedClip::default()).await.unwrap();
    assert_eq!(loaded.version, 3);
    assert_eq!(loaded.clip.source().unwrap().sha256, "aa");
}
