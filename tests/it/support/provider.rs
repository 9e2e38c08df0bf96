//! An identity provider: keys of its own, a server that publishes the public halves, and tokens signed with the others.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use chrono::Utc;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ED25519, PKCS_RSA_SHA256, RsaKeySize};
use serde_json::{Value, json};

use super::receiver::{Receiver, Reply};

pub(crate) const ISSUER: &str = "https://login.example";
pub(crate) const AUDIENCE: &str = "clipper";

/// A key of the provider.
pub(crate) struct Signer {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    secret: EncodingKey,
    /// As it is published.
    pub(crate) public: Value,
}

impl Signer {
    pub(crate) fn rsa(id: &'static str) -> Self {
        let pair = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
        // What PKCS #8 wraps around a key of 2048 bits.
        let secret = EncodingKey::from_rsa_der(&pair.serialize_der()[26..]);
        let public = serde_json::to_value(Jwk::from_encoding_key(&secret, Algorithm::RS256).unwrap());
        Self::new(id, Algorithm::RS256, secret, public.unwrap())
    }

    pub(crate) fn ec(id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256).unwrap();
        let secret = EncodingKey::from_ec_der(&pair.serialize_der());
        let public = serde_json::to_value(Jwk::from_encoding_key(&secret, Algorithm::ES256).unwrap());
        Self::new(id, Algorithm::ES256, secret, public.unwrap())
    }

    pub(crate) fn ed(id: &'static str) -> Self {
        let pair = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        let x = BASE64_URL_SAFE_NO_PAD.encode(pair.public_key_raw());
        let secret = EncodingKey::from_ed_der(&pair.serialize_der());
        let public = json!({ "kty": "OKP", "crv": "Ed25519", "x": x });
        Self::new(id, Algorithm::EdDSA, secret, public)
    }

    fn new(id: &'static str, algorithm: Algorithm, secret: EncodingKey, mut public: Value) -> Self {
        public["kid"] = id.into();
        public["use"] = "sig".into();
        Self {
            id,
            algorithm,
            secret,
            public,
        }
    }

    pub(crate) fn header(&self) -> Header {
        Header {
            kid: Some(self.id.to_owned()),
            ..Header::new(self.algorithm)
        }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    pub(crate) fn sign_as(&self, header: &Header, claims: &Value) -> String {
        encode(header, claims, &self.secret).unwrap()
    }
}

/// What a good token of somebody says.
pub(crate) fn claims(user: &str) -> Value {
    let now = Utc::now().timestamp();
    json!({ "iss": ISSUER, "aud": AUDIENCE, "sub": user, "iat": now, "exp": now + 3_600 })
}

/// The same, with more or with other claims; what is `null` is left out.
pub(crate) fn claims_with(user: &str, others: &Value) -> Value {
    let mut claims = claims(user);
    for (name, value) in others.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims
        .as_object_mut()
        .unwrap()
        .retain(|_, value| !value.is_null());
    claims
}

/// The file that keys are published in.
pub(crate) fn published(keys: &[&Signer]) -> Value {
    // Keys of a kind that nobody here knows are nothing unusual.
    let strange = json!({ "kty": "XYZ", "alg": "XY256", "kid": "strange" });
    let keys = keys.iter().map(|key| key.public.clone());
    json!({ "keys": std::iter::once(strange).chain(keys).collect::<Vec<_>>() })
}

/// Publishes keys.
pub(crate) struct Provider {
    receiver: Receiver,
    says: Arc<Mutex<Option<Value>>>,
}

impl Provider {
    pub(crate) fn start(keys: &[&Signer]) -> Self {
        let says = Arc::new(Mutex::new(Some(published(keys))));
        let said = Arc::clone(&says);
        let receiver = Receiver::start(move |_, _| match &*said.lock().unwrap() {
            Some(keys) => Reply::Bytes(serde_json::to_vec(keys).unwrap()),
            None => Reply::Status(503),
        });
        Self { receiver, says }
    }

    pub(crate) fn url(&self) -> String {
        self.receiver.url.clone()
    }

    pub(crate) fn publish(&self, keys: &[&Signer]) {
        *self.says.lock().unwrap() = Some(published(keys));
    }

    /// From now on nobody gets an answer that is of use.
    pub(crate) fn fail(&self) {
        *self.says.lock().unwrap() = None;
    }

    /// How often it was asked.
    pub(crate) fn asked(&self) -> usize {
        self.receiver.seen().len()
    }

    pub(crate) async fn stop(self) {
        self.receiver.stop().await;
    }
}
