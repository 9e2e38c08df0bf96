use clipper::clock::Clock;
use clipper::storage::{Append, Expected, Log, StorageError, follow, parked, rebuild};
use clipper_domain::clip::{ClipEvent, EncodingClass, FailureClass, Registration, Visibility};
use clipper_domain::schema;
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, FrameRate, PersonId, Quality, Segment, Variant};
use clipper_projections::{PROJECTIONS, Query, Statement, clips, encoding_queue, video_variants};
use uuid::Uuid;

use super::{Stage, suite};

suite!(
    rows_follow_the_log,
    an_event_delivered_twice_is_applied_once,
    rebuilt_rows_equal_the_live_ones,
    a_row_that_was_tampered_with_is_found_and_mended,
    an_event_that_fails_is_parked_and_the_others_go_on,
    lists_are_paged_in_every_order_without_gaps_or_repetitions,
);

pub(super) fn registered(slug: &str) -> ClipEvent {
    ClipEvent::ClipRegistered(Registration {
        slug: slug.parse().unwrap(),
        title: format!("The {slug}"),
        owner: PersonId::of_named("ann"),
        visibility: Visibility::Public,
        embed_url: Some("https://clips.example/embed".to_owned()),
        twitch_clip_url: None,
        source_url: None,
        views: 0,
        created_at: None,
    })
}

fn ready(quality: Quality) -> ClipEvent {
    let variant = Variant {
        quality,
        width: 854,
        height: 480,
        bitrate: 2_000_000,
        average_bitrate: 1_000_000,
        codec: "avc1.4d401e".to_owned(),
        frame_rate: FrameRate::new(30_000, 1_001).unwrap(),
        target_duration: 6,
        segments: vec![
            Segment {
                duration_90k: 540_540,
                bytes: 1_000,
                key_frames: vec![],
            },
            Segment {
                duration_90k: 90_090,
                bytes: 10,
                key_frames: vec![],
            },
        ],
        copied: false,
        storage_path: format!("c/1/{}", quality.path()),
    };
    ClipEvent::VariantReady {
        generation: 1,
        variant,
    }
}

pub(crate) fn whole_story(slug: &str) -> Vec<ClipEvent> {
    let source = StoredSource {
        object: "o".to_owned(),
        bytes: 7,
        sha256: "aa".to_owned(),
        filename: Some("f.mp4".to_owned()),
    };
    let qualities = vec![Quality::P480, Quality::P720];
    vec![
        registered(slug),
        ClipEvent::SourceStored(source),
        ClipEvent::EncodingRequested {
            generation: 1,
            qualities: qualities.clone(),
            priority: 5,
            class: EncodingClass::Fresh,
        },
        ClipEvent::EncodingStarted {
            generation: 1,
            unit: 0,
            token: 1,
            worker: "w".to_owned(),
        },
        ready(Quality::P480),
        ready(Quality::P720),
        ClipEvent::EncodingCompleted {
            generation: 1,
            qualities,
            failed: vec![],
        },
    ]
}

pub(super) async fn tell(stage: &Stage, clip: ClipId, after: i64, events: &[ClipEvent]) {
    let append = Append {
        stream: clip.stream(),
        expected: Expected::Version(after),
        events: events.iter().map(|event| schema::write(event).unwrap()).collect(),
        metadata: "{}".to_owned(),
        command_id: Uuid::now_v7().to_string(),
    };
    stage.clips.append(append).await.unwrap();
}

