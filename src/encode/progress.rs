//! ffmpeg's `-progress` report: `key=value` lines.

/// How far ffmpeg has come.
#[derive(Debug, Default)]
pub(super) struct Counter {
    frame: u64,
    out_us: i64,
}

impl Counter {
    /// Takes a line and tells whether work was done since the last one that did.
    pub(super) fn take(&mut self, line: &str) -> bool {
        let Some((key, value)) = line.split_once('=') else {
            return false;
        };
        match key {
            "frame" => {
                let frame = value.trim().parse().unwrap_or(self.frame);
                let moved = frame > self.frame;
                self.frame = frame;
                moved
            }
            "out_time_us" => {
                let out_us = value.trim().parse().unwrap_or(self.out_us);
                let moved = out_us > self.out_us;
                self.out_us = out_us;
                moved
            }
            _ => false,
        }
    }

    /// Milliseconds of media that were written.
    pub(super) fn out_ms(&self) -> u64 {
        u64::try_from(self.out_us / 1_000).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rising_counter_is_progress() {
        let mut counter = Counter::default();
        let moved: Vec<bool> = [
            "frame=0",
            "frame=12",
            "frame=12",
            "out_time_us=N/A",
            "out_time_us=500000",
            "speed=2x",
        ]
        .into_iter()
        .map(|line| counter.take(line))
        .collect();
        assert_eq!(moved, [false, true, false, false, true, false]);
        assert_eq!(counter.out_ms(), 500);
    }
}
