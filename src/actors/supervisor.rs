//! Supervision by factory and heartbeat. actix's own `Supervisor` does not restart an actor after a panic, and sees
//! no hang at all.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use actix::dev::ToEnvelope;
use actix::{Actor, Addr, Handler, Message};
use tokio::sync::watch;

use crate::shutdown::Shutdown;

/// Asks an actor whether it still takes messages.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Ping;

/// How many actors were given up.
#[derive(Clone, Debug, Default)]
pub struct Health {
    given_up: Arc<AtomicUsize>,
}

impl Health {
    /// Whether every actor runs, or is being replaced.
    pub fn is_good(&self) -> bool {
        self.given_up.load(Ordering::Relaxed) == 0
    }
}

const BEAT: Duration = if cfg!(test) {
    Duration::from_millis(20)
} else {
    Duration::from_secs(2)
};
/// Longer than any page of a projection or any claim takes.
const HUNG_AFTER: Duration = Duration::from_mins(1);
/// An actor that ran this long starts with a clean record.
const GOOD_RUN: Duration = Duration::from_mins(1);
const MAX_RESTARTS: u32 = 8;
/// Doubled with each restart.
const FIRST_PAUSE: Duration = Duration::from_millis(if cfg!(test) { 1 } else { 100 });

/// Keeps an actor running: starts it, watches its heartbeat, and starts another when it dies or hangs. The current
/// address is on the channel.
pub(super) fn supervise<A>(
    name: &'static str,
    start: impl Fn() -> Addr<A> + Send + 'static,
    health: Health,
    shutdown: &Shutdown,
) -> watch::Receiver<Addr<A>>
where
    A: Actor + Handler<Ping>,
    A::Context: ToEnvelope<A, Ping>,
{
    let (current, receiver) = watch::channel(start());
    let stopping = shutdown.clone();
    shutdown.spawn(name, async move {
        let mut restarts = 0;
        loop {
            let address = current.borrow().clone();
            let started = Instant::now();
            let Some(cause) = watch_heartbeat(&address, &stopping).await else {
                return;
            };
            restarts = if started.elapsed() > GOOD_RUN {
                1
            } else {
                restarts + 1
            };
            metrics::counter!("clipper_actor_restarts_total", "actor" => name, "cause" => cause).increment(1);
            if restarts > MAX_RESTARTS {
                tracing::error!(
                    actor = name,
                    cause,
                    "actor given up after {MAX_RESTARTS} restarts"
                );
                health.given_up.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let pause = FIRST_PAUSE * (1 << restarts.min(8));
            tracing::error!(actor = name, cause, restarts, ?pause, "actor is replaced");
            tokio::time::sleep(pause).await;
            current.send_replace(start());
        }
    });
    receiver
}

/// Beats until the actor fails, and says how; nothing, when the program ends.
async fn watch_heartbeat<A>(address: &Addr<A>, shutdown: &Shutdown) -> Option<&'static str>
where
    A: Actor + Handler<Ping>,
    A::Context: ToEnvelope<A, Ping>,
{
    loop {
        tokio::select! {
            () = shutdown.finishing() => return None,
            () = tokio::time::sleep(BEAT) => {}
        }
        match tokio::time::timeout(HUNG_AFTER, address.send(Ping)).await {
            Ok(Ok(())) => {}
            Ok(Err(_closed)) => return Some("died"),
            Err(_elapsed) => return Some("hung"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU32;

    use actix::{AsyncContext, Context};

    use super::*;

    /// Dies as often as it is told to, then lives.
    struct Mortal {
        lives: Arc<AtomicU32>,
    }

    impl Actor for Mortal {
        type Context = Context<Self>;

        fn started(&mut self, context: &mut Context<Self>) {
            if self.lives.fetch_sub(1, Ordering::SeqCst) > 1 {
                context.run_later(Duration::from_millis(5), |_, _| panic!("as told"));
            }
        }
    }

    impl Handler<Ping> for Mortal {
        type Result = ();

        fn handle(&mut self, _: Ping, _: &mut Context<Self>) {}
    }

    fn mortal(deaths: u32) -> (watch::Receiver<Addr<Mortal>>, Health, Shutdown) {
        let (health, shutdown) = (Health::default(), Shutdown::new());
        let (lives, arbiter) = (
            Arc::new(AtomicU32::new(deaths + 1)),
            actix::Arbiter::new().handle(),
        );
        let start = move || {
            let lives = Arc::clone(&lives);
            Mortal::start_in_arbiter(&arbiter, |_| Mortal { lives })
        };
        (
            supervise("mortal", start, health.clone(), &shutdown),
            health,
            shutdown,
        )
    }

    #[actix::test]
    async fn an_actor_that_panics_is_replaced() {
        let (mut address, health, shutdown) = mortal(1);
        let replaced = tokio::time::timeout(Duration::from_secs(5), address.changed()).await;
        assert!(replaced.is_ok_and(|changed| changed.is_ok()));
        let second = address.borrow().clone();
        assert!(second.send(Ping).await.is_ok());
        assert!(health.is_good());
        shutdown.abandon().await;
    }

    #[actix::test]
    async fn an_actor_that_never_lives_is_given_up() {
        let (_address, health, shutdown) = mortal(1_000);
        let given_up = async {
            while health.is_good() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        assert!(
            tokio::time::timeout(Duration::from_mins(1), given_up)
                .await
                .is_ok()
        );
        shutdown.abandon().await;
    }
}
