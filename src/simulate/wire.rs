//! A player's connection to the server. What fails in passing is asked for again: the server may be restarting, and what a
//! viewer sees of the simulation does not depend on it.

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::header::{ACCEPT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use reqwest::{Client, Method, Response, StatusCode, Url};
use tokio::time::Instant;

use super::observed::Watcher;
use super::pace::Pace;
use super::player::Transfer;
use super::stream::{Ladder, Segments};
use super::trace::Link;
use crate::hls::{Playlist, parse_playlist};
use crate::presentation::unzipped;

const PLAYLIST_LIMIT: usize = 16 << 20;
const PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// When the simulation is broken off, nobody waits long for a server.
const LAST_PATIENCE: Duration = Duration::from_secs(3);
const SILENCE: Duration = Duration::from_secs(30);
/// Set aside for measurements between networks (RFC 2544): nobody's address.
const FIRST_ADDRESS: Ipv4Addr = Ipv4Addr::new(198, 18, 0, 0);
const ADDRESSES: u32 = 1 << 17;

/// Why something was not had.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    /// The server refuses.
    #[error("`{url}` is answered with {status}")]
    Refused {
        /// What was asked for.
        url: Url,
        /// The answer.
        status: StatusCode,
    },
    /// The server cannot be reached for long.
    #[error("`{url}` cannot be reached: is `clipper serve` running?")]
    Unreachable {
        /// What was asked for.
        url: Url,
        /// What the client says.
        #[source]
        source: Option<reqwest::Error>,
    },
    /// What came is no playlist that can be played.
    #[error("`{url}` is not a playlist that can be played")]
    Unplayable {
        /// What was asked for.
        url: Url,
    },
    /// The clip is not whole yet.
    #[error("the clip is still being encoded: simulate with one that is whole")]
    Growing,
    /// There is no way to ask a server.
    #[error("the HTTP client cannot be used")]
    Client(#[source] reqwest::Error),
}

impl WireError {
    /// What a player reports.
    pub(super) fn code(&self) -> String {
        match self {
            Self::Refused { status, .. } => format!("http_{}", status.as_u16()),
            Self::Unreachable { .. } | Self::Client(_) => "unreachable".to_owned(),
            Self::Unplayable { .. } | Self::Growing => "unplayable".to_owned(),
        }
    }
}

/// What all players ask.
#[derive(Debug)]
pub(super) struct Site {
    pub(super) master: Url,
    patience: Duration,
    pub(super) pace: Pace,
    pub(super) watcher: Watcher,
    /// Playlists that have been read, so that each is kept once and not by every player. Held for a look only.
    read: Mutex<HashMap<Url, (Vec<u8>, Read)>>,
}

/// A playlist.
#[derive(Clone, Debug)]
pub(super) enum Read {
    Master(Arc<Ladder>),
    Segments(Arc<Segments>),
}

impl Site {
    pub(super) fn new(master: Url, patience: Duration, pace: Pace) -> Self {
        Self {
            master,
            patience,
            pace,
            watcher: Watcher::new(),
            read: Mutex::new(HashMap::new()),
        }
    }

    fn read(&self, url: &Url, body: &[u8]) -> Result<Read, WireError> {
        let known = || {
            self.read
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner)
        };
        if let Some((same, read)) = known().get(url)
            && same == body
        {
            return Ok(read.clone());
        }
        let read = parse(url, body)?;
        known().insert(url.clone(), (body.to_vec(), read.clone()));
        Ok(read)
    }
}

fn parse(url: &Url, body: &[u8]) -> Result<Read, WireError> {
    let unplayable = || WireError::Unplayable { url: url.clone() };
    let plain = if body.starts_with(&[0x1f, 0x8b]) {
        unzipped(body).or(Err(unplayable()))?
    } else {
        body.to_vec()
    };
    let playlist = parse_playlist(&String::from_utf8_lossy(&plain)).or(Err(unplayable()))?;
    match playlist {
        Playlist::Master(master) => {
            let ladder = Ladder::of(&master).ok_or_else(unplayable)?;
            Ok(Read::Master(Arc::new(ladder)))
        }
        Playlist::Media(media) if !media.ended => Err(WireError::Growing),
        Playlist::Media(media) => {
            let segments = Segments::of(&media);
            if segments.duration() == 0 {
                return Err(unplayable());
            }
            Ok(Read::Segments(Arc::new(segments)))
        }
    }
}

/// One player's connection.
pub(super) struct Wire {
    client: Client,
    site: Arc<Site>,
    /// Whoever trusts us as a proxy sees every player at an address of its own.
    address: String,
}

impl Wire {
    pub(super) fn new(site: &Arc<Site>, viewer: u32) -> Result<Self, WireError> {
        let builder = || {
            Client::builder()
                .pool_max_idle_per_host(2)
                .connect_timeout(SILENCE)
                .read_timeout(SILENCE)
        };
        // Reading the authorities of the machine for each player would cost more than all else.
        let plain = || builder().tls_certs_only([]).build();
        let client = if site.master.scheme() == "http" {
            plain()
        } else {
            builder().build()
        };
        let address = Ipv4Addr::from_bits(FIRST_ADDRESS.to_bits() + viewer % ADDRESSES);
        Ok(Self {
            client: client.map_err(WireError::Client)?,
            site: Arc::clone(site),
            address: address.to_string(),
        })
    }

