//! How many encoders this machine carries, or the part of it that this process may use.

use std::path::{Path, PathBuf};

/// ffmpeg keeps about two cores busy with three rungs.
const CORES_EACH: usize = 2;
/// Decoded 4K pictures in flight and three encoders' look-ahead.
const MEMORY_EACH: u64 = 2 << 30;

/// What there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Capacity {
    /// Processor cores.
    pub cores: usize,
    /// Bytes of memory; nothing, where it cannot be found out.
    pub memory: Option<u64>,
}

impl Capacity {
    /// What this process may use: a container's limits count, not the machine behind it.
    pub fn here() -> Self {
        let machine = read(Path::new("/proc/meminfo")).and_then(|text| total_memory(&text));
        let limit = read(Path::new("/proc/self/cgroup")).and_then(|text| group_limit(&text, read));
        Self {
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: machine.into_iter().chain(limit).min(),
        }
    }

    /// Encoders that run well beside each other: one for every two cores and 2 GiB, and one in any case.
    pub fn encoders(self) -> usize {
        let by_memory = self
            .memory
            .and_then(|memory| usize::try_from(memory.next_multiple_of(MEMORY_EACH / 2) / MEMORY_EACH).ok());
        let by_cores = self.cores / CORES_EACH;
        by_memory
            .map_or(by_cores, |by_memory| by_memory.min(by_cores))
            .max(1)
    }
}

impl std::fmt::Display for Capacity {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} cores", self.cores)?;
        match self.memory {
            Some(memory) => write!(formatter, ", {} MiB of memory", memory >> 20),
            None => Ok(()),
        }
    }
}

fn read(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// The first line of `/proc/meminfo`: `MemTotal:       16315508 kB`.
fn total_memory(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes << 10)
}

/// The least limit of the process's control group and those around it, in both forms that Linux has.
fn group_limit(groups: &str, read: impl Fn(&Path) -> Option<String>) -> Option<u64> {
    let limits = groups.lines().flat_map(|line| {
        let mut parts = line.splitn(3, ':').skip(1);
        let (controllers, path) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            "memory" => ("/sys/fs/cgroup/memory", "memory.limit_in_bytes"),
            _ => return vec![],
        };
        let below = PathBuf::from(root).join(path.trim_start_matches('/'));
        let within = below.ancestors().take_while(|folder| folder.starts_with(root));
        within
            .filter_map(|folder| read(&folder.join(file))?.trim().parse().ok())
            .collect()
    });
    limits.min()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoders(cores: usize, memory: Option<u64>) -> usize {
        Capacity { cores, memory }.encoders()
    }

    #[test]
    fn an_encoder_has_two_cores_and_two_gibibytes_and_there_is_always_one() {
        let gib = |count: u64| Some(count << 30);
        assert_eq!(encoders(1, gib(1)), 1);
        assert_eq!(encoders(2, gib(16)), 1);
        assert_eq!(encoders(8, gib(16)), 4);
        assert_eq!(encoders(8, gib(4)), 2);
        assert_eq!(encoders(16, None), 8);
        // What is sold as 4 GiB shows as a little less.
        assert_eq!(encoders(8, Some((4 << 30) - (200 << 20))), 2);
    }

    #[test]
    fn the_tightest_limit_around_a_container_counts() {
        let files = |path: &Path| match path.to_str()? {
            "/sys/fs/cgroup/memory.max" | "/sys/fs/cgroup/a/b/memory.max" => Some("max\n".to_owned()),
            "/sys/fs/cgroup/a/memory.max" => Some("4294967296\n".to_owned()),
            "/sys/fs/cgroup/memory/old/memory.limit_in_bytes" => Some("1073741824\n".to_owned()),
            _ => None,
        };
        assert_eq!(group_limit("0::/a/b\n", files), Some(4 << 30));
        assert_eq!(group_limit("0::/\n", files), None);
        let first_form = "12:cpu,cpuacct:/old\n5:memory:/old\n0::/\n";
        assert_eq!(group_limit(first_form, files), Some(1 << 30));
    }

    #[test]
    fn the_memory_of_the_machine_is_read() {
        assert_eq!(
            total_memory("MemTotal:       16315508 kB\nMemFree: 1 kB\n"),
            Some(16_315_508 << 10)
        );
        assert_eq!(total_memory(""), None);
    }
}
