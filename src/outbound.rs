//! Requests to addresses that somebody else chose: webhooks and imports.
//!
//! Promises: a name is resolved here and every address that it has is looked at; a connection goes to an address that
//! was looked at and to no other; redirects are not followed. So nobody reaches with our hands what lies in our network.

mod address;
mod follow;

use std::error::Error;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Method, RequestBuilder, Url};

pub use address::is_public;
pub use follow::FetchError;

const CONNECT: Duration = Duration::from_secs(5);
/// Connections that wait longer are of no use to the next request.
const IDLE: Duration = Duration::from_secs(30);

/// Asks others.
#[derive(Clone, Debug)]
pub struct Outbound {
    client: Client,
    guard: Guard,
}

/// Why an address is not asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It is none that we can ask.
    #[error("`{0}` is not an http or https address")]
    NotWeb(String),
    /// Passwords in addresses end up in logs.
    #[error("the address holds a user name or a password")]
    Credentials,
    /// It lies in somebody's own network.
    #[error("`{host}` has the address {address}, which is not a public one")]
    Private {
        /// The host as it was named.
        host: String,
        /// One of its addresses.
        address: IpAddr,
    },
}

/// Lets public addresses pass, and the private ones that are allowed.
#[derive(Clone, Debug)]
struct Guard {
    allowed: Arc<Vec<IpNet>>,
}

impl Outbound {
    /// Asks public addresses and those in the allowed networks.
    pub fn new(allowed: Vec<IpNet>) -> Result<Self, reqwest::Error> {
        let guard = Guard {
            allowed: Arc::new(allowed),
        };
        let builder = || {
            Client::builder()
                .dns_resolver(Arc::new(guard.clone()))
                .redirect(Policy::none())
                // A proxy would resolve names for us.
                .no_proxy()
                .connect_timeout(CONNECT)
                .pool_idle_timeout(IDLE)
                .user_agent(concat!("Clipper/", env!("CARGO_PKG_VERSION")))
        };
        // A machine without authorities, as containers often are, can still speak plain HTTP.
        let client = builder()
            .build()
            .or_else(|_| builder().tls_certs_only([]).build())?;
        Ok(Self { client, guard })
    }

    /// A request; refused, when the address alone says that it must not be sent. A name is looked at when it is
    /// resolved, and [`refusal`] finds out whether a request failed of that.
    pub fn request(&self, method: Method, url: &Url) -> Result<RequestBuilder, Refused> {
        self.permit(url)?;
        Ok(self.client.request(method, url.clone()))
    }

    /// Looks at an address and at what its name resolves to now. A name that does not resolve is none of our business yet.
    pub async fn check(&self, url: &Url) -> Result<(), Refused> {
        self.permit(url)?;
        let host = host(url);
        if host.parse::<IpAddr>().is_ok() {
            return Ok(());
        }
        match tokio::net::lookup_host((host.as_str(), 0)).await {
            Ok(found) => self.guard.pass_all(&host, found).map(drop),
            Err(_unknown) => Ok(()),
        }
    }

    /// What can be seen without resolving a name. A URL's numeric host is in its plain form here, however it was written.
    fn permit(&self, url: &Url) -> Result<(), Refused> {
        if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none_or(str::is_empty) {
            return Err(Refused::NotWeb(url.to_string()));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refused::Credentials);
        }
        let host = host(url);
        match host.parse() {
            Ok(address) => self.guard.pass(&host, address),
            Err(_name) => Ok(()),
        }
    }
}

/// An IPv6 address stands in brackets in a URL.
fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    host.trim_start_matches('[').trim_end_matches(']').to_owned()
}

impl Guard {
    fn pass(&self, host: &str, address: IpAddr) -> Result<(), Refused> {
        let is_allowed = || {
            self.allowed
                .iter()
                .any(|network| network.contains(&address.to_canonical()))
        };
        if is_public(address) || is_allowed() {
            return Ok(());
        }
        Err(Refused::Private {
            host: host.to_owned(),
            address,
        })
    }

    /// One that must not be asked spoils the name: whoever mixes them means no good.
    fn pass_all(
        &self,
        host: &str,
        found: impl Iterator<Item = SocketAddr>,
    ) -> Result<Vec<SocketAddr>, Refused> {
        found
            .map(|address| self.pass(host, address.ip()).map(|()| address))
            .collect()
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let passed = guard.pass_all(name.as_str(), found)?;
            Ok(Box::new(passed.into_iter()) as Addrs)
        })
    }
}

/// Every network there is: for addresses that the operator chose.
pub fn everywhere() -> Vec<IpNet> {
    [IpAddr::from([0; 4]), IpAddr::from([0; 16])]
        .into_iter()
        .filter_map(|start| IpNet::new(start, 0).ok())
        .collect()
}

/// The refusal that a request failed of, if it was one.
pub fn refusal(error: &reqwest::Error) -> Option<&Refused> {
    let first: Option<&(dyn Error + 'static)> = Some(error);
    std::iter::successors(first, |error| (**error).source()).find_map(|error| error.downcast_ref::<Refused>())
}

/// What went wrong, with what led to it.
pub fn causes(error: &reqwest::Error) -> String {
    if let Some(refused) = refusal(error) {
        return refused.to_string();
    }
    if error.is_timeout() {
        return "no answer in time".to_owned();
    }
    // The outermost names the address, which may hold secrets.
    let inner = std::iter::successors(error.source(), |error| (**error).source());
    let texts: Vec<_> = inner.map(ToString::to_string).collect();
    if texts.is_empty() {
        "the request failed".to_owned()
    } else {
        texts.join(": ")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn nobody_private() -> Outbound {
        Outbound::new(vec![]).unwrap()
    }

    #[test]
    fn an_address_is_seen_through_however_it_is_written() {
        let outbound = nobody_private();
        for written in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:a9fe:a9fe]/latest/meta-data",
            "http://169.254.169.254/latest/meta-data",
        ] {
            let refused = outbound.request(Method::GET, &url(written)).unwrap_err();
            assert!(matches!(refused, Refused::Private { .. }), "{written}: {refused}");
        }
        assert!(
            outbound
                .request(Method::GET, &url("https://93.184.215.14/x"))
                .is_ok()
        );
        let refused = outbound.request(Method::GET, &url("ftp://93.184.215.14/x"));
        assert!(matches!(refused, Err(Refused::NotWeb(_))));
        let refused = outbound.request(Method::GET, &url("https://me:secret@93.184.215.14/x"));
        assert!(matches!(refused, Err(Refused::Credentials)));
    }

    #[actix::test]
    async fn a_name_that_leads_home_is_refused_when_it_is_resolved() {
        let outbound = nobody_private();
        assert!(matches!(
            outbound.check(&url("http://localhost:9/")).await,
            Err(Refused::Private { .. })
        ));
        let sent = outbound
            .request(Method::GET, &url("http://localhost:9/"))
            .unwrap();
        let error = sent.send().await.unwrap_err();
        assert!(
            matches!(refusal(&error), Some(Refused::Private { .. })),
            "{error:?}"
        );
        assert!(causes(&error).starts_with("`localhost` has the address"));
    }

    #[test]
    fn an_allowed_network_is_no_other() {
        let outbound = Outbound::new(vec!["127.0.0.1/32".parse().unwrap()]).unwrap();
        assert!(outbound.request(Method::GET, &url("http://127.0.0.1/")).is_ok());
        assert!(
            outbound
                .request(Method::GET, &url("http://[::ffff:127.0.0.1]/"))
                .is_ok()
        );
        assert!(outbound.request(Method::GET, &url("http://127.0.0.2/")).is_err());
    }
}
