//! The loudness of one packet of a hall's microphone, measured without a full decoder. G.711: by the squares of its values.
//! G.722: by its lower band. Opus: only the sender can report the level (RFC 6464).
//!
//! No audio is produced here. The lower band of G.722 (0 to 4 kHz) carries the power of speech.

use crate::types::Codec;

/// Bytes of one packet whose loudness is measured: 60 ms of G.711 or G.722. Larger: a long packet costs more time. Smaller:
/// speech at the end of a long packet is not noticed.
const METERED_BYTES_MAX: usize = 480;
/// -dBov. The level without any power (RFC 6464 §3: seven bits). Larger: the value sets the bit of voice activity. Smaller: a
/// silent microphone looks like a quiet voice.
const SILENT: u8 = 127;
/// The square of the largest 16-bit sample, which is 0 dBov. Larger: all halls seem quieter, and speech counts as silence.
/// Smaller: all halls seem louder, and noise counts as speech.
const FULL: f64 = 32_768.0 * 32_768.0;

/// The squares of the values of all codes (ITU-T G.711, scaled to 16 bits).
static A_LAW: [u32; 256] = {
    let (mut squares, mut code) = ([0; 256], 0);
    while code < 256 {
        let turned = code as u32 ^ 0x55;
        let (exponent, mantissa) = (turned >> 4 & 7, turned & 15);
        let size = if exponent == 0 { (mantissa << 4) + 8 } else { ((mantissa << 4) + 264) << (exponent - 1) };
        squares[code] = size * size;
        code += 1;
    }
    squares
};
static MU_LAW: [u32; 256] = {
    let (mut squares, mut code) = ([0; 256], 0);
    while code < 256 {
        let turned = !(code as u32) & 0xff;
        let (exponent, mantissa) = (turned >> 4 & 7, turned & 15);
        let size = (((mantissa << 3) + 132) << exponent) - 132;
        squares[code] = size * size;
        code += 1;
    }
    squares
};

/// The meter of one producer.
#[derive(Clone, Debug, Default)]
pub struct Meter {
    low: LowBand,
}

impl Meter {
    /// Return the RFC 6464 level (0 loudest .. 127 silent). None if packets of this codec do not show it, or the packet is
    /// empty.
    pub fn read(&mut self, codec: Codec, payload: &[u8]) -> Option<u8> {
        let codes = &payload[..payload.len().min(METERED_BYTES_MAX)];
        if codes.is_empty() {
            return None;
        }
        let squares: u64 = match codec {
            Codec::Pcma => codes.iter().map(|code| u64::from(A_LAW[usize::from(*code)])).sum(),
            Codec::Pcmu => codes.iter().map(|code| u64::from(MU_LAW[usize::from(*code)])).sum(),
            Codec::G722 => codes.iter().map(|code| self.low.square(*code)).sum(),
            _ => return None,
        };
        Some(level(squares as f64 / codes.len() as f64))
    }
}

/// Convert a mean square of 16-bit samples to -dBov.
fn level(mean_square: f64) -> u8 {
    if mean_square < 1.0 {
        return SILENT;
    }
    (-10.0 * (mean_square / FULL).log10()).round().clamp(0.0, f64::from(SILENT)) as u8
}

/// The decoder of the lower band: one sample for each octet. The names of the blocks are those of ITU-T G.722 §4.
#[derive(Clone, Debug)]
struct LowBand {
    /// The predicted sample, and the part of the prediction that the zeros make.
    predicted: i32,
    by_zeros: i32,
    /// The logarithm of the quantizer's step, and the step.
    logarithm: i32,
    step: i32,
    /// Reconstructed samples, and partly reconstructed samples. The newest is first.
    reconstructed: [i32; 2],
    partly: [i32; 2],
    poles: [i32; 2],
    differences: [i32; 6],
    zeros: [i32; 6],
}

impl Default for LowBand {
    fn default() -> Self {
        LowBand {
            predicted: 0,
            by_zeros: 0,
            logarithm: 0,
            step: 32,
            reconstructed: [0; 2],
            partly: [0; 2],
            poles: [0; 2],
            differences: [0; 6],
            zeros: [0; 6],
        }
    }
}

