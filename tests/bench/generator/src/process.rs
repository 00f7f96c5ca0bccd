//! The kernel's figures of the server process (CPU time, resident memory), of this process, and of dropped datagrams.

use std::collections::HashSet;
use std::fs;

/// Unit of /proc/stat (USER_HZ is 100 on every Linux).
const TICK_NS: u64 = 10_000_000;

/// User + system CPU time of the process `pid` and its children, nanoseconds.
///
/// The source is the per-process CPU clock. /proc/PID/stat has the same quantity as utime + stime, but only in steps of 10 ms.
pub fn cpu_ns(pid: i32) -> u64 {
    family(pid).into_iter().map(clock_ns).sum()
}

/// Resident memory of the process and its children, KiB.
pub fn rss_kib(pid: i32) -> u64 {
    family(pid).into_iter().map(resident_kib).sum()
}

/// Busy time of all processors together, nanoseconds. It shows whether other programs used the machine.
pub fn busy_ns() -> u64 {
    let text = fs::read_to_string("/proc/stat").unwrap_or_default();
    let fields = text.lines().next().unwrap_or_default().split_whitespace().skip(1);
    let ticks: Vec<u64> = fields.filter_map(|field| field.parse().ok()).collect();
    // user nice system idle iowait irq softirq steal: all but idle and iowait.
    let busy: u64 = ticks.iter().take(8).enumerate().filter(|(i, _)| *i != 3 && *i != 4).map(|(_, t)| t).sum();
    busy * TICK_NS
}

/// Returns the number of datagrams that the kernel dropped because the sockets bound to `ports` were full.
pub fn datagrams_dropped(ports: &HashSet<u16>) -> u64 {
    ["/proc/net/udp", "/proc/net/udp6"].into_iter().map(|path| drops_in(path, ports)).sum()
}

/// User + system CPU time of the process alone, without its children, nanoseconds.
pub fn clock_ns(pid: i32) -> u64 {
    let mut clock: libc::clockid_t = 0;
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: both calls write only into the locals that they get.
    let failed =
        unsafe { libc::clock_getcpuclockid(pid, &mut clock) != 0 || libc::clock_gettime(clock, &mut time) != 0 };
    if failed { 0 } else { time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64 }
}

/// CPU time of the threads of `pid` whose name begins with `name`, nanoseconds.
pub fn threads_ns(pid: i32, name: &str) -> u64 {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().filter_map(Result::ok);
    let named = threads
        .map(|thread| thread.path())
        .filter(|path| fs::read_to_string(path.join("comm")).is_ok_and(|comm| comm.starts_with(name)));
    // The first figure of schedstat is the time on a processor (sched-stats.rst of the kernel).
    named
        .filter_map(|path| {
            fs::read_to_string(path.join("schedstat")).ok()?.split_whitespace().next()?.parse::<u64>().ok()
        })
        .sum()
}

fn resident_kib(pid: i32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    text.lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

/// `pid` and all its descendants.
fn family(pid: i32) -> Vec<i32> {
    let parents: Vec<(i32, i32)> = fs::read_dir("/proc")
        .into_iter()
        .flatten()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|child| Some((child, parent(child)?)))
        .collect();
    let mut found = vec![pid];
    let mut next = 0;
    while next < found.len() {
        let current = found[next];
        found.extend(parents.iter().filter(|(_, p)| *p == current).map(|(c, _)| *c));
        next += 1;
    }
    found
}

fn parent(pid: i32) -> Option<i32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may contain spaces. So the fields are counted after the name.
    text.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn drops_in(path: &str, ports: &HashSet<u16>) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines()
        .skip(1)
        .filter_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = u16::from_str_radix(fields.get(1)?.rsplit_once(':')?.1, 16).ok()?;
            ports.contains(&port).then(|| fields.last()?.parse::<u64>().ok()).flatten()
        })
        .sum()
}
