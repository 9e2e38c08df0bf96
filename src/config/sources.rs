//! Settings of how sources come in.

use std::time::Duration;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::outbound::{allowed, networks};

/// Settings of uploads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UploadConfig {
    /// The largest source in bytes.
    pub max_bytes: u64,
}

/// Settings of sources that are fetched from elsewhere.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ImportConfig {
    /// Private networks in which sources may lie all the same, separated by commas; `true` for all of them.
    #[serde(deserialize_with = "networks")]
    pub allow_private: String,
    /// Seconds within which a source must have arrived.
    pub max_seconds: u64,
}

impl Default for ImportConfig {
    fn default() -> Self {
        Self {
            allow_private: String::new(),
            max_seconds: 3_600,
        }
    }
}

impl ImportConfig {
    /// The networks that are allowed beside the public ones; nothing, when they cannot be read.
    pub(super) fn checked_networks(&self) -> Option<Vec<IpNet>> {
        allowed(&self.allow_private)
    }

    /// The networks that are allowed beside the public ones.
    pub fn networks(&self) -> Vec<IpNet> {
        self.checked_networks().unwrap_or_default()
    }

    /// How long a source may take to arrive.
    pub fn patience(&self) -> Duration {
        Duration::from_secs(self.max_seconds)
    }
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self { max_bytes: 4 << 30 }
    }
}
