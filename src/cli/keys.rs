//! `clipper keys`.

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::{Args, Subcommand};
use serde_json::json;
use uuid::Uuid;

use super::output::{Output, table};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::storage::Db;
use crate::storage::keys::{self, KeyRow, SCOPES};

#[derive(Debug, Subcommand)]
pub(super) enum KeysVerb {
    /// Make a key. It is printed this once: only its hash is stored.
    Create(CreateArguments),
    /// All keys that were not revoked.
    List,
    /// Make a key worthless, at once.
    Revoke {
        /// The key's id, as `keys list` shows it.
        id: Uuid,
    },
    /// Make a key that may do the same, and the old one worthless.
    Rotate {
        /// The key's id, as `keys list` shows it.
        id: Uuid,
        /// Hours for which the old key stays good.
        #[arg(long, value_name = "HOURS", default_value_t = 0, value_parser = clap::value_parser!(i64).range(0..=8_760))]
        overlap: i64,
    },
}

#[derive(Debug, Args)]
pub(super) struct CreateArguments {
    /// The user whom the key speaks for.
    user: String,
    /// What it may do; may be said several times.
    #[arg(long = "scope", value_name = "SCOPE", required = true, value_parser = SCOPES)]
    scopes: Vec<String>,
    /// What it is for, in whatever words.
    #[arg(long, default_value = "")]
    name: String,
    /// Days for which it is good [default: until it is revoked].
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(i64).range(1..=3_650))]
    expires_in: Option<i64>,
}

pub(super) async fn run(config: &Config, verb: KeysVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    let now = SystemClock.now();
    match verb {
        KeysVerb::Create(arguments) => create(&db, arguments, now, output).await,
        KeysVerb::List => list(&db, now, output).await,
        KeysVerb::Revoke { id } => {
            let known = keys::revoke(&db, id).await?;
            anyhow::ensure!(known, "there is no key {id}");
            output.data(&json!({ "id": id, "revoked": true }), || {
                format!("key {id} is revoked")
            })
        }
        KeysVerb::Rotate { id, overlap } => {
            let key = keys::generate().context("the system gives no randomness")?;
            let good_until = (overlap > 0).then(|| now + TimeDelta::hours(overlap));
            let fresh = keys::rotate(&db, id, &key, good_until, now)
                .await?
                .with_context(|| format!("there is no key {id}"))?;
            let data = json!({ "id": fresh, "key": key, "replaces": id, "old_expires_at": good_until });
            output.data(&data, || {
                let old = good_until.map_or("is revoked".to_owned(), |at| {
                    format!("stays good until {}", shown(Some(at)))
                });
                format!("{key}\nkey {fresh}; it is not shown again. The old key {old}")
            })
        }
    }
}

async fn create(
    db: &Db,
    arguments: CreateArguments,
    now: DateTime<Utc>,
    output: Output,
) -> anyhow::Result<bool> {
    let CreateArguments {
        user,
        scopes,
        name,
        expires_in,
    } = arguments;
    anyhow::ensure!(
        keys::is_user_name(&user),
        "a user's name has at least one character, and none that cannot be seen"
    );
    let key = keys::generate().context("the system gives no randomness")?;
    let id = Uuid::now_v7();
    let owner = KeyRow {
        user_id: user.clone(),
        scopes: keys::in_order(&scopes),
    };
    let expires_at = expires_in.map(|days| now + TimeDelta::days(days));
    keys::store_named(db, id, &key, &owner, &name, expires_at, now).await?;
    let data = json!({
        "id": id, "key": key, "user": user, "name": name, "scopes": owner.scopes.split(' ').collect::<Vec<_>>(),
        "expires_at": expires_at,
    });
    output.data(&data, || format!("{key}\nkey {id}; it is not shown again"))
}

async fn list(db: &Db, now: DateTime<Utc>, output: Output) -> anyhow::Result<bool> {
    let keys = keys::list(db).await?;
    output.data(&json!(keys), || {
        let rows: Vec<_> = keys
            .iter()
            .map(|key| {
                let expired = key.expires_at.is_some_and(|at| at <= now);
                let until = shown(key.expires_at);
                vec![
                    key.id.clone(),
                    key.user_id.clone(),
                    key.name.clone(),
                    key.scopes.clone(),
                    shown(Some(key.created_at)),
                    shown(key.last_used_at),
                    if expired {
                        format!("{until}, expired")
                    } else {
                        until
                    },
                ]
            })
            .collect();
        table(
            &[
                "id",
                "user",
                "name",
                "scopes",
                "made (UTC)",
                "last used",
                "good until",
            ],
            &rows,
        )
    })
}

fn shown(at: Option<DateTime<Utc>>) -> String {
    at.map_or(String::new(), |at| at.format("%Y-%m-%d %H:%M").to_string())
}
