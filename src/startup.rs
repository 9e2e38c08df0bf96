//! The composition root: builds everything once, in the order in which it depends on each other, and takes it down in
//! the opposite order.

mod first_key;
mod sample;
mod sandbox;
mod server;
mod signals;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use actix::Arbiter;
use actix_service::IntoServiceFactory;
use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, web};
use anyhow::Context;
use chrono::TimeDelta;
use clipper_domain::clip::EncodingOrder;
use metrics_exporter_prometheus::PrometheusHandle;

use crate::actors::{
    Ahead, Ambition, Clips, EncoderPool, EncoderSettings, Followed, Health, Janitor, Projectors,
};
use crate::clock::{Clock, SystemClock};
use crate::commands::ClipCommands;
use crate::config::Config;
use crate::delivery::{Files, Playables, Tokens};
use crate::encode::Tools;
use crate::http::{
    self, AtHand, FirstAnswers, Intake, Keys, Limits, Origins, PlaybackLog, Proxies, Rates, Readiness,
};
use crate::media::{Downloads, MediaStore};
use crate::shutdown::Shutdown;
use crate::storage::news::News;
use crate::storage::{Db, Log, LogWriter, Logs};

pub use first_key::FirstKey;

/// How long the first step of a shutdown may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Segments that are kept open for viewers.
const OPEN_FILES: usize = 2_048;

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
    tools: Tools,
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
        let (work, foundation, health, arbiter) = (
            Shutdown::new(),
            Shutdown::new(),
            Health::default(),
            Arbiter::new(),
        );
        let logs = Logs::new(db.clone());
        let (clip_log, writing) = LogWriter::new(db.clone(), Log::Clip, Arc::clone(&clock));
        foundation.spawn("clip log", writing);
        let (playback_log, writing) = LogWriter::new(db.clone(), Log::Playback, Arc::clone(&clock));
        foundation.spawn("playback log", writing);
        let node = uuid::Uuid::now_v7().simple().to_string();
        let commands = ClipCommands::new(logs.clone(), clip_log.clone(), node.clone());
        let clips = Clips::new(commands, arbiter.handle());
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
        let tokens = Tokens::open(&db, clock.as_ref())
            .await
            .context("cannot read the playback keys")?;
        work.spawn("playback keys", tokens.clone().follow(db.clone(), work.clone()));
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
            tools,
            health,
            arbiter,
            work,
            foundation,
            node,
        };
        services.start_janitor();
        Ok(services)
    }

    fn start_janitor(&self) {
        let janitor = Janitor {
            media: self.media.clone(),
            db: self.db.clone(),
            logs: self.logs.clone(),
            clock: Arc::clone(&self.clock),
            node: self.node.clone(),
            playback_days: self.config.retention.playback_days,
        };
        janitor.start_supervised(&self.arbiter.handle(), &self.health, &self.work);
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

    /// Binds the HTTP server and tells where it listens. With encoders in this process, uploads are encoded while they arrive.
    pub fn bind(&self, encoders: usize) -> anyhow::Result<(Server, Vec<SocketAddr>)> {
        let recorder = crate::metrics::start().context("cannot record metrics")?;
        let shared = self.shared(recorder, encoders);
        let origins = Origins::parse(&self.config.http.allowed_origins);
        let at_hand = AtHand {
            playables: shared.playables.get_ref().clone(),
            files: shared.files.get_ref().clone(),
            origins: origins.clone(),
            limits: shared.limits.get_ref().clone(),
            proxies: Proxies::new(self.config.trusted_proxies()),
            tokens: self.tokens.clone(),
            clock: Arc::clone(&self.clock),
        };
        let application = move || {
            let shared = shared.clone();
            let application = App::new()
                .configure(move |app| shared.attach(app))
                .wrap(from_fn(http::repeat))
                .wrap(Compress::default())
                .wrap(http::cors(&origins))
                .wrap(from_fn(http::name))
                .wrap(from_fn(http::measure))
                .configure(http::configure);
            http::front(application.into_factory(), at_hand.clone())
        };
        server::bind(&self.config.listen, application).with_context(|| {
            format!(
                "cannot listen on {}: is the port taken? (CLIPPER_LISTEN sets another)",
                self.config.listen
            )
        })
    }

    fn rates(&self) -> Rates {
        let limits = &self.config.limits;
        Rates {
            media: limits.media_per_second,
            reads: limits.reads_per_second,
            writes: limits.writes_per_second,
            reports: limits.reports_per_second,
            person: limits.person_per_second,
        }
    }

    fn shared(&self, recorder: PrometheusHandle, encoders: usize) -> Shared {
        let intake = Intake {
            clips: self.clips.clone(),
            projectors: self.projectors.clone(),
            media: self.media.clone(),
            tools: self.tools.clone(),
            ahead: Ahead::new(
                self.tools.clone(),
                self.config.plan_settings(),
                self.config.qualities(),
                encoders > 0,
                self.work.clone(),
            ),
            max_bytes: self.config.upload.max_bytes,
            order: EncodingOrder {
                qualities: self.config.qualities(),
                ..EncodingOrder::fresh()
            },
        };
        let readiness = Readiness {
            db: self.db.clone(),
            logs: self.logs.clone(),
            media: self.media.clone(),
            health: self.health.clone(),
            clips: self.clips.clone(),
            clock: Arc::clone(&self.clock),
        };
        let files = Files::new(self.media.clone(), OPEN_FILES);
        self.work
            .spawn("open files", files.clone().sweep(self.work.clone()));
        let playables = Playables::start(
            self.db.clone(),
            self.logs.clone(),
            |projection| self.projectors.moves(projection),
            &self.work,
        );
        Shared {
            files: web::Data::new(files),
            playables: web::Data::new(playables),
            limits: web::Data::new(Limits::new(self.rates())),
            tokens: web::Data::new(self.tokens.clone()),
            db: web::Data::new(self.db.clone()),
            logs: web::Data::new(self.logs.clone()),
            clips: web::Data::new(self.clips.clone()),
            projectors: web::Data::new(self.projectors.clone()),
            media: web::Data::new(self.media.clone()),
            keys: web::Data::new(Keys::new(self.db.clone())),
            playback_log: web::Data::new(PlaybackLog {
                writer: self.playback_log.clone(),
                node: self.node.clone(),
            }),
            first_answers: web::Data::new(FirstAnswers {
                db: self.db.clone(),
                kept_for: TimeDelta::hours(i64::from(self.config.http.idempotency_hours)),
            }),
            downloads: web::Data::new(Downloads::default()),
            intake: web::Data::new(intake),
            readiness: web::Data::new(readiness),
            clock: web::Data::from(Arc::clone(&self.clock)),
            recorder: web::Data::new(recorder),
        }
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
        self.projectors.resign().await;
        self.foundation.abandon().await;
        self.arbiter.stop();
        self.db.close().await;
    }
}

