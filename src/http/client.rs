//! Where a request comes from: the address of the connection, or what a proxy that is trusted says of it.

use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;
use ipnet::IpNet;

/// The proxies whose word is taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Proxies {
    trusted: Vec<IpNet>,
}

const HEADER: &str = "x-forwarded-for";

impl Proxies {
    /// Trusts the proxies of these networks.
    pub(crate) fn new(trusted: Vec<IpNet>) -> Self {
        Self { trusted }
    }

    /// The client's address. The header is read from its end: what stands before the last proxy that is trusted, anybody
    /// may have written.
    pub(super) fn client(&self, headers: &HeaderMap, peer: Option<SocketAddr>) -> Option<IpAddr> {
        let mut client = peer?.ip().to_canonical();
        if self.trusted.is_empty() {
            return Some(client);
        }
        let values: Vec<&str> = headers
            .get_all(HEADER)
            .filter_map(|value| value.to_str().ok())
            .collect();
        let hops = values.iter().rev().flat_map(|value| value.rsplit(','));
        for hop in hops {
            if !self.trusts(client) {
                break;
            }
            match address(hop.trim()) {
                Some(address) => client = address.to_canonical(),
                None => break,
            }
        }
        Some(client)
    }

    /// Whether a connection is that of a proxy whose word is taken.
    pub(crate) fn vouch(&self, peer: Option<SocketAddr>) -> bool {
        peer.is_some_and(|peer| self.trusts(peer.ip().to_canonical()))
    }

    fn trusts(&self, address: IpAddr) -> bool {
        self.trusted.iter().any(|network| network.contains(&address))
    }
}

/// Some proxies write the port, too.
fn address(text: &str) -> Option<IpAddr> {
    let plain = || text.trim_start_matches('[').trim_end_matches(']').parse().ok();
    text.parse::<SocketAddr>()
        .map(|with_port| with_port.ip())
        .ok()
        .or_else(plain)
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderName, HeaderValue};

    use super::*;

    fn client(proxies: &str, peer: &str, headers: &[&'static str]) -> String {
        let mut map = HeaderMap::new();
        for value in headers {
            map.append(HeaderName::from_static(HEADER), HeaderValue::from_static(value));
        }
        let peer = Some(SocketAddr::new(peer.parse().unwrap(), 1));
        let networks = proxies.split(", ").filter_map(|network| network.parse().ok());
        let client = Proxies::new(networks.collect()).client(&map, peer);
        client.unwrap().to_string()
    }

    #[test]
    fn nobody_is_believed_who_is_not_trusted() {
        assert_eq!(client("", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.0/8", "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    }

    #[test]
    fn what_trusted_proxies_say_counts_from_the_end() {
        let proxies = "10.0.0.0/8, 203.0.113.9/32";
        assert_eq!(client(proxies, "10.1.1.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client(proxies, "10.1.1.1", &["1.1.1.1, 198.51.100.7", "203.0.113.9"]),
            "198.51.100.7"
        );
        assert_eq!(
            client(proxies, "::ffff:10.1.1.1", &["[2001:db8::1]:443"]),
            "2001:db8::1"
        );
        assert_eq!(client(proxies, "10.1.1.1", &["nonsense"]), "10.1.1.1");
        assert_eq!(client(proxies, "10.1.1.1", &[]), "10.1.1.1");
    }
}
