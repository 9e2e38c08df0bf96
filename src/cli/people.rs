//! `clipper people`.

use anyhow::Context;
use clap::Subcommand;
use serde_json::json;

use super::output::{Output, table};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::storage::{Db, people};

#[derive(Debug, Subcommand)]
pub(super) enum PeopleVerb {
    /// Who is behind which pseudonym.
    List,
    /// Forget who is behind a pseudonym, and revoke the person's keys. It cannot be undone.
    Erase {
        /// The user, as keys and identity providers name it.
        user: String,
    },
}

pub(super) async fn run(config: &Config, verb: PeopleVerb, output: Output) -> anyhow::Result<bool> {
    let db = Db::open(&config.database_url())
        .await
        .context("cannot open the database")?;
    match verb {
        PeopleVerb::List => list(&db, output).await,
        PeopleVerb::Erase { user } => {
            let forgotten = people::erase(&db, &user, SystemClock.now())
                .await?
                .with_context(|| format!("there is no user `{user}`"))?;
            output.data(
                &json!({ "person": forgotten.person, "keys": forgotten.keys }),
                || {
                    let pseudonym = forgotten.person.map_or(String::new(), |person| {
                        format!("; what they did was done by the pseudonym {person}")
                    });
                    format!("forgotten, {} keys revoked{pseudonym}", forgotten.keys)
                },
            )
        }
    }
}

async fn list(db: &Db, output: Output) -> anyhow::Result<bool> {
    let people = people::list(db).await?;
    output.data(&json!(people), || {
        let rows: Vec<_> = people
            .iter()
            .map(|person| {
                let user = person.user_id.clone().unwrap_or("(forgotten)".to_owned());
                vec![
                    person.id.clone(),
                    user,
                    person.created_at.format("%Y-%m-%d %H:%M").to_string(),
                ]
            })
            .collect();
        table(&["pseudonym", "user", "first seen (UTC)"], &rows)
    })
}
