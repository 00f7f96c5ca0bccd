//! Conversion between NTP timestamps (RFC 5905 §6: 32.32 bits since 1900) and Unix time in microseconds.

/// Seconds from 1900 (NTP) to 1970 (Unix), RFC 5905 §6. Larger or smaller: the wall-clock times of sender reports are wrong.
pub(crate) const NTP_EPOCH_S: i64 = 2_208_988_800;

/// Return the NTP timestamp (32.32 bits) of a Unix time in microseconds.
pub(crate) fn ntp(unix_us: i64) -> u64 {
    let seconds = unix_us.div_euclid(1_000_000) + NTP_EPOCH_S;
    let fraction = (unix_us.rem_euclid(1_000_000) as u64) << 32;
    ((seconds as u64) << 32) | (fraction / 1_000_000)
}

pub(crate) fn unix_us(ntp: u64) -> i64 {
    let seconds = (ntp >> 32) as i64 - NTP_EPOCH_S;
    seconds * 1_000_000 + (((ntp & 0xffff_ffff) * 1_000_000) >> 32) as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ntp_and_unix_time_are_one_another() {
        for us in [0, 1_700_000_000_123_456, 1] {
            assert!((unix_us(ntp(us)) - us).abs() <= 1);
        }
    }
}
