//! Sessions as files.

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use futures_util::stream;

use super::{Filter, Parameters};
use crate::clock::Clock;
use crate::export::{Export, ExportError, Format, Names};
use crate::http::auth::Caller;
use crate::http::problem::Problem;
use crate::storage::Db;

/// `GET /api/analytics/export`.
pub(in crate::http) async fn export(
    request: HttpRequest,
    caller: Caller,
    db: web::Data<Db>,
    clock: web::Data<dyn Clock>,
) -> Result<HttpResponse, Problem> {
    let mut parameters = Parameters::of(&request)?;
    let filter = Filter::take(&mut parameters, &caller, &db, &clock).await?;
    let format = parameters
        .word("format", &Format::NAMES)?
        .unwrap_or(Format::Ndjson);
    parameters.finish()?;
    let names = if caller.audience()?.is_some() {
        Names::Hidden
    } else {
        Names::Shown
    };
    let day =
        |at: chrono::DateTime<chrono::Utc>| at.with_timezone(&filter.zone).format("%Y-%m-%d").to_string();
    let (from, to) = (day(filter.selection.from), day(filter.selection.to));
    let file = format!("attachment; filename=\"sessions-{from}-{to}.{}\"", format.name());
    let export = Export::new(db.get_ref().clone(), filter.selection, names, format)?;
    // An answer that breaks off is all that can be said of an error behind its head.
    let body = stream::try_unfold(export, |mut export| async move {
        let piece = export.next().await.inspect_err(|error| {
            tracing::error!(error = error as &dyn std::error::Error, "an export broke off");
        })?;
        Ok::<_, ExportError>(piece.map(|bytes| (web::Bytes::from(bytes), export)))
    });
    Ok(HttpResponse::Ok()
        .content_type(format.media_type())
        .insert_header((header::CONTENT_DISPOSITION, file))
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .streaming(Box::pin(body)))
}
