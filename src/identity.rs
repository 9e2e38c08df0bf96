//! Who an identity provider says that somebody is: bearer tokens that it signed (RFC 7519).
//!
//! Promises: a token is believed for its signature by a key of the provider, with an algorithm that the key is for, and
//! never for what its own header says; and only when it is from the issuer, for us, and neither too old nor too young.

mod claims;
mod jwks;

use std::time::Duration;

use chrono::{DateTime, Utc};
use jsonwebtoken::{Validation, decode, decode_header};
use serde_json::{Map, Value};

use self::claims::Scopes;
pub use self::jwks::SourceError;
use self::jwks::{Jwks, Source};
use crate::config::AuthConfig;

/// `OpenID` Connect Core 1.0, section 2: so long is the name of a user at most.
const LONGEST_SUBJECT: usize = 255;

/// Reads the tokens of a provider.
#[derive(Debug)]
pub struct Identity {
    issuer: String,
    audience: String,
    leeway: f64,
    scopes: Scopes,
    keys: Jwks,
}

/// Whom a token speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vouched {
    /// The user, as the provider names them.
    pub user: String,
    /// What they may do, separated by spaces.
    pub scopes: String,
}

/// Why a token is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// It is none that can be read.
    #[error("The token cannot be read.")]
    Malformed,
    /// No key of the provider fits what it says that it is signed with.
    #[error("The token is signed with a key or an algorithm that is not one of the identity provider.")]
    UnknownKey,
    /// The signature is wrong, or it is from or for somebody else.
    #[error("The token is not one of the identity provider for this server.")]
    NotOurs,
    /// It says not until when it is good, or of whom.
    #[error("The token lacks `exp` or `sub`.")]
    Incomplete,
    /// It was good.
    #[error("The token has expired.")]
    Expired,
    /// It will be good.
    #[error("The token is not valid yet.")]
    TooEarly,
    /// Nobody knows: there are no keys.
    #[error("The keys of the identity provider cannot be had at the moment. Please try again soon.")]
    NoKeys,
}

/// Whether a bearer token has the form of a signed one. API keys have no such form.
pub fn looks_signed(token: &str) -> bool {
    token.starts_with("eyJ") && token.bytes().filter(|byte| *byte == b'.').count() == 2
}

impl Identity {
    /// Reads tokens as the settings have it, if they name a provider.
    pub fn of(config: &AuthConfig) -> Result<Option<Self>, SourceError> {
        if !config.is_set() {
            return Ok(None);
        }
        let pace = Duration::from_secs(config.jwks_refresh_seconds);
        Ok(Some(Self {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            leeway: f64::from(config.leeway_seconds),
            scopes: Scopes::new(&config.scope_claim, config.meanings().unwrap_or_default()),
            keys: Jwks::new(Source::of(config)?, pace),
        }))
    }

    /// Whom a token speaks for.
    pub async fn verify(&self, token: &str, now: DateTime<Utc>) -> Result<Vouched, Denied> {
        let header = decode_header(token).map_err(|_unread| Denied::Malformed)?;
        // RFC 7515, section 4.1.11: what must be understood and is not.
        if header.crit.is_some() {
            return Err(Denied::Malformed);
        }
        let key = self.keys.find(header.kid.as_deref(), header.alg).await?;
        let mut rules = Validation::new(header.alg);
        rules.algorithms.clone_from(&key.algorithms);
        rules.set_issuer(&[&self.issuer]);
        rules.set_audience(&[&self.audience]);
        rules.set_required_spec_claims(&["iss", "aud"]);
        // The time is asked of our own clock, below.
        rules.validate_exp = false;
        let read = decode::<Map<String, Value>>(token, &key.key, &rules);
        let claims = read.map_err(|_refused| Denied::NotOurs)?.claims;
        self.check_time(&claims, now)?;
        let user = claims.get("sub").and_then(Value::as_str).map(str::trim);
        let user = user.filter(|user| (1..=LONGEST_SUBJECT).contains(&user.len()));
        Ok(Vouched {
            user: user.ok_or(Denied::Incomplete)?.to_owned(),
            scopes: self.scopes.of(&claims),
        })
    }

    fn check_time(&self, claims: &Map<String, Value>, now: DateTime<Utc>) -> Result<(), Denied> {
        #[expect(clippy::cast_precision_loss, reason = "seconds since 1970 are far below 2^53")]
        let now = now.timestamp() as f64;
        let expires = claims.get("exp").and_then(Value::as_f64);
        if now - self.leeway >= expires.ok_or(Denied::Incomplete)? {
            return Err(Denied::Expired);
        }
        match claims.get("nbf").map(Value::as_f64) {
            Some(None) => Err(Denied::Malformed),
            Some(Some(begins)) if now + self.leeway < begins => Err(Denied::TooEarly),
            _ => Ok(()),
        }
    }

    /// Asks for the keys now, and says how many there are or why there are none.
    pub async fn examine(&self) -> Result<usize, String> {
        self.keys.load().await.map(|keys| keys.len())
    }
}
