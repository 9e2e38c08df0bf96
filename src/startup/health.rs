//! How the process is, for those who watch over it.

use std::sync::Arc;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use anyhow::Context;

use super::Services;
use crate::http::{self, Live, Readiness};

impl Services {
    /// Binds an HTTP server that tells how the process is, and nothing else: for workers.
    pub fn bind_health(&self, listen: &str) -> anyhow::Result<Server> {
        let readiness = web::Data::new(self.readiness(&Live::default()));
        let recorder = web::Data::new(self.recorder.clone());
        let application = move || {
            App::new()
                .app_data(readiness.clone())
                .app_data(recorder.clone())
                .configure(http::configure_health)
        };
        let server = HttpServer::new(application).workers(1).disable_signals();
        let bound = server
            .bind(listen)
            .with_context(|| format!("cannot listen on {listen}: is the port taken?"))?;
        Ok(bound.run())
    }

    pub(super) fn readiness(&self, live: &Live) -> Readiness {
        Readiness {
            db: self.db.clone(),
            logs: self.logs.clone(),
            media: self.media.clone(),
            health: self.health.clone(),
            clips: self.clips.clone(),
            clock: Arc::clone(&self.clock),
            live: live.clone(),
            data_dir: self.config.data_dir.clone(),
        }
    }
}
