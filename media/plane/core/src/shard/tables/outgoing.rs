//! The packets that were sent to one consumer, and their numbers.

use crate::stream::cache::Cache;
use crate::stream::sent_log::{Sent, SentLog};
use crate::wire::srtp::RocTx;

pub struct Outgoing {
    pub sent: SentLog,
    pub roc: RocTx,
    pub rtx_roc: RocTx,
    pub rtx_sequence: u16,
    /// The count of switches, never 0. A packet of another epoch has other offsets.
    pub epoch: u16,
}

impl Outgoing {
    pub fn new(video: bool, rtx_sequence: u16) -> Self {
        Outgoing {
            sent: SentLog::new(video),
            roc: RocTx::default(),
            rtx_roc: RocTx::default(),
            rtx_sequence: rtx_sequence & 0x7fff,
            epoch: 0,
        }
    }

    /// Begin a new epoch. From now on no earlier packet can be built again: under its number another packet would result.
    pub fn forget(&mut self) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// Report whether `sequence` may be sent for the first time. It must be the newest number, or a number in reach of the log
    /// that was neither sent nor replaced by a waiting packet. SRTP must never encrypt two packets under one number.
    #[inline]
    pub fn is_unsent(&self, sequence: u16) -> bool {
        match self.roc.behind(sequence) {
            None => !self.sent.is_past(sequence),
            Some(behind) => usize::from(behind) < self.sent.len() && !self.sent.is_past(sequence),
        }
    }

    /// Grow the log to the size of this cache, so that each packet in the cache can be sent again.
    #[inline]
    pub fn remember(&mut self, cache: &Cache) {
        if cache.full_packets() > self.sent.len() {
            self.sent.grow(cache.full_packets(), self.roc.last(), self.epoch);
        }
    }

    /// Return the packet that was sent `back` packets before the newest one. None if the packet cannot be built again.
    pub fn sent_before(&mut self, back: u16) -> Option<Sent> {
        let (sequence, epoch) = (self.roc.last()?.wrapping_sub(back), self.epoch);
        self.sent.find(sequence).filter(|sent| sent.epoch == epoch).copied()
    }

    /// Report whether `sequence` is among the last numbers that the log can hold.
    pub fn is_recent(&self, sequence: u16) -> bool {
        self.roc.behind(sequence).is_some_and(|behind| usize::from(behind) < self.sent.len())
    }

    /// Start the rollover counters: SRTP begins with the next packet.
    pub fn begin_counting(&mut self) {
        self.roc.begin();
        self.rtx_roc.begin();
        self.forget();
    }
}
