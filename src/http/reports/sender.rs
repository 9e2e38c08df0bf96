//! Who sent a report, as far as that is anybody's business.

use actix_web::http::header::{self, HeaderMap};
use clipper_domain::report::Surroundings;

use super::{Reports, agent};
use crate::clock::Clock;
use crate::http::problem::Problem;

/// The sender of a report.
#[derive(Clone, Debug, Default)]
pub(in crate::http) struct Sender {
    /// Asked not to be followed (`DNT`, `Sec-GPC`).
    pub(in crate::http) private: bool,
    /// Calls itself a robot.
    pub(in crate::http) bot: bool,
    /// A name of a day, which nobody can undo once its salt is gone.
    pub(in crate::http) audience: Option<String>,
    /// What `User-Agent` tells.
    pub(in crate::http) ctx: Surroundings,
}

impl Sender {
    /// Looks at a request. The address is cut short and hashed here, and goes no further.
    pub(in crate::http) async fn of(
        reports: &Reports,
        headers: &HeaderMap,
        peer: Option<std::net::SocketAddr>,
        clock: &dyn Clock,
    ) -> Result<Self, Problem> {
        let text = |name| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
        };
        let agent = text(header::USER_AGENT.as_str());
        let private = text("dnt") == "1" || text("sec-gpc") == "1";
        let audience = match reports.proxies.client(headers, peer) {
            Some(address) if !private => Some(reports.viewers.name(address, agent, clock.now()).await?),
            Some(_) | None => None,
        };
        let country = Some(reports.country_header.as_str())
            .filter(|name| !name.is_empty() && reports.proxies.vouch(peer))
            .map_or("", text);
        let valid = country.len() == 2 && country.bytes().all(|letter| letter.is_ascii_alphabetic());
        let country = if valid {
            country.to_ascii_uppercase()
        } else {
            String::new()
        };
        let ctx = Surroundings {
            country,
            ..agent::surroundings(agent)
        };
        Ok(Self {
            private,
            bot: agent::is_robot(agent),
            audience,
            ctx,
        })
    }
}

/// What a player says of its surroundings goes before what its requests look like; both are cut to what tables take.
pub(in crate::http) fn joined(said: Surroundings, seen: &Surroundings) -> Surroundings {
    let one = |said: String, seen: &str| {
        let chosen = if said.is_empty() { seen.to_owned() } else { said };
        let printable = |letter: &char| letter.is_ascii_graphic() || *letter == ' ';
        chosen.chars().filter(printable).take(64).collect::<String>()
    };
    Surroundings {
        player: one(said.player, &seen.player),
        device: one(said.device, &seen.device),
        os: one(said.os, &seen.os),
        browser: one(said.browser, &seen.browser),
        // Nobody's word is taken for a country.
        country: seen.country.clone(),
        host: one(said.host, &seen.host),
        conn: one(said.conn, &seen.conn),
    }
}
