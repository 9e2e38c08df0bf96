//! A person is forgotten by forgetting one row; and a clip is looked at as it was.

use clipper::clock::Clock;
use clipper::storage::keys::{self, KeyRow};
use clipper::storage::past::{self, Moment};
use clipper::storage::people::Forgotten;
use clipper::storage::{Expected, Log, people, rebuild};
use clipper_domain::{ClipId, PersonId};
use clipper_projections::{PROJECTIONS, clips};
use uuid::Uuid;

use super::projections::{follow_all, tell, whole_story};
use super::{Stage, append, suite};

suite!(
    a_user_keeps_one_pseudonym,
    a_person_is_forgotten_everywhere_at_once,
    someone_whom_old_events_name_keeps_their_clips,
    keys_of_somebody_who_was_never_seen_are_revoked_too,
    a_clip_is_looked_at_as_it_was,
);

async fn a_user_keeps_one_pseudonym(stage: &Stage) {
    let now = stage.clock.now();
    let ann = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), now)
        .await
        .unwrap();
    let again = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), now)
        .await
        .unwrap();
    assert_eq!(ann, again);
    assert_ne!(ann, PersonId::of_named("ann"), "a pseudonym tells nothing");
    assert_eq!(people::find(&stage.db, "bob").await.unwrap(), None);
    assert_eq!(
        people::user_of(&stage.db, &ann.to_string())
            .await
            .unwrap()
            .as_deref(),
        Some("ann")
    );
}

async fn a_person_is_forgotten_everywhere_at_once(stage: &Stage) {
    let now = stage.clock.now();
    let ann = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), now)
        .await
        .unwrap();
    let owner = KeyRow {
        user_id: "ann".to_owned(),
        scopes: "clips:write".to_owned(),
    };
    keys::store(&stage.db, Uuid::now_v7(), "clk_ann", &owner, now)
        .await
        .unwrap();
    let forgotten = people::erase(&stage.db, "ann", now).await.unwrap();
    let everything = Forgotten {
        person: Some(ann),
        keys: 1,
    };
    assert_eq!(forgotten, Some(everything));
    assert_eq!(people::erase(&stage.db, "ann", now).await.unwrap(), None);
    assert_eq!(people::user_of(&stage.db, &ann.to_string()).await.unwrap(), None);
    assert_eq!(
        keys::find(&stage.db, "clk_ann", stage.clock.now()).await.unwrap(),
        None
    );
    let rows = people::list(&stage.db).await.unwrap();
    assert_eq!((rows[0].user_id.clone(), rows[0].erased_at), (None, Some(now)));
    let returned = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), now)
        .await
        .unwrap();
    assert_ne!(returned, ann, "who comes back is somebody new");
    follow_all(stage).await;
    for projection in &PROJECTIONS {
        let verdict = rebuild::verify(stage.bench(), projection, |_| {}).await.unwrap();
        assert_eq!(verdict.difference, None, "read models never knew");
    }
}

/// Events of the first shape name their owner in the clear. The pseudonym that they are read with is the one that the
/// user gets.
async fn someone_whom_old_events_name_keeps_their_clips(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let mut old = append(&clip.stream(), Expected::Version(0), &[1], "old");
    "ClipRegistered".clone_into(&mut old.events[0].event_type);
    r#"{"slug":"old","title":"Old","owner_id":"ann","visibility":"public","embed_url":null,
        "twitch_clip_url":null}"#
        .clone_into(&mut old.events[0].payload);
    stage.clips.append(old).await.unwrap();
    follow_all(stage).await;
    let row = stage.db.optional(clips::by_slug("old")).await.unwrap().unwrap();
    let ann = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), stage.clock.now())
        .await
        .unwrap();
    assert_eq!(row.owner_id, ann.to_string());
    // Forgotten under that pseudonym, she too comes back as somebody new.
    people::erase(&stage.db, "ann", stage.clock.now()).await.unwrap();
    let returned = people::find_or_add(&stage.db, "ann", Uuid::new_v4(), stage.clock.now())
        .await
        .unwrap();
    assert_ne!(returned, ann);
}

async fn keys_of_somebody_who_was_never_seen_are_revoked_too(stage: &Stage) {
    let now = stage.clock.now();
    let owner = KeyRow {
        user_id: "bob".to_owned(),
        scopes: "clips:write".to_owned(),
    };
    keys::store(&stage.db, Uuid::now_v7(), "clk_bob", &owner, now)
        .await
        .unwrap();
    let forgotten = people::erase(&stage.db, "bob", now).await.unwrap().unwrap();
    assert_eq!((forgotten.person, forgotten.keys), (None, 1));
    assert_eq!(
        keys::find(&stage.db, "clk_bob", stage.clock.now()).await.unwrap(),
        None
    );
}

async fn a_clip_is_looked_at_as_it_was(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    let story = whole_story("told");
    tell(stage, clip, 0, &story[..4]).await;
    let before = stage.clock.now();
    stage.clock.advance(chrono::TimeDelta::minutes(1));
    tell(stage, clip, 4, &story[4..]).await;
    follow_all(stage).await;
    let at = |moment| {
        let logs = stage.logs.clone();
        async move { past::clip_at(&logs, clip, moment).await.unwrap() }
    };
    let first = at(Moment::Version(1)).await.unwrap();
    assert_eq!(
        (first.clip.encoding_state.as_str(), first.variants.len()),
        ("awaiting_source", 0)
    );
    let then = at(Moment::Instant(before)).await.unwrap();
    assert_eq!((then.clip.encoding_state.as_str(), then.version), ("encoding", 4));
    let sixth = at(Moment::Version(6)).await.unwrap();
    assert_eq!(
        (sixth.clip.hls_qualities.as_str(), sixth.variants.len()),
        (r#"["480p","720p"]"#, 2)
    );
    let now = at(Moment::Instant(stage.clock.now())).await.unwrap();
    assert_eq!(
        Some(now.clip),
        stage.db.optional(clips::by_id(clip)).await.unwrap()
    );
    let earlier = before - chrono::TimeDelta::seconds(1);
    assert!(at(Moment::Instant(earlier)).await.is_none());
    assert_eq!(
        stage
            .logs
            .position_before(Log::Clip, stage.clock.now())
            .await
            .unwrap(),
        4
    );
}
