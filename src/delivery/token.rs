//! Playback tokens: who holds one may watch one clip for a while. A token is a segment of the path, so that it covers the
//! playlists and segments that follow from each other by relative addresses, in players that forward neither query nor
//! headers; the path behind it is the same for everybody.
//!
//! ```text
//! base64url( version | key id | expires, seconds since 1970: 4 | flags |
//!            [address: 4] [referrer: 4] [viewer: 4] [rate class: 4] | mac: 16 )
//! mac = HMAC-SHA256(key, "clipper playback 1" | everything before the mac | clip: 16), its first 16 bytes
//! ```

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, Utc};
use clipper_domain::ClipId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use thiserror::Error;

const VERSION: u8 = 1;
const CONTEXT: &[u8] = b"clipper playback 1";
const MAC: usize = 16;
/// Version, key, expiry and flags.
const FIXED: usize = 7;
const OF_ADDRESS: u8 = 1;
const OF_REFERRER: u8 = 2;
const OF_VIEWER: u8 = 4;
const OF_CLASS: u8 = 8;
/// How far clocks may be apart, in seconds.
const SKEW: i64 = 60;

/// What tokens are signed with.
#[derive(Clone)]
pub struct TokenKey {
    /// Its number, which tokens carry.
    pub id: u8,
    /// 32 random bytes.
    pub secret: Vec<u8>,
    /// When it was added.
    pub since: DateTime<Utc>,
}

/// What a token is good for, beside its clip.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Until when.
    pub expires_at: DateTime<Utc>,
    /// Only for viewers of this address's network: the first 24 bits of an IPv4 address, the first 48 of an IPv6 one.
    pub address: Option<IpAddr>,
    /// Only for pages of this origin.
    pub referrer: Option<String>,
    /// Tells tokens of different viewers apart that are written in the same second.
    pub viewer: Option<String>,
    /// Which of the rates it has that the settings list.
    pub class: Option<u8>,
}

/// What a token that is accepted is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Admission {
    /// A part of its signature.
    pub token: u64,
    /// Which of the rates it has that the settings list; 0 for the usual one.
    pub class: u8,
}

/// Who comes with a token, and when.
#[derive(Clone, Copy, Debug)]
pub struct Bearer<'a> {
    /// The time.
    pub now: DateTime<Utc>,
    /// The viewer's address.
    pub address: Option<IpAddr>,
    /// The `Referer` of the request.
    pub referrer: Option<&'a str>,
}

/// Why a token is not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum TokenError {
    /// It is no token of this clip, or was changed.
    #[error("the token is not one for this clip")]
    Invalid,
    /// It was one.
    #[error("the token has expired")]
    Expired,
    /// It is one for viewers of another network, or for another page.
    #[error("the token is for somebody else")]
    Elsewhere,
}

impl TokenKey {
    /// Writes a token for a clip.
    pub fn mint(&self, clip: ClipId, grant: &Grant) -> String {
        let mut bytes = vec![VERSION, self.id];
        let expires = u32::try_from(grant.expires_at.timestamp()).unwrap_or(u32::MAX);
        bytes.extend(expires.to_be_bytes());
        let claims = [
            (OF_ADDRESS, grant.address.map(network)),
            (OF_REFERRER, grant.referrer.as_deref().map(origin)),
            (
                OF_VIEWER,
                grant.viewer.as_deref().map(|viewer| digest(viewer.as_bytes())),
            ),
            (OF_CLASS, grant.class.map(|class| [class, 0, 0, 0])),
        ];
        let made = claims.iter().filter(|(_, claim)| claim.is_some());
        bytes.push(made.fold(0, |flags, (flag, _)| flags | flag));
        bytes.extend(claims.iter().filter_map(|(_, claim)| *claim).flatten());
        let mac = self.mac(&bytes, clip).finalize().into_bytes();
        bytes.extend(mac.iter().take(MAC));
        URL_SAFE_NO_PAD.encode(bytes)
    }

    fn mac(&self, bytes: &[u8], clip: ClipId) -> Hmac<Sha256> {
        // Keys of any length are taken.
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length (RFC 2104)")]
        let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(&self.secret).expect("any length");
        mac.update(CONTEXT);
        mac.update(bytes);
        mac.update(clip.0.as_bytes());
        mac
    }
}

/// Whether a token admits its bearer to a clip. The comparison takes the same time wherever a forgery differs.
pub(super) fn verify(
    keys: &[TokenKey],
    token: &str,
    clip: ClipId,
    bearer: Bearer<'_>,
) -> Result<Admission, TokenError> {
    let bytes = URL_SAFE_NO_PAD
        .decode(token)
        .map_err(|_error| TokenError::Invalid)?;
    let (said, mac) = bytes.split_last_chunk::<MAC>().ok_or(TokenError::Invalid)?;
    let (fixed, claims) = said.split_first_chunk::<FIXED>().ok_or(TokenError::Invalid)?;
    let [version, id, e0, e1, e2, e3, flags] = *fixed;
    let key = keys
        .iter()
        .find(|key| key.id == id && version == VERSION)
        .ok_or(TokenError::Invalid)?;
    key.mac(said, clip)
        .verify_truncated_left(mac)
        .map_err(|_differs| TokenError::Invalid)?;
    let expires = i64::from(u32::from_be_bytes([e0, e1, e2, e3]));
    if bearer.now.timestamp() > expires + SKEW {
        return Err(TokenError::Expired);
    }
    let (claims, _) = claims.as_chunks::<4>();
    let mut claims = claims.iter().copied();
    let mut claimed = |flag: u8| if flags & flag == 0 { None } else { claims.next() };
    let (address, referrer) = (claimed(OF_ADDRESS), claimed(OF_REFERRER));
    let (_viewer, class) = (claimed(OF_VIEWER), claimed(OF_CLASS));
    let admitted = address.is_none_or(|claim| bearer.address.map(network) == Some(claim))
        && referrer.is_none_or(|claim| bearer.referrer.map(origin) == Some(claim));
    if !admitted {
        return Err(TokenError::Elsewhere);
    }
    let (token, _) = mac.split_first_chunk().unwrap_or((&[0; 8], &[]));
    Ok(Admission {
        token: u64::from_be_bytes(*token),
        class: class.map_or(0, |[class, ..]| class),
    })
}

