//! `clipper publish`: media that lies in a folder, brought into a bucket.
//!
//! What is there already is left alone, so that a run that broke off goes on, and a last run after the store has been in
//! use brings what is new. Playlists come after what they name: nobody finds half a clip.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use clap::Args;
use clipper_domain::ClipId;
use futures_util::{StreamExt, TryStreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::output::Output;
use crate::config::{Config, MediaPlace};
use crate::media::MediaStore;

/// Objects that are on their way at once.
const AT_ONCE: usize = 4;

#[derive(Debug, Args)]
pub(super) struct PublishArguments {
    /// Where to: `s3://BUCKET/PREFIX`; who may is said by `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL` and so on.
    bucket: String,
    /// Leave the originals where they are: players never need them.
    #[arg(long)]
    without_sources: bool,
    /// Only tell what would be copied.
    #[arg(long)]
    dry_run: bool,
}

/// An object and how large it is.
type Object = (String, u64);

pub(super) async fn publish(
    config: &Config,
    arguments: &PublishArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let from = MediaStore::open(config.media_place())
        .await
        .context("cannot open the media store")?;
    let there = Config {
        media_url: Some(arguments.bucket.clone()),
        ..config.clone()
    };
    let place = there.media_place();
    if from.is_shared() || !matches!(place, MediaPlace::Bucket { .. }) {
        bail!("publish copies from a folder (`media_url`) to a bucket (s3://BUCKET/PREFIX)");
    }
    let to = MediaStore::open(place)
        .await
        .with_context(|| format!("cannot open `{}`", arguments.bucket))?;
    to.check()
        .await
        .with_context(|| format!("cannot use `{}`", arguments.bucket))?;
    let (present, lacking) = compare(&from, &to, arguments.without_sources).await?;
    let bytes = lacking.iter().map(|(_, size)| size).sum::<u64>();
    if !arguments.dry_run {
        copy(&from, &to, &lacking, bytes, output).await?;
    }
    let verb = if arguments.dry_run {
        "to be copied"
    } else {
        "copied"
    };
    let data = json!({
        "dry_run": arguments.dry_run, "objects": lacking.len(), "bytes": bytes, "already_there": present,
    });
    output.data(&data, || {
        let (objects, bucket) = (lacking.len(), &arguments.bucket);
        format!("{verb} to {bucket}: {objects} objects, {bytes} bytes; there already: {present} objects")
    })
}

/// How many objects are in the bucket, and which are not.
async fn compare(
    from: &MediaStore,
    to: &MediaStore,
    without_sources: bool,
) -> anyhow::Result<(usize, Vec<Object>)> {
    let (mut present, mut lacking) = (0, vec![]);
    for clip in from.names("").await? {
        if clip.parse::<ClipId>().is_err() {
            continue;
        }
        let there: BTreeMap<_, _> = to.objects(&clip).await?.into_iter().collect();
        let mut objects = from.objects(&clip).await?;
        objects.retain(|(object, _)| is_published(object, without_sources));
        objects.sort_by_key(|(object, _)| (turn(object), object.clone()));
        for (object, size) in objects {
            if there.get(&object) == Some(&size) {
                present += 1;
            } else {
                lacking.push((object, size));
            }
        }
    }
    Ok((present, lacking))
}

/// What is left of encodings under way stays where it is.
fn is_published(object: &str, without_sources: bool) -> bool {
    let mut parts = object.split('/').skip(1);
    match parts.next() {
        Some("source") => !without_sources && !object.contains(".ahead"),
        Some(_) => !object.ends_with(".partial") && parts.next() != Some("sound"),
        None => false,
    }
}

/// Segments before playlists, and playlists before those that name them.
fn turn(object: &str) -> u8 {
    let name = object.rsplit('/').next().unwrap_or_default();
    match name.rsplit_once('.') {
        Some(("master", "m3u8")) => 2,
        Some((_, "m3u8")) => 1,
        Some(_) | None => 0,
    }
}

async fn copy(
    from: &MediaStore,
    to: &MediaStore,
    objects: &[Object],
    bytes: u64,
    output: Output,
) -> anyhow::Result<()> {
    let bar = if output.is_terminal() {
        ProgressBar::new(bytes)
    } else {
        ProgressBar::hidden()
    };
    let style = ProgressStyle::with_template("{wide_bar} {bytes}/{total_bytes} {bytes_per_sec} {eta}");
    bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
    for round in 0..=2 {
        let of_round = objects.iter().filter(|(object, _)| turn(object) == round);
        let copies = stream::iter(of_round).map(|(object, size)| {
            let bar = &bar;
            async move {
                to.put_file(object, &from.file(object))
                    .await
                    .with_context(|| format!("cannot copy {object}"))?;
                bar.inc(*size);
                anyhow::Ok(())
            }
        });
        copies.buffer_unordered(AT_ONCE).try_collect::<()>().await?;
    }
    bar.finish_and_clear();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_under_way_stays_and_playlists_come_last() {
        let published = |object| is_published(object, false);
        for object in [
            "c/1/480p/segment-000.ts",
            "c/source/ab",
            "c/captions/x.vtt",
            "c/1/poster.jpg",
        ] {
            assert!(published(object), "{object}");
        }
        for object in [
            "c/1/sound/128.aac",
            "c/source/ab.ahead/1",
            "c/1/480p/segment-000.x.partial",
        ] {
            assert!(!published(object), "{object}");
        }
        assert!(!is_published("c/source/ab", true));
        let turns = [
            "c/1/480p/segment-000.ts",
            "c/1/480p/playlist.m3u8",
            "c/1/master.m3u8",
        ]
        .map(turn);
        assert_eq!(turns, [0, 1, 2]);
    }
}
