//! `impairer SEED NAT SERVER_NAMESPACE DEVICE CLIENT_NAMESPACE DEVICE`: a link between two network namespaces. It loses,
//! delays, reorders, duplicates and limits packets by a seed, separately for each direction. `tests/simulation/impair.py`
//! controls the program.
//!
//! Each line of the input is a command and gets one line as the answer (`Link::obey`). The program ends with its standard
//! input, so it cannot outlive the test. Its devices end with it.

mod chance;
mod conditions;
mod device;
mod lateness;
mod translator;
mod way;

use std::io::{Read, Write, stdin, stdout};
use std::path::Path;
use std::time::{Duration, Instant};

use conditions::{Conditions, MS, Nanos};
use device::{PACKET_MAX, Tun};
use lateness::Lateness;
use translator::{Translator, Udp};
use way::Way;

/// Packets that are read from a device before the turn of the other device. More: the other direction is late. Fewer: more CPU
/// time.
const TURN: usize = 64;

/// Changes that may wait for their time. More: more memory. Fewer: a long timetable is refused.
const TIMETABLE_MAX: usize = 10_000;

/// Bytes of a command. A longer command ends the program. Larger: only more memory.
const LINE_MAX: usize = 4096;

const DOWN: usize = 0;
const UP: usize = 1;
const NAMES: [&str; 2] = ["down", "up"];

struct Link {
    /// The device to the server and the device to the client. Each way leads from one device to the other.
    devices: [Tun; 2],
    ways: [Way; 2],
    translator: Translator,
    lateness: Lateness,
    /// For each way, the packets that the device at its end did not accept.
    unreached: [u64; 2],
    /// The planned changes, the last first: (time, way, change).
    timetable: Vec<(Nanos, usize, String)>,
    began: Instant,
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [seed, nat, server, server_device, client, client_device] = given.as_slice() else {
        return Err("impairer SEED NAT SERVER_NAMESPACE DEVICE CLIENT_NAMESPACE DEVICE".into());
    };
    let seed: u64 = seed.parse()?;
    let devices = [Tun::open(Path::new(server), server_device)?, Tun::open(Path::new(client), client_device)?];
    device::hurry();
    let mut link = Link {
        devices,
        // The two ways of one seed must differ, and the ways of neighbouring seeds too.
        ways: [2, 3]
            .map(|way| Way::new(Conditions::default(), seed.wrapping_mul(0x5851_F42D_4C95_7F2D).wrapping_mul(way))),
        translator: Translator::new(nat == "1"),
        lateness: Lateness::default(),
        unreached: [0; 2],
        timetable: Vec::new(),
        began: Instant::now(),
    };
    answer("ready");
    link.run()?;
    Ok(())
}

impl Link {
    fn run(&mut self) -> std::io::Result<()> {
        let (mut packet, mut input) = (vec![0; PACKET_MAX], Vec::new());
        loop {
            let rest = self.deadline().map(|due| Duration::from_nanos(due.saturating_sub(self.now())));
            if device::wait([&self.devices[0], &self.devices[1]], rest)? && !self.listen(&mut input)? {
                return Ok(());
            }
            self.keep_to_timetable();
            for way in [DOWN, UP] {
                self.take(way, &mut packet);
                self.deliver(way);
            }
        }
    }

    fn now(&self) -> Nanos {
        self.began.elapsed().as_nanos() as Nanos
    }

    fn deadline(&self) -> Option<Nanos> {
        let change = self.timetable.last().map(|change| change.0);
        [self.ways[DOWN].deadline(), self.ways[UP].deadline(), change].into_iter().flatten().min()
    }

    fn take(&mut self, way: usize, packet: &mut [u8]) {
        for _ in 0..TURN {
            // An error means that the device is down, because the client changes its network.
            let Ok(Some(length)) = self.devices[way].read(packet) else { return };
            let packet = &mut packet[..length];
            if way == UP && !self.translator.leave(packet) {
                continue;
            }
            let (is_udp, now) = (Udp::of(packet).is_some(), self.now());
            self.ways[way].arrive(packet.to_vec(), is_udp, now);
        }
    }

    fn deliver(&mut self, way: usize) {
        while let Some((due, mut packet)) = self.ways[way].depart(self.now()) {
            self.lateness.add(self.now().saturating_sub(due));
            if way == DOWN && !self.translator.enter(&mut packet) {
                continue;
            }
            if !self.devices[1 - way].write(&packet) {
                self.unreached[way] += 1;
            }
        }
    }