    /// A playlist, and how many bytes it was on the wire.
    pub(super) async fn playlist(&self, url: &Url) -> Result<(Read, u64), WireError> {
        let since = Instant::now();
        loop {
            let mut response = self.get(url, "gzip").await?;
            let mut body = Vec::new();
            let whole = loop {
                match response.chunk().await {
                    Ok(Some(chunk)) if body.len() + chunk.len() <= PLAYLIST_LIMIT => {
                        body.extend_from_slice(&chunk);
                    }
                    Ok(Some(_)) => return Err(WireError::Unplayable { url: url.clone() }),
                    Ok(None) => break Ok(()),
                    Err(error) => break Err(error),
                }
            };
            match whole {
                Ok(()) => return Ok((self.site.read(url, &body)?, body.len() as u64)),
                Err(error) => self.bear(since, PAUSE, url, Some(error)).await?,
            }
        }
    }

    /// A segment whose bytes are still to come.
    pub(super) async fn segment(&self, url: &Url) -> Result<Response, WireError> {
        self.get(url, "identity").await
    }

    async fn get(&self, url: &Url, encoding: &str) -> Result<Response, WireError> {
        let (began, request) = (
            Instant::now(),
            self.client.get(url.clone()).header(ACCEPT_ENCODING, encoding),
        );
        let response = self.patiently(request, url).await?;
        self.site.watcher.answered(began.elapsed());
        Ok(response)
    }

    /// Lets a body in as the network would, until the player lets go of it. Gives what was not had whole, though it ought.
    pub(super) async fn let_in(&self, mut response: Response, transfer: Transfer, link: &Link) -> Let {
        let (mut bytes, expected) = (0, response.content_length());
        loop {
            let Ok(chunk) = response.chunk().await else {
                return Let::Broken;
            };
            let Some(chunk) = chunk else { break };
            bytes += chunk.len() as u64;
            let at = link.arrival(transfer.first, bytes);
            if self.site.pace.until(at.min(transfer.until)).await.is_err() {
                return Let::In;
            }
            if !transfer.whole && at >= transfer.until {
                return Let::In;
            }
        }
        if expected.is_some_and(|expected| expected != bytes) {
            return Let::Broken;
        }
        Let::In
    }

    /// Has a body come again that broke off, as fast as it comes: its time is over.
    pub(super) async fn again(&self, url: &Url) -> Result<u64, WireError> {
        let since = Instant::now();
        loop {
            self.site.watcher.repeated();
            let mut response = self.segment(url).await?;
            let (mut bytes, expected) = (0, response.content_length());
            let error = loop {
                match response.chunk().await {
                    Ok(Some(chunk)) => bytes += chunk.len() as u64,
                    Ok(None) => break None,
                    Err(error) => break Some(error),
                }
            };
            if error.is_none() && expected.is_none_or(|expected| expected == bytes) {
                return Ok(bytes);
            }
            self.bear(since, PAUSE, url, error).await?;
        }
    }

    /// Sends reports; they are acknowledged, or were refused for good.
    pub(super) async fn report(&self, path: &str, kind: &str, body: String) -> Result<(), WireError> {
        let url = self.site.master.join(path).or(Err(WireError::Unplayable {
            url: self.site.master.clone(),
        }))?;
        let began = Instant::now();
        let request = self.client.request(Method::POST, url.clone());
        let request = request.header(CONTENT_TYPE, kind).body(body);
        self.patiently(request, &url).await?;
        self.site.watcher.acknowledged(began.elapsed());
        Ok(())
    }

    async fn patiently(&self, request: reqwest::RequestBuilder, url: &Url) -> Result<Response, WireError> {
        let since = Instant::now();
        let request = request.header("x-forwarded-for", &self.address);
        loop {
            let unreachable = |source| WireError::Unreachable {
                url: url.clone(),
                source,
            };
            let attempt = request.try_clone().ok_or_else(|| unreachable(None))?;
            let (pause, error) = match attempt.send().await {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) if passes(response.status()) => (pause(&response), None),
                Ok(response) => {
                    return Err(WireError::Refused {
                        url: url.clone(),
                        status: response.status(),
                    });
                }
                Err(error) => (PAUSE, Some(error)),
            };
            self.bear(since, pause, url, error).await?;
            self.site.watcher.repeated();
        }
    }

    /// Waits before the next attempt, or is at the end of its patience.
    async fn bear(
        &self,
        since: Instant,
        pause: Duration,
        url: &Url,
        source: Option<reqwest::Error>,
    ) -> Result<(), WireError> {
        let patience = if self.site.pace.is_broken_off() {
            self.site.patience.min(LAST_PATIENCE)
        } else {
            self.site.patience
        };
        if since.elapsed() + pause > patience {
            return Err(WireError::Unreachable {
                url: url.clone(),
                source,
            });
        }
        tokio::time::sleep(pause).await;
        Ok(())
    }
}

/// How a body came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Let {
    In,
    Broken,
}

/// Whether an answer may be another one in a moment.
fn passes(status: StatusCode) -> bool {
    status.is_server_error() || [StatusCode::TOO_MANY_REQUESTS, StatusCode::REQUEST_TIMEOUT].contains(&status)
}

fn pause(response: &Response) -> Duration {
    let seconds = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok()?.parse().ok());
    seconds.map_or(PAUSE, Duration::from_secs).min(LONGEST_PAUSE)
}
