//! Settings of an identity provider whose tokens are taken.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// What keys and tokens may be allowed to do.
pub const SCOPES: [&str; 3] = ["clips:write", "analytics:read", "ops"];

/// Settings of an identity provider.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuthConfig {
    /// Who signs: the `iss` of its tokens. Empty for no provider.
    pub issuer: String,
    /// Whom the tokens are for: this must be (in) their `aud`.
    #[serde(deserialize_with = "super::list")]
    pub audience: String,
    /// Where the provider publishes its keys (RFC 7517).
    pub jwks_url: String,
    /// A file with the keys, instead.
    pub jwks_file: PathBuf,
    /// Seconds between two questions for keys that an unknown key is the reason of. Known keys are kept ten times as long.
    pub jwks_refresh_seconds: u64,
    /// Seconds by which clocks may differ.
    pub leeway_seconds: u32,
    /// The claim that carries scopes: its name, or a path with dots.
    pub scope_claim: String,
    /// What its values mean here, as `editor=clips:write`, separated by commas. Empty, when they are our scopes.
    pub scope_map: String,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            issuer: String::new(),
            audience: String::new(),
            jwks_url: String::new(),
            jwks_file: PathBuf::new(),
            jwks_refresh_seconds: 30,
            leeway_seconds: 60,
            scope_claim: "scope".to_owned(),
            scope_map: String::new(),
        }
    }
}

impl AuthConfig {
    /// Whether there is a provider.
    pub fn is_set(&self) -> bool {
        !self.issuer.is_empty()
    }

    /// The setting that makes no sense, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        let (url, file) = (!self.jwks_url.is_empty(), !self.jwks_file.as_os_str().is_empty());
        if !self.is_set() {
            let stray = !self.audience.is_empty() || url || file;
            return stray.then_some(("auth.issuer", "is missing: tokens are of somebody"));
        }
        if self.audience.is_empty() {
            return Some(("auth.audience", "is missing: tokens for others must not be taken"));
        }
        if url == file {
            return Some(("auth.jwks_url", "or `auth.jwks_file` must say where the keys are"));
        }
        if url && !(self.jwks_url.starts_with("https://") || self.jwks_url.starts_with("http://")) {
            return Some(("auth.jwks_url", "must begin with https:// or http://"));
        }
        if !(1..=3_600).contains(&self.jwks_refresh_seconds) {
            return Some(("auth.jwks_refresh_seconds", "must be between 1 and 3600"));
        }
        if self.leeway_seconds > 600 {
            return Some(("auth.leeway_seconds", "must be 600 at most"));
        }
        if self.meanings().is_none() {
            let problem =
                "must be pairs as editor=clips:write; there are clips:write, analytics:read and ops";
            return Some(("auth.scope_map", problem));
        }
        None
    }

    /// Values of the claim, and the scopes that they mean; nothing, when that cannot be read.
    pub fn meanings(&self) -> Option<Vec<(String, &'static str)>> {
        let pairs = self.scope_map.split(',').map(str::trim);
        let meaning = |pair: &str| {
            let (value, scope) = pair.rsplit_once('=')?;
            let scope = SCOPES.into_iter().find(|known| *known == scope.trim())?;
            Some((value.trim().to_owned(), scope)).filter(|(value, _)| !value.is_empty())
        };
        pairs.filter(|pair| !pair.is_empty()).map(meaning).collect()
    }
}
