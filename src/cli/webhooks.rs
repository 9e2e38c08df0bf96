//! `clipper webhooks`: through the API, as any operator would.

use std::time::Duration;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::ingest::{Api, key_of};
use super::output::{Output, table};
use crate::config::Config;

#[derive(Debug, Args)]
pub(super) struct WebhooksArguments {
    /// The server [default: where the settings say that it listens].
    #[arg(long, value_name = "URL", global = true)]
    server: Option<String>,
    /// The API key [default: the one in the settings or in the data directory].
    #[arg(long, global = true)]
    key: Option<String>,
    #[command(subcommand)]
    verb: WebhooksVerb,
}

#[derive(Debug, Subcommand)]
enum WebhooksVerb {
    /// Who is told of clips' events.
    List,
    /// Tell an address; prints the secret, once.
    Create {
        /// The address.
        url: String,
        /// Types of events, separated by commas [default: all].
        #[arg(long, value_delimiter = ',')]
        events: Vec<String>,
        /// What to call it.
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Send a message that means nothing, and see what comes of it.
    Test {
        /// The webhook's UUID.
        webhook: String,
    },
    /// What a webhook was told, the latest first, and how that went.
    Deliveries {
        /// The webhook's UUID.
        webhook: String,
        /// Only `pending`, `delivered` or `parked` ones.
        #[arg(long)]
        state: Option<String>,
    },
}

pub(super) async fn run(
    config: &Config,
    arguments: WebhooksArguments,
    output: Output,
) -> anyhow::Result<bool> {
    let server = arguments
        .server
        .unwrap_or_else(|| format!("http://{}", config.listen));
    let key = key_of(config, arguments.key.as_deref()).await?;
    let api = Api::new(&server, key, Duration::ZERO)?;
    match arguments.verb {
        WebhooksVerb::List => {
            let listed = api.get("/api/webhooks").await?;
            output.data(&listed, || {
                let names = ["id", "enabled", "position", "url", "description"];
                rows(&listed, "webhooks", &names)
            })
        }
        WebhooksVerb::Create {
            url,
            events,
            description,
        } => {
            let body = json!({ "url": url, "events": events, "description": description });
            let created = api.post("/api/webhooks", &body).await?;
            output.data(&created, || {
                let (id, secret) = (cell(&created, "id"), cell(&created, "secret"));
                format!("webhook {id}\nThe secret is shown once: {secret}")
            })
        }
        WebhooksVerb::Test { webhook } => {
            let tested = api
                .post(&format!("/api/webhooks/{webhook}/test"), &json!({}))
                .await?;
            let delivered = tested
                .get("delivered")
                .and_then(Value::as_bool)
                .unwrap_or_default();
            output.data(&tested, || {
                if delivered {
                    format!("taken: {}", cell(&tested, "response_status"))
                } else {
                    format!("not taken: {}", cell(&tested, "error"))
                }
            })?;
            Ok(delivered)
        }
        WebhooksVerb::Deliveries { webhook, state } => {
            let query = state.map_or(String::new(), |state| format!("?state={state}"));
            let listed = api
                .get(&format!("/api/webhooks/{webhook}/deliveries{query}"))
                .await?;
            output.data(&listed, || {
                let names = ["id", "type", "clip", "position", "state", "attempts", "error"];
                rows(&listed, "deliveries", &names)
            })
        }
    }
}

fn rows(listed: &Value, of: &str, names: &[&str]) -> String {
    let found = listed
        .get(of)
        .and_then(Value::as_array)
        .cloned()
        .unwrap_or_default();
    let row = |one: &Value| names.iter().map(|name| cell(one, name)).collect();
    table(names, &found.iter().map(row).collect::<Vec<Vec<_>>>())
}

fn cell(row: &Value, name: &str) -> String {
    match row.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    }
}
