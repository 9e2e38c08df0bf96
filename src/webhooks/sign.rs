//! Signatures: `v1,` and the HMAC-SHA256 of `{id}.{timestamp}.{body}` in base64, one for each secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use rand::TryRngCore;
use sha2::Sha256;

/// What a secret begins with; the rest is its bytes in base64.
pub const SECRET_PREFIX: &str = "whsec_";
/// The specification asks for 24 to 64.
const SECRET_BYTES: usize = 32;

/// A secret that nobody knows yet.
pub fn new_secret() -> Result<String, rand::rand_core::OsError> {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::rngs::OsRng.try_fill_bytes(&mut bytes)?;
    Ok(format!("{SECRET_PREFIX}{}", STANDARD.encode(bytes)))
}

/// The header `webhook-signature`. A secret that is none signs nothing.
pub fn signature(secrets: &[&str], id: &str, timestamp: i64, body: &str) -> String {
    let signed = format!("{id}.{timestamp}.{body}");
    let by = |secret: &&str| {
        let key = STANDARD.decode(secret.strip_prefix(SECRET_PREFIX)?).ok()?;
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&key).ok()?;
        mac.update(signed.as_bytes());
        Some(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())))
    };
    secrets.iter().filter_map(by).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_signed_as_the_specification_shows_it() {
        // The example of standard-webhooks, spec/standard-webhooks.md and its libraries' tests.
        let secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
        let found = signature(
            &[secret],
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            "{\"test\": 2432232314}",
        );
        assert_eq!(found, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    #[test]
    fn secrets_have_as_many_bytes_as_they_should() {
        let secret = new_secret().unwrap();
        let bytes = STANDARD
            .decode(secret.strip_prefix(SECRET_PREFIX).unwrap())
            .unwrap();
        assert_eq!(bytes.len(), SECRET_BYTES);
        assert_ne!(secret, new_secret().unwrap());
    }
}
