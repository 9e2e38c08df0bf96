//! Where media is kept.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::Config;

/// Settings of the media store.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MediaConfig {
    /// The most that copies of a bucket's objects take up on this machine's disk, in MiB.
    pub cache_mib: u32,
}

impl Default for MediaConfig {
    fn default() -> Self {
        Self { cache_mib: 20_480 }
    }
}

/// The customary variables that say where a bucket is and who may use it: `AWS_ACCESS_KEY_ID`, `AWS_ENDPOINT_URL`, ….
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Aws(pub BTreeMap<String, String>);

/// Secrets are not shown.
impl fmt::Debug for Aws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.keys()).finish()
    }
}

/// Where media is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MediaPlace {
    /// A folder.
    Folder(PathBuf),
    /// A bucket.
    Bucket {
        /// `s3://bucket/prefix`.
        address: String,
        /// Where it is and who may use it.
        aws: Aws,
        /// The folder for uploads and encodings under way, and for copies.
        local: PathBuf,
        /// The bytes of copies that are kept.
        cache_bytes: u64,
    },
}

impl fmt::Display for MediaPlace {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => folder.display().fmt(formatter),
            Self::Bucket { address, .. } => address.fmt(formatter),
        }
    }
}

impl Config {
    /// Where media is kept; nothing, when the address names no place.
    pub(super) fn checked_media_place(&self) -> Option<MediaPlace> {
        let Some(url) = &self.media_url else {
            return Some(MediaPlace::Folder(self.data_dir.join("video")));
        };
        let (scheme, rest) = url.split_once("://")?;
        match scheme {
            "file" => Some(MediaPlace::Folder(PathBuf::from(rest))),
            "s3" if !rest.is_empty() && !rest.starts_with('/') => Some(MediaPlace::Bucket {
                address: url.clone(),
                aws: self.aws.clone(),
                local: self.data_dir.join("media"),
                cache_bytes: u64::from(self.media.cache_mib) << 20,
            }),
            _ => None,
        }
    }

    /// Where media is kept.
    pub fn media_place(&self) -> MediaPlace {
        self.checked_media_place()
            .unwrap_or_else(|| MediaPlace::Folder(PathBuf::new()))
    }
}