const WL: [i32; 8] = [-60, -30, 58, 172, 334, 538, 1198, 3042];
const RL42: [usize; 16] = [0, 7, 6, 5, 4, 3, 2, 1, 7, 6, 5, 4, 3, 2, 1, 0];
const ILB: [i32; 32] = [
    2048, 2093, 2139, 2186, 2233, 2282, 2332, 2383, 2435, 2489, 2543, 2599, 2656, 2714, 2774, 2834, 2896, 2960, 3025,
    3091, 3158, 3228, 3298, 3371, 3444, 3520, 3597, 3676, 3756, 3838, 3922, 4008,
];
const QM4: [i32; 16] =
    [0, -20456, -12896, -8968, -6288, -4240, -2584, -1200, 20456, 12896, 8968, 6288, 4240, 2584, 1200, 0];
const QM6: [i32; 64] = [
    -136, -136, -136, -136, -24808, -21904, -19008, -16704, -14984, -13512, -12280, -11192, -10232, -9360, -8576,
    -7856, -7192, -6576, -6000, -5456, -4944, -4464, -4008, -3576, -3168, -2776, -2400, -2032, -1688, -1360, -1040,
    -728, 24808, 21904, 19008, 16704, 14984, 13512, 12280, 11192, 10232, 9360, 8576, 7856, 7192, 6576, 6000, 5456,
    4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432, 136, -432, -136,
];

#[inline]
fn limit(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

impl LowBand {
    /// Return the square of this octet's sample, at the scale of 16 bits.
    #[inline]
    fn square(&mut self, octet: u8) -> u64 {
        let code = usize::from(octet & 0x3f);
        let sample = (self.predicted + ((self.step * QM6[code]) >> 15)).clamp(-16_384, 16_383);
        self.adapt(code >> 2);
        let scaled = i64::from(2 * sample);
        (scaled * scaled) as u64
    }

    /// Run the blocks INVQAL, LOGSCL, SCALEL and the predictor.
    fn adapt(&mut self, code: usize) {
        let difference = (self.step * QM4[code]) >> 15;
        self.logarithm = (((self.logarithm * 127) >> 7) + WL[RL42[code]]).clamp(0, 18_432);
        let mantissa = ILB[(self.logarithm >> 6 & 31) as usize];
        let shift = 8 - (self.logarithm >> 11);
        self.step = if shift < 0 { mantissa << -shift } else { mantissa >> shift } << 2;
        self.adapt_poles(difference);
        self.adapt_zeros(difference);
        self.predict();
    }

    /// Run the blocks RECONS, PARREC, UPPOL2 and UPPOL1.
    fn adapt_poles(&mut self, difference: i32) {
        let reconstructed = limit(self.predicted + difference);
        let partly = limit(self.by_zeros + difference);
        let [before, older] = self.partly;
        let is_same = |other: i32| (partly < 0) == (other < 0);
        let [first, second] = self.poles;
        let turned = limit(first << 2);
        let turned = if is_same(before) { (-turned).min(32_767) } else { turned };
        let pull = if is_same(older) { 128 } else { -128 };
        let second = (pull + (turned >> 7) + ((second * 32_512) >> 15)).clamp(-12_288, 12_288);
        let pull = if is_same(before) { 192 } else { -192 };
        let most = limit(15_360 - second);
        let first = limit(pull + ((first * 32_640) >> 15)).clamp(-most, most);
        self.poles = [first, second];
        self.reconstructed = [reconstructed, self.reconstructed[0]];
        self.partly = [partly, before];
    }

    /// Run the blocks UPZERO and DELAYA.
    fn adapt_zeros(&mut self, difference: i32) {
        let pull = if difference == 0 { 0 } else { 128 };
        for (zero, before) in self.zeros.iter_mut().zip(self.differences) {
            let pull = if (before < 0) == (difference < 0) { pull } else { -pull };
            *zero = limit(pull + ((*zero * 32_640) >> 15));
        }
        self.differences.copy_within(0..5, 1);
        self.differences[0] = difference;
    }

    /// Run the blocks FILTEP, FILTEZ and PREDIC.
    fn predict(&mut self) {
        let product = |factor: i32, value: i32| (factor * limit(2 * value)) >> 15;
        let by_poles = limit(self.poles.iter().zip(self.reconstructed).map(|(pole, r)| product(*pole, r)).sum());
        self.by_zeros = limit(self.zeros.iter().zip(self.differences).map(|(zero, d)| product(*zero, d)).sum());
        self.predicted = limit(by_poles + self.by_zeros);
    }
}

#[cfg(test)]
#[path = "meter_tests.rs"]
mod tests;
