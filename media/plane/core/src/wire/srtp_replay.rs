//! Replay windows by SSRC, in a bounded table. When a source must leave the table, its highest index is kept, so that an
//! attacker cannot replay its packets.

use crate::wire::srtp_profile::SrtpError;

/// SSRCs of one peer with a replay window, which refuses packets that arrived before. Chosen. Another SSRC replaces the SSRC
/// that has been idle longest. Larger: a hostile peer takes more memory. Smaller: SSRCs in use are replaced, and their late
/// packets are dropped.
pub const SOURCES_MAX: usize = 64;
/// Replaced SSRCs of one peer (see `SOURCES_MAX`, 64), whose highest packet index is kept so that no old packet counts again.
/// Chosen. When all places are taken, new SSRCs are refused. Larger: a hostile peer takes more memory. Smaller: a peer that
/// often changes its SSRCs loses media.
pub const RETIRED_MAX: usize = 1024;

pub type RtpWindow = Window<16>;
pub type RtcpWindow = Window<2>;

/// The record of the last `64 * WORDS` indices: which packets arrived. Index `i` has bit `i % size` of a ring.
#[derive(Clone, Debug)]
pub struct Window<const WORDS: usize> {
    highest: u64,
    seen: [u64; WORDS],
}

impl<const WORDS: usize> Window<WORDS> {
    const SIZE: u64 = 64 * WORDS as u64;

    fn first(index: u64) -> Self {
        let mut window = Window { highest: index, seen: [0; WORDS] };
        window.mark(index);
        window
    }

    /// Return a window that treats all indices up to `highest` as received.
    fn full(highest: u64) -> Self {
        Window { highest, seen: [u64::MAX; WORDS] }
    }

    #[inline]
    fn is_fresh(&self, index: u64) -> bool {
        if index > self.highest {
            return true;
        }
        let bit = index % Self::SIZE;
        self.highest - index < Self::SIZE && self.seen[(bit / 64) as usize] >> (bit % 64) & 1 == 0
    }

    #[inline]
    fn commit(&mut self, index: u64) {
        if index > self.highest {
            self.forget(index);
            self.highest = index;
        }
        self.mark(index);
    }

    /// Clear the bits of the indices after `highest`, up to `index`.
    #[inline]
    fn forget(&mut self, index: u64) {
        if index - self.highest >= Self::SIZE {
            self.seen = [0; WORDS];
            return;
        }
        for gone in self.highest + 1..=index {
            let bit = gone % Self::SIZE;
            self.seen[(bit / 64) as usize] &= !(1 << (bit % 64));
        }
    }

    #[inline]
    fn mark(&mut self, index: u64) {
        let bit = index % Self::SIZE;
        self.seen[(bit / 64) as usize] |= 1 << (bit % 64);
    }
}

/// The operations that the table needs from a window of any size.
pub trait Replay {
    fn first(index: u64) -> Self;
    fn full(highest: u64) -> Self;
    fn highest(&self) -> u64;
    fn is_fresh(&self, index: u64) -> bool;
    fn commit(&mut self, index: u64);
}

impl<const WORDS: usize> Replay for Window<WORDS> {
    fn first(index: u64) -> Self {
        Window::first(index)
    }

    fn full(highest: u64) -> Self {
        Window::full(highest)
    }

    #[inline]
    fn highest(&self) -> u64 {
        self.highest
    }

    #[inline]
    fn is_fresh(&self, index: u64) -> bool {
        Window::is_fresh(self, index)
    }

    #[inline]
    fn commit(&mut self, index: u64) {
        Window::commit(self, index);
    }
}

/// The windows of the SSRCs of one peer. The SSRCs have their own array, so a lookup reads only 4 bytes for each source.
#[derive(Debug)]
pub struct Sources<W> {
    ssrcs: Vec<u32>,
    windows: Vec<W>,
    used: Vec<u64>,
    /// The number of packets received. It shows which source has been idle longest.
    tick: u64,
    retired: Vec<(u32, u64)>,
}

impl<W> Default for Sources<W> {
    fn default() -> Self {
        Sources { ssrcs: Vec::new(), windows: Vec::new(), used: Vec::new(), tick: 0, retired: Vec::new() }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    Active(usize),
    /// The source left the table before: its position among the retired sources, and its highest index.
    Retired(usize, u64),
    Unknown,
}

impl<W: Replay> Sources<W> {
    #[inline]
    pub fn find(&self, ssrc: u32) -> Place {
        match self.ssrcs.iter().position(|known| *known == ssrc) {
            Some(at) => Place::Active(at),
            None => self.find_retired(ssrc),
        }
    }

    #[cold]
    fn find_retired(&self, ssrc: u32) -> Place {
        match self.retired.iter().position(|(known, _)| *known == ssrc) {
            Some(at) => Place::Retired(at, self.retired[at].1),
            None => Place::Unknown,
        }
    }

    #[inline]
    pub fn highest(&self, place: &Place) -> Option<u64> {
        match *place {
            Place::Active(at) => Some(self.windows[at].highest()),
            Place::Retired(_, highest) => Some(highest),
            Place::Unknown => None,
        }
    }

    #[inline]
    pub fn is_fresh(&self, place: &Place, index: u64) -> bool {
        match *place {
            Place::Active(at) => self.windows[at].is_fresh(index),
            Place::Retired(_, highest) => index > highest,
            Place::Unknown => true,
        }
    }

    /// Record the index of an authentic packet.
    #[inline]
    pub fn commit(&mut self, place: Place, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        self.tick += 1;
        if let Place::Active(at) = place {
            self.windows[at].commit(index);
            self.used[at] = self.tick;
            return Ok(());
        }
        self.admit(place, ssrc, index)
    }

    #[cold]
    fn admit(&mut self, place: Place, ssrc: u32, index: u64) -> Result<(), SrtpError> {
        if matches!(place, Place::Unknown) && self.ssrcs.len() == SOURCES_MAX && self.retired.len() == RETIRED_MAX {
            return Err(SrtpError::TooManySources);
        }
        let mut window = W::first(index);
        if let Place::Retired(at, highest) = place {
            self.retired.swap_remove(at);
            window = W::full(highest);
            window.commit(index);
        }
        if self.ssrcs.len() == SOURCES_MAX {
            self.retire();
        }
        self.ssrcs.push(ssrc);
        self.windows.push(window);
        self.used.push(self.tick);
        Ok(())
    }

    /// Move the source that has been idle longest to the retired sources.
    fn retire(&mut self) {
        let idle = self.used.iter().enumerate().min_by_key(|(_, used)| **used);
        let Some(at) = idle.map(|(at, _)| at) else { return };
        self.used.swap_remove(at);
        let window = self.windows.swap_remove(at);
        self.retired.push((self.ssrcs.swap_remove(at), window.highest()));
    }
}

#[cfg(test)]
#[path = "srtp_replay_tests.rs"]
mod tests;
