//! What went out to one consumer, and under which numbers.

use crate::stream::cache::Cache;
use crate::stream::sent_log::{Sent, SentLog};
use crate::wire::srtp::RocTx;

pub struct Outgoing {
    pub sent: SentLog,
    pub roc: RocTx,
    pub rtx_roc: RocTx,
    pub rtx_sequence: u16,
    /// Counts switches, never 0: a packet of another epoch has other offsets.
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

    /// Nothing that went out can be made again just as it was: under its number would stand another packet.
    pub fn forget(&mut self) {
        self.epoch = self.epoch.checked_add(1).unwrap_or(1);
    }

    /// Whether `sequence` may go out for the first time: it is the newest, or in reach of the log and neither in it nor written
    /// over by what waits: a number is never sealed twice.
    #[inline]
    pub fn is_unsent(&self, sequence: u16) -> bool {
        match self.roc.behind(sequence) {
            None => !self.sent.is_past(sequence),
            Some(behind) => usize::from(behind) < self.sent.len() && !self.sent.is_past(sequence),
        }
    }

    /// What goes out from this cache can be sent again as long as it is there, within the bound of the log.
    #[inline]
    pub fn remember(&mut self, cache: &Cache) {
        if cache.full_packets() > self.sent.len() {
            self.sent.grow(cache.full_packets(), self.roc.last(), self.epoch);
        }
    }

    /// What was sent `back` packets before the newest one, if it can be made again.
    pub fn sent_before(&mut self, back: u16) -> Option<Sent> {
        let (sequence, epoch) = (self.roc.last()?.wrapping_sub(back), self.epoch);
        self.sent.find(sequence).filter(|sent| sent.epoch == epoch).copied()
    }

    /// Whether `sequence` is among the last that the log can hold.
    pub fn is_recent(&self, sequence: u16) -> bool {
        self.roc.behind(sequence).is_some_and(|behind| usize::from(behind) < self.sent.len())
    }

    /// SRTP begins with the next packet.
    pub fn begin_counting(&mut self) {
        self.roc.begin();
        self.rtx_roc.begin();
        self.forget();
    }
}
