//! What a shard has to look at later, and when.

use crate::keys::{ProducerKey, TransportKey};
use crate::shard::turn::early_list::EarlyList;

pub struct Agenda {
    /// Layers with packets that wait for the next flush, each once.
    pub dirty: Vec<(ProducerKey, u8)>,
    /// Transports with packets that wait, or a probe.
    pub paced: Vec<TransportKey>,
    pub pace_us: u64,
    /// Transports whose path is known to be narrow.
    pub limited: Vec<TransportKey>,
    pub allocate_us: u64,
    pub(crate) early: EarlyList,
    /// When the next tick is due for all the rest.
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
