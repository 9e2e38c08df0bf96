//! Settings of what this program asks of others: webhooks.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Deserializer, Serialize};

use super::http::parse_networks;

/// Settings of webhooks.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct WebhooksConfig {
    /// Private networks in which endpoints may lie all the same, separated by commas; `true` for all of them.
    #[serde(deserialize_with = "networks")]
    pub allow_private: String,
    /// Seconds within which an endpoint must have answered.
    pub timeout_seconds: u64,
}

impl Default for WebhooksConfig {
    fn default() -> Self {
        Self {
            allow_private: String::new(),
            timeout_seconds: 15,
        }
    }
}

impl WebhooksConfig {
    /// The networks that are allowed beside the public ones; nothing, when they cannot be read.
    pub(super) fn checked_networks(&self) -> Option<Vec<IpNet>> {
        allowed(&self.allow_private)
    }

    /// The networks that are allowed beside the public ones.
    pub fn networks(&self) -> Vec<IpNet> {
        self.checked_networks().unwrap_or_default()
    }
}

pub(super) fn allowed(text: &str) -> Option<Vec<IpNet>> {
    match text.trim() {
        "true" => [IpAddr::from([0; 4]), IpAddr::from([0; 16])]
            .into_iter()
            .map(|start| IpNet::new(start, 0).ok())
            .collect(),
        "false" => Some(vec![]),
        list => parse_networks(list),
    }
}

/// A truth value may stand for all or none.
pub(super) fn networks<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Networks {
        Text(String),
        Truth(bool),
    }
    Ok(match Networks::deserialize(deserializer)? {
        Networks::Text(text) => text,
        Networks::Truth(true) => "true".to_owned(),
        Networks::Truth(false) => String::new(),
    })
}
