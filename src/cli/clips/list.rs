//! `clipper clips list`.

use anyhow::Context;
use clap::Args;
use clipper_projections::clips::{self, ClipRow, Filter, Order};
use serde_json::json;

use crate::cli::output::{Output, table};
use crate::storage::{Db, people};

#[derive(Debug, Args)]
pub(in crate::cli) struct ListArguments {
    /// Only those of this user.
    #[arg(long, value_name = "USER")]
    owner: Option<String>,
    /// Only those in this processing status.
    #[arg(long)]
    status: Option<String>,
    /// Those that were deleted and may be restored.
    #[arg(long)]
    deleted: bool,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(i64).range(1..))]
    limit: i64,
}

pub(super) async fn list(db: &Db, arguments: ListArguments, output: Output) -> anyhow::Result<bool> {
    let owner = match &arguments.owner {
        None => None,
        Some(user) => {
            let person = people::find(db, user).await?;
            Some(person.with_context(|| format!("there is no user `{user}`"))?)
        }
    };
    let filter = Filter {
        owner,
        status: arguments.status,
        everything: true,
        deleted: arguments.deleted,
        ..Filter::default()
    };
    let rows = db
        .all(clips::page(filter, Order::Newest, arguments.limit))
        .await?;
    let mut listed = vec![];
    for row in &rows {
        listed.push(json!({
            "id": row.id, "slug": row.slug, "title": row.title, "visibility": row.visibility,
            "owner_id": people::user_of(db, &row.owner_id).await?, "created_at": row.created_at,
            "hls_processing_status": row.hls_processing_status, "encoding_state": row.encoding_state,
            "deleted_at": row.deleted_at, "restore_until": row.purge_after,
        }));
    }
    output.data(&listed.into(), || {
        let rows: Vec<_> = rows.iter().map(cells).collect();
        table(&["slug", "visibility", "state", "created (UTC)", "title"], &rows)
    })
}

fn cells(row: &ClipRow) -> Vec<String> {
    let until = row.purge_after.map(|until| until.format("%Y-%m-%d %H:%M"));
    let state = until.map_or_else(
        || row.encoding_state.clone(),
        |until| format!("deleted, until {until}"),
    );
    vec![
        row.slug.clone(),
        row.visibility.clone(),
        state,
        row.created_at.format("%Y-%m-%d %H:%M").to_string(),
        row.title.clone(),
    ]
}