/// What handlers may ask for, one dependency at a time.
#[derive(Clone)]
struct Shared {
    files: web::Data<Files>,
    playables: web::Data<Playables>,
    tokens: web::Data<Tokens>,
    limits: web::Data<Limits>,
    db: web::Data<Db>,
    logs: web::Data<Logs>,
    clips: web::Data<Clips>,
    projectors: web::Data<Projectors>,
    media: web::Data<MediaStore>,
    keys: web::Data<Keys>,
    playback_log: web::Data<PlaybackLog>,
    first_answers: web::Data<FirstAnswers>,
    downloads: web::Data<Downloads>,
    intake: web::Data<Intake>,
    readiness: web::Data<Readiness>,
    clock: web::Data<dyn Clock>,
    recorder: web::Data<PrometheusHandle>,
}

impl Shared {
    fn attach(self, app: &mut web::ServiceConfig) {
        app.app_data(self.files)
            .app_data(self.playables)
            .app_data(self.tokens)
            .app_data(self.limits)
            .app_data(self.db)
            .app_data(self.logs)
            .app_data(self.clips)
            .app_data(self.projectors)
            .app_data(self.media)
            .app_data(self.keys)
            .app_data(self.playback_log)
            .app_data(self.first_answers)
            .app_data(self.downloads)
            .app_data(self.intake)
            .app_data(self.readiness)
            .app_data(self.clock)
            .app_data(self.recorder);
    }
}

async fn open_stores(config: &Config) -> anyhow::Result<(Db, MediaStore)> {
    tokio::fs::create_dir_all(&config.data_dir)
        .await
        .with_context(|| format!("cannot create the data directory `{}`", config.data_dir.display()))?;
    let url = config.database_url();
    let db = Db::open(&url)
        .await
        .with_context(|| format!("cannot open the database `{}`", redacted(&url)))?;
    let root = config.media_root().unwrap_or_default();
    let media = MediaStore::open(root.clone())
        .await
        .with_context(|| format!("cannot open the media store `{}`", root.display()))?;
    Ok((db, media))
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
