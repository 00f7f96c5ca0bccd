//! What waits for the other shards.

use crate::seam::snapshot::Totals;
use crate::shard::turn::parcel::{Kind, Media, PARCEL_BYTES_MAX, Parcel, SLIPS_MAX, Slip};
use crate::stream::cache::Entry;

/// Room that parcels keep while they lie empty, and how many of them.
pub(crate) const IDLE_BYTES_MAX: usize = 256 << 10;
pub(crate) const IDLE_MAX: usize = 8;

/// What is to go to one shard.
#[derive(Debug)]
pub(crate) struct Outward {
    pub(crate) own: Parcel,
    pub(crate) foreign: Parcel,
}

#[derive(Debug, Default)]
pub(crate) struct Parcels {
    /// The index of this shard.
    index: u8,
    /// To each shard, ours among them; empty: there is no other one.
    outward: Vec<Outward>,
    idle: Vec<Parcel>,
}

impl Parcels {
    pub fn new(index: u8) -> Self {
        Parcels { index, ..Parcels::default() }
    }

    /// There are so many shards from now on.
    pub fn share(&mut self, shards: usize) {
        let from = self.index;
        let outward = || Outward { own: Parcel::new(from, false), foreign: Parcel::new(from, true) };
        self.outward.resize_with(shards, outward);
    }

    pub fn has_others(&self) -> bool {
        !self.outward.is_empty()
    }

    /// The shards that share the ports with this one.
    pub fn others(&self) -> impl Iterator<Item = u8> + use<> {
        let ours = self.index;
        (0..self.outward.len() as u8).filter(move |to| *to != ours)
    }

    /// Whether `shard` is another one of them.
    pub fn is_other(&self, shard: u8) -> bool {
        shard != self.index && usize::from(shard) < self.outward.len()
    }

    /// Without room it is lost. All is said again but a `Release`: where that is lost, the path is held until its claim is no longer
    /// fresh.
    pub fn put(&mut self, to: u8, slip: Slip) {
        self.outward.get_mut(usize::from(to)).map(|outward| outward.own.add(Kind::Word, slip, []));
    }

    /// The shard `to` can be handed all of these, and half of the parcel stays for what is new in this round.
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

    /// Puts in what a peer of another shard has sent.
    pub fn put_foreign(&mut self, to: u8, kind: Kind, slip: Slip, datagram: &[u8], totals: &mut Totals) {
        if !self.outward[usize::from(to)].foreign.add(kind, slip, [datagram]) {
            totals.handover_drops += 1;
        }
    }

    /// What is to go to the shard `to` now, if anything.
    pub fn take(&mut self, to: usize) -> Option<Parcel> {
        let Outward { own, foreign } = self.outward.get_mut(to)?;
        let parcel = [own, foreign].into_iter().find(|parcel| !parcel.slips.is_empty())?;
        let mut fresh = self.idle.pop().unwrap_or_default();
        (fresh.from, fresh.foreign) = (self.index, parcel.foreign);
        Some(std::mem::replace(parcel, fresh))
    }

    /// Keeps the memory of a parcel that has been unpacked.
    pub fn give_back(&mut self, mut parcel: Parcel) {
        parcel.clear();
        if self.idle.len() < IDLE_MAX && parcel.bytes.capacity() <= IDLE_BYTES_MAX {
            self.idle.push(parcel);
        }
    }
}
