//! Numbers that look random but follow from a seed: SplitMix64 (Steele, Lea, Flood 2014), the same on every machine.

const STEP: u64 = 0x9E37_79B9_7F4A_7C15;

pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Chance(seed)
    }

    /// Return the next number x, 0 <= x < 1.
    pub fn fraction(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(STEP);
        as_fraction(mix(self.0))
    }
}

/// Return number `index` of this seed, 0 <= x < 1. The calls may have any order.
pub fn fraction_at(seed: u64, index: u64) -> f64 {
    as_fraction(mix(seed.wrapping_add(STEP.wrapping_mul(index.wrapping_add(1)))))
}

fn as_fraction(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1u64 << 53) as f64
}

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_published_sequence_of_seed_zero() {
        // The first outputs of SplitMix64 from seed 0.
        assert_eq!(mix(STEP), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(STEP.wrapping_mul(2)), 0x6E78_9E6A_A1B9_65F4);
        assert_eq!(mix(STEP.wrapping_mul(3)), 0x06C4_5D18_8009_454F);
    }

    #[test]
    fn any_order_gives_the_same_numbers() {
        let mut chance = Chance::new(7);
        let drawn: Vec<f64> = (0..100).map(|_| chance.fraction()).collect();
        assert!(drawn.iter().enumerate().rev().all(|(index, value)| fraction_at(7, index as u64) == *value));
        assert!(drawn.iter().all(|value| (0.0..1.0).contains(value)));
    }
}