pub(super) async fn follow_all(stage: &Stage) {
    for projection in &PROJECTIONS {
        let now = stage.clock.now();
        loop {
            let from = follow::begin(&stage.db, projection, now).await.unwrap().position;
            match follow::advance(&stage.db, &stage.logs, projection, from, now).await {
                Ok(reached) if reached == from => break,
                // A rebuild took the rows meanwhile: it goes on from where they stand now.
                Ok(_) | Err(StorageError::CheckpointMoved { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    }
}

async fn rows_follow_the_log(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    tell(stage, clip, 0, &whole_story("one")).await;
    follow_all(stage).await;
    let row = stage.db.optional(clips::by_slug("one")).await.unwrap().unwrap();
    assert_eq!(row.id, clip.to_string());
    assert_eq!(
        (row.hls_available, row.hls_processing_status.as_str()),
        (true, "completed")
    );
    assert_eq!(row.hls_qualities, r#"["480p","720p"]"#);
    assert_eq!(row.hls_master_url.as_deref(), Some("/api/video/one/master.m3u8"));
    assert_eq!(row.hls_processed_at, Some(stage.clock.now()));
    let variants = stage.db.all(video_variants::of_clip(clip)).await.unwrap();
    assert_eq!(variants.len(), 2);
    assert_eq!((variants[0].segment_count, variants[0].file_size), (2, 1_010));
    assert_eq!(variants[0].segments().unwrap()[0].duration_90k, 540_540);
    let waiting = stage
        .db
        .all(encoding_queue::waiting(stage.clock.now(), 10))
        .await
        .unwrap();
    assert_eq!(waiting, []);
}

#[derive(Debug, PartialEq, sqlx::FromRow)]
struct Failures {
    failures: i64,
}

/// A second follower comes from an older checkpoint. The failure that it would count again is what gives it away.
async fn an_event_delivered_twice_is_applied_once(stage: &Stage) {
    let projection = PROJECTIONS
        .iter()
        .find(|known| known.name == "encoding_queue")
        .unwrap();
    let mut events = whole_story("one")[..4].to_vec();
    events.push(ClipEvent::EncodingFailed {
        generation: 1,
        unit: 0,
        token: 1,
        class: FailureClass::Ours,
        code: "encoder_stalled".to_owned(),
        detail: "it stood still".to_owned(),
        retry_at: Some(stage.clock.now()),
    });
    tell(stage, ClipId(Uuid::now_v7()), 0, &events).await;
    follow_all(stage).await;
    let late = follow::advance(&stage.db, &stage.logs, projection, 4, stage.clock.now()).await;
    assert!(
        matches!(late, Err(StorageError::CheckpointMoved { .. })),
        "{late:?}"
    );
    let counted = Query::<Failures>::new("SELECT failures FROM encoding_queue", vec![]);
    assert_eq!(stage.db.all(counted).await.unwrap(), [Failures { failures: 1 }]);
    assert_eq!(
        parked::count(&stage.db).await.unwrap(),
        0,
        "nothing was parked over it"
    );
}

async fn rebuilt_rows_equal_the_live_ones(stage: &Stage) {
    for n in 0..30 {
        tell(
            stage,
            ClipId(Uuid::now_v7()),
            0,
            &whole_story(&format!("clip{n}")),
        )
        .await;
    }
    follow_all(stage).await;
    for projection in &PROJECTIONS {
        let verdict = rebuild::verify(stage.bench(), projection, |_| {}).await.unwrap();
        assert_eq!(verdict.difference, None, "{}", projection.name);
    }
    let before = stage
        .db
        .all(clips::page(clips::Filter::default(), clips::Order::Newest, 100))
        .await
        .unwrap();
    for projection in &PROJECTIONS {
        rebuild::rebuild(stage.bench(), projection, None, |_| {})
            .await
            .unwrap();
    }
    assert_eq!(
        stage
            .db
            .all(clips::page(clips::Filter::default(), clips::Order::Newest, 100))
            .await
            .unwrap(),
        before
    );
    // The followers go on from where the rebuild ended.
    tell(stage, ClipId(Uuid::now_v7()), 0, &whole_story("later")).await;
    follow_all(stage).await;
    assert_eq!(
        stage
            .db
            .all(clips::page(clips::Filter::default(), clips::Order::Newest, 100))
            .await
            .unwrap()
            .len(),
        31
    );
}

async fn a_row_that_was_tampered_with_is_found_and_mended(stage: &Stage) {
    let clip = ClipId(Uuid::now_v7());
    tell(stage, clip, 0, &whole_story("one")).await;
    follow_all(stage).await;
    let tamper = Statement::new(
        "UPDATE clips SET title = 'Forged' WHERE id = $1",
        vec![clip.0.into()],
    );
    stage.db.execute(&tamper).await.unwrap();
    let projection = &PROJECTIONS[0];
    let verdict = rebuild::verify(stage.bench(), projection, |_| {}).await.unwrap();
    let difference = verdict.difference.unwrap();
    assert_eq!((difference.rows, difference.first_key), (1, clip.to_string()));
    assert_eq!(difference.columns, ["title"]);
    rebuild::rebuild(stage.bench(), projection, None, |_| {})
        .await
        .unwrap();
    let row = stage.db.optional(clips::by_id(clip)).await.unwrap().unwrap();
    assert_eq!(row.title, "The one");
}

async fn an_event_that_fails_is_parked_and_the_others_go_on(stage: &Stage) {
    let (bad, good) = (ClipId(Uuid::now_v7()), ClipId(Uuid::now_v7()));
    tell(stage, bad, 0, &[registered("bad")]).await;
    let unreadable = super::append(&bad.stream(), Expected::Version(1), &[1], "poison");
    stage.clips.append(unreadable).await.unwrap();
    tell(
        stage,
        bad,
        2,
        &[ClipEvent::EncodingStarted {
            generation: 1,
            unit: 0,
            token: 1,
            worker: "w".to_owned(),
        }],
    )
    .await;
    tell(stage, good, 0, &whole_story("good")).await;
    follow_all(stage).await;
    let row = stage.db.optional(clips::by_slug("good")).await.unwrap().unwrap();
    assert_eq!(row.hls_processing_status, "completed");
    let row = stage.db.optional(clips::by_slug("bad")).await.unwrap().unwrap();
    assert_eq!(
        row.encoding_state, "awaiting_source",
        "what follows a parked event of its stream waits"
    );
    // The event and the one behind it, in each of the five projections of the clip log.
    assert_eq!(parked::count(&stage.db).await.unwrap(), 10);
    let checkpoint = follow::checkpoint(&stage.db, &PROJECTIONS[0])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(checkpoint.position, stage.logs.head(Log::Clip).await.unwrap());
    let verdict = rebuild::verify(stage.bench(), &PROJECTIONS[0], |_| {})
        .await
        .unwrap();
    assert_eq!(
        verdict.difference, None,
        "what is parked live is parked aside too"
    );
}

async fn lists_are_paged_in_every_order_without_gaps_or_repetitions(stage: &Stage) {
    for (n, views) in [3, 9, 3, 0, 9].into_iter().enumerate() {
        let mut clip = registered(&format!("c{n}"));
        if let ClipEvent::ClipRegistered(registration) = &mut clip {
            registration.views = views;
        }
        tell(stage, ClipId(Uuid::now_v7()), 0, &[clip]).await;
    }
    follow_all(stage).await;
    for (order, expected) in [
        (clips::Order::Newest, ["c4", "c3", "c2", "c1", "c0"]),
        (clips::Order::Oldest, ["c0", "c1", "c2", "c3", "c4"]),
        (clips::Order::Views, ["c4", "c1", "c2", "c0", "c3"]),
        // None has a length yet: then the newest is first.
        (clips::Order::Longest, ["c4", "c3", "c2", "c1", "c0"]),
    ] {
        let mut seen = vec![];
        let mut after = None;
        loop {
            let filter = clips::Filter {
                after,
                ..clips::Filter::default()
            };
            let rows = stage.db.all(clips::page(filter, order, 2)).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(order.place_of(last));
            seen.extend(rows.into_iter().map(|row| row.slug));
        }
        assert_eq!(seen, expected, "{order:?}");
    }
}
