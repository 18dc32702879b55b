//! What the figures were taken on.

/// The processor, how much of it there is, and memory.
pub(crate) fn processor() -> String {
    let read = |path| std::fs::read_to_string(path).unwrap_or_default();
    let (processors, memory) = (read("/proc/cpuinfo"), read("/proc/meminfo"));
    let model = processors.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let kibibytes = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next());
    let kibibytes: u64 = kibibytes.and_then(|text| text.parse().ok()).unwrap_or_default();
    format!("{}, {cores} cores, {} GiB", model.map_or("unknown", |(_, name)| name), kibibytes >> 20)
}
