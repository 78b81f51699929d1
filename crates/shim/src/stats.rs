//! What a container has used, as containerd's metrics.

use std::path::Path;

use containerd_shim_protos::cgroups::metrics::{
    CPUStat, CPUUsage, MemoryEntry, MemoryStat, Metrics, PidsStat, Throttle,
};
use containerd_shim_protos::cgroups_v2::metrics as v2;
use containerd_shim_protos::protobuf::MessageField;
use containerd_shim_protos::protobuf::well_known_types::any::Any;

use crate::cgroup::Cgroup;
use crate::events::any;

/// The metrics of a container: of its control group, or, if it has none, of its process.
///
/// # Errors
/// One sentence.
pub(crate) fn metrics(cgroup: Option<&Cgroup>, pid: u32) -> Result<Any, String> {
    let metrics = match cgroup {
        Some(Cgroup::Unified(directory)) => any(&unified(directory)),
        Some(split @ Cgroup::Split(_)) => any(&of_split(split)),
        None => any(&of_process(pid)),
    };
    metrics.map_err(|error| format!("cannot write metrics: {error}"))
}

fn unified(directory: &Path) -> v2::Metrics {
    let file = |name: &str| Keyed::read(&directory.join(name));
    let (cpu, memory, events) = (file("cpu.stat"), file("memory.stat"), file("memory.events"));
    let mut metrics = v2::Metrics::new();
    metrics.cpu = MessageField::some(v2::CPUStat {
        usage_usec: cpu.get("usage_usec"),
        user_usec: cpu.get("user_usec"),
        system_usec: cpu.get("system_usec"),
        nr_periods: cpu.get("nr_periods"),
        nr_throttled: cpu.get("nr_throttled"),
        throttled_usec: cpu.get("throttled_usec"),
        ..Default::default()
    });
    metrics.memory = MessageField::some(v2::MemoryStat {
        anon: memory.get("anon"),
        file: memory.get("file"),
        kernel_stack: memory.get("kernel_stack"),
        slab: memory.get("slab"),
        sock: memory.get("sock"),
        shmem: memory.get("shmem"),
        file_mapped: memory.get("file_mapped"),
        inactive_anon: memory.get("inactive_anon"),
        active_anon: memory.get("active_anon"),
        inactive_file: memory.get("inactive_file"),
        active_file: memory.get("active_file"),
        pgfault: memory.get("pgfault"),
        pgmajfault: memory.get("pgmajfault"),
        usage: number(directory, "memory.current"),
        usage_limit: number(directory, "memory.max"),
        swap_usage: number(directory, "memory.swap.current"),
        swap_limit: number(directory, "memory.swap.max"),
        ..Default::default()
    });
    metrics.memory_events = MessageField::some(v2::MemoryEvents {
        low: events.get("low"),
        high: events.get("high"),
        max: events.get("max"),
        oom: events.get("oom"),
        oom_kill: events.get("oom_kill"),
        ..Default::default()
    });
    metrics.pids = MessageField::some(v2::PidsStat {
        current: number(directory, "pids.current"),
        limit: number(directory, "pids.max"),
        ..Default::default()
    });
    metrics
}

fn of_split(cgroup: &Cgroup) -> Metrics {
    let mut metrics = Metrics::new();
    if let Some(directory) = cgroup.directory("cpuacct") {
        let mut stat = CPUStat::new();
        stat.usage = MessageField::some(CPUUsage {
            total: number(directory, "cpuacct.usage"),
            user: number(directory, "cpuacct.usage_user"),
            kernel: number(directory, "cpuacct.usage_sys"),
            ..Default::default()
        });
        if let Some(directory) = cgroup.directory("cpu") {
            let throttled = Keyed::read(&directory.join("cpu.stat"));
            stat.throttling = MessageField::some(Throttle {
                periods: throttled.get("nr_periods"),
                throttled_periods: throttled.get("nr_throttled"),
                throttled_time: throttled.get("throttled_time"),
                ..Default::default()
            });
        }
        metrics.cpu = MessageField::some(stat);
    }
    if let Some(directory) = cgroup.directory("memory") {
        let stat = Keyed::read(&directory.join("memory.stat"));
        metrics.memory = MessageField::some(MemoryStat {
            cache: stat.get("cache"),
            rss: stat.get("rss"),
            mapped_file: stat.get("mapped_file"),
            pg_fault: stat.get("pgfault"),
            pg_maj_fault: stat.get("pgmajfault"),
            total_rss: stat.get("total_rss"),
            total_cache: stat.get("total_cache"),
            total_inactive_file: stat.get("total_inactive_file"),
            usage: MessageField::some(MemoryEntry {
                limit: number(directory, "memory.limit_in_bytes"),
                usage: number(directory, "memory.usage_in_bytes"),
                max: number(directory, "memory.max_usage_in_bytes"),
                failcnt: number(directory, "memory.failcnt"),
                ..Default::default()
            }),
            ..Default::default()
        });
    }
    if let Some(directory) = cgroup.directory("pids") {
        metrics.pids = MessageField::some(PidsStat {
            current: number(directory, "pids.current"),
            limit: number(directory, "pids.max"),
            ..Default::default()
        });
    }
    metrics
}

/// From proc(5): what the process itself has used.
fn of_process(pid: u32) -> v2::Metrics {
    let process = Path::new("/proc").join(pid.to_string());
    let mut metrics = v2::Metrics::new();
    let status = std::fs::read_to_string(process.join("status")).unwrap_or_default();
    let line = |name: &str| {
        let value = status.lines().find_map(|line| line.strip_prefix(name));
        value
            .and_then(|value| value.split_whitespace().next()?.parse::<u64>().ok())
            .unwrap_or(0)
    };
    metrics.memory = MessageField::some(v2::MemoryStat {
        anon: line("RssAnon:").saturating_mul(1024),
        usage: line("VmRSS:").saturating_mul(1024),
        usage_limit: u64::MAX,
        ..Default::default()
    });
    // Nanoseconds on a processor come first.
    let mut time = 0;
    for thread in std::fs::read_dir(process.join("task"))
        .into_iter()
        .flatten()
        .flatten()
    {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).unwrap_or_default();
        time += text
            .split(' ')
            .next()
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0);
    }
    metrics.cpu = MessageField::some(v2::CPUStat {
        usage_usec: time / 1000,
        ..Default::default()
    });
    metrics.pids = MessageField::some(v2::PidsStat {
        current: line("Threads:"),
        ..Default::default()
    });
    metrics
}

/// The number that a file has in it; no limit is the largest number.
fn number(directory: &Path, file: &str) -> u64 {
    let text = std::fs::read_to_string(directory.join(file)).unwrap_or_default();
    match text.trim() {
        "max" => u64::MAX,
        text => text.parse().unwrap_or(0),
    }
}

/// A file of lines with a name and a number.
struct Keyed(String);

impl Keyed {
    fn read(path: &Path) -> Keyed {
        Keyed(std::fs::read_to_string(path).unwrap_or_default())
    }

    fn get(&self, name: &str) -> u64 {
        let mut lines = self.0.lines().filter_map(|line| line.split_once(' '));
        let value = lines.find_map(|(key, value)| (key == name).then_some(value));
        value.and_then(|value| value.trim().parse().ok()).unwrap_or(0)
    }
}
