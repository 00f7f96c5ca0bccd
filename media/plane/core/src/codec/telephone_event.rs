//! The keys pressed at a terminal: telephone events (RFC 4733) read from RTP. Each press is reported once.

use crate::serial::is_before;
use crate::wire::rtp::{Malformed, u16_at};

/// One telephone event (RFC 4733 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TelephoneEvent {
    pub event: u8,
    pub end: bool,
    /// In units of the RTP clock.
    pub duration: u16,
}

/// A key press with its duration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Press {
    pub digit: char,
    pub duration_ms: u32,
}

/// Microseconds. Chosen. If the last packet of a key press (DTMF) was lost, the press is over after this time without packets.
/// Longer: the key takes effect later. Shorter: a press with a gap in its packets is reported too early and too short.
const LOST_US: u64 = 300_000;
/// RTP ticks of one key press (DTMF). The duration field has 16 bits (RFC 4733 §2.3). A longer press continues in a new event
/// that begins where the first event ended (RFC 4733 §2.5.1.3). Larger: the field cannot hold the value. Smaller: a long press
/// is reported as several presses.
const DURATION_MAX: u16 = u16::MAX;
/// The characters of the events 0 to 15 (RFC 4733 §3.2), and `!` for event 16, the hook flash (RFC 2833 §3.10). More: other
/// events are reported as key presses. Fewer: the last keys are ignored. In another order, keys are reported as other keys.
const DIGITS: &[u8; 17] = b"0123456789*#ABCD!";

pub fn parse(payload: &[u8]) -> Result<TelephoneEvent, Malformed> {
    let bytes = payload.get(..4).ok_or(Malformed)?;
    Ok(TelephoneEvent { event: bytes[0], end: bytes[1] & 0x80 != 0, duration: u16_at(bytes, 2) })
}

/// The presses of one line, put together from their packets.
#[derive(Default)]
pub struct Presses {
    current: Option<Current>,
}

#[derive(Clone, Copy)]
struct Current {
    event: u8,
    /// The RTP timestamp at which the current event began, and the duration of the earlier events of the same press.
    timestamp: u32,
    before: u32,
    duration: u16,
    clock_hz: u32,
    sequence: u16,
    told: bool,
    at_us: u64,
}

impl Presses {
    /// Take a packet and return up to two presses. The first is an earlier press whose end was lost. The second is the packet's
    /// own press, if the packet ends it.
    pub fn take(
        &mut self,
        payload: &[u8],
        (sequence, timestamp, clock_hz): (u16, u32, u32),
        now_us: u64,
    ) -> Result<[Option<Press>; 2], Malformed> {
        let event = parse(payload)?;
        if usize::from(event.event) >= DIGITS.len() {
            return Ok([None; 2]);
        }
        let mut lost = None;
        match &mut self.current {
            // The packet belongs to an earlier press and arrived after the next press began.
            Some(current) if current.timestamp != timestamp && is_before(sequence, current.sequence) => {
                return Ok([None; 2]);
            }
            Some(current) if current.timestamp == timestamp => current.grow(&event, sequence, now_us),
            Some(current) if current.goes_on(&event, timestamp) => {
                current.before += u32::from(current.duration);
                current.timestamp = timestamp;
                current.duration = 0;
                current.grow(&event, sequence, now_us);
            }
            other => {
                lost = other.as_mut().and_then(Current::tell);
                *other = Some(Current {
                    event: event.event,
                    timestamp,
                    before: 0,
                    duration: event.duration,
                    clock_hz: clock_hz.max(1),
                    sequence,
                    told: false,
                    at_us: now_us,
                });
            }
        }
        let own = self.current.as_mut().filter(|_| event.end).and_then(Current::tell);
        Ok([lost, own])
    }

    /// Return a press whose end never arrived.
    pub fn timeout(&mut self, now_us: u64) -> Option<Press> {
        self.current.as_mut().filter(|current| now_us.saturating_sub(current.at_us) >= LOST_US)?.tell()
    }
}

impl Current {
    fn grow(&mut self, event: &TelephoneEvent, sequence: u16, now_us: u64) {
        self.duration = self.duration.max(event.duration);
        self.at_us = now_us;
        if !is_before(sequence, self.sequence) {
            self.sequence = sequence;
        }
    }

    fn goes_on(&self, event: &TelephoneEvent, timestamp: u32) -> bool {
        let next = self.timestamp.wrapping_add(u32::from(self.duration));
        !self.told && event.event == self.event && self.duration == DURATION_MAX && timestamp == next
    }

    fn tell(&mut self) -> Option<Press> {
        if std::mem::replace(&mut self.told, true) {
            return None;
        }
        let units = u64::from(self.before) + u64::from(self.duration);
        let duration_ms = units * 1_000 / u64::from(self.clock_hz);
        let digit = char::from(*DIGITS.get(usize::from(self.event))?);
        Some(Press { digit, duration_ms: duration_ms.min(u64::from(u32::MAX)) as u32 })
    }
}

#[cfg(test)]
#[path = "telephone_event_tests.rs"]
mod tests;
