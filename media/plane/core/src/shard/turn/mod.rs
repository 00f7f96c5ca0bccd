//! What one call of a shard gives out: datagrams, events, counts, parcels for other shards, and what to look at later.

pub mod agenda;
pub mod early_list;
pub mod parcel;
pub mod parcels;
pub mod random;
pub mod scratch;

use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, Sink};
use crate::seam::snapshot::Totals;
use crate::shard::turn::agenda::Agenda;
use crate::shard::turn::parcels::Parcels;
use crate::shard::turn::random::Random;
use crate::shard::turn::scratch::Scratch;

pub struct Turn<'a, S: Sink> {
    pub now_us: u64,
    /// `now_us` as a Unix time.
    pub wall_us: i64,
    /// Datagrams to peers.
    pub out: &'a mut Outbox<S>,
    /// What is to be looked at later.
    pub agenda: &'a mut Agenda,
    /// Reports to the control side.
    pub events: &'a mut Vec<Event>,
    pub totals: &'a mut Totals,
    /// What goes to other shards.
    pub(crate) parcels: &'a mut Parcels,
    pub random: &'a mut Random,
    pub scratch: &'a mut Scratch,
}

impl<S: Sink> Turn<'_, S> {
    /// Makes the shard's next tick come after this time at the latest.
    pub fn wake_within(&mut self, us: u64) {
        self.agenda.wake_us = self.agenda.wake_us.min(self.now_us + us);
    }
}
