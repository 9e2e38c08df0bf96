//! What stands before the application: media that is at hand is answered here, without a router and without waiting.
//! Whatever needs more goes on to the application, which answers the same address in full.

mod target;

use std::net::IpAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use actix_http::{Payload, Request, Response};
use actix_service::{Service, ServiceFactory, fn_factory, forward_ready};
use actix_web::body::{self, BoxBody, MessageBody};
use actix_web::dev::{AppConfig, ServiceResponse};
use actix_web::http::header::{self, HeaderMap};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpResponse, ResponseError};
use futures_util::FutureExt;
use futures_util::future::{Either, LocalBoxFuture, Ready, ready};

use self::target::{Target, Wanted};
use super::bytes::{self, Answer, Kind};
use super::cdn::Cdn;
use super::charge::Charge;
use super::client::Proxies;
use super::cors::Origins;
use super::limits::{self, Client, Limited, Limits, site};
use super::measure::{Measured, method};
use super::overheard::Overheard;
use super::playback::{self, locate};
use super::problem::{Code, Problem};
use super::request_id;
use super::secure::Security;
use super::ticket::{Ticket, split};
use crate::clock::Clock;
use crate::delivery::{
    Accounts, Connection, FileBody, Files, Patient, Payer, Payers, Playable, Playables, Tokens, Toll,
    UnderWay, WarmBody, Watch, Watched, Way,
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
    pub(crate) security: Security,
    pub(crate) cdn: Cdn,
    pub(crate) overheard: Overheard,
}

/// Puts what is at hand before an application.
pub(crate) fn front<F, B>(
    application: F,
    at_hand: AtHand,
) -> impl ServiceFactory<
    Request,
    Config = (),
    Response = Response<Watched>,
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
    type Response = Response<Watched>;
    type Error = actix_web::Error;
    type Future = Either<
        Ready<Result<Self::Response, Self::Error>>,
        LocalBoxFuture<'static, Result<Self::Response, Self::Error>>,
    >;

    forward_ready!(application);

    fn call(&self, mut request: Request) -> Self::Future {
        let connection = request.conn_data::<Connection>().cloned();
        let secure = matches!(connection, Some(Connection { way: Way::Secure, .. }));
        let under_way = connection.map(|connection| wait(&mut request, &connection.watch));
        if secure {
            Security::note(&mut request);
        }
        let client = self
            .at_hand
            .proxies
            .client(request.headers(), request.peer_addr());
        let ticket = Ticket::of(&request, client);
        let heard = self.at_hand.overheard.listen(&request);
        if let Some(mut answer) = self.at_hand.at_once(&request, ticket.as_ref(), client) {
            self.at_hand.overheard.keep(heard, answer.status());
            self.at_hand.finish(&mut answer, secure);
            return Either::Left(ready(Ok(watched(answer, under_way))));
        }
        let charge = Charge::of(&request, ticket.as_ref(), client);
        if let Some(ticket) = ticket {
            ticket.put_aside(&mut request);
        }
        let (answer, at_hand) = (self.application.call(request), Rc::clone(&self.at_hand));
        Either::Right(
            async move {
                let answer = answer.await?;
                at_hand.overheard.keep(heard, answer.status());
                let mut answer = match charge {
                    Some(charge) => charge.collect(&at_hand, answer).await,
                    None => Response::from(answer).map_into_boxed_body(),
                };
                at_hand.finish(&mut answer, secure);
                Ok(watched(answer, under_way))
            }
            .boxed_local(),
        )
    }
}

/// An answer whose end is the end of its request.
fn watched(answer: Response<BoxBody>, request: Option<UnderWay>) -> Response<Watched> {
    answer.map_body(|head, body| {
        let body = match head.status {
            // HTTP/2 would say that it has no bytes, and caches that so has what they keep.
            StatusCode::NOT_MODIFIED => BoxBody::new(body::None::new()),
            _ => body,
        };
        Watched::new(body, request)
    })
}

/// From here on the connection waits for the answer, and the answer for no body without end.
fn wait(request: &mut Request, watch: &Rc<Watch>) -> UnderWay {
    if !matches!(request.payload(), Payload::None) {
        let payload = Patient::new(request.take_payload(), watch.patience());
        *request.payload() = Payload::Stream {
            payload: Box::pin(payload),
        };
    }
    UnderWay::begin(watch)
}

impl AtHand {
    /// What can be said without the application.
    fn at_once(
        &self,
        request: &Request,
        ticket: Option<&Ticket>,
        client: Option<IpAddr>,
    ) -> Option<Response<BoxBody>> {
        if let Some(answer) = client.and_then(|client| self.limit(request, client)) {
            return Some(answer);
        }
        if head_size(request) > MAX_HEAD {
            let detail = format!("Address and headers may have {MAX_HEAD} bytes together.");
            return Some(self.refuse_at_once(request, Code::HeadTooLarge, &detail));
        }
        if !self.cdn.admits(request, request.path()) {
            let detail = "Media is served through the CDN of this site only.";
            return Some(self.refuse_at_once(request, Code::NotThroughCdn, detail));
        }
        self.answer(request, ticket, client)
    }

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

    fn refuse_at_once(&self, request: &Request, code: Code, detail: &str) -> Response<BoxBody> {
        let started = Instant::now();
        let mut response = Problem::new(code, detail).error_response();
        self.mark(request.headers(), response.headers_mut());
        Answered::whole(response).measured("limited", method(request.method()), started)
    }

    /// What an answer says because of how it gets to the client.
    fn finish(&self, answer: &mut Response<BoxBody>, secure: bool) {
        if secure {
            self.security.mark(answer.headers_mut());
        }
        self.cdn.mark(answer, &self.origins);
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
        let way = &request.conn_data::<Connection>()?.way;
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
                    match way {
                        Way::Plain(line) => response.no_chunking(count).body(FileBody::new(
                            Rc::clone(line),
                            file,
                            first,
                            count,
                            toll(),
                        )),
                        Way::Secure => response.body(WarmBody::new(file, first, count, toll())),
                    }
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
