//! The recent packets of one layer in clear. Consumers get packets from this cache, and NACKs are answered from it.
//!
//! Each layer has one ring of bytes, which all its consumers share. So memory grows with streams, not with viewers. The ring
//! begins small and doubles while it holds less than [`HISTORY_US`]. A table finds packets by sequence number.

use crate::codec::numbers::Numbers;
use crate::codec::selection::Place;
use crate::types::Codec;

/// Microseconds. The cache of a layer's recent packets, from which NACKs are answered, tries to hold this time. At a round-trip
/// time of 0.5 s, a packet that was lost twice is requested 1 s after it was first sent. Longer: more memory for each video
/// layer, up to 1 MiB (`VIDEO_BYTES_MAX`), which holds 2 s of 4.2 Mbit/s. Shorter: packets of far viewers are not sent again,
/// and their picture freezes.
pub const HISTORY_US: u64 = 2_000_000;
/// Bytes. Chosen. The first size of the cache of a video layer's recent packets: a power of two. Larger: more memory for layers
/// of low bitrate. Smaller: the cache grows more often at the start; until then, packets of far viewers are not sent again, and
/// their picture freezes.
const VIDEO_BYTES: usize = 64 << 10;
/// Bytes. Chosen. The largest size of the cache of a video layer's recent packets: a power of two, 2 s (`HISTORY_US`) of 4.2
/// Mbit/s. Larger: more memory for layers of more than 4.2 Mbit/s, and only useful if `sent_log::VIDEO_PACKETS_MAX` (1,024)
/// grows too. Smaller: packets of far viewers of such a layer are not sent again, and their picture freezes.
const VIDEO_BYTES_MAX: usize = 1 << 20;
/// Bytes. Chosen. The size of the cache of an audio track's recent packets: 64 packets of up to 256 bytes, 1.3 s of 20 ms each.
/// A power of two. Larger: only more memory, because `sent_log::AUDIO_PACKETS` (64) limits resends. Smaller: a lost packet is
/// requested after it was forgotten, and the listener misses it.
const AUDIO_BYTES: usize = 16 << 10;
/// Bytes of the cache of recent packets for each entry in the table of its packets. Larger: a stream of small packets has too
/// few entries, and lost packets are forgotten too soon. Smaller: more memory for the table.
const BYTES_PER_PLACE: usize = 256;
/// Bytes of a packet, about, if a picture has several packets. A power of two. The record of what a viewer was sent
/// (`sent_log`) has one entry for each such part of the cache. Larger: there are too few entries, packets of far viewers are
/// not sent again, and their picture freezes. Smaller: the records are larger than needed, up to 1,024 entries
/// (`VIDEO_PACKETS_MAX`).
const FULL_PACKET_BYTES: usize = 1_024;
/// Bytes of the largest RTP payload: an Ethernet frame carries no more. Longer ones are dropped. Larger:
/// `downlink::pace::SPACE` (2,048) must hold it with 329 bytes of headers, otherwise the write panics. Smaller: large packets
/// of publishers are dropped, and viewers see no picture.
pub const PAYLOAD_BYTES_MAX: usize = 1500;

/// The value of a one-byte header extension that is absent. No sender uses it for an orientation; as an audio level it is
/// silence. Smaller: a real level or orientation of this value is left out. Larger: a byte has no larger value.
pub const ABSENT: u8 = 0xff;

/// One cached packet. A `len` of 0 is a packet of padding: a sequence number without content.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    pub sequence: u16,
    pub timestamp: u32,
    pub payload_type: u8,
    pub codec: Option<Codec>,
    pub marker: bool,
    pub keyframe: bool,
    /// The byte of RFC 6464, or [`ABSENT`].
    pub audio_level: u8,
    /// The byte of the video orientation, or [`ABSENT`].
    pub orientation: u8,
    /// Length of the dependency descriptor. It follows the payload in the ring.
    pub descriptor_len: u8,
    /// Picture numbers of VP8 and VP9.
    pub numbers: Numbers,
    /// The frame number in the dependency descriptor.
    pub frame: u16,
    /// The place among the layers of the stream. None if the stream has no layers or does not say.
    pub place: Option<Place>,
    pub len: u16,
    pub(crate) used: bool,
    pub(crate) position: u64,
}

impl Entry {
    /// Return the bytes of payload and descriptor.
    pub fn size(&self) -> usize {
        usize::from(self.len) + usize::from(self.descriptor_len)
    }
}

pub struct Cache {
    bytes: Box<[u8]>,
    table: Box<[Entry]>,
    head: u64,
    turned_at_us: u64,
    bytes_max: usize,
}

impl Cache {
    pub fn video(now_us: u64) -> Self {
        Cache::with_bytes(VIDEO_BYTES, VIDEO_BYTES_MAX, now_us)
    }

    pub fn audio(now_us: u64) -> Self {
        Cache::with_bytes(AUDIO_BYTES, AUDIO_BYTES, now_us)
    }

    fn with_bytes(bytes: usize, bytes_max: usize, now_us: u64) -> Self {
        Cache {
            bytes: vec![0; bytes].into_boxed_slice(),
            table: vec![Entry::default(); bytes / BYTES_PER_PLACE].into_boxed_slice(),
            head: 0,
            turned_at_us: now_us,
            bytes_max,
        }
    }

    /// Return the bytes that may be inserted before the first of them is overwritten.
    pub fn safe_bytes(&self) -> usize {
        self.bytes.len() / 2
    }

    /// Return the packets that may be inserted before the table forgets the first of them.
    pub fn safe_packets(&self) -> usize {
        self.table.len() / 2
    }

    /// Return how many full packets the ring holds: a power of two.
    pub fn full_packets(&self) -> usize {
        self.bytes.len() / FULL_PACKET_BYTES
    }

