//! Identifiers, parsed once at the edge so that nothing inside carries a bare string.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The identity of a clip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClipId(pub Uuid);

/// The identity of one playback session: a UUID that the player made up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub Uuid);

/// The pseudonym of a person. Logs and read models know people by it alone; who it is stands in one table outside of
/// them, and a person is forgotten by forgetting that row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PersonId(pub Uuid);

/// An identifier that is not a UUID, or a stream name that does not carry one.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("`{0}` is not a valid identifier")]
pub struct InvalidId(pub String);

const SLUG_NAMESPACE: Uuid = Uuid::from_u128(0x7f0c_7e0b_6c1e_5d4a_9c57_3f2a_c11b_b3e2);

impl ClipId {
    /// The identity of the clip that asked for this slug by name.
    ///
    /// Deriving it makes a slug unique without a second stream to reserve it in: two registrations of one slug meet
    /// in the same stream, and the second is refused there.
    pub fn of_slug(slug: &Slug) -> Self {
        Self(Uuid::new_v5(&SLUG_NAMESPACE, slug.as_str().as_bytes()))
    }

    /// The stream of the clip log that holds this clip's events.
    pub fn stream(self) -> String {
        format!("clip-{}", self.0)
    }

    /// The clip whose events a stream holds.
    pub fn from_stream(stream: &str) -> Result<Self, InvalidId> {
        from_stream(stream, "clip-").map(Self)
    }
}

const PERSON_NAMESPACE: Uuid = Uuid::from_u128(0x2f6b_1d54_88a3_5c1e_b0de_6a4f_9d07_41ce);

impl PersonId {
    /// The pseudonym of a person whom events of the first shape name in the clear.
    pub fn of_named(user_id: &str) -> Self {
        Self(Uuid::new_v5(&PERSON_NAMESPACE, user_id.as_bytes()))
    }
}

const SESSION_NAMESPACE: Uuid = Uuid::from_u128(0x6d0c_9a52_41f7_5b0e_8f2a_77c1_03d9_5be8);

impl SessionId {
    /// The session that a player calls by a name: a UUID as it is, anything else by what is derived from it.
    pub fn of_named(sid: &str) -> Self {
        Self(Uuid::parse_str(sid).unwrap_or_else(|_name| Uuid::new_v5(&SESSION_NAMESPACE, sid.as_bytes())))
    }

    /// The stream of the playback log that holds this session's reports.
    pub fn stream(self) -> String {
        format!("session-{}", self.0)
    }

    /// The session whose reports a stream holds.
    pub fn from_stream(stream: &str) -> Result<Self, InvalidId> {
        from_stream(stream, "session-").map(Self)
    }
}

fn from_stream(stream: &str, prefix: &str) -> Result<Uuid, InvalidId> {
    stream
        .strip_prefix(prefix)
        .and_then(|id| Uuid::parse_str(id).ok())
        .ok_or_else(|| InvalidId(stream.to_owned()))
}

impl fmt::Display for ClipId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for PersonId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ClipId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_invalid| InvalidId(text.to_owned()))
    }
}

impl FromStr for PersonId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_invalid| InvalidId(text.to_owned()))
    }
}

impl FromStr for SessionId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_invalid| InvalidId(text.to_owned()))
    }
}

/// The readable name of a clip in addresses: 1 to 80 of `a-z 0-9 -`, no hyphen at either end, and not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

/// Why a text is not a slug.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "`{0}` is not a valid slug: use 1 to 80 lower-case letters, digits and inner hyphens, and not a UUID"
)]
pub struct InvalidSlug(pub String);

impl Slug {
    const MAX_LENGTH: usize = 80;

    /// A slug made from a title, made distinct by the random end of the clip's own identity.
    pub fn from_title(title: &str, id: ClipId) -> Self {
        let words = title.to_lowercase();
        let mut slug = String::new();
        for c in words.chars().take(60) {
            match c {
                'a'..='z' | '0'..='9' => slug.push(c),
                _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
                _ => {}
            }
        }
        let stem = if slug.trim_end_matches('-').is_empty() {
            "clip"
        } else {
            slug.trim_end_matches('-')
        };
        let tail: String = id.0.simple().to_string().chars().skip(20).collect();
        Self(format!("{stem}-{tail}"))
    }

    /// The slug as it stands in an address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slug {
    type Err = InvalidSlug;

    fn from_str(text: &str) -> Result<Self, InvalidSlug> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let valid = !text.is_empty()
            && text.len() <= Self::MAX_LENGTH
            && text.chars().all(allowed)
            && !text.starts_with('-')
            && !text.ends_with('-')
            && Uuid::parse_str(text).is_err();
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidSlug(text.to_owned()))
        }
    }
}

impl TryFrom<String> for Slug {
    type Error = InvalidSlug;

    fn try_from(text: String) -> Result<Self, InvalidSlug> {
        text.parse()
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_valid_slug() {
        let id = ClipId(Uuid::from_u128(0x0190_0000_0000_7000_8000_abcd_ef01_2345));
        for title in [
            "Amazing Gaming Moment!",
            "  ¡Ünïcode! ",
            "",
            "---",
            "日本語",
            &"long ".repeat(50),
        ] {
            let slug = Slug::from_title(title, id);
            assert_eq!(slug.as_str().parse::<Slug>(), Ok(slug.clone()), "{title}");
        }
        assert_eq!(
            Slug::from_title("Amazing Gaming Moment!", id).as_str(),
            "amazing-gaming-moment-abcdef012345"
        );
    }

    #[test]
    fn a_slug_is_never_a_uuid_nor_a_path() {
        for text in [
            "",
            "-a",
            "a-",
            "a/b",
            "..",
            "A",
            "a b",
            "0190a3c2-7f4e-7cc3-98c4-dc0c0c07398f",
        ] {
            assert!(text.parse::<Slug>().is_err(), "{text}");
        }
    }

    #[test]
    fn a_stream_name_gives_back_its_clip() {
        let id = ClipId(Uuid::from_u128(7));
        assert_eq!(ClipId::from_stream(&id.stream()), Ok(id));
        assert!(ClipId::from_stream("session-7").is_err());
    }
}
