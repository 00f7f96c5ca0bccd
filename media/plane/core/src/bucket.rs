//! A token bucket: how much one peer may have in the long run, and at once.

/// Tokens come evenly and are kept up to a bound. What the tokens are, bytes or microseconds of credit, the owner says.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// Negative after a charge that was larger than what was left.
    left: i64,
    at_us: u64,
    per_us: i64,
    most: i64,
    each: i64,
}

impl Bucket {
    /// A bucket of `per_us` tokens for each microsecond and `most` tokens at once. One unit costs `each` tokens.
    pub fn new(per_us: i64, most: i64, each: i64, now_us: u64) -> Self {
        Bucket { left: most, at_us: now_us, per_us, most, each }
    }

    /// A bucket of so many units in a second, and at once.
    pub fn per_second(per_s: u64, burst: u64, now_us: u64) -> Self {
        let each_us = (1_000_000 / per_s) as i64;
        Bucket::new(1, each_us * burst as i64, each_us, now_us)
    }

    /// Takes the tokens of one unit. False: there are too few.
    pub fn take(&mut self, now_us: u64) -> bool {
        self.fill(now_us);
        let allowed = self.left >= self.each;
        if allowed {
            self.left -= self.each;
        }
        allowed
    }

    /// Whether any token is left.
    #[inline]
    pub fn is_left(&mut self, now_us: u64) -> bool {
        self.fill(now_us);
        self.left > 0
    }

    /// Takes the tokens of one unit and so many more, also where too few are left.
    #[inline]
    pub fn charge_unit(&mut self, more: i64) {
        self.charge(self.each.saturating_add(more));
    }

    #[inline]
    pub fn charge(&mut self, tokens: i64) {
        self.left = self.left.saturating_sub(tokens);
    }

    #[inline]
    fn fill(&mut self, now_us: u64) {
        let come = (now_us.saturating_sub(self.at_us) as i64).saturating_mul(self.per_us);
        self.left = self.left.saturating_add(come).min(self.most);
        self.at_us = now_us;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_come_evenly_and_a_burst_is_kept() {
        let mut bucket = Bucket::per_second(10, 2, 0);
        assert_eq!([bucket.take(0), bucket.take(0), bucket.take(99_999)], [true, true, false]);
        assert_eq!([bucket.take(100_000), bucket.take(100_000)], [true, false]);
        assert_eq!([(); 3].map(|()| bucket.take(u64::MAX / 2)), [true, true, false]);
    }

    #[test]
    fn a_charge_beyond_what_is_left_is_paid_back_first() {
        let mut bucket = Bucket::new(6, 600, 256, 0);
        bucket.charge_unit(644);
        assert!(!bucket.is_left(50));
        assert!(bucket.is_left(51));
    }
}
