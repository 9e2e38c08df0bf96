//! The command line: one file per verb.

mod backfill;
mod backup;
mod clips;
mod doctor;
#[cfg(test)]
mod documented;
mod encode;
mod events;
mod export;
mod gc;
mod import;
mod ingest;
mod keys;
mod man;
mod output;
mod people;
mod projections;
mod publish;
mod queue;
mod rejects;
mod serve;
mod simulate;
mod store;
mod token;
mod validate;
mod webhooks;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};

use crate::config::{Capacity, Config};
use crate::startup::redacted;
use crate::storage::Db;
use crate::telemetry;
use output::Output;

/// Adaptive HLS clip streaming: upload, encode, serve, learn.
#[derive(Debug, Parser)]
#[command(
    name = "clipper",
    version,
    propagate_version = true,
    arg_required_else_help = true
)]
struct Arguments {
    /// The settings file [default: clipper.toml, when there is one].
    #[arg(long, global = true, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print data as JSON.
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve the API and the pages, follow the logs and encode.
    Serve(serve::ServeArguments),
    /// Encode only; any number of these, on any machine.
    Worker(serve::WorkerArguments),
    /// Upload files through the API.
    Ingest(ingest::IngestArguments),
    /// Encode a clip again, beside what plays.
    Encode(encode::EncodeArguments),
    /// Stop a clip's encoding.
    Cancel {
        /// The clip's UUID or slug.
        clip: String,
    },
    /// Queue clips that have no HLS yet, behind everything else.
    Backfill(backfill::BackfillArguments),
    /// Make clips known that live elsewhere, from CSV or NDJSON.
    Import(import::ImportArguments),
    /// Remove from the media store what the log names no more.
    Gc(gc::GcArguments),
    /// Copy media from a folder to a bucket of S3.
    Publish(publish::PublishArguments),
    /// Look at what is left to be encoded, and hold classes of it back.
    #[command(subcommand)]
    Queue(queue::QueueVerb),
    /// Look at clips.
    #[command(subcommand)]
    Clips(clips::ClipsVerb),
    /// Look at read models, rebuild and verify them.
    #[command(subcommand)]
    Projections(projections::ProjectionsVerb),
    /// Read, export, import and verify the logs.
    #[command(subcommand)]
    Events(events::EventsVerb),
    /// Who is who, and forgetting it.
    #[command(subcommand)]
    People(people::PeopleVerb),
    /// Playback tokens for private clips, and the keys that sign them.
    #[command(subcommand)]
    Token(token::TokenVerb),
    /// Who is told of clips' events, and how that went.
    Webhooks(webhooks::WebhooksArguments),
    /// API keys: make, list, revoke and rotate them.
    #[command(subcommand)]
    Keys(keys::KeysVerb),
    /// Write what was measured into files for analysts.
    #[command(subcommand)]
    Export(export::ExportVerb),
    /// Look at records of players that were set aside, and why.
    Rejects(rejects::RejectsArguments),
    /// Copy an embedded store into a new folder, while it runs.
    Backup {
        /// The folder.
        folder: PathBuf,
    },
    /// Put a backup in the place of an embedded store.
    Restore(backup::RestoreArguments),
    /// Check any HLS presentation, from disk or from a server.
    Validate(validate::ValidateArguments),
    /// Have a population of players watch a clip, on recorded networks.
    Simulate(Box<simulate::SimulateArguments>),
    /// Check ffmpeg, database, storage and clock.
    Doctor,
    /// Bring the database's schema up to date.
    Migrate,
    /// Print the effective settings, without secrets.
    Config,
    /// Print the description of the API, for generators of clients.
    Openapi,
    /// Print completions for a shell.
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all commands into a folder.
    #[command(hide = true)]
    Man {
        /// The folder.
        folder: Option<PathBuf>,
    },
}

/// Exit codes: 0 ok, 1 failed, 2 usage.
const FAILED: u8 = 1;
const USAGE: u8 = 2;

