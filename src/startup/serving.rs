//! What HTTP needs: built from what runs already, and put before and behind the routes.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_service::IntoServiceFactory;
use actix_web::dev::Server;
use actix_web::middleware::{Compress, from_fn};
use actix_web::{App, web};
use anyhow::Context;
use chrono::TimeDelta;
use metrics_exporter_prometheus::PrometheusHandle;
use tokio_rustls::TlsAcceptor;

use super::Services;
use super::certificate::Certificate;
use super::server::{self, Door, Entrance};
use crate::actors::{Ahead, Clips, Projectors};
use crate::clock::Clock;
use crate::delivery::{
    Accounts, Allowance, Allowances, Connections, Files, Patience, Playables, Purge, Tokens,
};
use crate::http::{
    self, AtHand, Cdn, FirstAnswers, Intake, Keys, Limits, Live, Origins, Overheard, Proxies, Rates,
    Readiness, Reports, Security, Sources, Stored, Undo,
};
use crate::media::{Downloads, MediaStore};
use crate::storage::rejects::RejectSink;
use crate::storage::viewers::Viewers;
use crate::storage::{Db, Logs};
use crate::webhooks::Sender;

/// Segments that are kept open for viewers.
const OPEN_FILES: usize = 2_048;
/// Files that are no connections: segments, the database, uploads, encoders.
const FILES_OF_OURS: usize = OPEN_FILES + 1_024;
/// What memory carries without being asked.
const MOST_CONNECTIONS: usize = 32_768;

impl Services {
    /// Binds the HTTP server and tells where it listens. With encoders in this process, uploads are encoded while they arrive.
    pub fn bind(&self, encoders: usize) -> anyhow::Result<(Server, Vec<SocketAddr>)> {
        let shared = self.shared(encoders);
        let origins = Origins::parse(&self.config.http.allowed_origins);
        let at_hand = AtHand {
            playables: shared.playables.get_ref().clone(),
            files: shared.files.get_ref().clone(),
            origins: origins.clone(),
            limits: shared.limits.get_ref().clone(),
            proxies: Proxies::new(self.config.http.trusted_networks()),
            tokens: self.tokens.clone(),
            accounts: shared.accounts.get_ref().clone(),
            clock: Arc::clone(&self.clock),
            cdn: shared.cdn.get_ref().clone(),
            security: Security::new(self.config.http.hsts_seconds),
            overheard: self.overheard(shared.reports.get_ref()),
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
        let entrance = Entrance {
            listen: &self.config.listen,
            door: self.door(allow_many_files())?,
            redirect_listen: &self.config.http.redirect_listen,
        };
        server::bind(&entrance, application).with_context(|| {
            format!(
                "cannot listen on {}: is the port taken? (CLIPPER_LISTEN sets another)",
                self.config.listen
            )
        })
    }

    /// What the addresses begin with.
    pub fn scheme(&self) -> &'static str {
        match self.config.http.tls() {
            Some(_) => "https",
            None => "http",
        }
    }

    fn door(&self, files: usize) -> anyhow::Result<Door> {
        let http = &self.config.http;
        let most = match http.max_connections {
            0 => files
                .saturating_sub(FILES_OF_OURS)
                .clamp((files / 2).min(MOST_CONNECTIONS), MOST_CONNECTIONS),
            chosen => chosen,
        };
        Ok(Door {
            connections: Connections::new(most, http.connections_per_address),
            proxies: Proxies::new(http.trusted_networks()),
            patience: Patience {
                head: Duration::from_secs(http.head_seconds),
                body: Duration::from_secs(http.body_seconds),
                keep_alive: Duration::from_secs(http.keep_alive_seconds),
            },
            ending: self.work.clone(),
            tls: self.acceptor()?,
        })
    }

    fn acceptor(&self) -> anyhow::Result<Option<TlsAcceptor>> {
        let Some((certificate, key)) = self.config.http.tls() else {
            return Ok(None);
        };
        let certificate = Certificate::open(certificate, key)?;
        let acceptor = certificate.acceptor()?;
        self.work
            .spawn("certificate", certificate.follow(self.work.clone()));
        Ok(Some(acceptor))
    }

