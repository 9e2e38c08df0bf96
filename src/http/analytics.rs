//! `/api/analytics`: what came of reports, for analysts and for owners of clips.

mod clip;
mod export;
mod figures;
mod filter;
mod interval;
mod overview;
mod parameters;
mod retention;
mod sessions;
mod totals;

pub(super) use clip::clip;
pub(super) use export::export;
use filter::Filter;
pub(crate) use filter::instant_of as instant;
pub(super) use overview::{breakdown, overview, timeseries};
use parameters::Parameters;
pub(super) use retention::retention;
pub(super) use sessions::{list as sessions, show as session};

/// Of fewer sessions, shares say little.
const FEW: i64 = 30;

#[expect(
    clippy::cast_precision_loss,
    reason = "counts and milliseconds stay far below 2^52"
)]
fn share(part: i64, whole: i64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}
