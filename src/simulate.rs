//! A population of players against a real server: real requests at the speed of recorded networks, and real reports, with
//! the truth about every session beside them.
//!
//! Promises:
//! - what a player does follows from the seed, the clip and the recorded networks alone, in simulated time: not from how
//!   fast the server or this machine is, nor from how much time is accelerated, nor from what goes wrong with reports;
//! - how the server really did is told apart from that ([`Observed`]);
//! - memory is bounded: so many sessions at once, and of each that is over one row.

mod abr;
mod chance;
mod observed;
mod outbox;
mod pace;
mod player;
mod population;
mod record;
mod session;
mod stream;
mod trace;
mod truth;
mod wire;

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

pub use self::abr::Rule;
pub use self::observed::{Observed, Took};
pub use self::outbox::Faults;
use self::pace::Pace;
pub use self::player::Setup;
pub use self::population::Population;
use self::session::{Stage, watch};
pub use self::trace::{Trace, TraceError};
pub use self::truth::{Form, Measures, NOTICED, Outcome, Outcomes, Percentiles, Row, Summary, Told};
pub use self::wire::WireError;
use self::wire::{Read, Site, Wire};

/// Simulated milliseconds since the population began.
pub type Millis = u64;

/// What is simulated.
#[derive(Clone, Debug)]
pub struct Simulation {
    /// The server, such as `http://127.0.0.1:8080/`.
    pub server: Url,
    /// The clip's UUID or slug.
    pub clip: String,
    /// Who watches.
    pub population: Population,
    /// How their players are set up.
    pub setup: Setup,
    /// What goes wrong with reports.
    pub faults: Faults,
    /// Simulated seconds in a second.
    pub time_scale: f64,
    /// Sessions at once; what is beyond waits, in real time only.
    pub at_once: usize,
    /// How long the server may be out of reach.
    pub patience: Duration,
    /// When the first simulated second begins, in Unix milliseconds.
    pub epoch: i64,
}

/// What came of it.
#[derive(Clone, Debug)]
pub struct Simulated {
    /// The truth about each session, in the order in which viewers came.
    pub rows: Vec<Row>,
    /// How the server did.
    pub observed: Observed,
}

/// Why nothing was simulated.
#[derive(Debug, thiserror::Error)]
pub enum SimulateError {
    /// The clip cannot be watched.
    #[error("the clip cannot be watched")]
    Wire(#[from] WireError),
    /// The name is none.
    #[error("`{0}` is no name of a clip")]
    Name(String),
    /// A session ended in a way that it must not.
    #[error("a session broke down")]
    Broken(#[from] tokio::task::JoinError),
}

impl Simulation {
    /// Has everybody watch. Broken off by `stop`, viewers who are there leave, and nobody else comes.
    pub async fn run(
        &self,
        stop: CancellationToken,
        mut progress: impl FnMut(usize),
    ) -> Result<Simulated, SimulateError> {
        reachable(&self.stage(stop.clone())?.site).await?;
        // Time begins now.
        let stage = Arc::new(self.stage(stop)?);
        let (mut sessions, mut rows) = (JoinSet::new(), Vec::new());
        let began = Instant::now();
        for viewer in self.population.viewers(self.epoch) {
            let mut arrived = std::pin::pin!(stage.site.pace.until(viewer.arrives));
            let come = loop {
                tokio::select! {
                    arrived = &mut arrived => break arrived.is_ok(),
                    Some(session) = sessions.join_next() => rows.push(session??),
                }
                progress(rows.len());
            };
            while sessions.len() >= self.at_once
                && let Some(session) = sessions.join_next().await
            {
                rows.push(session??);
                progress(rows.len());
            }
            if !come {
                break;
            }
            sessions.spawn(watch(Arc::clone(&stage), viewer));
        }
        while let Some(session) = sessions.join_next().await {
            rows.push(session??);
            progress(rows.len());
        }
        rows.sort_by_key(|row| row.viewer);
        let observed = stage.site.watcher.observed(began.elapsed());
        Ok(Simulated { rows, observed })
    }

    fn stage(&self, stop: CancellationToken) -> Result<Stage, SimulateError> {
        let invalid = || SimulateError::Name(self.clip.clone());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.~".contains(c);
        if self.clip.is_empty() || !self.clip.chars().all(plain) {
            return Err(invalid());
        }
        let path = format!("/api/video/{}/master.m3u8", self.clip);
        let master = self.server.join(&path).or(Err(invalid()))?;
        let pace = Pace::new(self.time_scale, stop);
        Ok(Stage {
            site: Arc::new(Site::new(master, self.patience, pace)),
            clip: self.clip.clone(),
            epoch: self.epoch,
            setup: self.setup,
            faults: self.faults,
        })
    }
}

/// Looks whether there is anything to be watched, before a thousand viewers find out that there is not.
async fn reachable(site: &Arc<Site>) -> Result<(), WireError> {
    let wire = Wire::new(site, 0)?;
    let unplayable = || WireError::Unplayable {
        url: site.master.clone(),
    };
    let (Read::Master(ladder), _) = wire.playlist(&site.master).await? else {
        return Err(unplayable());
    };
    for rung in &ladder.rungs {
        let list = site.master.join(&rung.uri).or(Err(unplayable()))?;
        wire.playlist(&list).await?;
    }
    Ok(())
}
