//! Bytes from disk or from a server, never more than a limit, with what is to be known of how they came.

use std::io::{self, Read, SeekFrom};
use std::path::Path;
use std::time::Duration;

use flate2::read::MultiGzDecoder;
use futures_util::StreamExt;
use reqwest::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_TYPE, RANGE};
use reqwest::{Client, StatusCode, Url};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

use super::Place;
use crate::hls::{Finding, Role, Severity};

const PLAYLIST_LIMIT: u64 = 16 << 20;
const SEGMENT_LIMIT: u64 = 256 << 20;
const PATIENCE: Duration = Duration::from_mins(1);

/// Offset and length.
type Range = (u64, u64);

/// Something that was fetched.
pub(super) struct Resource {
    pub(super) bytes: Vec<u8>,
    delivery: Option<Delivery>,
}

/// How a server sent it.
struct Delivery {
    content_type: String,
    gzipped: bool,
    redirected_to: Option<String>,
}

pub(super) struct Fetcher {
    client: Client,
}

impl Fetcher {
    pub(super) fn new() -> Result<Self, reqwest::Error> {
        // A machine without authorities, as containers often are, can still speak plain HTTP.
        let client = Client::builder()
            .build()
            .or_else(|_| Client::builder().tls_certs_only([]).build())?;
        Ok(Self { client })
    }

    pub(super) async fn playlist(&self, place: &Place) -> Result<Resource, String> {
        let mut resource = self.fetch(place, None, PLAYLIST_LIMIT, "gzip").await?;
        if resource.bytes.starts_with(&[0x1f, 0x8b]) {
            resource.bytes = unzipped(&resource.bytes).map_err(|error| format!("bad gzip: {error}"))?;
        }
        Ok(resource)
    }

    pub(super) async fn media(&self, place: &Place, range: Option<Range>) -> Result<Resource, String> {
        self.fetch(place, range, SEGMENT_LIMIT, "identity").await
    }

    async fn fetch(
        &self,
        place: &Place,
        range: Option<Range>,
        limit: u64,
        encoding: &'static str,
    ) -> Result<Resource, String> {
        if range.is_some_and(|(_, length)| length > limit) {
            return Err(format!("longer than {limit} bytes"));
        }
        match place {
            Place::File(path) => {
                let bytes = read_file(path, range, limit)
                    .await
                    .map_err(|error| plain(&error))?;
                let bytes = checked(bytes, range, limit)?;
                Ok(Resource {
                    bytes,
                    delivery: None,
                })
            }
            Place::Url(url) => self.get(url, range, limit, encoding).await,
            Place::Nowhere(_) => Err("not a file, http or https address".to_owned()),
        }
    }

