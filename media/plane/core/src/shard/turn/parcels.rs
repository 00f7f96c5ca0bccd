//! The parcels that wait for the other shards.

use crate::seam::snapshot::Totals;
use crate::shard::turn::parcel::{Kind, Media, PARCEL_BYTES_MAX, Parcel, SLIPS_MAX, Slip};
use crate::stream::cache::Entry;

/// Bytes of memory that an empty parcel (a buffer between packet threads) may keep for reuse; a larger parcel is freed. Chosen.
/// Larger: more idle memory after a burst (now at most 2 MiB for each thread). Smaller: more allocations, and thus more work.
pub(crate) const IDLE_BYTES_MAX: usize = 256 << 10;
/// Empty parcels (buffers between packet threads) that a thread keeps for reuse. Chosen. Larger: more idle memory. Smaller:
/// more allocations, and thus more work.
pub(crate) const IDLE_MAX: usize = 8;

/// The parcels for one shard.
#[derive(Debug)]
pub(crate) struct Outward {
    pub(crate) own: Parcel,
    pub(crate) foreign: Parcel,
}

#[derive(Debug, Default)]
pub(crate) struct Parcels {
    /// The index of this shard.
    index: u8,
    /// The parcels by shard, including this shard. Empty if there is no other shard.
    outward: Vec<Outward>,
    idle: Vec<Parcel>,
}

impl Parcels {
    pub fn new(index: u8) -> Self {
        Parcels { index, ..Parcels::default() }
    }

    /// Set the number of shards.
    pub fn share(&mut self, shards: usize) {
        let from = self.index;
        let outward = || Outward { own: Parcel::new(from, false), foreign: Parcel::new(from, true) };
        self.outward.resize_with(shards, outward);
    }

    pub fn has_others(&self) -> bool {
        !self.outward.is_empty()
    }

    /// Return the shards that share the ports with this shard.
    pub fn others(&self) -> impl Iterator<Item = u8> + use<> {
        let ours = self.index;
        (0..self.outward.len() as u8).filter(move |to| *to != ours)
    }

    /// Report whether `shard` is another of these shards.
    pub fn is_other(&self, shard: u8) -> bool {
        shard != self.index && usize::from(shard) < self.outward.len()
    }

    /// Add a message of this shard. Without room the message is lost. All messages are repeated except `Release`. After a lost
    /// `Release` the path stays claimed until the claim expires.
    pub fn put(&mut self, to: u8, slip: Slip) {
        self.outward.get_mut(usize::from(to)).map(|outward| outward.own.add(Kind::Word, slip, []));
    }

    /// Report whether the shard `to` can take all these packets while half of the parcel stays free for new packets of this
    /// round.
    pub fn has_room_beside<'a>(&self, to: u8, entries: impl Iterator<Item = &'a Entry>) -> bool {
        let (count, bytes) = entries.fold((0, 0), |(count, bytes), entry| (count + 1, bytes + entry.size()));
        self.outward.get(usize::from(to)).is_some_and(|outward| {
            let (slips, room) = (SLIPS_MAX / 2, PARCEL_BYTES_MAX / 2);
            outward.own.has_room(Kind::Media, count + slips, bytes + room)
        })
    }

    pub fn put_media(&mut self, to: u8, media: Media, payload: &[u8], descriptor: &[u8], totals: &mut Totals) {
        let Some(outward) = self.outward.get_mut(usize::from(to)) else { return };
        if !outward.own.add(Kind::Media, Slip::Media(media), [payload, descriptor]) {
            totals.handover_drops += 1;
        }
    }

    /// Add a datagram from a peer of another shard.
    pub fn put_foreign(&mut self, to: u8, kind: Kind, slip: Slip, datagram: &[u8], totals: &mut Totals) {
        if !self.outward[usize::from(to)].foreign.add(kind, slip, [datagram]) {
            totals.handover_drops += 1;
        }
    }

    /// Return the next parcel for the shard `to`, if there is one.
    pub fn take(&mut self, to: usize) -> Option<Parcel> {
        let Outward { own, foreign } = self.outward.get_mut(to)?;
        let parcel = [own, foreign].into_iter().find(|parcel| !parcel.slips.is_empty())?;
        let mut fresh = self.idle.pop().unwrap_or_default();
        (fresh.from, fresh.foreign) = (self.index, parcel.foreign);
        Some(std::mem::replace(parcel, fresh))
    }

    /// Keep the memory of an unpacked parcel for reuse.
    pub fn give_back(&mut self, mut parcel: Parcel) {
        parcel.clear();
        if self.idle.len() < IDLE_MAX && parcel.bytes.capacity() <= IDLE_BYTES_MAX {
            self.idle.push(parcel);
        }
    }
}
