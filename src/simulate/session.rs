//! One viewer's session: what the player wants is really asked for, and what it has to say is really reported.

use std::sync::Arc;

use futures_util::join;
use reqwest::Url;
use tokio::sync::mpsc::{Receiver, Sender as Queue, channel};

use super::Millis;
use super::outbox::{Faults, Outbox, Way};
use super::player::{Player, Received, Setup, Want};
use super::population::Viewer;
use super::record::{Batch, Sender};
use super::truth::{Form, Outcome, Row, Told};
use super::wire::{Let, Read, Site, Wire, WireError};

/// Batches that wait for a server that is slow; then the player waits.
const WAITING: usize = 16;

/// What all sessions have in common.
#[derive(Debug)]
pub(super) struct Stage {
    pub(super) site: Arc<Site>,
    pub(super) clip: String,
    pub(super) epoch: i64,
    pub(super) setup: Setup,
    pub(super) faults: Faults,
}

/// Has a viewer watch.
pub(super) async fn watch(stage: Arc<Stage>, viewer: Viewer) -> Result<Row, WireError> {
    let wire = Wire::new(&stage.site, viewer.number)?;
    let network = viewer.character.link.network().to_owned();
    let sender = Sender {
        session: viewer.session,
        clip: stage.clip.clone(),
        epoch: stage.epoch,
        arrived: viewer.arrives,
        device: viewer.device,
        network: network.split('/').next().unwrap_or_default().to_owned(),
    };
    let (form, rule, arrives) = (viewer.form, viewer.character.rule, viewer.arrives);
    let reporter = Reporter {
        stage: &stage,
        wire: &wire,
        sender: &sender,
        form,
    };
    let way = Way::new(stage.faults, viewer.faults);
    let mut player = Player::new(stage.setup, viewer.character, arrives);
    let (queue, batches) = channel(WAITING);
    let playing = play(&stage.site, &wire, &mut player, queue);
    let ((), told) = join!(playing, reporter.report(batches, way));
    let measures = player.measures().clone();
    Ok(Row {
        viewer: viewer.number,
        session: viewer.session,
        began_at: sender.clock(arrives),
        network,
        abr: rule,
        form,
        // A session that was played to the end of the loop has one.
        outcome: player.outcome().unwrap_or(Outcome::Stopped),
        quality: player.quality().map(|quality| quality.to_string()),
        bitrate_kbps: measures.bitrate_kbps(),
        buffer_ms: measures.buffer_ms(),
        switches: measures.switches(),
        measures,
        told,
    })
}

async fn play(site: &Site, wire: &Wire, player: &mut Player, queue: Queue<Batch>) {
    let mut outbox = Outbox::default();
    loop {
        let want = player.next();
        hand_over(player, &mut outbox, &queue).await;
        let Some(want) = want else { break };
        if site.pace.until(player.now()).await.is_err() {
            player.stop();
            continue;
        }
        if let Err(error) = fetch(site, wire, player, &want, (&mut outbox, &queue)).await {
            tracing::debug!(error = &error as &dyn std::error::Error, "a player gives up");
            player.fail(&error.code());
        }
    }
    if let Some(batch) = outbox.close(player.now()) {
        // The reporter listens until this end is dropped.
        drop(queue.send(batch).await);
    }
}

async fn hand_over(player: &mut Player, outbox: &mut Outbox, queue: &Queue<Batch>) {
    for record in player.take_records() {
        if let Some(batch) = outbox.push(record) {
            drop(queue.send(batch).await);
        }
    }
}

type Out<'a> = (&'a mut Outbox, &'a Queue<Batch>);

/// Asks for what the player wants, and lets it in at the speed of the player's network.
async fn fetch(
    site: &Site,
    wire: &Wire,
    player: &mut Player,
    want: &Want,
    (outbox, queue): Out<'_>,
) -> Result<(), WireError> {
    let url = address(&site.master, want)?;
    let received = match want {
        Want::Master | Want::Segments(_) => {
            let (read, bytes) = wire.playlist(&url).await?;
            let transfer = player.transfer(bytes);
            hand_over(player, outbox, queue).await;
            if site.pace.until(transfer.until).await.is_err() || !transfer.whole {
                return Ok(());
            }
            site.watcher.came(site.pace.late(transfer.until));
            match (want, read) {
                (Want::Master, Read::Master(ladder)) => Received::Master(ladder),
                (Want::Segments(_), Read::Segments(segments)) => Received::Segments(segments),
                (_, Read::Master(_) | Read::Segments(_)) => return Err(WireError::Unplayable { url }),
            }
        }
        Want::Init { .. } | Want::Segment { .. } => {
            let response = wire.segment(&url).await?;
            let Some(length) = response.content_length() else {
                return Err(WireError::Unplayable { url });
            };
            let transfer = player.transfer(length);
            hand_over(player, outbox, queue).await;
            let link = player.link.clone();
            if wire.let_in(response, transfer, &link).await == Let::Broken && transfer.whole {
                wire.again(&url).await?;
            }
            if site.pace.until(transfer.until).await.is_err() || !transfer.whole {
                return Ok(());
            }
            site.watcher.came(site.pace.late(transfer.until));
            match want {
                Want::Init { .. } => Received::Init,
                Want::Master | Want::Segments(_) | Want::Segment { .. } => Received::Segment,
            }
        }
    };
    player.receive(received);
    Ok(())
}

fn address(master: &Url, want: &Want) -> Result<Url, WireError> {
    let unplayable = |_| WireError::Unplayable { url: master.clone() };
    let join = |uri: &String| master.join(uri).map_err(unplayable);
    match want {
        Want::Master => Ok(master.clone()),
        Want::Segments(list) => join(list),
        Want::Init { list, uri } | Want::Segment { list, uri } => join(list)?.join(uri).map_err(unplayable),
    }
}

struct Reporter<'a> {
    stage: &'a Stage,
    wire: &'a Wire,
    sender: &'a Sender,
    form: Form,
}

impl Reporter<'_> {
    /// Sends one batch after the other, each when it is due.
    async fn report(&self, mut batches: Receiver<Batch>, mut way: Way) -> Told {
        let (mut told, mut now) = (Told::default(), 0);
        while let Some(batch) = batches.recv().await {
            now = batch.due;
            // Broken off, the last word is sent at once.
            drop(self.stage.site.pace.until(now).await);
            for batch in way.pass(batch, &mut told) {
                self.send(&batch, now, &mut told).await;
            }
        }
        for batch in way.rest() {
            self.send(&batch, now, &mut told).await;
        }
        told
    }

    async fn send(&self, batch: &Batch, now: Millis, told: &mut Told) {
        let sent = match self.form {
            Form::Json => {
                let path = format!("/api/sessions/{}/reports", self.sender.session);
                let body = self.sender.json(batch, now).to_string();
                self.wire.report(&path, "application/json", body).await
            }
            Form::Cmcd => {
                let body = self.sender.cmcd(batch);
                self.wire
                    .report("/api/analytics/cmcd", "application/cmcd", body)
                    .await
            }
        };
        match sent {
            Ok(()) => told.delivered += 1,
            Err(error) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "reports are refused");
                told.refused += 1;
            }
        }
    }
}
