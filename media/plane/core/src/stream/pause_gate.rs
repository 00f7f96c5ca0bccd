//! The gate that keeps audio of a pause of the producer from all listeners. Packets of the pause may arrive after it, and RED
//! (RFC 2198) may carry them in its older blocks.

use crate::codec::red;
use crate::serial::is_before;
use crate::stream::reception::Arrival;

/// Packets after a pause of a track (a mute) that are checked; then no packet from the pause can arrive. RED copies are up to a
/// third of a second old, and a packet older than the cache is useless. Larger: more RED is checked. Smaller: listeners hear
/// audio from the time of the mute.
const PACKETS: u16 = 256;

/// The first packet that may be heard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Heard {
    /// The producer was not paused recently.
    #[default]
    Always,
    /// The next packet that is newer than all before. The pause has just ended.
    FromNext,
    From {
        sequence: u16,
        timestamp: u32,
    },
}

impl Heard {
    /// Begin again, because another source begins. Its first packets may be of a pause too.
    pub fn restart(&mut self) {
        if *self != Heard::Always {
            *self = Heard::FromNext;
        }
    }

    /// Report whether this packet may be heard.
    #[inline]
    pub fn admits(&mut self, sequence: u16, timestamp: u32, arrival: Arrival) -> bool {
        match *self {
            Heard::Always => true,
            Heard::FromNext if arrival == Arrival::Late => false,
            Heard::FromNext => {
                *self = Heard::From { sequence, timestamp };
                true
            }
            Heard::From { sequence: first, .. } if arrival == Arrival::Late => !is_before(sequence, first),
            Heard::From { sequence: first, .. } => {
                if sequence.wrapping_sub(first) > PACKETS {
                    *self = Heard::Always;
                }
                true
            }
        }
    }

    /// Return the RED payload without the blocks of the pause. None if nothing changes.
    #[inline]
    pub fn cut(&self, payload: &[u8], timestamp: u32) -> Option<Vec<u8>> {
        let Heard::From { timestamp: first, .. } = *self else { return None };
        let reach = (timestamp.wrapping_sub(first) as i32).max(0) as u32;
        Some(red::newer(payload, reach).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_older_than_the_first_packet_after_the_pause_is_not_heard() {
        let mut heard = Heard::Always;
        assert!(heard.admits(7, 0, Arrival::Late));
        heard.restart();
        assert_eq!(heard, Heard::Always);
        for first in [10_u16, 65_530, 0] {
            let number = |n: i16| first.wrapping_add_signed(n);
            heard = Heard::FromNext;
            assert!(!heard.admits(number(-1), 0, Arrival::Late));
            assert!(heard.admits(number(0), 960, Arrival::Next));
            assert!(!heard.admits(number(-1), 0, Arrival::Late));
            assert!(heard.admits(number(2), 2_880, Arrival::Next));
            assert!(heard.admits(number(1), 1_920, Arrival::Late));
            (3..=PACKETS as i16).for_each(|n| assert!(heard.admits(number(n), 0, Arrival::Next)));
            assert_ne!(heard, Heard::Always);
            assert!(heard.admits(number(PACKETS as i16 + 1), 0, Arrival::Next));
            assert_eq!(heard, Heard::Always);
        }
    }

    #[test]
    fn a_number_half_the_circle_ahead_is_none_of_the_pause() {
        let mut heard = Heard::FromNext;
        assert!(heard.admits(0, 0, Arrival::Next));
        assert!(heard.admits(10, 0, Arrival::Next));
        assert!(heard.admits(0x8005, 0, Arrival::Jump), "its sender began anew");
        assert_eq!(heard, Heard::Always);
    }

    #[test]
    fn of_red_those_blocks_stay_that_are_not_older() {
        let copies = [2_880, 1_920, 960].map(|timestamp_offset| red::Copied { timestamp_offset, payload: &[7; 5] });
        let mut payload = [0; 100];
        let len = red::write(&mut payload, 111, &copies, &[9; 5]).unwrap();
        let payload = &payload[..len];
        let mut heard = Heard::FromNext;
        assert_eq!((Heard::Always.cut(payload, 0), heard.cut(payload, 0)), (None, None));
        heard.admits(1, 0xffff_ff00, Arrival::Next);
        let count = |timestamp: u32| red::blocks(&heard.cut(payload, timestamp).unwrap()).unwrap().count();
        assert_eq!(
            [0, 959, 960, 1_920, 2_880, 9_000].map(|after| count(0xffff_ff00_u32.wrapping_add(after))),
            [1, 1, 2, 3, 4, 4]
        );
        assert_eq!(count(0), 1, "it wrapped");
        assert_eq!(heard.cut(&[0x80], 0), Some(Vec::new()), "it is no RED");
    }
}
