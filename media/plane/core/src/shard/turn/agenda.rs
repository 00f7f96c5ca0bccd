//! The work that a shard must do later, and the times.

use crate::keys::{ProducerKey, TransportKey};
use crate::shard::turn::early_list::EarlyList;

pub struct Agenda {
    /// Layers with packets that wait for the next flush, each once.
    pub dirty: Vec<(ProducerKey, u8)>,
    /// Transports with waiting packets, or with a probe.
    pub paced: Vec<TransportKey>,
    pub pace_us: u64,
    /// Transports whose downlink is known to be limited.
    pub limited: Vec<TransportKey>,
    pub allocate_us: u64,
    pub(crate) early: EarlyList,
    /// The next tick for all other work.
    pub wake_us: u64,
}

impl Default for Agenda {
    fn default() -> Self {
        Agenda {
            dirty: Vec::new(),
            paced: Vec::new(),
            pace_us: u64::MAX,
            limited: Vec::new(),
            allocate_us: u64::MAX,
            early: EarlyList::default(),
            wake_us: u64::MAX,
        }
    }
}

impl Agenda {
    pub fn deadline(&self) -> u64 {
        self.wake_us.min(self.pace_us).min(self.allocate_us).min(self.early.deadline())
    }
}
