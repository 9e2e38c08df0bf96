//! `GET /api/oembed`: how a clip stands in somebody else's page (<https://oembed.com>).

use actix_web::http::Uri;
use actix_web::{HttpRequest, web};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::clips::find;
use super::pages::{BOX, escape, origin_of, player_box};
use super::problem::{Code, Problem};
use crate::storage::Db;

#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct OembedQuery {
    /// The address of a clip's page.
    url: String,
    /// `json`.
    format: Option<String>,
    maxwidth: Option<i64>,
    maxheight: Option<i64>,
}

/// A player for somebody else's page.
#[derive(JsonSchema, Serialize)]
pub(super) struct Oembed {
    version: &'static str,
    r#type: &'static str,
    title: String,
    provider_name: &'static str,
    provider_url: String,
    width: i64,
    height: i64,
    html: String,
}

/// For public clips, and only as JSON.
pub(super) async fn show(
    request: HttpRequest,
    query: web::Query<OembedQuery>,
    caller: Caller,
    db: web::Data<Db>,
) -> Result<web::Json<Oembed>, Problem> {
    if query.format.as_deref().is_some_and(|format| format != "json") {
        return Err(Problem::new(Code::InvalidRequest, "`format` must be `json`."));
    }
    let name = clip_in(&query.url).ok_or_else(|| {
        Problem::new(
            Code::InvalidRequest,
            "`url` must be the address of a clip's page.",
        )
    })?;
    let clip = find(&db, &name, &caller).await?;
    if clip.visibility != "public" {
        return Err(Problem::clip_not_found(&name));
    }
    let room = |asked: Option<i64>, usual: i64| {
        asked
            .filter(|&room| room > 0)
            .map_or(usual, |room| room.min(usual))
    };
    let (width, height) = player_box(&clip, (room(query.maxwidth, BOX.0), room(query.maxheight, BOX.1)));
    let origin = origin_of(&request);
    let html = format!(
        r#"<iframe src="{}/embed/{}" title="{}" width="{width}" height="{height}" allow="autoplay; fullscreen; picture-in-picture" allowfullscreen></iframe>"#,
        escape(&origin),
        escape(&clip.slug),
        escape(&clip.title),
    );
    Ok(web::Json(Oembed {
        version: "1.0",
        r#type: "video",
        title: clip.title,
        provider_name: "Clipper",
        provider_url: origin,
        width,
        height,
        html,
    }))
}

/// The clip that the address of a page names.
fn clip_in(address: &str) -> Option<String> {
    let uri: Uri = address.parse().ok()?;
    let (_, name) = ["/watch/", "/embed/"]
        .iter()
        .find_map(|page| uri.path().strip_prefix(page).map(|name| (page, name)))?;
    (!name.is_empty() && !name.contains('/')).then(|| name.to_owned())
}
