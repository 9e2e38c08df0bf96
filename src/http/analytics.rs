//! `/api/analytics`: what came of reports, for analysts and for owners of clips.

mod figures;
mod filter;
mod interval;
mod overview;
mod parameters;
mod sessions;
mod totals;

use filter::Filter;
pub(super) use overview::{breakdown, overview, timeseries};
use parameters::Parameters;
pub(super) use sessions::list as sessions;
