//! Where things lie: on disk or on a server, and what a relative name means there.

use std::fmt;
use std::path::PathBuf;

use reqwest::Url;

/// A file or an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// On disk.
    File(PathBuf),
    /// On a server.
    Url(Url),
    /// A name that leads nowhere, such as `ftp://…`.
    Nowhere(String),
}

/// A place that we cannot look at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a file nor an http or https address")]
pub struct PlaceError(String);

impl Place {
    /// Reads an argument: an address if it says so, else a path.
    pub fn parse(text: &str) -> Result<Self, PlaceError> {
        if !text.contains("://") {
            return Ok(Self::File(PathBuf::from(text)));
        }
        match Url::parse(text) {
            Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Self::Url(url)),
            Ok(_) | Err(_) => Err(PlaceError(text.to_owned())),
        }
    }

    /// What a URI in a playlist at this place means.
    pub fn join(&self, uri: &str) -> Self {
        let nowhere = || Self::Nowhere(uri.to_owned());
        match self {
            Self::Url(base) => match base.join(uri) {
                Ok(url) if matches!(url.scheme(), "http" | "https") => Self::Url(url),
                Ok(_) | Err(_) => nowhere(),
            },
            // A list on disk may name segments on a server.
            Self::File(_) if uri.contains("://") => Self::parse(uri).unwrap_or_else(|_| nowhere()),
            Self::File(path) => {
                let name = uri.split(['?', '#']).next().unwrap_or(uri);
                Self::File(
                    path.parent()
                        .map_or_else(|| PathBuf::from(name), |folder| folder.join(name)),
                )
            }
            Self::Nowhere(_) => nowhere(),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, "{}", path.display()),
            Self::Url(url) => write!(formatter, "{url}"),
            Self::Nowhere(uri) => formatter.write_str(uri),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_relative_to_the_playlist() {
        let at = |base: &str, uri: &str| Place::parse(base).unwrap().join(uri).to_string();
        assert_eq!(
            at("clips/a/master.m3u8", "720p/list.m3u8"),
            "clips/a/720p/list.m3u8"
        );
        assert_eq!(at("master.m3u8", "720p.m3u8?session=1"), "720p.m3u8");
        assert_eq!(
            at("http://a.test/v/master.m3u8", "../b.ts?x=1"),
            "http://a.test/b.ts?x=1"
        );
        assert_eq!(
            at("http://a.test/v/master.m3u8", "https://b.test/c.ts"),
            "https://b.test/c.ts"
        );
        assert_eq!(at("master.m3u8", "http://b.test/c.ts"), "http://b.test/c.ts");
    }

    #[test]
    fn other_protocols_lead_nowhere() {
        assert!(Place::parse("ftp://a.test/x.m3u8").is_err());
        let list = Place::parse("http://a.test/x.m3u8").unwrap();
        assert_eq!(
            list.join("file:///etc/passwd"),
            Place::Nowhere("file:///etc/passwd".to_owned())
        );
    }
}
