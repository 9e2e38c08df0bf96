//! The CPU time of processes.

use anyhow::Context;

/// Whose CPU time.
#[derive(Clone, Copy)]
pub(crate) enum Of {
    /// The process itself.
    Itself,
    /// Its children that have ended.
    Children,
}

/// proc(5): `utime` and `stime`, then `cutime` and `cstime`, from the 12th word after the program's name, in
/// hundredths of a second. Elsewhere than on Linux it is not known and stays 0.
pub(crate) fn cpu(process: &str, of: Of) -> anyhow::Result<f64> {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{process}/stat")) else {
        return Ok(0.0);
    };
    let (_, after_name) = stat.rsplit_once(')').context("the process has no name")?;
    let skipped = match of {
        Of::Itself => 11,
        Of::Children => 13,
    };
    let ticks: f64 = after_name
        .split_whitespace()
        .skip(skipped)
        .take(2)
        .map(|word| word.parse::<f64>().unwrap_or_default())
        .sum();
    Ok(ticks / 100.0)
}
