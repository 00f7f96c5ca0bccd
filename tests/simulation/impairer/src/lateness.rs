//! The lateness of packets: the delay that this program itself adds.

use crate::conditions::Nanos;

const STEP: Nanos = 20_000;
const STEPS: usize = 1000;

pub struct Lateness {
    /// The packets of each step of 20 µs. The last entry counts all higher values.
    counts: [u64; STEPS],
    all: u64,
    max: Nanos,
}

impl Default for Lateness {
    fn default() -> Self {
        Lateness { counts: [0; STEPS], all: 0, max: 0 }
    }
}

impl Lateness {
    pub fn add(&mut self, late: Nanos) {
        self.counts[((late / STEP) as usize).min(STEPS - 1)] += 1;
        self.all += 1;
        self.max = self.max.max(late);
    }

    pub fn max_us(&self) -> u64 {
        self.max / 1000
    }

    /// Return the lateness that `of_thousand` of 1000 packets did not exceed, in steps of 20 µs, at most 20 ms.
    pub fn quantile_us(&self, of_thousand: u64) -> u64 {
        let wanted = self.all * of_thousand / 1000;
        let mut seen = 0;
        for (step, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen > 0 && seen >= wanted {
                return (step as u64 + 1) * STEP / 1000;
            }
        }
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_told_in_steps() {
        let mut lateness = Lateness::default();
        assert_eq!((lateness.quantile_us(500), lateness.max_us()), (0, 0));
        (0..99).for_each(|_| lateness.add(10_000));
        lateness.add(3_000_000_000);
        assert_eq!([500, 990, 1000].map(|share| lateness.quantile_us(share)), [20, 20, 20_000]);
        assert_eq!(lateness.max_us(), 3_000_000);
    }
}
