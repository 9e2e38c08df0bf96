//! A sample clip for the first start, so that there is something to play.

use std::path::Path;

use anyhow::Context;
use clipper_domain::clip::{ClipCommand, EncodingOrder, Registration, Visibility};
use clipper_domain::source::StoredSource;
use clipper_domain::{ClipId, Slug};

use super::Services;
use crate::commands::CommandContext;
use crate::storage::{Log, people};

const SLUG: &str = "big-buck-bunny";
const OWNER: &str = "admin";
const TITLE: &str = "Big Buck Bunny";

pub(super) async fn take(services: &Services, path: &Path) -> anyhow::Result<Option<String>> {
    if services.logs.head(Log::Clip).await? > 0 {
        return Ok(None);
    }
    let slug: Slug = SLUG.parse()?;
    let clip = ClipId::of_slug(&slug);
    let now = services.clock.now();
    let owner = people::find_or_add(&services.db, OWNER, uuid::Uuid::new_v4(), now).await?;
    let context = || CommandContext::once(owner.to_string());
    let registration = Registration {
        slug,
        title: TITLE.to_owned(),
        owner,
        visibility: Visibility::Public,
        embed_url: None,
        twitch_clip_url: None,
        source_url: None,
        views: 0,
        created_at: None,
    };
    let source = store(services, clip, path)
        .await
        .with_context(|| format!("cannot take `{}` in", path.display()))?;
    services
        .clips
        .execute(clip, ClipCommand::Register(registration), context())
        .await?;
    let store_source = ClipCommand::StoreSource {
        source,
        facts: None,
        order: EncodingOrder::fresh(),
    };
    services.clips.execute(clip, store_source, context()).await?;
    Ok(Some(SLUG.to_owned()))
}

async fn store(services: &Services, clip: ClipId, path: &Path) -> anyhow::Result<StoredSource> {
    let mut file = tokio::fs::File::open(path).await?;
    let mut incoming = services.media.receive(uuid::Uuid::now_v7()).await?;
    incoming.copy(&mut file, u64::MAX).await?;
    let received = incoming.finish().await?;
    let (bytes, sha256) = (received.bytes, received.sha256.clone());
    let object = services.media.keep_source(received, clip).await?;
    let filename = path.file_name().and_then(|name| name.to_str()).map(str::to_owned);
    Ok(StoredSource {
        object,
        bytes,
        sha256,
        filename,
    })
}
