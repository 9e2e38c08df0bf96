//! A cache or CDN between this server and viewers: where they get media, what its answers say to it, and that nobody
//! comes around it.

use actix_http::{Request, Response};
use actix_web::body::BoxBody;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::{HttpMessage, HttpRequest, web};
use hmac::digest::CtOutput;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use super::cors::Origins;
use super::playback::GROWING;

/// The header that says a request came through the CDN.
const SECRET: &str = "x-origin-secret";
/// What caches of CDNs are told instead of `Cache-Control` (RFC 9213): while one of them asks again, viewers get what it
/// has. Browsers, for which two seconds are long, do not read it.
const GROWING_AT_THE_EDGE: &str = "public, max-age=2, stale-while-revalidate=4";

/// The CDN before this server, if there is one.
#[derive(Clone, Default)]
pub(crate) struct Cdn {
    /// Without a slash at its end.
    base: Option<String>,
    secret: Option<CtOutput<Hmac<Sha256>>>,
}

impl Cdn {
    /// Viewers find media below `url`, and requests for it carry the secret; either may be empty.
    pub(crate) fn new(url: &str, secret: &str) -> Self {
        let set = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Self {
            base: set(url.trim_end_matches('/')),
            secret: set(secret).and_then(|secret| mac(secret.as_bytes())),
        }
    }

    /// The one that a handler's server is behind.
    pub(super) fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<web::Data<Self>>().map(web::Data::get_ref)
    }

    /// Where viewers find what has this address here.
    pub(crate) fn url(&self, path: String) -> String {
        match &self.base {
            Some(base) => format!("{base}{path}"),
            None => path,
        }
    }

    /// The origin that viewers get media from, when it is not this one.
    pub(super) fn origin(&self) -> Option<&str> {
        let base = self.base.as_deref()?;
        let host = base.find("://")? + 3;
        let end = base.get(host..)?.find('/').map_or(base.len(), |end| host + end);
        base.get(..end)
    }

    /// Whether a request for media came the way that it should. Takes as long for a wrong secret as for the right one.
    pub(super) fn admits(&self, request: &Request, path: &str) -> bool {
        let Some(secret) = self.secret.as_ref().filter(|_| is_media(path)) else {
            return true;
        };
        let presented = request.headers().get(SECRET);
        presented
            .and_then(|presented| mac(presented.as_bytes()))
            .is_some_and(|presented| presented == *secret)
    }

    /// Says in an answer that anybody may keep what holds for everybody.
    pub(super) fn mark(&self, answer: &mut Response<BoxBody>, origins: &Origins) {
        if self.base.is_none() {
            return;
        }
        let headers = answer.headers_mut();
        let kept = headers.get(header::CACHE_CONTROL).map(HeaderValue::as_bytes);
        if !kept.is_some_and(|kept| kept.starts_with(b"public")) {
            return;
        }
        if kept == Some(GROWING.as_bytes()) {
            headers.insert(
                HeaderName::from_static("cdn-cache-control"),
                HeaderValue::from_static(GROWING_AT_THE_EDGE),
            );
        }
        if origins.allow_any() {
            for_anybody(headers);
        }
    }
}

/// One copy serves the pages of all origins.
fn for_anybody(headers: &mut HeaderMap) {
    headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.remove(header::ACCESS_CONTROL_ALLOW_CREDENTIALS);
    let is_coded = headers.get_all(header::VARY).any(|vary| {
        vary.to_str()
            .is_ok_and(|vary| vary.to_ascii_lowercase().contains("accept-encoding"))
    });
    headers.remove(header::VARY);
    if is_coded {
        headers.insert(header::VARY, HeaderValue::from_static("Accept-Encoding"));
    }
}

fn is_media(path: &str) -> bool {
    path.starts_with("/api/video/") || path.starts_with("/s/")
}

/// What secrets are compared by: equal for equal ones, and of one length.
fn mac(secret: &[u8]) -> Option<CtOutput<Hmac<Sha256>>> {
    let mac = Hmac::<Sha256>::new_from_slice(secret).ok()?;
    Some(mac.chain_update(SECRET).finalize())
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    #[test]
    fn only_media_needs_the_secret_and_only_the_right_one_opens() {
        let cdn = Cdn::new("https://cdn.example/", "s3cret");
        let admits = |path: &str, secret: Option<&str>| {
            let mut request = TestRequest::with_uri(path);
            if let Some(secret) = secret {
                request = request.insert_header((SECRET, secret));
            }
            cdn.admits(&request.to_request(), path)
        };
        for path in ["/api/video/a/master.m3u8", "/s/token/api/video/a/master.m3u8"] {
            assert!(admits(path, Some("s3cret")));
            for wrong in [None, Some(""), Some("s3cre"), Some("s3crets")] {
                assert!(!admits(path, wrong), "{wrong:?}");
            }
        }
        assert!(admits("/api/clips/a", None));
        assert!(Cdn::new("", "").admits(&TestRequest::default().to_request(), "/api/video/a/master.m3u8"));
    }

    #[test]
    fn only_cdns_hear_that_what_grows_may_be_stale_for_a_moment() {
        let marked = |cdn: &Cdn, kept: &str| {
            let mut answer = actix_web::HttpResponse::Ok();
            answer.insert_header((header::CACHE_CONTROL, kept));
            let mut answer = Response::from(answer.finish());
            cdn.mark(&mut answer, &Origins::parse("https://site.example"));
            answer.headers().get("cdn-cache-control").cloned()
        };
        let cdn = Cdn::new("https://cdn.example", "");
        assert_eq!(marked(&cdn, GROWING).unwrap(), GROWING_AT_THE_EDGE);
        assert_eq!(marked(&cdn, "private, max-age=3600"), None);
        assert_eq!(marked(&Cdn::default(), GROWING), None);
    }

    #[test]
    fn addresses_lead_to_the_cdn_where_there_is_one() {
        let path = || "/api/video/a/master.m3u8".to_owned();
        let cdn = Cdn::new("https://cdn.example/clips/", "");
        assert_eq!(
            cdn.url(path()),
            "https://cdn.example/clips/api/video/a/master.m3u8"
        );
        assert_eq!(cdn.origin(), Some("https://cdn.example"));
        assert_eq!(Cdn::default().url(path()), path());
        assert_eq!(Cdn::default().origin(), None);
    }
}
