//! Settings of how sources come in.

use serde::{Deserialize, Serialize};

/// Settings of uploads.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct UploadConfig {
    /// The largest source in bytes.
    pub max_bytes: u64,
}

impl Default for UploadConfig {
    fn default() -> Self {
        Self { max_bytes: 4 << 30 }
    }
}