/// Runs the program with the arguments of the process.
pub async fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let code = if error.use_stderr() { USAGE } else { 0 };
            // A closed pipe is no reason to fail while saying why we fail.
            drop(error.print());
            return ExitCode::from(code);
        }
    };
    let output = Output::new(arguments.json);
    let config = match Config::load(arguments.config.as_deref()) {
        Ok(config) => config,
        Err(error) => {
            output.error(&error.into());
            return ExitCode::from(USAGE);
        }
    };
    match execute(arguments.verb, config, output).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            output.error(&error);
            ExitCode::from(FAILED)
        }
    }
}

/// Executes a verb; false, when it ran and what it looked at is not well.
async fn execute(verb: Verb, config: Config, output: Output) -> anyhow::Result<bool> {
    match verb {
        Verb::Serve(arguments) => {
            telemetry::start("info,actix_server=warn");
            serve::serve(config, arguments, output).await.map(|()| true)
        }
        Verb::Worker(arguments) => {
            telemetry::start("info");
            serve::work(config, arguments).await.map(|()| true)
        }
        Verb::Ingest(arguments) => ingest::ingest(&config, &arguments, output).await,
        Verb::Encode(arguments) => encode::encode(&config, arguments, output).await,
        Verb::Cancel { clip } => encode::cancel(&config, &clip, output).await,
        Verb::Backfill(arguments) => backfill::backfill(&config, &arguments, output).await,
        Verb::Import(arguments) => import::import(&config, &arguments, output).await,
        Verb::Gc(arguments) => gc::gc(&config, &arguments, output).await,
        Verb::Publish(arguments) => publish::publish(&config, &arguments, output).await,
        Verb::Queue(verb) => queue::run(&config, verb, output).await,
        Verb::Clips(verb) => clips::run(&config, verb, output).await,
        Verb::Projections(verb) => projections::run(&config, verb, output).await,
        Verb::Events(verb) => events::run(&config, verb, output).await,
        Verb::People(verb) => people::run(&config, verb, output).await,
        Verb::Token(verb) => token::run(&config, verb, output).await,
        Verb::Webhooks(arguments) => webhooks::run(&config, arguments, output).await,
        Verb::Keys(verb) => keys::run(&config, verb, output).await,
        Verb::Export(verb) => export::run(&config, verb, output).await,
        Verb::Rejects(arguments) => rejects::rejects(&config, arguments, output).await,
        Verb::Backup { folder } => backup::backup(&config, &folder, output).await,
        Verb::Restore(arguments) => backup::restore(&config, &arguments, output).await,
        Verb::Validate(arguments) => validate::validate(&arguments, output).await,
        Verb::Simulate(arguments) => simulate::simulate(&config, &arguments, output).await,
        Verb::Doctor => doctor::run(&config, output).await,
        Verb::Migrate => {
            let db = Db::open(&config.database_url()).await?;
            output.line(&format!("{} is up to date", db.product()));
            Ok(true)
        }
        Verb::Config => show(&config, output),
        Verb::Openapi => {
            output.line(crate::http::description().trim_end());
            Ok(true)
        }
        Verb::Completions { shell } => {
            clap_complete::generate(
                shell,
                &mut Arguments::command(),
                "clipper",
                &mut std::io::stdout(),
            );
            Ok(true)
        }
        Verb::Man { folder } => man::write(Arguments::command(), folder.as_deref()),
    }
}

/// The settings, and what was made of those that leave the choice to the program.
fn show(config: &Config, output: Output) -> anyhow::Result<bool> {
    let mut config = config.clone();
    config.database_url = config.database_url.as_deref().map(redacted);
    let mut data = serde_json::to_value(&config)?;
    if let Some(settings) = data.as_object_mut() {
        settings.insert("encoders".to_owned(), config.encoders().into());
    }
    output.data(&data, || {
        let settings = toml::to_string(&config).unwrap_or_default();
        let (encoders, capacity) = (config.encoders(), Capacity::here());
        format!("# Encodings at once: {encoders} (here are {capacity}).\n{settings}")
    })
}