    async fn get(
        &self,
        url: &Url,
        range: Option<Range>,
        limit: u64,
        encoding: &'static str,
    ) -> Result<Resource, String> {
        let mut request = self
            .client
            .get(url.clone())
            .timeout(PATIENCE)
            .header(ACCEPT_ENCODING, encoding);
        if let Some((offset, length)) = range {
            let last = offset.saturating_add(length).saturating_sub(1);
            request = request.header(RANGE, format!("bytes={offset}-{last}"));
        }
        let response = request.send().await.map_err(|error| causes(&error))?;
        if !response.status().is_success() {
            return Err(format!("the server answers {}", response.status()));
        }
        let header = |name| {
            response
                .headers()
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let delivery = Delivery {
            content_type: header(CONTENT_TYPE)
                .split(';')
                .next()
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase(),
            gzipped: header(CONTENT_ENCODING).contains("gzip"),
            redirected_to: (response.url() != url).then(|| response.url().to_string()),
        };
        let partial = response.status() == StatusCode::PARTIAL_CONTENT;
        // A server that ignores the range sends all, of which we keep our part.
        let (skip, take) = match range {
            Some((offset, length)) if !partial => (offset, length),
            Some((_, length)) => (0, length),
            None => (0, limit + 1),
        };
        let mut body = response.bytes_stream();
        let (mut bytes, mut passed) = (Vec::new(), 0_u64);
        while (bytes.len() as u64) < take
            && let Some(chunk) = body.next().await
        {
            let chunk = chunk.map_err(|error| causes(&error))?;
            let from = usize::try_from(skip.saturating_sub(passed)).unwrap_or(usize::MAX);
            let room = usize::try_from(take - bytes.len() as u64).unwrap_or(usize::MAX);
            passed += chunk.len() as u64;
            bytes.extend(chunk.iter().skip(from).take(room));
        }
        let bytes = checked(bytes, range, limit)?;
        Ok(Resource {
            bytes,
            delivery: Some(delivery),
        })
    }
}

async fn read_file(path: &Path, range: Option<Range>, limit: u64) -> io::Result<Vec<u8>> {
    let mut file = File::open(path).await?;
    let length = match range {
        Some((offset, length)) => {
            file.seek(SeekFrom::Start(offset)).await?;
            length
        }
        None => limit + 1,
    };
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

fn checked(bytes: Vec<u8>, range: Option<Range>, limit: u64) -> Result<Vec<u8>, String> {
    let is = bytes.len() as u64;
    match range {
        Some((offset, length)) if is < length => {
            Err(format!("the byte range {length}@{offset} reaches beyond its end"))
        }
        Some(_) | None if is > limit => Err(format!("longer than {limit} bytes")),
        Some(_) | None => Ok(bytes),
    }
}

/// What was compressed with gzip, as far as it is no longer than a playlist may be.
pub(crate) fn unzipped(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut plain = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(PLAYLIST_LIMIT)
        .read_to_end(&mut plain)?;
    Ok(plain)
}

fn plain(error: &io::Error) -> String {
    let kind = error.kind();
    if kind == io::ErrorKind::NotFound {
        "there is no such file".to_owned()
    } else if kind == io::ErrorKind::IsADirectory {
        "it is a folder, not a file".to_owned()
    } else {
        error.to_string()
    }
}

fn causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl Resource {
    pub(super) fn findings_of_playlist(&self) -> Vec<Finding> {
        const TYPES: [&str; 3] = [
            "application/vnd.apple.mpegurl",
            "audio/mpegurl",
            "application/x-mpegurl",
        ];
        let Some(delivery) = &self.delivery else {
            return Vec::new();
        };
        let mut findings = delivery.findings(&TYPES);
        if !delivery.gzipped {
            findings.push(must("APL 10.1", "is not sent with gzip".to_owned()));
        }
        findings
    }

    pub(super) fn findings_of_segment(&self, fragmented: bool, role: Role) -> Vec<Finding> {
        const TS: [&str; 1] = ["video/mp2t"];
        const FMP4: [&str; 4] = ["video/mp4", "audio/mp4", "video/iso.segment", "audio/iso.segment"];
        const TEXT: [&str; 2] = ["text/vtt", "text/plain"];
        let Some(delivery) = &self.delivery else {
            return Vec::new();
        };
        match role {
            Role::Subtitles => delivery.findings(&TEXT),
            Role::Variant | Role::Audio | Role::IFrames if fragmented => delivery.findings(&FMP4),
            Role::Variant | Role::Audio | Role::IFrames => delivery.findings(&TS),
        }
    }
}

impl Delivery {
    fn findings(&self, types: &[&str]) -> Vec<Finding> {
        let mut findings = Vec::new();
        if !types.contains(&self.content_type.as_str()) {
            findings.push(must(
                "APL 10.4",
                format!(
                    "Content-Type is `{}` instead of {}",
                    self.content_type,
                    types.join(" or ")
                ),
            ));
        }
        if let Some(url) = &self.redirected_to {
            findings.push(must("APL 8.18", format!("redirects to {url}")));
        }
        findings
    }
}

fn must(rule: &'static str, message: String) -> Finding {
    Finding {
        rule,
        severity: Severity::Must,
        message,
    }
}