    fn cdn(&self) -> Cdn {
        let http = &self.config.http;
        if !http.purge_url.is_empty()
            && let Some(moves) = self.projectors.moves("clips")
        {
            let purge = Purge {
                hook: http.purge_url.clone(),
                base: http.cdn_url.trim_end_matches('/').to_owned(),
                db: self.db.clone(),
                logs: self.logs.clone(),
                clock: Arc::clone(&self.clock),
                node: self.node.clone(),
            };
            self.work.spawn("cdn", purge.follow(moves, self.work.clone()));
        }
        Cdn::new(&http.cdn_url, &http.origin_secret)
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

    fn reports(&self, live: &Live) -> Reports {
        let (rejects, writing) = RejectSink::new(self.db.clone());
        let work = self.work.clone();
        self.work.spawn("records set aside", async move {
            tokio::select! {
                () = writing => {}
                () = work.finishing() => {}
            }
        });
        Reports {
            writer: self.playback_log.clone(),
            node: self.node.clone(),
            db: self.db.clone(),
            viewers: Viewers::new(self.db.clone()),
            rejects,
            proxies: Proxies::new(self.config.http.trusted_networks()),
            country_header: self.config.analytics.country_header.to_ascii_lowercase(),
            wanted: self.config.analytics.reports,
            stored: Stored::default(),
            live: live.clone(),
            clock: Arc::clone(&self.clock),
        }
    }

    fn overheard(&self, reports: &Reports) -> Overheard {
        let (overheard, keeping) = Overheard::new(reports.clone());
        let work = self.work.clone();
        self.work.spawn("what requests say", async move {
            tokio::select! {
                () = keeping => {}
                () = work.finishing() => {}
            }
        });
        overheard
    }

    fn allowances(&self) -> Allowances {
        let limits = &self.config.limits;
        let allowance = |per_second, per_day| Allowance { per_second, per_day };
        Allowances {
            address: allowance(limits.address_bytes_per_second, limits.address_bytes_per_day),
            person: allowance(limits.person_bytes_per_second, limits.person_bytes_per_day),
            token: allowance(limits.token_bytes_per_second, limits.token_bytes_per_day),
            token_streams: limits.token_streams,
            classes: self.config.token_classes(),
        }
    }

    fn intake(&self, encoders: usize) -> Intake {
        Intake {
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
            order: self.order(),
        }
    }

    fn shared(&self, encoders: usize) -> Shared {
        let live = Live::default();
        let files = Files::new(self.media.clone(), OPEN_FILES);
        self.work
            .spawn("open files", files.clone().sweep(self.work.clone()));
        let playables = Playables::start(
            self.db.clone(),
            self.logs.clone(),
            self.traffic.clone(),
            |projection| self.projectors.moves(projection),
            &self.work,
        );
        let following = (self.db.clone(), Arc::clone(&self.clock), self.work.clone());
        let traffic = self.traffic.clone();
        self.work
            .spawn("traffic", traffic.follow(following.0, following.1, following.2));
        Shared {
            cdn: web::Data::new(self.cdn()),
            accounts: web::Data::new(Accounts::new(self.allowances(), Arc::clone(&self.clock))),
            files: web::Data::new(files),
            playables: web::Data::new(playables),
            limits: web::Data::new(Limits::new(self.rates())),
            tokens: web::Data::new(self.tokens.clone()),
            db: web::Data::new(self.db.clone()),
            logs: web::Data::new(self.logs.clone()),
            clips: web::Data::new(self.clips.clone()),
            projectors: web::Data::new(self.projectors.clone()),
            media: web::Data::new(self.media.clone()),
            keys: web::Data::new(Keys::new(self.db.clone(), self.identity.clone())),
            reports: web::Data::new(self.reports(&live)),
            first_answers: web::Data::new(FirstAnswers {
                db: self.db.clone(),
                kept_for: TimeDelta::hours(i64::from(self.config.http.idempotency_hours)),
            }),
            downloads: web::Data::new(Downloads::default()),
            intake: web::Data::new(self.intake(encoders)),
            undo: web::Data::new(Undo(TimeDelta::hours(i64::from(
                self.config.retention.deleted_hours,
            )))),
            readiness: web::Data::new(self.readiness(&live)),
            sender: web::Data::new(self.sender.clone()),
            sources: web::Data::new(Sources {
                outbound: self.sources.clone(),
                clock: Arc::clone(&self.clock),
            }),
            clock: web::Data::from(Arc::clone(&self.clock)),
            recorder: web::Data::new(self.recorder.clone()),
        }
    }
}

/// Connections are files: as many as the system lets this process have. Tells how many those are.
fn allow_many_files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: maximum,
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the number of open files stays limited as it was");
    }
    let allowed = getrlimit(Resource::Nofile).current;
    allowed.map_or(usize::MAX, |files| usize::try_from(files).unwrap_or(usize::MAX))
}

/// What handlers may ask for, one dependency at a time.
#[derive(Clone)]
struct Shared {
    cdn: web::Data<Cdn>,
    accounts: web::Data<Accounts>,
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
    reports: web::Data<Reports>,
    first_answers: web::Data<FirstAnswers>,
    downloads: web::Data<Downloads>,
    intake: web::Data<Intake>,
    undo: web::Data<Undo>,
    readiness: web::Data<Readiness>,
    sender: web::Data<Sender>,
    sources: web::Data<Sources>,
    clock: web::Data<dyn Clock>,
    recorder: web::Data<PrometheusHandle>,
}

impl Shared {
    fn attach(self, app: &mut web::ServiceConfig) {
        app.app_data(self.cdn)
            .app_data(self.accounts)
            .app_data(self.files)
            .app_data(self.playables)
            .app_data(self.tokens)
            .app_data(self.limits)
            .app_data(self.db)
            .app_data(self.logs)
            .app_data(self.clips)
            .app_data(self.projectors)
            .app_data(self.media)
            .app_data(self.keys)
            .app_data(self.reports)
            .app_data(self.first_answers)
            .app_data(self.downloads)
            .app_data(self.intake)
            .app_data(self.undo)
            .app_data(self.readiness)
            .app_data(self.sender)
            .app_data(self.sources)
            .app_data(self.clock)
            .app_data(self.recorder);
    }
}
