//! `clipper token`.

use std::net::IpAddr;

use anyhow::Context;
use clap::Subcommand;
use clipper_projections::clips;
use serde_json::json;

use super::output::Output;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::delivery::{Grant, Tokens, rotate};
use crate::http::{Cdn, lifetime, signed_master};
use crate::storage::Db;

#[derive(Debug, Subcommand)]
pub(super) enum TokenVerb {
    /// Write a playback token for a clip.
    Mint {
        /// The clip's UUID or slug.
        clip: String,
        /// Hours for which it is good [default: the clip's length and four hours].
        #[arg(long, value_parser = clap::value_parser!(i64).range(1..=720))]
        hours: Option<i64>,
        /// Only for viewers of this address's network: /24 of IPv4, /48 of IPv6.
        #[arg(long)]
        address: Option<IpAddr>,
        /// Only for pages of this origin, as `https://site.example`.
        #[arg(long)]
        referrer: Option<String>,
        /// Whose it is, in whatever words: tokens of different viewers are counted apart.
        #[arg(long)]
        viewer: Option<String>,
        /// The place of its rate in `limits.token_classes`, from 1 on.
        #[arg(long, value_name = "N")]
        rate_class: Option<u8>,
    },
    /// Sign with a new key from half a minute on. Tokens of the last key stay good, those of keys before it do not.
    Rotate,
}

pub(super) async fn run(config: &Config, verb: TokenVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    match verb {
        TokenVerb::Mint {
            clip,
            hours,
            address,
            referrer,
            viewer,
            rate_class,
        } => {
            let row = db
                .optional(clips::by_name(&clip))
                .await?
                .with_context(|| format!("there is no clip `{clip}`"))?;
            let now = SystemClock.now();
            let grant = Grant {
                expires_at: now + lifetime(hours.map(|hours| hours * 3_600), row.duration),
                address,
                referrer,
                viewer,
                class: known_class(config, rate_class)?,
            };
            let tokens = Tokens::open(&db, &SystemClock).await?;
            let token = tokens
                .mint(row.id.parse()?, &grant, now)
                .context("there is no key to sign with")?;
            let url = Cdn::new(&config.http.cdn_url, "").url(signed_master(&token, &row.slug));
            let data = json!({ "token": token, "url": url, "expires_at": grant.expires_at });
            output.data(&data, || {
                format!("{url}\ngood until {}", grant.expires_at.to_rfc3339())
            })
        }
        TokenVerb::Rotate => {
            let id = rotate(&db, &SystemClock).await?;
            output.data(&json!({ "key": id }), || {
                format!("key {id} signs in half a minute")
            })
        }
    }
}

fn known_class(config: &Config, class: Option<u8>) -> anyhow::Result<Option<u8>> {
    let known = 1..=config.token_classes().len();
    if let Some(class) = class
        && !known.contains(&usize::from(class))
    {
        anyhow::bail!("the settings have no rate class {class}: see `limits.token_classes`");
    }
    Ok(class)
}
