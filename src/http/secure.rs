//! What is different under TLS.

use std::net::IpAddr;

use actix_http::{Request, Response};
use actix_web::body::BoxBody;
use actix_web::http::Uri;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use actix_web::http::uri::{Authority, Scheme};
use actix_web::{HttpMessage, HttpResponse};

/// Over which headers and answers pass under TLS.
#[derive(Clone, Debug, Default)]
pub(crate) struct Security {
    /// `Strict-Transport-Security`.
    strict: Option<HeaderValue>,
}

impl Security {
    /// Tells browsers to ask over TLS only for so many seconds; 0 says nothing.
    pub(crate) fn new(seconds: u64) -> Self {
        let value = format!("max-age={seconds}");
        let strict = (seconds > 0).then(|| HeaderValue::from_str(&value).ok());
        Self {
            strict: strict.flatten(),
        }
    }

    /// Makes requests of both versions of HTTP alike: an address with scheme and host, and a `Host`.
    pub(super) fn note(request: &mut Request) {
        let host = request.headers().get(header::HOST);
        let authority = match (request.uri().authority(), host) {
            (Some(authority), _) => Some(authority.clone()),
            (None, Some(host)) => Authority::try_from(host.as_bytes()).ok(),
            (None, None) => None,
        };
        let Some(authority) = authority else { return };
        if let (None, Ok(host)) = (host, HeaderValue::from_str(authority.as_str())) {
            request.headers_mut().insert(header::HOST, host);
        }
        let mut parts = request.uri().clone().into_parts();
        parts.scheme = Some(Scheme::HTTPS);
        parts.authority = Some(authority);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }

    /// What every answer says.
    pub(super) fn mark(&self, answered: &mut HeaderMap) {
        if let Some(strict) = &self.strict {
            answered.insert(header::STRICT_TRANSPORT_SECURITY, strict.clone());
        }
    }
}

/// Leads a request over plain HTTP to the same address under TLS.
pub(crate) fn to_tls(request: &Request, port: u16) -> Response<BoxBody> {
    let host = request.headers().get(header::HOST);
    let host = host
        .and_then(|host| Authority::try_from(host.as_bytes()).ok())
        .or_else(|| request.uri().authority().cloned());
    let Some(host) = host else {
        return HttpResponse::BadRequest().finish().into();
    };
    let port = if port == 443 {
        String::new()
    } else {
        format!(":{port}")
    };
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
    let location = format!("https://{}{port}{path}", bracketed(host.host()));
    HttpResponse::PermanentRedirect()
        .insert_header((header::LOCATION, location))
        .finish()
        .into()
}

/// Hosts that are addresses of IPv6 stand in brackets.
fn bracketed(host: &str) -> String {
    match host.parse() {
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        Ok(IpAddr::V4(_)) | Err(_) => host.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn plain_http_is_led_to_the_same_address_under_tls() {
        for (host, port, location) in [
            ("site.example", 443, "https://site.example/watch/a?t=3"),
            ("site.example:8080", 8443, "https://site.example:8443/watch/a?t=3"),
            ("[::1]:80", 443, "https://[::1]/watch/a?t=3"),
        ] {
            let request = TestRequest::with_uri("/watch/a?t=3").insert_header(("host", host));
            let response = to_tls(&request.to_request(), port);
            assert_eq!(response.status(), 308);
            assert_eq!(response.headers().get("location").unwrap(), location);
        }
    }
}
