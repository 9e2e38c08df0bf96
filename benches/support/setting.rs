//! How long a benchmark may take, as the environment says it.

use anyhow::Context;

/// A number; nothing, when the environment names none.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark is told by its environment how long it may take"
)]
pub(crate) fn setting<T: std::str::FromStr>(name: &str) -> anyhow::Result<Option<T>> {
    match std::env::var(name) {
        Ok(text) => Ok(Some(
            text.parse()
                .ok()
                .with_context(|| format!("{name} must be a number"))?,
        )),
        Err(_absent) => Ok(None),
    }
}
