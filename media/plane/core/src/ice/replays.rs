//! The checks that arrived before. STUN has no protection against a replay: a captured check sent from another address would
//! move media there. So a transaction counts only on the path where it was first seen.

use std::collections::VecDeque;

use crate::ice::limits::REMEMBERED_MAX;

/// The transactions, each with the serial of its path.
#[derive(Debug, Default)]
pub(super) struct Replays(VecDeque<([u8; 12], u32)>);

impl Replays {
    fn first_seen(&self, transaction: [u8; 12]) -> Option<u32> {
        self.0.iter().find(|(known, _)| *known == transaction).map(|(_, serial)| *serial)
    }

    /// Report whether the transaction is a replay. `serial`: the serial of the path by which it arrived now.
    pub fn contains(&self, transaction: [u8; 12], serial: Option<u32>) -> bool {
        self.first_seen(transaction).is_some_and(|first| serial != Some(first))
    }

    pub fn note(&mut self, transaction: [u8; 12], serial: u32) {
        if self.first_seen(transaction).is_some() {
            return;
        }
        if self.0.len() == REMEMBERED_MAX {
            self.0.pop_front();
        }
        self.0.push_back((transaction, serial));
    }
}
