//! How many hashes this machine has room for at once.

use std::fs;
use std::path::Path;

/// As many as there are cores, as far as half of the memory that this process may use has room for them. At least one.
pub fn max_parallel(memory_kib: u32) -> usize {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    fitting(cores, memory_limit(Path::new("/")), memory_kib)
}

/// Whether so many hashes at once fit into half of the memory that this process may use.
pub fn has_room(memory_kib: u32, parallel: usize) -> bool {
    let wanted = (u64::from(memory_kib) * 1024).saturating_mul(parallel as u64);
    memory_limit(Path::new("/")).is_none_or(|bytes| wanted <= bytes / 2)
}

fn fitting(cores: usize, limit: Option<u64>, memory_kib: u32) -> usize {
    let room = limit.map(|bytes| bytes / 2 / (u64::from(memory_kib).max(1) * 1024));
    cores.min(room.and_then(|room| usize::try_from(room).ok()).unwrap_or(cores)).max(1)
}

/// The least memory limit, in bytes, of the control groups that this process is in, or the machine's memory. `root` is `/`.
fn memory_limit(root: &Path) -> Option<u64> {
    let read = |path: &str| fs::read_to_string(root.join(path.trim_start_matches('/'))).ok();
    let groups = read("/proc/self/cgroup").unwrap_or_default();
    let mut limits = Vec::new();
    for line in groups.lines() {
        // `0::/path` in version 2, `4:memory:/path` in version 1.
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (folder, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|one| one == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        // A limit of a group holds for every group in it.
        for group in Path::new(path).ancestors() {
            let group = group.display().to_string();
            let text = read(&format!("{folder}{}/{file}", group.trim_end_matches('/')));
            limits.extend(text.and_then(|text| text.trim().parse::<u64>().ok()));
        }
    }
    let total = read("/proc/meminfo").and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?.trim().to_owned();
        line.strip_suffix(" kB")?.trim().parse::<u64>().ok().map(|kib| kib * 1024)
    });
    limits.extend(total);
    limits.into_iter().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    #[test]
    fn cores_and_memory_both_bound_it() {
        assert_eq!(fitting(4, None, 19_456), 4);
        assert_eq!(fitting(4, Some(1024 * MIB), 19_456), 4);
        assert_eq!(fitting(64, Some(512 * MIB), 65_536), 4);
        assert_eq!(fitting(8, Some(16 * MIB), 19_456), 1);
    }

    #[test]
    fn the_least_limit_of_the_groups_holds_in_both_versions() {
        let root = tempfile::tempdir().unwrap();
        let write = |path: &str, text: &str| {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        };
        assert_eq!(memory_limit(root.path()), None);
        write("proc/meminfo", "MemTotal:       8000000 kB\nMemFree: 1 kB\n");
        assert_eq!(memory_limit(root.path()), Some(8_192_000_000));
        write("proc/self/cgroup", "0::/system.slice/keyward.service\n");
        write("sys/fs/cgroup/system.slice/keyward.service/memory.max", "max\n");
        assert_eq!(memory_limit(root.path()), Some(8_192_000_000));
        write("sys/fs/cgroup/system.slice/memory.max", "536870912\n");
        assert_eq!(memory_limit(root.path()), Some(512 * MIB));
        write("proc/self/cgroup", "4:memory:/docker/abc\n3:cpu,cpuacct:/docker/abc\n");
        write("sys/fs/cgroup/memory/docker/abc/memory.limit_in_bytes", "268435456\n");
        write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(memory_limit(root.path()), Some(256 * MIB));
    }
}
