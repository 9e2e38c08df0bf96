//! The first API key: the operator's, or one that is made at the first start and written down once.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::key_file;
use crate::config::Config;
use crate::storage::Db;
use crate::storage::keys::{self, KeyRow};

/// A key that was just made.
#[derive(Debug)]
pub struct FirstKey {
    /// The key itself; it is stored as a hash only.
    pub key: String,
    /// Where it was written down.
    pub file: PathBuf,
}

pub(super) async fn ensure(db: &Db, config: &Config, now: DateTime<Utc>) -> anyhow::Result<Option<FirstKey>> {
    if let Some(key) = &config.admin_key {
        keys::store(db, Uuid::now_v7(), key, &admin(), now).await?;
        return Ok(None);
    }
    if keys::any(db).await? {
        return Ok(None);
    }
    let key = keys::generate().context("the system gives no randomness")?;
    let file = key_file(config);
    write_private(&file, &key).with_context(|| format!("cannot write `{}`", file.display()))?;
    keys::store(db, Uuid::now_v7(), &key, &admin(), now).await?;
    Ok(Some(FirstKey { key, file }))
}

fn admin() -> KeyRow {
    KeyRow {
        user_id: "admin".to_owned(),
        scopes: "clips:write analytics:read ops".to_owned(),
    }
}

fn write_private(path: &Path, key: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)?;
    writeln!(file, "{key}")?;
    file.sync_all()
}
