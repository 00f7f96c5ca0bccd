//! What one shard hands to another, and how much of that waits at most.

use crate::path::Path;
use crate::shard::tables::mirror_feed::MirrorStream;
use crate::stream::cache::Entry;
use crate::stream::playout::Report;
use crate::stream::reception::SenderClock;

/// One packet of a mirrored layer; payload and dependency descriptor lie behind each other in the parcel.
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

/// What the publisher's shard knows of its way: of its clock by the last sender report, and of its losses by our own.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upward {
    pub producer: u32,
    pub layer: u8,
    pub stream: MirrorStream,
    pub clock: Option<SenderClock>,
    /// Of the publisher: see `Transport::clock_offset_us`.
    pub offset_us: Option<i64>,
    /// Asked for again.
    pub losses: Report,
    pub rtt_us: Option<u64>,
}

/// What waits for one shard in one round in each of two parcels; more is lost, as in a full socket.
pub(crate) const PARCEL_BYTES_MAX: usize = 1 << 20;

/// Of each kind. Anybody can send what nobody has proved: it gets little room beside what comes by claimed paths.
pub(crate) const SLIPS_MAX: usize = 4096;

pub(crate) const UNPROVED_MAX: usize = 512;

pub(crate) const UNPROVED_BYTES_MAX: usize = 128 << 10;

/// What one shard hands to another, in order: datagrams as they came, or what it has to say itself.
#[derive(Debug, Default)]
pub struct Parcel {
    pub(crate) from: u8,
    pub(crate) foreign: bool,
    pub(crate) slips: Vec<Slip>,
    pub(crate) bytes: Vec<u8>,
    /// Slips of each kind.
    pub(crate) counts: [usize; KINDS],
    pub(crate) sizes: [usize; KINDS],
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum Slip {
    /// The next `len` bytes came by this path. `shown`: nobody knows whose they are.
    Datagram {
        path: Path,
        len: usize,
        shown: bool,
    },
    /// What comes by this path is of a peer of the shard that says so. `held`: the peer has nominated it.
    Claim {
        path: Path,
        held: bool,
    },
    /// The peer has nominated another one, or is gone.
    Release {
        path: Path,
    },
    /// The rest is about producers on other shards: see `mirror`.
    Media(Media),
    Upward(Upward),
    Wish {
        producer: u32,
        layer: u8,
    },
}

/// Each has bounds of its own, so that none can take the room of another.
#[derive(Clone, Copy)]
pub(crate) enum Kind {
    Media,
    Word,
    Claimed,
    Unproved,
}

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

    /// Strangers have a part in it: it must not wait where it keeps others from their room.
    pub fn is_foreign(&self) -> bool {
        self.foreign
    }

    /// What it holds in memory, about.
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

    /// False: there is no room.
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
