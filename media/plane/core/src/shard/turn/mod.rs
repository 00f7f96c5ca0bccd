//! The output of one call of a shard: datagrams, events, counters, parcels for other shards, and later work.

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
    /// `now_us` as Unix time.
    pub wall_us: i64,
    /// Datagrams to peers.
    pub out: &'a mut Outbox<S>,
    /// The work for later.
    pub agenda: &'a mut Agenda,
    /// Reports to the control side.
    pub events: &'a mut Vec<Event>,
    pub totals: &'a mut Totals,
    /// The parcels for other shards.
    pub(crate) parcels: &'a mut Parcels,
    pub random: &'a mut Random,
    pub scratch: &'a mut Scratch,
}

impl<S: Sink> Turn<'_, S> {
    /// Make the shard tick at the latest after this time.
    pub fn wake_within(&mut self, us: u64) {
        self.agenda.wake_us = self.agenda.wake_us.min(self.now_us + us);
    }
}
