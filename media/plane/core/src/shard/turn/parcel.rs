//! Parcels: the data that one shard hands to another, and the limits of the waiting data.

use crate::path::Path;
use crate::shard::tables::mirror_feed::MirrorStream;
use crate::stream::cache::Entry;
use crate::stream::playout::Report;
use crate::stream::reception::SenderClock;

/// One packet of a mirrored layer. Payload and dependency descriptor follow each other in the parcel.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Media {
    pub producer: u32,
    pub layer: u8,
    pub stream: MirrorStream,
    pub clock_hz: u32,
    pub entry: Entry,
    pub payload: usize,
    pub descriptor: usize,
}

/// The state of a publisher's uplink on its own shard. The clock is from the last sender report, the losses are from our own
/// counts.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upward {
    pub producer: u32,
    pub layer: u8,
    pub stream: MirrorStream,
    pub clock: Option<SenderClock>,
    /// The clock offset of the publisher: see `Transport::clock_offset_us`.
    pub offset_us: Option<i64>,
    /// The packets that were requested again: see `Reception::losses`.
    pub losses: Report,
    pub rtt_us: Option<u64>,
}

/// Bytes of datagrams and messages from one shard (packet thread) to another in one round, in each of two buffers. Newer data
/// is lost, as in a full socket. Larger: more memory, and `SLIPS_MAX` (4096) is the limit for packets below 512 bytes. Smaller:
/// in a burst, peers of the other shard lose packets.
pub(crate) const PARCEL_BYTES_MAX: usize = 1 << 20;

/// Datagrams or messages of each kind from one shard (packet thread) to another in one round. Newer ones are lost. Chosen.
/// Larger: more memory; no effect for packets above 256 bytes, because `PARCEL_BYTES_MAX` (1 MiB) is full first. Smaller: in a
/// burst, peers of the other shard lose packets.
pub(crate) const SLIPS_MAX: usize = 4096;

/// Datagrams from unknown addresses that one shard (packet thread) hands to another in one round. Further ones are dropped.
/// Chosen. Any sender can send such datagrams, so they get little room. Larger: a flood of short datagrams (up to 256 bytes,
/// see `UNPROVED_BYTES_MAX`) costs the other shard more work. Smaller: a flood hides the first checks of new peers, and they
/// connect later.
pub(crate) const UNPROVED_MAX: usize = 512;

/// Bytes of datagrams from unknown addresses that one shard (packet thread) hands to another in one round. Further ones are
/// dropped. Chosen. Larger: a flood of datagrams above 256 bytes (see `UNPROVED_MAX`) takes more memory and work of the other
/// shard. Smaller: a flood of long datagrams hides the first checks of new peers, and they connect later.
pub(crate) const UNPROVED_BYTES_MAX: usize = 128 << 10;

/// The data from one shard to another, in order: datagrams as they arrived, and messages of the shard itself.
#[derive(Debug, Default)]
pub struct Parcel {
    pub(crate) from: u8,
    pub(crate) foreign: bool,
    pub(crate) slips: Vec<Slip>,
    pub(crate) bytes: Vec<u8>,
    /// The number of slips, and their bytes, of each kind.
    pub(crate) counts: [usize; KINDS],
    pub(crate) sizes: [usize; KINDS],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Slip {
    /// The next `len` bytes arrived on this path. `shown`: the owner of the datagram is unknown, so all shards get it.
    Datagram {
        path: Path,
        len: usize,
        shown: bool,
    },
    /// The path belongs to a peer of the sending shard. `held`: the peer has nominated the path.
    Claim {
        path: Path,
        held: bool,
    },
    /// The peer has nominated another path, or is closed.
    Release {
        path: Path,
    },
    /// These three are about producers on other shards: see `uplink::mirror_in`.
    Media(Media),
    Upward(Upward),
    Wish {
        producer: u32,
        layer: u8,
    },
}

/// The kinds of slips. Each kind has its own limits, so that no kind takes the room of another.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Media,
    Word,
    Claimed,
    Unproved,
}

/// The number of variants of `Kind`, which have separate counts. Larger: unused memory. Smaller: the count of the last kind has
/// no place, and its first message panics.
pub(crate) const KINDS: usize = 4;

impl Kind {
    fn most(self) -> usize {
        if matches!(self, Kind::Unproved) { UNPROVED_MAX } else { SLIPS_MAX }
    }

    fn most_bytes(self) -> usize {
        if matches!(self, Kind::Unproved) { UNPROVED_BYTES_MAX } else { PARCEL_BYTES_MAX }
    }
}

impl Parcel {
    pub(crate) fn new(from: u8, foreign: bool) -> Self {
        Parcel { from, foreign, ..Parcel::default() }
    }

    /// Report whether the parcel holds datagrams of other shards' peers. Such a parcel must not wait where it takes room from
    /// others.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// Return the approximate memory of the parcel.
    pub fn size(&self) -> usize {
        self.bytes.len() + self.slips.len() * size_of::<Slip>()
    }

    pub fn datagrams(&self) -> u64 {
        self.slips.iter().filter(|slip| matches!(slip, Slip::Datagram { .. } | Slip::Media(_))).count() as u64
    }

    pub(crate) fn has_room(&self, kind: Kind, slips: usize, len: usize) -> bool {
        let has_bytes =
            self.bytes.len() + len <= PARCEL_BYTES_MAX && self.sizes[kind as usize] + len <= kind.most_bytes();
        has_bytes && self.counts[kind as usize] + slips <= kind.most()
    }

    pub(crate) fn clear(&mut self) {
        self.slips.clear();
        self.bytes.clear();
        (self.counts, self.sizes) = ([0; KINDS], [0; KINDS]);
    }

    /// Add a slip and its bytes. Return false if there is no room.
    pub(crate) fn add<const N: usize>(&mut self, kind: Kind, slip: Slip, bytes: [&[u8]; N]) -> bool {
        let len = bytes.iter().map(|part| part.len()).sum();
        let room = self.has_room(kind, 1, len);
        if room {
            self.counts[kind as usize] += 1;
            self.sizes[kind as usize] += len;
            self.slips.push(slip);
            bytes.iter().for_each(|part| self.bytes.extend_from_slice(part));
        }
        room
    }
}
