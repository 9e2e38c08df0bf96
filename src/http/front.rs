//! What stands before the application: media that is at hand is answered here, without a router and without waiting.
//! Whatever needs more goes on to the application, which answers the same address in full.

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_http::{Request, Response};
use actix_service::{Service, ServiceFactory, fn_factory, forward_ready};
use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use clipper_domain::Quality;
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};

use super::bytes::{self, Answer, Kind};
use super::charge::Charge;
use super::client::Proxies;
use super::cors::Origins;
use super::limits::{self, Client, Limited, Limits, site};
use super::measure::{Measured, method};
use super::playback::{self, locate};
use super::problem::{Code, Problem};
use super::request_id;
use super::ticket::{Ticket, split};
use crate::clock::Clock;
use crate::delivery::{
    Accounts, FileBody, Files, Line, Payer, Payers, Playable, Playables, Step, Tokens, Toll,
};

const MASTER: &str = "/api/video/{clip}/master.m3u8";
const VARIANT: &str = "/api/video/{clip}/{quality}.m3u8";
const SEGMENT: &str = "/api/video/{clip}/{quality}/{segment}";

/// Address and headers of a request, in bytes.
const MAX_HEAD: usize = 16 * 1_024;

/// What is kept for viewers.
#[derive(Clone)]
pub(crate) struct AtHand {
    pub(crate) playables: Playables,
    pub(crate) files: Files,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(crate) limits: Limits,
    pub(crate) tokens: Tokens,
    pub(crate) accounts: Accounts,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Puts what is at hand before an application.
pub(crate) fn front<F, B>(
    application: F,
    at_hand: AtHand,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<BoxBody>,
    Error = actix_web::Error,
    InitError = F::InitError,
    Service = Front<F::Service>,
>
where
    F: ServiceFactory<Request, Config = AppConfig, Response = ServiceResponse<B>, Error = actix_web::Error>,
    F::Future: 'static,
    <F::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    fn_factory(move || {
        let application = application.new_service(AppConfig::default());
        let at_hand = Rc::new(at_hand.clone());
        async move {
            Ok(Front {
                application: application.await?,
                at_hand,
            })
        }
    })
}

/// An application behind what is at hand.
pub(crate) struct Front<S> {
    application: S,
    at_hand: Rc<AtHand>,
}

impl<S, B> Service<Request> for Front<S>
where
    S: Service<Request, Response = ServiceResponse<B>, Error = actix_web::Error>,
    S::Future: 'static,
    B: MessageBody + 'static,
{
    type Response = Response<BoxBody>;
    type Error = actix_web::Error;
    type Future = Either<
        Ready<Result<Self::Response, Self::Error>>,
        LocalBoxFuture<'static, Result<Self::Response, Self::Error>>,
    >;

    forward_ready!(application);

    fn call(&self, mut request: Request) -> Self::Future {
        let client = self
            .at_hand
            .proxies
            .client(request.headers(), request.peer_addr());
        if let Some(answer) = client.and_then(|client| self.at_hand.limit(&request, client)) {
            return Either::Left(ready(Ok(answer)));
        }
        if head_size(&request) > MAX_HEAD {
            return Either::Left(ready(Ok(self.at_hand.head_too_large(&request))));
        }
        let ticket = Ticket::of(&request, client);
        if let Some(answer) = self.at_hand.answer(&request, ticket.as_ref(), client) {
            return Either::Left(ready(Ok(answer)));
        }
        let charge = Charge::of(&request, ticket.as_ref(), client);
        if let Some(ticket) = ticket {
            ticket.put_aside(&mut request);
        }
        let (answer, at_hand) = (self.application.call(request), Rc::clone(&self.at_hand));
        Either::Right(
            async move {
                let answer = answer.await?;
                Ok(match charge {
                    Some(charge) => charge.collect(&at_hand, answer).await,
                    None => Response::from(answer).map_into_boxed_body(),
                })
            }
            .boxed_local(),
        )
    }
}

/// What a request for media asks for.
#[derive(Debug, PartialEq, Eq)]
struct Target<'a> {
    clip: &'a str,
    wanted: Wanted<'a>,
}

#[derive(Debug, PartialEq, Eq)]
enum Wanted<'a> {
    Master,
    Variant(Quality),
    File {
        quality: Quality,
        file: &'a str,
        generation: Option<u32>,
    },
}

impl Wanted<'_> {
    fn step(&self) -> Step {
        match self {
            Self::Master | Self::Variant(_) => Step::Begins,
            Self::File { .. } => Step::GoesOn,
        }
    }
}

