//! Settings of the HTTP server.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

/// Settings of the HTTP server.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct HttpConfig {
    /// Origins whose pages may play clips and report, separated by commas; `*` for any.
    pub allowed_origins: String,
    /// Proxies whose `X-Forwarded-For` is believed: addresses and networks, separated by commas.
    pub trusted_proxies: String,
    /// The file of the certificate and those that vouch for it (PEM); with it, everything is served over TLS. Empty for none.
    pub tls_certificate: PathBuf,
    /// The file of its key (PEM).
    pub tls_key: PathBuf,
    /// Seconds for which browsers are told to ask over TLS only (HSTS); 0 says nothing.
    pub hsts_seconds: u64,
    /// An address that leads plain HTTP to TLS; empty for none.
    pub redirect_listen: String,
    /// Where viewers get media, when it is not from here: what the addresses of the API begin with. Empty for here.
    pub cdn_url: String,
    /// What the CDN says in `X-Origin-Secret`; media is then for nobody who does not. Empty for everybody.
    #[serde(skip_serializing)]
    pub origin_secret: String,
    /// Who is told which addresses of a clip changed, so that caches forget them; empty for nobody.
    #[serde(skip_serializing)]
    pub purge_url: String,
    /// Connections at once; 0 for what open files allow, 32,768 at most.
    pub max_connections: usize,
    /// Connections at once from one address; 0 for no limit.
    pub connections_per_address: usize,
    /// Seconds that the head of a request may take.
    pub head_seconds: u64,
    /// Seconds for which a client is waited for that sends or takes a body too slowly.
    pub body_seconds: u64,
    /// Seconds for which a connection is kept for the next request.
    pub keep_alive_seconds: u64,
    /// Hours for which the first answer to a request with an `Idempotency-Key` is kept.
    pub idempotency_hours: u32,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            allowed_origins: String::new(),
            trusted_proxies: String::new(),
            tls_certificate: PathBuf::new(),
            tls_key: PathBuf::new(),
            hsts_seconds: 0,
            redirect_listen: String::new(),
            cdn_url: String::new(),
            origin_secret: String::new(),
            purge_url: String::new(),
            max_connections: 0,
            connections_per_address: 1_024,
            head_seconds: 10,
            body_seconds: 30,
            // A player that is paused asks again within this time, and then needs no new connection.
            keep_alive_seconds: 75,
            idempotency_hours: 24,
        }
    }
}

impl HttpConfig {
    /// The setting that makes no sense, and why.
    pub(super) fn problem(&self) -> Option<(&'static str, &'static str)> {
        if parse_networks(&self.trusted_proxies).is_none() {
            let problem = "must be addresses and networks, as 10.0.0.0/8";
            return Some(("http.trusted_proxies", problem));
        }
        let addresses = [
            ("http.cdn_url", &self.cdn_url),
            ("http.purge_url", &self.purge_url),
        ];
        for (key, url) in addresses {
            if !(url.is_empty() || url.starts_with("https://") || url.starts_with("http://")) {
                return Some((key, "must begin with https:// or http://"));
            }
        }
        if !self.purge_url.is_empty() && self.cdn_url.is_empty() {
            return Some(("http.purge_url", "needs `http.cdn_url`: addresses begin with it"));
        }
        if !self.cdn_url.is_empty() && self.allowed_origins.is_empty() {
            let problem = "needs `http.allowed_origins`: pages play media of another origin then";
            return Some(("http.cdn_url", problem));
        }
        for (key, seconds) in [
            ("http.head_seconds", self.head_seconds),
            ("http.body_seconds", self.body_seconds),
            ("http.keep_alive_seconds", self.keep_alive_seconds),
        ] {
            if !(1..=3_600).contains(&seconds) {
                return Some((key, "must be between 1 and 3600"));
            }
        }
        match (is_set(&self.tls_certificate), is_set(&self.tls_key)) {
            (true, false) => return Some(("http.tls_key", "is missing: the certificate needs its key")),
            (false, true) => {
                return Some((
                    "http.tls_certificate",
                    "is missing: the key is that of a certificate",
                ));
            }
            (true, true) => {}
            (false, false) if self.hsts_seconds > 0 => {
                return Some((
                    "http.hsts_seconds",
                    "needs a certificate (`http.tls_certificate`)",
                ));
            }
            (false, false) if !self.redirect_listen.is_empty() => {
                return Some((
                    "http.redirect_listen",
                    "needs a certificate (`http.tls_certificate`)",
                ));
            }
            (false, false) => {}
        }
        None
    }

    /// The files of the certificate and of its key.
    pub fn tls(&self) -> Option<(&Path, &Path)> {
        is_set(&self.tls_certificate).then_some((&self.tls_certificate, &self.tls_key))
    }

    /// The networks of proxies whose word on addresses is taken.
    pub fn trusted_networks(&self) -> Vec<IpNet> {
        parse_networks(&self.trusted_proxies).unwrap_or_default()
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}

/// An address stands for itself.
pub(super) fn parse_networks(list: &str) -> Option<Vec<IpNet>> {
    let network = |part: &str| {
        let address = || part.parse::<IpAddr>().map(IpNet::from).ok();
        part.parse().ok().or_else(address)
    };
    let parts = list.split(',').map(str::trim).filter(|part| !part.is_empty());
    parts.map(network).collect()
}
