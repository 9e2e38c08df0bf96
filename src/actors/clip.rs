//! Clip actors: one per active clip, which holds its state in memory and takes commands one at a time.
//!
//! The database's constraint, not the actor, is the truth: two nodes with the same clip stay right, only slower.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix::prelude::*;
use clipper_domain::ClipId;
use clipper_domain::clip::ClipCommand;

use crate::commands::{ClipCommands, CommandContext, CommandError, Executed, LoadedClip};

/// Commands that may wait for one clip.
const MAILBOX: usize = 64;
const IDLE: Duration = Duration::from_mins(2);
const IDLE_CHECK: Duration = Duration::from_secs(15);

/// The way to every clip.
#[derive(Clone)]
pub struct Clips {
    registry: Arc<Registry>,
}

struct Registry {
    commands: ClipCommands,
    arbiter: ArbiterHandle,
    // Held for a look-up only; handles on every thread share the map.
    active: Mutex<HashMap<ClipId, Addr<ClipActor>>>,
}

impl Clips {
    /// Clips whose actors run on this arbiter.
    pub fn new(commands: ClipCommands, arbiter: ArbiterHandle) -> Self {
        Self {
            registry: Arc::new(Registry {
                commands,
                arbiter,
                active: Mutex::default(),
            }),
        }
    }

    /// Executes a command on a clip.
    pub async fn execute(
        &self,
        clip: ClipId,
        command: ClipCommand,
        context: CommandContext,
    ) -> Result<Executed, CommandError> {
        // An actor may leave memory between look-up and delivery; the second one has just been started.
        for _ in 0..3 {
            let address = self.registry.address(clip);
            let execute = Execute {
                command: command.clone(),
                context: context.clone(),
            };
            match address.send(execute).await {
                Ok(result) => return result,
                Err(MailboxError::Closed) => self.registry.forget(clip, &address),
                Err(MailboxError::Timeout) => return Err(CommandError::Overloaded),
            }
        }
        Err(CommandError::Stopping)
    }

    /// How many clips are in memory.
    pub fn active(&self) -> usize {
        self.registry
            .active
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }
}

impl Registry {
    fn address(self: &Arc<Self>, clip: ClipId) -> Addr<ClipActor> {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        active
            .entry(clip)
            .or_insert_with(|| {
                let registry = Arc::clone(self);
                ClipActor::start_in_arbiter(&self.arbiter, move |context| {
                    context.set_mailbox_capacity(MAILBOX);
                    ClipActor {
                        clip,
                        held: None,
                        registry,
                        used: Instant::now(),
                    }
                })
            })
            .clone()
    }

    fn forget(&self, clip: ClipId, address: &Addr<ClipActor>) {
        let mut active = self.active.lock().unwrap_or_else(PoisonError::into_inner);
        if active.get(&clip) == Some(address) {
            active.remove(&clip);
        }
    }
}

struct ClipActor {
    clip: ClipId,
    /// What is known; nothing before the first command, and while one is under way.
    held: Option<LoadedClip>,
    registry: Arc<Registry>,
    used: Instant,
}

impl Actor for ClipActor {
    type Context = Context<Self>;

    fn started(&mut self, context: &mut Context<Self>) {
        context.run_interval(IDLE_CHECK, |actor, context| {
            if actor.used.elapsed() > IDLE {
                context.stop();
            }
        });
    }

    fn stopped(&mut self, context: &mut Context<Self>) {
        self.registry.forget(self.clip, &context.address());
    }
}

#[derive(Message)]
#[rtype(result = "Result<Executed, CommandError>")]
struct Execute {
    command: ClipCommand,
    context: CommandContext,
}

impl Handler<Execute> for ClipActor {
    type Result = AtomicResponse<Self, Result<Executed, CommandError>>;

    fn handle(&mut self, message: Execute, _: &mut Context<Self>) -> Self::Result {
        self.used = Instant::now();
        let (clip, commands) = (self.clip, self.registry.commands.clone());
        let held = self.held.take();
        let work = async move {
            let mut held = match held {
                Some(held) => held,
                // Most likely there is nothing to be read; if there is, the append says so, and it is read then.
                None if matches!(message.command, ClipCommand::Register(_)) => LoadedClip::default(),
                None => commands.catch_up(clip, LoadedClip::default()).await?,
            };
            let result = commands
                .execute(clip, &mut held, message.command, &message.context)
                .await;
            Ok((held, result))
        };
        AtomicResponse::new(Box::pin(work.into_actor(self).map(
            |outcome: Result<_, CommandError>, actor, _| {
                let (held, result) = outcome?;
                actor.held = Some(held);
                result
            },
        )))
    }
}
