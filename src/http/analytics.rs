//! `/api/analytics`: what came of reports, for analysts and for owners of clips.

mod filter;
mod parameters;
mod sessions;

use filter::Filter;
use parameters::Parameters;
pub(super) use sessions::list as sessions;
