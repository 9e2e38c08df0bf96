//! The composition root: builds everything once, in the order in which it depends on each other, and takes it down in
//! the opposite order.

mod certificate;
mod first_key;
mod health;
mod sample;
mod sandbox;
mod server;
mod serving;
pub(crate) mod signals;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use actix_web::dev::Server;
use anyhow::Context;
use chrono::TimeDelta;
use clipper_domain::clip::EncodingOrder;
use ipnet::IpNet;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::actors::{
    Ambition, Clips, EncoderPool, EncoderSettings, Entrance, Followed, Health, ImportSettings, Importer,
    Janitor, Projectors, WebhookSettings, Webhooks,
};
use crate::clock::{Clock, SystemClock};
use crate::commands::ClipCommands;
use crate::config::Config;
use crate::delivery::{Tokens, Traffic};
use crate::encode::Tools;
use crate::identity::Identity;
use crate::media::MediaStore;
use crate::outbound::Outbound;
use crate::shutdown::Shutdown;
use crate::storage::news::News;
use crate::storage::{Db, Log, LogWriter, Logs};
use crate::webhooks::Sender;

pub use first_key::FirstKey;

/// How long the first step of a shutdown may take.
const PATIENCE: Duration = Duration::from_mins(1);

/// Everything that runs, whatever it is run for.
pub struct Services {
    config: Config,
    /// The database.
    pub db: Db,
    /// The logs, for reading.
    pub logs: Logs,
    /// The way to the clips.
    pub clips: Clips,
    /// The way to the projections.
    pub projectors: Projectors,
    /// Sources and renditions.
    pub media: MediaStore,
    clock: Arc<dyn Clock>,
    playback_log: LogWriter,
    tokens: Tokens,
    traffic: Traffic,
    tools: Tools,
    sender: Sender,
    sources: Outbound,
    identity: Option<Arc<Identity>>,
    recorder: PrometheusHandle,
    health: Health,
    arbiter: Arbiter,
    /// What ends first: work.
    work: Shutdown,
    /// What ends last: the writers that work is written with.
    foundation: Shutdown,
    node: String,
}

impl Services {
    /// Builds and starts everything but HTTP and encoders.
    pub async fn start(config: Config, ambition: Ambition) -> anyhow::Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let tools = sandbox::checked(tools(&config)).await?;
        let (db, media) = open_stores(&config).await?;
        let (work, foundation) = (Shutdown::new(), Shutdown::new());
        let (health, arbiter) = (Health::default(), Arbiter::new());
        let logs = Logs::new(db.clone());
        let write = |name, log| {
            let (writer, writing) = LogWriter::new(db.clone(), log, Arc::clone(&clock));
            foundation.spawn(name, writing);
            writer
        };
        let (clip_log, playback_log) = (write("clip log", Log::Clip), write("playback log", Log::Playback));
        let node = uuid::Uuid::now_v7().simple().to_string();
        let commands = ClipCommands::new(logs.clone(), clip_log.clone(), node.clone());
        let clips = Clips::new(commands.clone(), arbiter.handle());
        let followed = Followed {
            db: db.clone(),
            logs: logs.clone(),
            clock: Arc::clone(&clock),
            news: News::listen(&db, &work),
            node: node.clone(),
            ambition,
        };
        let projectors = Projectors::start(
            &followed,
            &clip_log,
            &playback_log,
            &arbiter.handle(),
            &health,
            &work,
        );
        let tokens = open_tokens(&db, clock.as_ref(), &work).await?;
        let (sender, sources) = (sender(&config)?, outbound(config.import.networks())?);
        let identity = identity(&config)?;
        let services = Self {
            config,
            db,
            logs,
            clips,
            projectors,
            media,
            clock,
            playback_log,
            tokens,
            traffic: Traffic::default(),
            tools,
            sender,
            sources,
            identity,
            recorder: crate::metrics::start().context("cannot record metrics")?,
            health,
            arbiter,
            work,
            foundation,
            node,
        };
        services.start_actors(commands, &clip_log, &followed.news);
        Ok(services)
    }

    fn start_actors(&self, commands: ClipCommands, clip_log: &LogWriter, news: &News) {
        self.start_janitor(commands);
        self.start_importer();
        self.start_webhooks(clip_log, news);
    }

    fn start_janitor(&self, commands: ClipCommands) {
        let janitor = Janitor {
            media: self.media.clone(),
            db: self.db.clone(),
            logs: self.logs.clone(),
            clock: Arc::clone(&self.clock),
            commands,
            node: self.node.clone(),
            playback_days: self.config.retention.playback_days,
        };
        janitor.start_supervised(&self.arbiter.handle(), &self.health, &self.work);
    }

    fn start_importer(&self) {
        let settings = ImportSettings {
            db: self.db.clone(),
            clock: Arc::clone(&self.clock),
            outbound: self.sources.clone(),
            entrance: Entrance {
                clips: self.clips.clone(),
                media: self.media.clone(),
                tools: self.tools.clone(),
                order: self.order(),
            },
            max_bytes: self.config.upload.max_bytes,
            patience: self.config.import.patience(),
            node: self.node.clone(),
        };
        Importer::start_supervised(&settings, &self.arbiter.handle(), &self.health, &self.work);
    }

    /// What is made of a source.
    fn order(&self) -> EncodingOrder {
        EncodingOrder {
            qualities: self.config.qualities(),
            ..EncodingOrder::fresh()
        }
    }

    fn start_webhooks(&self, clip_log: &LogWriter, news: &News) {
        let settings = WebhookSettings {
            db: self.db.clone(),
            logs: self.logs.clone(),
            clock: Arc::clone(&self.clock),
            sender: self.sender.clone(),
            node: self.node.clone(),
        };
        let arbiter = self.arbiter.handle();
        Webhooks::start_supervised(&settings, clip_log, news, &arbiter, &self.health, &self.work);
    }

    /// Starts this many encoders.
    pub fn start_encoders(&self, count: usize) -> EncoderPool {
        let settings = EncoderSettings {
            db: self.db.clone(),
            clips: self.clips.clone(),
            media: self.media.clone(),
            tools: self.tools.clone(),
            plan: self.config.plan_settings(),
            clock: Arc::clone(&self.clock),
            node: self.node.clone(),
            lease: TimeDelta::seconds(i64::from(self.config.encode.lease_seconds)),
            loudness: Some(self.config.encode.loudness_lufs).filter(|lufs| *lufs < 0.0),
        };
        let queue = self.projectors.moves("encoding_queue");
        EncoderPool::start(
            count,
            &settings,
            queue.as_ref(),
            &self.arbiter.handle(),
            &self.health,
            &self.work,
        )
    }

    /// Makes sure that there is a key to begin with.
    pub async fn first_key(&self) -> anyhow::Result<Option<FirstKey>> {
        first_key::ensure(&self.db, &self.config, self.clock.now()).await
    }

    /// Takes a sample clip in, if there is no clip yet, and tells its slug.
    pub async fn take_sample(&self, path: &std::path::Path) -> anyhow::Result<Option<String>> {
        sample::take(self, path).await
    }

    /// Serves until a signal comes, then finishes; a second signal, or a minute, drops what is left.
    pub async fn run(self, server: Option<Server>) -> anyhow::Result<()> {
        let handle = server.as_ref().map(Server::handle);
        let serving = server.map(|server| tokio::task::spawn_local(server));
        signals::first().await?;
        tracing::info!("finishing; a second signal drops what is left");
        self.work.finish();
        if let Some(handle) = handle {
            handle.stop(true).await;
        }
        if let Some(serving) = serving {
            serving.await??;
        }
        self.stop(signals::next()).await;
        Ok(())
    }

    /// Ends everything: work first, then what it is written with.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        self.work.complete(PATIENCE, hurry).await;
        // The server has ended: nothing is sent any more.
        if let Err(error) = self.traffic.write_down(&self.db, self.clock.as_ref()).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "what was sent last is not written down"
            );
        }
        self.projectors.resign().await;
        self.foundation.abandon().await;
        self.arbiter.stop();
        self.db.close().await;
    }
}

