//! The list of consumers that wait for their first key frame.

use crate::keys::ConsumerKey;

/// The consumers that wait for their first key frame, and the time of the next padding packets. A closed consumer stays in the
/// list until the next turn. If a new consumer has got its key by then, the key may be in the list twice. The second turn of a
/// key sends nothing.
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
