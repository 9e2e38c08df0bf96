//! The keys of a provider (RFC 7517): asked for when they are needed, kept, and asked for again when an unknown one
//! turns up, but not as often as somebody likes to invent one.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use reqwest::Url;
use tokio::sync::{Mutex, MutexGuard};

use super::Denied;
use crate::config::AuthConfig;
use crate::outbound::{self, Outbound};

/// How long the provider may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// What it may send, in bytes.
const LARGEST: usize = 256 << 10;
const MOST_KEYS: usize = 100;
/// Known keys are kept for so many times the pace, so that one that the provider took back is good for no longer.
const KEPT: u32 = 10;

const RSA: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
];

/// Why there is nowhere to ask.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// The address cannot be read.
    #[error("`auth.jwks_url` is no address")]
    NoAddress,
    /// There is no client.
    #[error(transparent)]
    Client(#[from] reqwest::Error),
}

/// Where the keys are.
#[derive(Debug)]
pub(super) enum Source {
    Web(Outbound, Url),
    File(PathBuf),
}

impl Source {
    pub(super) fn of(config: &AuthConfig) -> Result<Self, SourceError> {
        if config.jwks_url.is_empty() {
            return Ok(Self::File(config.jwks_file.clone()));
        }
        let url = Url::parse(&config.jwks_url).map_err(|_unread| SourceError::NoAddress)?;
        // The operator chose the address, which may well lie in the operator's own network.
        Ok(Self::Web(Outbound::new(outbound::everywhere())?, url))
    }

    async fn read(&self) -> Result<Vec<u8>, String> {
        let too_large = || format!("more than {LARGEST} bytes");
        match self {
            Self::File(path) => {
                let body = tokio::fs::read(path).await;
                let body = body.map_err(|error| format!("cannot read `{}`: {error}", path.display()))?;
                (body.len() <= LARGEST).then_some(body).ok_or_else(too_large)
            }
            Self::Web(outbound, url) => {
                let answer = outbound.fetch(url, PATIENCE).await;
                let mut parts = answer.map_err(|error| error.to_string())?.bytes_stream();
                let mut body = vec![];
                while let Some(part) = parts.next().await {
                    body.extend_from_slice(&part.map_err(|error| outbound::causes(&error))?);
                    if body.len() > LARGEST {
                        return Err(too_large());
                    }
                }
                Ok(body)
            }
        }
    }
}

/// A key, and what it is for.
#[derive(Debug)]
pub(super) struct SigningKey {
    id: Option<String>,
    pub(super) algorithms: Vec<Algorithm>,
    pub(super) key: DecodingKey,
}

impl SigningKey {
    /// Only what signs with one half of a key and is checked with the other: with a shared secret everybody could sign.
    fn of(jwk: &Jwk) -> Option<Self> {
        let common = &jwk.common;
        if common
            .public_key_use
            .as_ref()
            .is_some_and(|wanted| *wanted != PublicKeyUse::Signature)
        {
            return None;
        }
        let fitting = if let AlgorithmParameters::RSA(_) = &jwk.algorithm {
            RSA.to_vec()
        } else if let AlgorithmParameters::EllipticCurve(point) = &jwk.algorithm {
            let curves = [
                (EllipticCurve::P256, Algorithm::ES256),
                (EllipticCurve::P384, Algorithm::ES384),
            ];
            let fits = |(curve, algorithm)| (point.curve == curve).then_some(algorithm);
            curves.into_iter().filter_map(fits).collect()
        } else if let AlgorithmParameters::OctetKeyPair(point) = &jwk.algorithm {
            let is_known = point.curve == EllipticCurve::Ed25519;
            is_known.then_some(Algorithm::EdDSA).into_iter().collect()
        } else {
            vec![]
        };
        let algorithms = match common.key_algorithm {
            None => fitting,
            Some(named) => fitting
                .into_iter()
                .filter(|fits| KeyAlgorithm::from(*fits) == named)
                .collect(),
        };
        if algorithms.is_empty() {
            return None;
        }
        Some(Self {
            id: common.key_id.clone(),
            algorithms,
            key: DecodingKey::from_jwk(jwk).ok()?,
        })
    }
}

/// What was answered last.
#[derive(Clone, Debug, Default)]
struct Held {
    keys: Arc<Vec<Arc<SigningKey>>>,
    since: Option<Instant>,
}

impl Held {
    /// A token that names no key means the only one.
    fn find(&self, id: Option<&str>, algorithm: Algorithm) -> Option<Arc<SigningKey>> {
        let is_meant = |key: &SigningKey| match id {
            Some(id) => key.id.as_deref() == Some(id),
            None => self.keys.len() == 1,
        };
        let mut keys = self.keys.iter();
        keys.find(|key| is_meant(key) && key.algorithms.contains(&algorithm))
            .cloned()
    }
}

/// The keys as far as they are known.
#[derive(Debug)]
pub(super) struct Jwks {
    source: Source,
    pace: Duration,
    // Held for a copy only.
    held: RwLock<Held>,
    /// When somebody asked last. Held while asking: of many who miss a key one asks, and the others wait for the answer.
    asked: Mutex<Option<Instant>>,
}

impl Jwks {
    pub(super) fn new(source: Source, pace: Duration) -> Self {
        Self {
            source,
            pace,
            held: RwLock::default(),
            asked: Mutex::default(),
        }
    }

    /// The key with this name, if it is for this algorithm.
    pub(super) async fn find(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Arc<SigningKey>, Denied> {
        let held = self.held();
        if let Some(key) = held.find(id, algorithm) {
            let is_old = held.since.is_none_or(|since| since.elapsed() >= self.pace * KEPT);
            // Others go on with what there is while one asks.
            match self.asked.try_lock() {
                Ok(asked) if is_old => self.ask(asked).await,
                _ => return Ok(key),
            }
        } else {
            let asked = self.asked.lock().await;
            if let Some(key) = self.held().find(id, algorithm) {
                return Ok(key);
            }
            self.ask(asked).await;
        }
        let held = self.held();
        let why = held.since.map_or(Denied::NoKeys, |_known| Denied::UnknownKey);
        held.find(id, algorithm).ok_or(why)
    }

    fn held(&self) -> Held {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Asks, unless somebody did a moment ago. What is held stays when there is no answer.
    async fn ask(&self, mut asked: MutexGuard<'_, Option<Instant>>) {
        if asked.is_some_and(|at| at.elapsed() < self.pace) {
            return;
        }
        *asked = Some(Instant::now());
        match self.load().await {
            Ok(keys) => {
                let held = Held {
                    keys: Arc::new(keys.into_iter().map(Arc::new).collect()),
                    since: Some(Instant::now()),
                };
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = held;
            }
            Err(problem) => tracing::warn!(%problem, "the keys of the identity provider were not read"),
        }
    }

    /// What the provider says now. An answer without a single key that can be used is none.
    pub(super) async fn load(&self) -> Result<Vec<SigningKey>, String> {
        let body = self.source.read().await?;
        let said: serde_json::Value =
            serde_json::from_slice(&body).map_err(|error| format!("the keys are not JSON: {error}"))?;
        let listed = said.get("keys").and_then(serde_json::Value::as_array);
        // One that is not understood must not spoil the others (RFC 7517, section 5).
        let keys: Vec<_> = listed
            .into_iter()
            .flatten()
            .filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok())
            .filter_map(|jwk| SigningKey::of(&jwk))
            .take(MOST_KEYS)
            .collect();
        if keys.is_empty() {
            return Err("there is no public key among them that signs tokens".to_owned());
        }
        Ok(keys)
    }
}
