//! Load generator of `make bench`: native clients of the browser protocol, for any server of that protocol. Reads its
//! arguments, runs one scenario, prints one line of JSON.

mod halls;
mod participant;
mod process;
mod scenarios;
mod streams;

use participant::client::Mode;
use participant::token;
use scenarios::scenario::Options;
use scenarios::{again, load, scenario, siege};
use std::collections::HashMap;
use std::process::ExitCode;
use std::time::Duration;
use streams::source::Kind;

const USAGE: &str = "usage: bench-generator media|joins|memory|listen|meeting|load|idle|churn|siege|again --pid PID --key KEY --secret SECRET
  --server ws://127.0.0.1:7880   server under test (loopback only)
  --mode single|dual             join path (single)
  --kind video|voice|none        what is published (video; none for memory only)
  --viewers N                    media, memory, meeting, idle, again: viewers or members; siege: calls of two (10)
  --deaf N                       media: so many viewers more whose sockets drop and count what comes (0)
  --silent N                     media: so many more microphones are open and send silence (0)
  --publishers N                 media, load: how many publish (1)
  --tiles N --speakers N         meeting: cameras that each sees, members who speak (6, 3)
  --percent N                    load: share of a processor that the packet thread shall be busy (60)
  --warmup S --seconds S         media: before and during the measurement (3, 12)
  --count N --concurrency N      joins: how many, how many at once (40, 1)
  --pause-ms MS                  joins: rest between two (250)
  --key-every-ms MS              joins, media: a key frame of the publisher so often, and none for who asks (0: when asked)
  --rate N                       joins, churn: begun in a second, whatever became of those before; siege: packets of junk a second (0)
  --conference NAME              listen: every Opus packet heard there in --seconds, with its time
again: a crowd that comes back; each line of input is answered with the seconds that it took (see scenarios/again.rs)
or: bench-generator halls        far ends of hall calls, as the orders on standard input say (see tests/bench/halls/halls.py)";

fn main() -> ExitCode {
    str0m::crypto::from_feature_flags().install_process_default();
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            eprintln!("bench-generator: {reason}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<serde_json::Value, String> {
    let (scenario, rest) = arguments.split_first().ok_or(USAGE)?;
    if scenario == "halls" {
        return halls::far_ends::run();
    }
    let options = options(rest)?;
    match scenario.as_str() {
        "media" => scenario::media(&options),
        "joins" => scenario::joins(&options),
        "memory" => scenario::memory(&options),
        "listen" => scenario::listen(&options),
        "meeting" => load::meeting(&options),
        "load" => load::load(&options),
        "idle" => load::idle(&options),
        "churn" => load::churn(&options),
        "siege" => siege::siege(&options),
        "again" => again::again(&options),
        _ => Err(USAGE.into()),
    }
}

fn options(arguments: &[String]) -> Result<Options, String> {
    let mut given: HashMap<&str, &str> = HashMap::new();
    for pair in arguments.chunks(2) {
        let [name, value] = pair else { return Err(USAGE.into()) };
        given.insert(name.strip_prefix("--").ok_or(USAGE)?, value);
    }
    let text = |name: &str, usual: &str| given.get(name).copied().unwrap_or(usual).to_owned();
    let number = |name: &str, usual: u64| match given.get(name) {
        Some(value) => value.parse::<u64>().map_err(|_| format!("--{name} wants a number")),
        None => Ok(usual),
    };
    let options = Options {
        server: text("server", "ws://127.0.0.1:7880"),
        api: token::ApiKey { key: text("key", ""), secret: text("secret", "") },
        mode: if text("mode", "single") == "dual" { Mode::Dual } else { Mode::Single },
        pid: number("pid", 0)? as i32,
        kind: match text("kind", "video").as_str() {
            "video" => Some(Kind::Video),
            "voice" => Some(Kind::Voice),
            "none" => None,
            other => return Err(format!("no such kind: {other}")),
        },
        conference: text("conference", ""),
        viewers: number("viewers", 10)?.clamp(1, 5000) as usize,
        deaf: number("deaf", 0)?.min(5000) as usize,
        silent: number("silent", 0)?.min(90) as usize,
        publishers: number("publishers", 1)?.clamp(1, 100) as usize,
        tiles: number("tiles", 6)?.clamp(1, 100) as usize,
        speakers: number("speakers", 3)? as usize,
        percent: number("percent", 60)?.clamp(1, 100) as usize,
        rate: number("rate", 0)?.min(100_000) as usize,
        count: number("count", 40)?.clamp(1, 100_000) as usize,
        concurrency: number("concurrency", 1)?.clamp(1, 500) as usize,
        pause: Duration::from_millis(number("pause-ms", 250)?),
        key_every: Some(number("key-every-ms", 0)?).filter(|ms| *ms >= 100).map(Duration::from_millis),
        warmup: Duration::from_secs(number("warmup", 3)?),
        window: Duration::from_secs(number("seconds", 12)?.max(1)),
    };
    if options.pid == 0 || options.api.secret.is_empty() {
        return Err(USAGE.into());
    }
    Ok(options)
}