impl<'a> Target<'a> {
    /// Nothing, when it is none of these, or not spelled as playlists spell it.
    fn parse(path: &'a str, query: Option<&str>) -> Option<Self> {
        let (clip, rest) = path.strip_prefix("/api/video/")?.split_once('/')?;
        let wanted = if rest == "master.m3u8" {
            if query.is_some_and(|query| query.contains("token=")) {
                return None;
            }
            Wanted::Master
        } else if let Some((quality, file)) = rest.split_once('/') {
            if !file.starts_with("segment-") && file != "init.mp4" {
                return None;
            }
            Wanted::File {
                quality: quality.parse().ok()?,
                file,
                generation: match generation_of(query) {
                    Some(number) => Some(number.parse().ok()?),
                    None => None,
                },
            }
        } else {
            Wanted::Variant(rest.strip_suffix(".m3u8")?.parse().ok()?)
        };
        Some(Self { clip, wanted })
    }
}

/// What a query says of the generation.
fn generation_of(query: Option<&str>) -> Option<&str> {
    let mut parameters = query.unwrap_or_default().split('&');
    parameters.find_map(|parameter| parameter.strip_prefix("g="))
}

impl AtHand {
    /// What is said to a client that asks too often.
    fn limit(&self, request: &Request, client: IpAddr) -> Option<Response<BoxBody>> {
        let started = Instant::now();
        let headers = request.headers();
        let kind = limits::Kind::of(request.method(), address_of(request))?;
        let limited = self.limits.take(kind, Client::at(client)).err()?;
        let answered = Answered::whole(self.refuse(headers, limited));
        Some(answered.measured("limited", method(request.method()), started))
    }

    /// The answer to a client that has had enough.
    pub(super) fn refuse(&self, asked: &HeaderMap, limited: Limited) -> HttpResponse {
        let mut response = Problem::from(limited).error_response();
        self.mark(asked, response.headers_mut());
        response
    }

    fn head_too_large(&self, request: &Request) -> Response<BoxBody> {
        let started = Instant::now();
        let detail = format!("Address and headers may have {MAX_HEAD} bytes together.");
        let mut response = Problem::new(Code::HeadTooLarge, detail).error_response();
        self.mark(request.headers(), response.headers_mut());
        Answered::whole(response).measured("limited", method(request.method()), started)
    }

    /// What every answer says, whoever gives it.
    fn mark(&self, asked: &HeaderMap, answered: &mut HeaderMap) {
        self.origins.mark(asked.get(header::ORIGIN), answered);
        request_id::mark(asked, answered);
    }

    /// The answer, if it is at hand and the request is an ordinary one.
    fn answer(
        &self,
        request: &Request,
        ticket: Option<&Ticket>,
        client: Option<IpAddr>,
    ) -> Option<Response<BoxBody>> {
        let started = Instant::now();
        let headers = request.headers();
        if request.method() != Method::GET || headers.contains_key(header::AUTHORIZATION) {
            return None;
        }
        let target = Target::parse(address_of(request), request.uri().query())?;
        let playable = self.playables.at_hand(target.clip)?;
        let admission = match ticket {
            // Why a token is not accepted, the application says.
            Some(ticket) => Some(ticket.verify(&self.tokens, playable.id, self.clock.now()).ok()?),
            None if playable.is_public() => None,
            None => return None,
        };
        let payers = [client.map(site).map(Payer::Address), admission.map(Payer::Token)];
        let viewer = (client, headers.get(header::USER_AGENT));
        let payers = match self.accounts.admit(payers, viewer, target.wanted.step()) {
            Ok(payers) => payers,
            Err(refused) => {
                let answered = Answered::whole(self.refuse(headers, refused.into()));
                return Some(answered.measured("limited", "GET", started));
            }
        };
        let (route, mut answered) = self.find(request, &playable, &target.wanted, payers)?;
        self.mark(headers, answered.response.headers_mut());
        Some(answered.measured(route, "GET", started))
    }