    fn keep_to_timetable(&mut self) {
        let now = self.now();
        while self.timetable.last().is_some_and(|change| change.0 <= now) {
            let Some((due, way, words)) = self.timetable.pop() else { return };
            // These words were checked at the command, so an error cannot happen.
            if let Ok(changed) = self.ways[way].conditions().with(words.split_whitespace()) {
                self.ways[way].change(changed, due.max(now));
            }
        }
    }

    /// Read and answer commands. False: the input has ended.
    fn listen(&mut self, input: &mut Vec<u8>) -> std::io::Result<bool> {
        let mut bytes = [0; LINE_MAX];
        let read = stdin().lock().read(&mut bytes)?;
        input.extend(&bytes[..read]);
        while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = input.drain(..=end).collect();
            match self.obey(&String::from_utf8_lossy(&line)) {
                Ok(reply) => answer(&reply),
                Err(why) => answer(&format!("error {why}")),
            }
        }
        Ok(read > 0 && input.len() < LINE_MAX)
    }

    /// Carry out a command: `set down|up name=value ...`, `at MS down|up name=value ...` (from now), `rebind`, `counters`.
    fn obey(&mut self, line: &str) -> Result<String, String> {
        let (verb, rest) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        match verb {
            "set" => {
                let (way, words) = self.change_of(rest)?;
                let (changed, now) = (self.ways[way].conditions().with(words.split_whitespace())?, self.now());
                self.ways[way].change(changed, now);
            }
            "at" => self.plan(rest)?,
            "rebind" => self.translator.rebind(),
            "counters" => return Ok(self.counters()),
            _ => return Err(format!("{verb}: unknown")),
        }
        Ok("ok".into())
    }

    fn change_of<'a>(&self, text: &'a str) -> Result<(usize, &'a str), String> {
        let (name, words) = text.split_once(' ').unwrap_or((text, ""));
        let way =
            NAMES.iter().position(|known| *known == name).ok_or_else(|| format!("{name}: neither down nor up"))?;
        self.ways[way].conditions().with(words.split_whitespace())?;
        Ok((way, words))
    }

    fn plan(&mut self, text: &str) -> Result<(), String> {
        let (wait, rest) = text.split_once(' ').unwrap_or((text, ""));
        let wait: Nanos =
            wait.parse().ok().filter(|ms| *ms < 86_400_000).ok_or_else(|| format!("{wait}: not a time"))?;
        let (way, words) = self.change_of(rest)?;
        if self.timetable.len() >= TIMETABLE_MAX {
            return Err("too many changes wait".into());
        }
        let due = self.now() + wait * MS;
        // The last change is first in the list. Of two changes with the same time, the first command runs first.
        let place = self.timetable.partition_point(|change| change.0 > due);
        self.timetable.insert(place, (due, way, words.to_owned()));
        Ok(())
    }

    fn counters(&self) -> String {
        let ways: Vec<String> = [DOWN, UP].map(|way| format!("\"{}\": {}", NAMES[way], self.counters_of(way))).into();
        format!(
            "{{{}, \"rebindings\": {}, \"unknown\": {}, \"late_p99_us\": {}, \"late_p999_us\": {}, \"late_max_us\": {}}}",
            ways.join(", "),
            self.translator.rebindings,
            self.translator.unknown,
            self.lateness.quantile_us(990),
            self.lateness.quantile_us(999),
            self.lateness.max_us(),
        )
    }

    fn counters_of(&self, way: usize) -> String {
        let counts = self.ways[way].counts();
        let named = [
            ("arrived", counts.arrived),
            ("arrived_bytes", counts.arrived_bytes),
            ("delivered", counts.delivered),
            ("delivered_bytes", counts.delivered_bytes),
            ("lost", counts.lost),
            ("overflowed", counts.overflowed),
            ("cut", counts.cut),
            ("duplicated", counts.duplicated),
            ("reordered", counts.reordered),
            ("refused", counts.refused),
            ("queue_max_bytes", counts.queue_max_bytes),
            ("unreached", self.unreached[way]),
        ];
        let all: Vec<String> = named.iter().map(|(name, count)| format!("\"{name}\": {count}")).collect();
        format!("{{{}}}", all.join(", "))
    }
}

fn answer(line: &str) {
    let mut out = stdout().lock();
    // An error is ignored: a reader that ended has also closed the input, and the end of input ends this program.
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}
