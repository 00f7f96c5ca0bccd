//! A token bucket. It limits the long-term rate of one peer and the size of one burst.

/// A token bucket. Tokens are added at a constant rate, up to a maximum. The owner of the bucket decides what a token is, for
/// example a byte or a microsecond of credit.
#[derive(Clone, Copy, Debug)]
pub struct Bucket {
    /// The tokens in the bucket. The value is negative after a charge that was larger than the tokens in the bucket.
    left: i64,
    at_us: u64,
    per_us: i64,
    most: i64,
    each: i64,
}

impl Bucket {
    /// Create a full bucket that gains `per_us` tokens each microsecond and holds at most `most` tokens. One unit costs `each`
    /// tokens.
    pub fn new(per_us: i64, most: i64, each: i64, now_us: u64) -> Self {
        Bucket { left: most, at_us: now_us, per_us, most, each }
    }

    /// Create a bucket that allows `per_s` units a second on average, and `burst` units at once.
    pub fn per_second(per_s: u64, burst: u64, now_us: u64) -> Self {
        let each_us = (1_000_000 / per_s) as i64;
        Bucket::new(1, each_us * burst as i64, each_us, now_us)
    }

    /// Take the tokens of one unit. Return false, and take nothing, if the bucket holds too few tokens.
    pub fn take(&mut self, now_us: u64) -> bool {
        self.fill(now_us);
        let allowed = self.left >= self.each;
        if allowed {
            self.left -= self.each;
        }
        allowed
    }

    /// Report whether any token is left.
    #[inline]
    pub fn is_left(&mut self, now_us: u64) -> bool {
        self.fill(now_us);
        self.left > 0
    }

    /// Take the tokens of one unit and `more` tokens, even if the bucket holds too few tokens.
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