/// A viewer moves within a network, and IPv6 gives each a network of its own.
fn network(address: IpAddr) -> [u8; 4] {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [a, b, c, _] = v4.octets();
            digest(&[a, b, c])
        }
        IpAddr::V6(v6) => {
            let [a, b, c, ..] = v6.segments();
            digest(&[a, b, c].map(u16::to_be_bytes).concat())
        }
    }
}

/// Scheme and host of an address, as far as the first slash behind them.
fn origin(url: &str) -> [u8; 4] {
    let host = url.find("://").map_or(0, |scheme| scheme + 3);
    let end = url
        .bytes()
        .enumerate()
        .position(|(place, byte)| place >= host && byte == b'/')
        .unwrap_or(url.len());
    digest(url.get(..end).unwrap_or_default().to_ascii_lowercase().as_bytes())
}

fn digest(bytes: &[u8]) -> [u8; 4] {
    let digest = Sha256::digest(bytes);
    digest.first_chunk().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const CLIP: ClipId = ClipId(Uuid::from_u128(7));

    fn key(id: u8) -> TokenKey {
        TokenKey {
            id,
            secret: vec![id; 32],
            since: at(0),
        }
    }

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    fn grant() -> Grant {
        Grant {
            expires_at: at(100),
            address: None,
            referrer: None,
            viewer: None,
            class: None,
        }
    }

    fn bearer(seconds: i64) -> Bearer<'static> {
        Bearer {
            now: at(seconds),
            address: None,
            referrer: None,
        }
    }

    #[test]
    fn a_token_is_short_and_good_for_its_clip_until_it_expires() {
        let token = key(1).mint(CLIP, &grant());
        assert_eq!(token.len(), 31);
        let keys = [key(2), key(1)];
        let admitted = verify(&keys, &token, CLIP, bearer(0)).unwrap();
        assert_eq!(admitted.class, 0);
        assert_eq!(verify(&keys, &token, CLIP, bearer(160)), Ok(admitted));
        assert_eq!(verify(&keys, &token, CLIP, bearer(161)), Err(TokenError::Expired));
        let other = ClipId(Uuid::from_u128(8));
        assert_eq!(verify(&keys, &token, other, bearer(0)), Err(TokenError::Invalid));
        assert_eq!(
            verify(&[key(2)], &token, CLIP, bearer(0)),
            Err(TokenError::Invalid)
        );
    }

    #[test]
    fn a_token_can_be_bound_to_a_network_and_to_a_page() {
        let bound = Grant {
            address: Some("192.0.2.7".parse().unwrap()),
            referrer: Some("https://site.example".to_owned()),
            ..grant()
        };
        let token = key(1).mint(CLIP, &bound);
        let comes = |address: &str, referrer| {
            let bearer = Bearer {
                now: at(0),
                address: Some(address.parse().unwrap()),
                referrer,
            };
            verify(&[key(1)], &token, CLIP, bearer).map(|_| ())
        };
        let page = Some("https://Site.example/watch/a?b=c");
        assert_eq!(comes("192.0.2.200", page), Ok(()));
        assert_eq!(comes("::ffff:192.0.2.1", page), Ok(()));
        assert_eq!(comes("192.0.3.7", page), Err(TokenError::Elsewhere));
        assert_eq!(
            comes("192.0.2.7", Some("https://site.example.evil/")),
            Err(TokenError::Elsewhere)
        );
        assert_eq!(comes("192.0.2.7", None), Err(TokenError::Elsewhere));
    }

    #[test]
    fn tokens_of_two_viewers_differ_and_tell_their_class() {
        let admitted = |viewer: &str, class| {
            let grant = Grant {
                address: Some("192.0.2.7".parse().unwrap()),
                viewer: Some(viewer.to_owned()),
                class: Some(class),
                ..grant()
            };
            let token = key(1).mint(CLIP, &grant);
            let bearer = Bearer {
                address: grant.address,
                ..bearer(0)
            };
            verify(&[key(1)], &token, CLIP, bearer).unwrap()
        };
        assert_eq!(admitted("ann", 2), admitted("ann", 2));
        assert_ne!(admitted("ann", 2).token, admitted("bob", 2).token);
        assert_eq!(admitted("bob", 7).class, 7);
    }

    proptest! {
        #[test]
        fn no_change_to_a_token_is_accepted(byte in 0_usize..23, bit in 0_u32..8, expires in 0_i64..1_000_000) {
            let grant = Grant { expires_at: at(expires), ..grant() };
            let mut bytes = URL_SAFE_NO_PAD.decode(key(1).mint(CLIP, &grant)).unwrap();
            bytes[byte] ^= 1 << bit;
            let changed = URL_SAFE_NO_PAD.encode(bytes);
            prop_assert_eq!(verify(&[key(1)], &changed, CLIP, bearer(0)), Err(TokenError::Invalid));
        }

        #[test]
        fn no_text_makes_verification_fail_otherwise(text in ".{0,80}") {
            prop_assert_eq!(verify(&[key(1)], &text, CLIP, bearer(0)), Err(TokenError::Invalid));
        }
    }
}