    pub fn memory_bytes(&self) -> usize {
        self.bytes.len() + self.table.len() * size_of::<Entry>()
    }

    pub fn contains(&self, sequence: u16) -> bool {
        self.get(sequence).is_some()
    }

    /// Return the entry of `sequence` while its bytes are in the ring.
    pub fn get(&self, sequence: u16) -> Option<&Entry> {
        let entry = &self.table[sequence as usize & (self.table.len() - 1)];
        let fresh = entry.used && self.head - entry.position <= self.bytes.len() as u64;
        (fresh && entry.sequence == sequence).then_some(entry)
    }

    pub fn payload(&self, entry: &Entry) -> &[u8] {
        let start = entry.position as usize & (self.bytes.len() - 1);
        &self.bytes[start..start + entry.len as usize]
    }

    pub fn descriptor(&self, entry: &Entry) -> &[u8] {
        let start = (entry.position as usize & (self.bytes.len() - 1)) + entry.len as usize;
        &self.bytes[start..start + entry.descriptor_len as usize]
    }

    /// Copy a packet into the ring. `payload.len()` must be at most [`PAYLOAD_BYTES_MAX`].
    pub fn insert(&mut self, mut entry: Entry, payload: &[u8], descriptor: &[u8], now_us: u64) {
        debug_assert!(payload.len() <= PAYLOAD_BYTES_MAX && descriptor.len() <= 255);
        let needed = payload.len() + descriptor.len();
        let capacity = self.bytes.len() as u64;
        let to_end = capacity - (self.head & (capacity - 1));
        if (needed as u64) > to_end {
            self.head += to_end;
            self.turn(now_us);
        }
        let start = self.head as usize & (self.bytes.len() - 1);
        self.bytes[start..start + payload.len()].copy_from_slice(payload);
        self.bytes[start + payload.len()..start + needed].copy_from_slice(descriptor);
        entry.position = self.head;
        entry.len = payload.len() as u16;
        entry.descriptor_len = descriptor.len() as u8;
        entry.used = true;
        self.head += needed as u64;
        let place = entry.sequence as usize & (self.table.len() - 1);
        self.table[place] = entry;
    }

    /// Note that the ring is full, and double it if it was full in less than `HISTORY_US`.
    fn turn(&mut self, now_us: u64) {
        let quick = now_us.saturating_sub(self.turned_at_us) < HISTORY_US;
        self.turned_at_us = now_us;
        if quick && self.bytes.len() < self.bytes_max {
            self.grow(now_us);
        }
    }

    fn grow(&mut self, now_us: u64) {
        let mut larger = Cache::with_bytes(self.bytes.len() * 2, self.bytes_max, now_us);
        let mut kept: Vec<&Entry> = self
            .table
            .iter()
            .filter(|entry| entry.used && self.head - entry.position <= self.bytes.len() as u64)
            .collect();
        kept.sort_unstable_by_key(|entry| entry.position);
        for entry in kept {
            larger.insert(*entry, self.payload(entry), self.descriptor(entry), now_us);
        }
        *self = larger;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(sequence: u16) -> Entry {
        Entry { sequence, ..Entry::default() }
    }

    #[test]
    fn a_far_viewer_finds_what_it_lost_twice() {
        let mut cache = Cache::video(0);
        let each_us = 18_000; // 500 kbit/s
        for n in 0..2_000u16 {
            cache.insert(entry(n), &[0; 1125], &[], u64::from(n) * each_us);
            let before = n.checked_sub((1_300_000 / each_us) as u16);
            assert!(n < 200 || before.is_some_and(|before| cache.contains(before)), "{n}");
        }
    }

    #[test]
    fn finds_recent_and_forgets_old_across_the_wrap() {
        let mut cache = Cache::audio(0);
        let mut sequence = 65_000u16;
        for i in 0..2_000u32 {
            cache.insert(entry(sequence), &[i as u8; 100], &[], u64::from(i) * 20_000);
            sequence = sequence.wrapping_add(1);
        }
        let last = sequence.wrapping_sub(1);
        let found = *cache.get(last).unwrap();
        assert_eq!(cache.payload(&found), &[(1_999 % 256) as u8; 100]);
        assert!(cache.get(last.wrapping_sub(20)).is_some());
        assert!(cache.get(last.wrapping_sub(64)).is_none());
        assert!(cache.get(sequence).is_none());
    }

    #[test]
    fn grows_while_history_is_short_and_keeps_what_it_had() {
        let mut cache = Cache::video(0);
        let before = cache.memory_bytes();
        for sequence in 0..400u16 {
            cache.insert(entry(sequence), &[sequence as u8; 1200], &[7, 8], u64::from(sequence) * 1_000);
        }
        assert!(cache.memory_bytes() > before);
        for sequence in 300..400u16 {
            let found = *cache.get(sequence).unwrap();
            assert_eq!(cache.payload(&found), &[sequence as u8; 1200]);
            assert_eq!(cache.descriptor(&found), &[7, 8]);
        }
    }

    #[test]
    fn stops_growing_at_the_bound() {
        let mut cache = Cache::video(0);
        for i in 0..20_000u32 {
            cache.insert(entry(i as u16), &[0; 1500], &[0; 200], u64::from(i));
        }
        assert!(cache.memory_bytes() <= VIDEO_BYTES_MAX + VIDEO_BYTES_MAX / BYTES_PER_PLACE * size_of::<Entry>());
    }

    #[test]
    fn an_empty_packet_is_an_entry() {
        let mut cache = Cache::video(0);
        cache.insert(entry(5), &[], &[], 0);
        assert_eq!(cache.get(5).unwrap().len, 0);
        assert!(!cache.contains(0));
    }
}
