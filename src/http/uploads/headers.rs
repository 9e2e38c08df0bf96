//! The headers of the tus protocol.

use std::collections::BTreeMap;

use actix_web::HttpRequest;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use sha2::Digest as _;
use uuid::Uuid;

use crate::http::problem::{Code, Problem};

/// A header as text; nothing, when it is absent or no text.
pub(super) fn text<'a>(request: &'a HttpRequest, name: &str) -> Option<&'a str> {
    request.headers().get(name)?.to_str().ok()
}

/// A header as a number; nothing, when it is absent.
pub(super) fn number(request: &HttpRequest, name: &str) -> Result<Option<u64>, Problem> {
    let Some(text) = text(request, name) else {
        return Ok(None);
    };
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let parsed = text.parse().ok().filter(|_| digits);
    let invalid = || {
        Problem::new(
            Code::InvalidRequest,
            format!("`{name}` must be a number of bytes."),
        )
    };
    parsed.map(Some).ok_or_else(invalid)
}

/// `Upload-Length`, or `Upload-Defer-Length: 1` when it is told later.
pub(super) fn length(request: &HttpRequest) -> Result<Option<u64>, Problem> {
    let invalid = |detail: &str| Problem::new(Code::InvalidRequest, detail);
    match (
        number(request, "Upload-Length")?,
        text(request, "Upload-Defer-Length"),
    ) {
        (Some(length), None) => Ok(Some(length)),
        (None, Some("1")) => Ok(None),
        (None, None) => Err(invalid("`Upload-Length` is missing.")),
        (None, Some(_)) => Err(invalid("`Upload-Defer-Length` can only be 1.")),
        (Some(_), Some(_)) => Err(invalid("Send either `Upload-Length` or `Upload-Defer-Length`.")),
    }
}

/// `Upload-Concat`: an upload that is a part of another, or one that is made of parts.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Concat {
    Partial,
    Final(Vec<Uuid>),
}

impl Concat {
    pub(super) fn of(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let Some(text) = text(request, "Upload-Concat") else {
            return Ok(None);
        };
        let invalid = || {
            let detail = "`Upload-Concat` must be `partial`, or `final;` and the addresses of its parts.";
            Problem::new(Code::InvalidRequest, detail)
        };
        Self::parse(text).map(Some).ok_or_else(invalid)
    }

    /// Addresses may be paths or whole.
    fn parse(text: &str) -> Option<Self> {
        if text == "partial" {
            return Some(Self::Partial);
        }
        let mut parts = vec![];
        for address in text.strip_prefix("final;")?.split_ascii_whitespace() {
            let (folder, name) = address.rsplit_once('/')?;
            let id = name.parse().ok().filter(|id| !parts.contains(id))?;
            folder.ends_with("/api/uploads").then(|| parts.push(id))?;
        }
        (!parts.is_empty()).then_some(Self::Final(parts))
    }
}

/// `Upload-Metadata`: names, each with a value in base64.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Metadata(BTreeMap<String, String>);

impl Metadata {
    pub(super) fn of(request: &HttpRequest) -> Result<Self, Problem> {
        Self::parse(text(request, "Upload-Metadata").unwrap_or_default())
            .ok_or_else(|| Problem::new(Code::InvalidRequest, "`Upload-Metadata` is not readable."))
    }

    fn parse(text: &str) -> Option<Self> {
        let mut values = BTreeMap::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once(' ').unwrap_or((pair, ""));
            let bytes = BASE64_STANDARD.decode(value.trim()).ok()?;
            values.insert(name.to_owned(), String::from_utf8(bytes).ok()?);
        }
        Some(Self(values))
    }

    /// The value of a name, if it says anything.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let value = self.0.get(name).map(|value| value.trim());
        value.filter(|value| !value.is_empty())
    }
}

/// `Upload-Checksum`: what the bytes of a request must come to.
pub(super) struct Checksum {
    algorithm: Algorithm,
    expected: Vec<u8>,
}

enum Algorithm {
    Sha1(sha1::Sha1),
    Sha256(sha2::Sha256),
}

impl Checksum {
    /// The names of the algorithms.
    pub(super) const ALGORITHMS: &'static str = "sha1,sha256";

    pub(super) fn of(request: &HttpRequest) -> Result<Option<Self>, Problem> {
        let Some(text) = text(request, "Upload-Checksum") else {
            return Ok(None);
        };
        let invalid = || {
            let detail = format!(
                "`Upload-Checksum` must name one of {} and a sum in base64.",
                Self::ALGORITHMS
            );
            Problem::new(Code::InvalidRequest, detail)
        };
        let (name, sum) = text.split_once(' ').ok_or_else(invalid)?;
        let algorithm = match name {
            "sha1" => Algorithm::Sha1(sha1::Sha1::default()),
            "sha256" => Algorithm::Sha256(sha2::Sha256::default()),
            _ => return Err(invalid()),
        };
        let expected = BASE64_STANDARD.decode(sum).map_err(|_not_base64| invalid())?;
        Ok(Some(Self { algorithm, expected }))
    }

    pub(super) fn update(&mut self, part: &[u8]) {
        match &mut self.algorithm {
            Algorithm::Sha1(hash) => sha1::Digest::update(hash, part),
            Algorithm::Sha256(hash) => hash.update(part),
        }
    }

    pub(super) fn holds(self) -> bool {
        match self.algorithm {
            Algorithm::Sha1(hash) => sha1::Digest::finalize(hash).as_slice() == self.expected,
            Algorithm::Sha256(hash) => hash.finalize().as_slice() == self.expected,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_named_by_paths_or_whole_addresses_and_once() {
        let [one, other] = [Uuid::from_u128(1), Uuid::from_u128(2)];
        let parts = Concat::parse(&format!(
            "final;/api/uploads/{one} https://clips.example/api/uploads/{other}"
        ));
        assert_eq!(parts, Some(Concat::Final(vec![one, other])));
        assert_eq!(Concat::parse("partial"), Some(Concat::Partial));
        for wrong in [
            String::new(),
            "final;".to_owned(),
            "final".to_owned(),
            format!("final;/elsewhere/{one}"),
            "final;/api/uploads/x".to_owned(),
            format!("final;/api/uploads/{one} /api/uploads/{one}"),
        ] {
            assert_eq!(Concat::parse(&wrong), None, "{wrong}");
        }
    }

    #[test]
    fn metadata_is_read_pair_by_pair() {
        let metadata = Metadata::parse("filename bXkgY2xpcC5tcDQ=, title ,is_confidential").unwrap();
        assert_eq!(metadata.get("filename"), Some("my clip.mp4"));
        assert_eq!((metadata.get("title"), metadata.get("clip")), (None, None));
        assert_eq!(Metadata::parse("filename !"), None);
        assert_eq!(Metadata::parse("").unwrap(), Metadata::default());
    }
}