    fn find(
        &self,
        request: &Request,
        playable: &Playable,
        wanted: &Wanted<'_>,
        payers: Payers,
    ) -> Option<(&'static str, Answered)> {
        match wanted {
            Wanted::Master => {
                let text = playable.master.as_ref()?;
                let answered = Answered::whole(playback::playlist(request, playable, text));
                Toll::new(&playable.other, payers).sent(answered.bytes);
                Some((MASTER, answered))
            }
            Wanted::Variant(quality) => {
                let rung = playable.rung(*quality)?;
                let answered = Answered::whole(playback::playlist(request, playable, &rung.playlist));
                Toll::new(&rung.tally, payers).sent(answered.bytes);
                Some((VARIANT, answered))
            }
            Wanted::File {
                quality,
                file,
                generation,
            } => {
                let media = locate(playable, *quality, file, *generation).ok()?;
                let answered = self.send(request, &media, || {
                    let rung = playable.rung(*quality);
                    Toll::new(rung.map_or(&playable.other, |rung| &rung.tally), payers)
                })?;
                metrics::counter!("clipper_segment_cache_hits_total").increment(1);
                Some((SEGMENT, answered))
            }
        }
    }

    /// A file that is open and in the page cache.
    fn send(
        &self,
        request: &Request,
        media: &playback::Located,
        toll: impl FnOnce() -> Toll,
    ) -> Option<Answered> {
        let line = request.conn_data::<Rc<Line>>()?;
        let file = self.files.at_hand(&media.object)?;
        let kind = Kind {
            content_type: media.content_type,
            etag: file.etag().clone(),
            cache_control: media.cache_control,
        };
        match bytes::answer(request, kind, file.length()).ok()? {
            Answer::Known(response) => {
                toll();
                Some(Answered::whole(response))
            }
            Answer::Part {
                mut response,
                first,
                count,
            } => {
                let response = if let Some(bytes) = file.in_memory(first, count) {
                    toll().sent(count);
                    response.body(bytes)
                } else if file.is_cold(first, count) {
                    // The application reads it on threads that may wait for the disk.
                    return None;
                } else {
                    let body = FileBody::new(Rc::clone(line), file, first, count, toll());
                    response.no_chunking(count).body(body)
                };
                Some(Answered {
                    response,
                    bytes: count,
                })
            }
        }
    }
}

/// The path of a request without the token that may stand before it.
pub(super) fn address_of(request: &Request) -> &str {
    split(request.path()).map_or(request.path(), |(_token, path)| path)
}

fn head_size(request: &Request) -> usize {
    let headers = request.headers().iter();
    let headers: usize = headers
        .map(|(name, value)| name.as_str().len() + value.len())
        .sum();
    let query = request.uri().query().map_or(0, str::len);
    headers + request.path().len() + query
}

/// An answer, and how long its body is.
struct Answered {
    response: HttpResponse,
    bytes: u64,
}

impl Answered {
    fn whole(response: HttpResponse) -> Self {
        use actix_web::body::BodySize;
        let bytes = match response.body().size() {
            BodySize::Sized(bytes) => bytes,
            BodySize::None | BodySize::Stream => 0,
        };
        Self { response, bytes }
    }

    /// Counts it and sends it.
    fn measured(self, route: &'static str, method: &'static str, started: Instant) -> Response<BoxBody> {
        Measured {
            route: route.into(),
            method,
            status: self.response.status(),
            bytes: self.bytes,
        }
        .record(started);
        self.response.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_understood_as_playlists_spell_them() {
        let file = |file, generation| Wanted::File {
            quality: Quality::P720,
            file,
            generation,
        };
        let cases = [
            ("/api/video/a/master.m3u8", None, Wanted::Master),
            (
                "/api/video/a/720p.m3u8",
                Some("x=1"),
                Wanted::Variant(Quality::P720),
            ),
            ("/api/video/a/720p/segment-0.ts", None, file("segment-0.ts", None)),
            (
                "/api/video/a/720p/segment-3.m4s",
                Some("CMCD=bs&g=2"),
                file("segment-3.m4s", Some(2)),
            ),
            ("/api/video/a/720p/init.mp4", None, file("init.mp4", None)),
        ];
        for (path, query, wanted) in cases {
            assert_eq!(Target::parse(path, query), Some(Target { clip: "a", wanted }));
        }
    }

    #[test]
    fn everything_else_is_left_to_the_application() {
        for path in [
            "/api/video/a/720p/iframes.m3u8",
            "/api/video/a/captions/en.m3u8",
            "/api/video/a/poster.jpg",
            "/api/video/a/9p.m3u8",
            "/api/video/a",
            "/api/clips/a/master.m3u8",
        ] {
            assert_eq!(Target::parse(path, None), None, "{path}");
        }
        assert_eq!(Target::parse("/api/video/a/720p/segment-0.ts", Some("g=x")), None);
    }
}