async fn open_tokens(db: &Db, clock: &dyn Clock, work: &Shutdown) -> anyhow::Result<Tokens> {
    let tokens = Tokens::open(db, clock)
        .await
        .context("cannot read the playback keys")?;
    work.spawn("playback keys", tokens.clone().follow(db.clone(), work.clone()));
    Ok(tokens)
}

async fn open_stores(config: &Config) -> anyhow::Result<(Db, MediaStore)> {
    tokio::fs::create_dir_all(&config.data_dir)
        .await
        .with_context(|| format!("cannot create the data directory `{}`", config.data_dir.display()))?;
    let url = config.database_url();
    let db = Db::open(&url)
        .await
        .with_context(|| format!("cannot open the database `{}`", redacted(&url)))?;
    let place = config.media_place();
    let media = MediaStore::open(place.clone())
        .await
        .with_context(|| format!("cannot open the media store `{place}`"))?;
    Ok((db, media))
}

fn outbound(allowed: Vec<IpNet>) -> anyhow::Result<Outbound> {
    Outbound::new(allowed).context("cannot ask others over HTTP")
}

fn identity(config: &Config) -> anyhow::Result<Option<Arc<Identity>>> {
    let identity = Identity::of(&config.auth).context("cannot ask the identity provider")?;
    Ok(identity.map(Arc::new))
}

fn sender(config: &Config) -> anyhow::Result<Sender> {
    let outbound = outbound(config.webhooks.networks())?;
    Ok(Sender::new(
        outbound,
        Duration::from_secs(config.webhooks.timeout_seconds),
    ))
}

/// ffmpeg as the settings have it.
pub fn tools(config: &Config) -> Tools {
    Tools {
        launcher: config.program.clone(),
        ffmpeg: config.encode.ffmpeg.clone(),
        ffprobe: config.encode.ffprobe.clone(),
        max_pixels: config.encode.max_pixels,
        max_seconds: config.encode.max_seconds,
        memory_mib: config.encode.memory_mib,
        cpu_per_second: config.encode.cpu_per_second,
        max_output_mib: config.encode.max_output_mib,
        sandbox: config.encode.sandbox,
        stall: Duration::from_secs(config.encode.stall_seconds),
    }
}

/// A database address without its password.
pub fn redacted(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => {
            let (head, tail) = (
                url.get(..scheme + 3).unwrap_or_default(),
                url.get(at..).unwrap_or_default(),
            );
            format!("{head}…{tail}")
        }
        _ => url.to_owned(),
    }
}

/// Where the first API key is written.
pub fn key_file(config: &Config) -> PathBuf {
    config.data_dir.join("admin.key")
}
