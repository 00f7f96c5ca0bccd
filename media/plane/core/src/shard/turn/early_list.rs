//! Lists the consumers that wait for their first key frame.

use crate::keys::ConsumerKey;

/// The consumers that wait for their first key frame, and when the next packets are due. A closed consumer stays until the next
/// turn. Where a new one has its key by then, the key may stand twice: the second turn of one key sends nothing.
#[derive(Debug)]
pub(crate) struct EarlyList {
    pub(crate) consumers: Vec<ConsumerKey>,
    pub(crate) due_us: u64,
}

impl Default for EarlyList {
    fn default() -> Self {
        EarlyList { consumers: Vec::new(), due_us: u64::MAX }
    }
}

impl EarlyList {
    pub fn deadline(&self) -> u64 {
        self.due_us
    }
}
