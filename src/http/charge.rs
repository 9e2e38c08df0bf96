//! Media that the application answers, charged like what is answered from what is at hand.

use std::net::IpAddr;
use std::sync::Arc;

use actix_http::{Request, Response};
use actix_web::HttpMessage;
use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::ServiceResponse;
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderValue};
use clipper_domain::PersonId;

use super::front::{AtHand, address_of};
use super::limits::site;
use super::ticket::Ticket;
use crate::delivery::{Metered, Payer, Playable, Step, Tally, Toll};

const DOWNLOAD: &str = "download.mp4";

/// What is to be charged once the application has answered.
pub(super) struct Charge {
    clip: String,
    /// What of the clip.
    file: String,
    client: Option<IpAddr>,
    ticket: Option<Ticket>,
    agent: Option<HeaderValue>,
}

impl Charge {
    /// Nothing, when no media is asked for.
    pub(super) fn of(request: &Request, ticket: Option<&Ticket>, client: Option<IpAddr>) -> Option<Self> {
        if request.method() != Method::GET {
            return None;
        }
        let (clip, file) = address_of(request).strip_prefix("/api/video/")?.split_once('/')?;
        Some(Self {
            clip: clip.to_owned(),
            file: file.to_owned(),
            client,
            ticket: ticket.cloned(),
            agent: request.headers().get(header::USER_AGENT).cloned(),
        })
    }

    /// Puts a toll on the answer, or refuses it to a client that has had enough.
    pub(super) async fn collect<B: MessageBody + 'static>(
        self,
        at_hand: &AtHand,
        answer: ServiceResponse<B>,
    ) -> Response<BoxBody> {
        let is_media = answer.status().is_success() && answer.response().body().size() != BodySize::None;
        let playable = if is_media {
            at_hand.playables.get(&self.clip).await.ok().flatten()
        } else {
            None
        };
        let Some(playable) = playable else {
            return Response::from(answer).map_into_boxed_body();
        };
        let person = answer.request().extensions().get::<PersonId>().copied();
        let admission = self.ticket.as_ref().and_then(|ticket| {
            let now = at_hand.clock.now();
            ticket.verify(&at_hand.tokens, playable.id, now).ok()
        });
        let payers = [
            self.client.map(site).map(Payer::Address),
            admission.map(Payer::Token).or(person.map(Payer::Person)),
        ];
        match at_hand
            .accounts
            .admit(payers, (self.client, self.agent.as_ref()), self.step())
        {
            Ok(payers) => {
                let toll = Toll::new(self.tally(&playable), payers);
                Response::from(answer).map_body(|_, body| Metered::new(body.boxed(), toll).boxed())
            }
            Err(refused) => at_hand.refuse(answer.request().headers(), refused.into()).into(),
        }
    }

    fn step(&self) -> Step {
        let path = std::path::Path::new(&self.file);
        let is_playlist = path.extension().is_some_and(|extension| extension == "m3u8");
        if is_playlist || self.file == DOWNLOAD {
            Step::Begins
        } else {
            Step::GoesOn
        }
    }

    fn tally<'a>(&self, playable: &'a Playable) -> &'a Arc<Tally> {
        if self.file == DOWNLOAD {
            return &playable.download;
        }
        let quality = self
            .file
            .split(['/', '.'])
            .next()
            .and_then(|name| name.parse().ok());
        let rung = quality.and_then(|quality| playable.rung(quality));
        rung.map_or(&playable.other, |rung| &rung.tally)
    }
}
