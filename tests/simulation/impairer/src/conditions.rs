//! The conditions of one direction of the link, and their form in a command: `loss=0.1 delay_ms=25 rate_kbps=300`.

/// Nanoseconds since the start of the link.
pub type Nanos = u64;

pub const MS: Nanos = 1_000_000;
pub const S: Nanos = 1_000 * MS;

#[derive(Clone, Debug, PartialEq)]
pub struct Conditions {
    /// Chance that a packet is lost in the good state.
    pub loss: f64,
    /// Gilbert-Elliott: the chances, at each packet, that the state becomes bad and that it becomes good again.
    pub bad: f64,
    pub good: f64,
    /// Chance that a packet is lost in the bad state.
    pub bad_loss: f64,
    pub delay: Nanos,
    /// The delay drifts by at most this value in both directions and keeps the order of packets. This models a queue elsewhere
    /// that fills and empties. The drift goes in a straight line from one value to the next. A new value comes every
    /// `jitter_every`.
    pub jitter: Nanos,
    pub jitter_every: Nanos,
    /// Chance that a packet arrives `reorder_by` late.
    pub reorder: f64,
    pub reorder_by: Nanos,
    pub duplicate: f64,
    /// Bits a second of whole IP packets. 0: no limit.
    pub rate_bps: u64,
    /// Bytes that may wait for the limited rate, with the packet in transmission. A packet that does not fit is dropped.
    pub queue_bytes: usize,
    /// True: no packet passes.
    pub cut: bool,
    /// True: loss, duplication and reordering affect only UDP.
    pub udp_only: bool,
}

impl Default for Conditions {
    /// Return the conditions of a perfect wire.
    fn default() -> Self {
        Conditions {
            loss: 0.0,
            bad: 0.0,
            good: 1.0,
            bad_loss: 1.0,
            delay: 0,
            jitter: 0,
            jitter_every: 100 * MS,
            reorder: 0.0,
            reorder_by: 20 * MS,
            duplicate: 0.0,
            rate_bps: 0,
            queue_bytes: 64 * 1024,
            cut: false,
            udp_only: false,
        }
    }
}

impl Conditions {
    /// Return these conditions with the changes in `words`. Each word is `name=value`.
    pub fn with<'a>(&self, words: impl Iterator<Item = &'a str>) -> Result<Conditions, String> {
        let mut changed = self.clone();
        for word in words {
            let (name, value) = word.split_once('=').ok_or_else(|| format!("{word}: not name=value"))?;
            changed.change(name, value).ok_or_else(|| format!("{word}: unknown or out of range"))?;
        }
        Ok(changed)
    }

    fn change(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "loss" => self.loss = chance(value)?,
            "bad" => self.bad = chance(value)?,
            "good" => self.good = chance(value)?,
            "bad_loss" => self.bad_loss = chance(value)?,
            "delay_ms" => self.delay = duration(value)?,
            "jitter_ms" => self.jitter = duration(value)?,
            "jitter_every_ms" => self.jitter_every = duration(value).filter(|every| *every >= MS)?,
            "reorder" => self.reorder = chance(value)?,
            "reorder_by_ms" => self.reorder_by = duration(value)?,
            "duplicate" => self.duplicate = chance(value)?,
            "rate_kbps" => self.rate_bps = value.parse::<u64>().ok().filter(|kbps| *kbps <= 10_000_000)? * 1000,
            "queue_bytes" => self.queue_bytes = value.parse().ok().filter(|bytes| *bytes <= 1 << 26)?,
            "cut" => self.cut = flag(value)?,
            "udp_only" => self.udp_only = flag(value)?,
            _ => return None,
        }
        Some(())
    }
}

fn chance(value: &str) -> Option<f64> {
    value.parse().ok().filter(|chance| (0.0..=1.0).contains(chance))
}

fn duration(value: &str) -> Option<Nanos> {
    let ms: f64 = value.parse().ok().filter(|ms| (0.0..=60_000.0).contains(ms))?;
    Some((ms * MS as f64).round() as Nanos)
}

fn flag(value: &str) -> Option<bool> {
    match value {
        "0" => Some(false),
        "1" => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(words: &str) -> Result<Conditions, String> {
        Conditions::default().with(words.split_whitespace())
    }

    #[test]
    fn words_change_what_they_name() {
        let read = read("loss=0.25 delay_ms=12.5 rate_kbps=300 queue_bytes=9000 cut=1 udp_only=1").unwrap();
        let wanted = Conditions {
            loss: 0.25,
            delay: 12_500_000,
            rate_bps: 300_000,
            queue_bytes: 9000,
            cut: true,
            udp_only: true,
            ..Conditions::default()
        };
        assert_eq!(read, wanted);
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for word in [
            "loss",
            "loss=",
            "loss=1.1",
            "loss=-0.1",
            "loss=NaN",
            "delay_ms=60001",
            "jitter_every_ms=0",
            "rate_kbps=-1",
            "rate_kbps=10000001",
            "queue_bytes=67108865",
            "cut=yes",
            "speed=1",
        ] {
            assert!(read(word).unwrap_err().contains(word), "{word}");
        }
    }
}
