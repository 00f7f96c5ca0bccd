//! A continuous stream, made out of many parts. The sequence numbers, timestamps, picture ids and frame numbers of a consumer
//! go on without a gap (RFC 3550, RFC 7741). Parts end at pauses, switches of source or layer, dropped temporal layers, and
//! padding.
//!
//! `out = source + offset`. A switch sets new offsets. Each packet that is left out lowers them by one. A late packet finds the
//! offset of its time in a short history. A packet older than the last switch or than the history is refused.

use crate::serial::is_before;

/// Changes of the difference between a source's and a viewer's sequence numbers that are remembered. A viewer that gets fewer
/// layers has one change for each group of packets that is left out. Chosen. Larger: more memory for each viewer, and a longer
/// search for late packets. Smaller: such a viewer loses more late packets, and its picture freezes.
const HISTORY: usize = 32;
/// Packets. A packet further behind the newest is not forwarded. Larger: no effect, because packets more than 2,048 behind are
/// dropped before (`Cache::safe_packets`); near 2^15, 16-bit numbers cannot be ordered any more. Smaller: packets that the
/// publisher sends again late are refused, and viewers see a frozen picture.
const LATE_MAX: u16 = 4_096;
/// The bits of a picture id: 15 or, rarely, 7 (RFC 7741 §4.2). Larger: after id 32767 each new picture seems to be old.
/// Smaller: after a gap in the ids, the next picture seems to be old. Both spoil the ids after a switch of layers.
const PICTURE_MASK: u16 = 0x7fff;

/// The numbers that are added to those of a source packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    pub sequence: u16,
    pub picture: u16,
    pub frame: u16,
    pub tl0: u8,
}

/// A run of source packets, `from` to `end`, that were left out in order. Earlier packets had the offsets `before`.
#[derive(Clone, Copy, Debug, Default)]
struct Change {
    from: u16,
    end: u16,
    before: Offsets,
}

/// The numbers of a packet's picture and frame, if it has them (see `cache::Entry`).
#[derive(Clone, Copy, Debug, Default)]
pub struct Picture {
    pub id: u16,
    pub frame: u16,
    pub tl0: u8,
}

#[derive(Default)]
pub struct Continuity {
    started: bool,
    /// True if padding was sent before the first packet.
    preceded: bool,
    first: u16,
    highest: u16,
    offsets: Offsets,
    timestamp_offset: u32,
    out_timestamp: u32,
    out_picture: Picture,
    source_timestamp: u32,
    changes: [Change; HISTORY],
    changes_len: usize,
    dropping: bool,
    /// The source's timestamp of the picture that was left out last.
    left: Option<u32>,
    sent_any: bool,
}

/// A packet that must not be sent.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    pub sequence: u16,
    /// The timestamp of its picture. None without a picture.
    pub timestamp: Option<u32>,
    /// True if the picture has its own id and is left out whole.
    pub counts: bool,
}

impl Continuity {
    /// Start the outgoing numbers at `sequence`. It is below 2^15, so that the first rollover is unambiguous (RFC 3711).
    pub fn starting_at(sequence: u16) -> Self {
        Continuity { highest: (sequence & 0x7fff).wrapping_sub(1), ..Continuity::default() }
    }

    pub fn started(&self) -> bool {
        self.started
    }

    /// Return the number and timestamp of a packet of padding before the first packet of any source. All such packets have the
    /// `timestamp` of the first call, and the first media packet has this timestamp too.
    pub fn precede(&mut self, timestamp: u32) -> (u16, u32) {
        debug_assert!(!self.started, "the offsets are those of a source");
        if !self.preceded {
            self.preceded = true;
            self.out_timestamp = timestamp;
        }
        self.highest = self.highest.wrapping_add(1);
        (self.highest, self.out_timestamp)
    }

    /// Make this packet the next one out, after any packet. `elapsed`: the step of the outgoing timestamp from the last packet
    /// sent.
    pub fn switch(&mut self, sequence: u16, timestamp: u32, picture: Picture, elapsed: u32) {
        // The next number is after all numbers that were given out, and after those kept for packets that are still missing.
        self.offsets.sequence = self.highest.wrapping_add(self.offsets.sequence).wrapping_add(1).wrapping_sub(sequence);
        if self.preceded && !self.started {
            self.timestamp_offset = self.out_timestamp.wrapping_sub(timestamp);
        }
        if self.started {
            self.timestamp_offset = self.out_timestamp.wrapping_add(elapsed).wrapping_sub(timestamp);
            self.offsets.picture = self.out_picture.id.wrapping_add(1).wrapping_sub(picture.id);
            self.offsets.frame = self.out_picture.frame.wrapping_add(1).wrapping_sub(picture.frame);
            self.offsets.tl0 = self.out_picture.tl0.wrapping_add(1).wrapping_sub(picture.tl0);
        }
        self.started = true;
        self.first = sequence;
        self.highest = sequence.wrapping_sub(1);
        self.changes_len = 0;
        self.dropping = false;
        self.left = None;
    }

    /// Go on with the same source after a pause. Numbers have no gap, and timestamps keep their offset.
    pub fn resume(&mut self, sequence: u16, timestamp: u32, picture: Picture) {
        let elapsed = timestamp.wrapping_add(self.timestamp_offset).wrapping_sub(self.out_timestamp);
        self.switch(sequence, timestamp, picture, elapsed);
    }

    /// Return the offsets for a packet to send. None if the packet is too old. `picture`: its numbers or zeros.
    pub fn pass(&mut self, sequence: u16, timestamp: u32, picture: Picture) -> Option<Offsets> {
        let ahead = sequence.wrapping_sub(self.highest);
        let offsets = if ahead == 0 || ahead >= 0x8000 {
            self.offsets_then(sequence).filter(|_| !self.is_left_out(sequence))?
        } else {
            self.advance(sequence);
            self.dropping = false;
            self.offsets
        };
        self.note(timestamp, picture, offsets);
        Some(offsets)
    }

    /// Note the latest timestamp and picture sent, because a switch goes on from them. A late packet may be later than all that
    /// was sent.
    fn note(&mut self, timestamp: u32, picture: Picture, offsets: Offsets) {
        let out = timestamp.wrapping_add(self.timestamp_offset);
        if !self.sent_any || out.wrapping_sub(self.out_timestamp) < 0x8000_0000 {
            self.out_timestamp = out;
            self.source_timestamp = timestamp;
        }
        let id = picture.id.wrapping_add(offsets.picture);
        if !self.sent_any || id.wrapping_sub(self.out_picture.id) & PICTURE_MASK < PICTURE_MASK / 2 {
            (self.out_picture.id, self.out_picture.tl0) = (id, picture.tl0.wrapping_add(offsets.tl0));
        }
        let frame = picture.frame.wrapping_add(offsets.frame);
        if !self.sent_any || !is_before(frame, self.out_picture.frame) {
            self.out_picture.frame = frame;
        }
        self.sent_any = true;
    }

    /// Leave a packet out. If the packet is late and a number was kept for it, return its offsets: another packet must take
    /// this number.
    pub fn skip(&mut self, Left { sequence, timestamp, counts }: Left) -> Option<Offsets> {
        let ahead = sequence.wrapping_sub(self.highest);
        if ahead == 0 || ahead >= 0x8000 {
            return self.offsets_then(sequence).filter(|_| !self.is_left_out(sequence));
        }
        let same_picture = timestamp.is_some() && timestamp == self.left;
        let mut count = 1;
        match self.changes[..self.changes_len].last_mut() {
            // The packets missing between two packets of one picture that is left out are left out too.
            Some(run) if self.dropping && (ahead == 1 || same_picture && ahead <= LATE_MAX) => {
                (run.end, count) = (sequence, ahead);
            }
            _ => self.remember(sequence),
        }
        self.advance(sequence);
        self.dropping = true;
        self.offsets.sequence = self.offsets.sequence.wrapping_sub(count);
        if timestamp.is_some() && !same_picture {
            self.left = timestamp;
            self.offsets.picture = self.offsets.picture.wrapping_sub(counts.into());
        }
        None
    }

    /// Forget changes that are too old to be needed. Their distance must stay below half of the numbers.
    #[inline]
    fn advance(&mut self, sequence: u16) {
        self.highest = sequence;
        if sequence.wrapping_sub(self.first) > LATE_MAX {
            self.first = sequence.wrapping_sub(LATE_MAX);
            let is_old = |change: &&Change| sequence.wrapping_sub(change.end) > LATE_MAX;
            let old = self.changes[..self.changes_len].iter().take_while(is_old).count();
            if old > 0 {
                self.changes.copy_within(old..self.changes_len, 0);
                self.changes_len -= old;
            }
            // A long run may have a recent end.
            let oldest = self.changes[..self.changes_len].first_mut();
            oldest.filter(|run| is_before(run.from, self.first)).into_iter().for_each(|run| run.from = self.first);
        }
    }

    fn remember(&mut self, from: u16) {
        if self.changes_len == HISTORY {
            self.changes.copy_within(1.., 0);
            self.changes_len -= 1;
            self.first = self.changes[0].from;
        }
        self.changes[self.changes_len] = Change { from, end: from, before: self.offsets };
        self.changes_len += 1;
    }

    fn is_left_out(&self, sequence: u16) -> bool {
        let run = self.changes[..self.changes_len].iter().rev().find(|change| !is_before(sequence, change.from));
        run.is_some_and(|run| !is_before(run.end, sequence))
    }

    fn offsets_then(&self, sequence: u16) -> Option<Offsets> {
        if is_before(sequence, self.first) {
            return None;
        }
        let mut offsets = self.offsets;
        for change in self.changes[..self.changes_len].iter().rev() {
            if !is_before(sequence, change.from) {
                break;
            }
            offsets = change.before;
        }
        Some(offsets)
    }

    pub fn timestamp(&self, source: u32) -> u32 {
        source.wrapping_add(self.timestamp_offset)
    }

    /// Return the source's timestamp of the newest packet sent.
    pub fn source_timestamp(&self) -> u32 {
        self.source_timestamp
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn out(c: &mut Continuity, sequence: u16) -> Option<u16> {
        c.pass(sequence, 0, Picture::default()).map(|o| sequence.wrapping_add(o.sequence))
    }

    /// Return a packet of the picture with this timestamp, and with an id.
    fn left(sequence: u16, timestamp: u32) -> Left {
        Left { sequence, timestamp: Some(timestamp), counts: true }
    }

    #[test]
    fn numbers_go_on_across_switches_and_the_wrap() {
        let mut c = Continuity::starting_at(0x7ffe);
        let mut expected = 0x7ffe_u16;
        for source in [65_530u16, 100, 40_000] {
            c.switch(source, 0, Picture::default(), 3_000);
            for i in 0..20_000u16 {
                assert_eq!(out(&mut c, source.wrapping_add(i)), Some(expected));
                expected = expected.wrapping_add(1);
            }
        }
    }

    #[test]
    fn what_precedes_the_first_packet_leaves_no_gap_and_has_its_timestamp() {
        let mut c = Continuity::starting_at(0x7ffe);
        assert_eq!(c.precede(5_000), (0x7ffe, 5_000));
        assert_eq!(c.precede(9_000), (0x7fff, 5_000));
        c.switch(40, u32::MAX - 7, Picture { id: 9, frame: 8, tl0: 7 }, 1_800);
        let offsets = c.pass(40, u32::MAX - 7, Picture { id: 9, frame: 8, tl0: 7 }).unwrap();
        assert_eq!((40u16.wrapping_add(offsets.sequence), c.timestamp(u32::MAX - 7)), (0x8000, 5_000));
        assert_eq!((offsets.picture, offsets.frame, offsets.tl0), (0, 0, 0), "padding is no picture");
        assert_eq!(c.timestamp(2_992), 8_000);
    }

    #[test]
    fn skipped_packets_leave_no_gap_and_late_ones_find_their_place() {
        let mut c = Continuity::starting_at(0);
        c.switch(65_533, 0, Picture::default(), 0);
        assert_eq!(out(&mut c, 65_533), Some(0));
        // 65_534 is late
        assert_eq!(out(&mut c, 65_535), Some(2));
        c.skip(left(0, 0));
        c.skip(left(1, 0));
        assert_eq!(out(&mut c, 2), Some(3));
        assert_eq!(out(&mut c, 65_534), Some(1));
        assert_eq!(out(&mut c, 65_532), None);
    }

    #[test]
    fn late_packets_find_their_place_however_long_ago_the_last_change_was() {
        let mut c = Continuity::starting_at(0);
        c.switch(0, 0, Picture::default(), 0);
        assert_eq!(out(&mut c, 0), Some(0));
        c.skip(left(1, 0));
        for i in 2..200_000u32 {
            let sequence = i as u16;
            if i % 100 != 50 {
                assert_eq!(out(&mut c, sequence), Some(sequence.wrapping_sub(1)));
            }
            if i % 100 == 60 {
                assert_eq!(out(&mut c, sequence.wrapping_sub(10)), Some(sequence.wrapping_sub(11)));
            }
        }
    }

    #[test]
    fn pictures_close_up_when_frames_are_left_out() {
        let mut c = Continuity::starting_at(0);
        c.switch(10, 0, Picture { id: 32_767, frame: u16::MAX, tl0: 255 }, 0);
        let first = c.pass(10, 0, Picture { id: 32_767, frame: u16::MAX, tl0: 255 }).unwrap();
        assert_eq!(first.picture, 0);
        c.skip(left(11, 3_000));
        let third = c.pass(12, 6_000, Picture { id: 1, frame: 1, tl0: 0 }).unwrap();
        assert_eq!(1u16.wrapping_add(third.picture) & 0x7fff, 0);
        assert_eq!(third.sequence, first.sequence.wrapping_sub(1));
    }

    /// In a picture of three packets that is left out, any packet may arrive late or never.
    #[test]
    fn ids_and_numbers_close_up_whichever_packet_of_a_picture_is_missing() {
        for missing in 11..14 {
            let mut c = Continuity::starting_at(0);
            let picture = |id: u16| Picture { id, frame: id, tl0: 0 };
            c.switch(10, 0, picture(1), 0);
            c.pass(10, 0, picture(1)).unwrap();
            let others = (11..14).filter(|sequence| *sequence != missing);
            others.for_each(|sequence| assert_eq!(c.skip(left(sequence, 3_000)), None));
            let next = c.pass(14, 6_000, picture(3)).unwrap();
            // The picture of the first and of the last packet is not known.
            let kept = u16::from(missing != 12);
            assert_eq!((next.picture, 14u16.wrapping_add(next.sequence)), (u16::MAX, 1 + kept), "without {missing}");
            assert_eq!(c.skip(left(missing, 3_000)).is_some(), kept == 1);
            assert_eq!(c.pass(12, 3_000, picture(2)), None, "it was left out");
        }
    }

    #[test]
    fn timestamps_never_go_back_at_a_switch() {
        let mut c = Continuity::starting_at(0);
        c.switch(1, u32::MAX - 10, Picture::default(), 0);
        c.pass(1, u32::MAX - 10, Picture::default());
        c.switch(500, 77, Picture::default(), 3_000);
        assert_eq!(c.timestamp(77), (u32::MAX - 10).wrapping_add(3_000));
    }

    #[test]
    fn resuming_the_same_source_keeps_its_clock() {
        let mut c = Continuity::starting_at(0);
        c.switch(1, 1_000, Picture::default(), 0);
        c.pass(1, 1_000, Picture::default());
        c.resume(300, 901_000, Picture::default());
        assert_eq!(c.timestamp(901_000), 901_000);
        assert_eq!(out(&mut c, 300), Some(1));
    }

    #[test]
    fn a_run_longer_than_what_may_be_late_is_not_forgotten_before_its_end() {
        let mut c = Continuity::starting_at(0);
        c.switch(60_000, 0, Picture::default(), 0);
        assert_eq!(out(&mut c, 60_000), Some(0));
        (1..6_000u16).for_each(|n| assert_eq!(c.skip(left(60_000u16.wrapping_add(n), n.into())), None));
        assert_eq!(out(&mut c, 60_000u16.wrapping_add(6_000)), Some(1));
        for n in 1..6_000u16 {
            let late = 60_000u16.wrapping_add(n);
            assert_eq!((c.skip(left(late, n.into())), out(&mut c, late)), (None, None), "{n}");
        }
    }

    /// A source whose pictures all have one timestamp does not tell them apart.
    #[test]
    fn of_more_than_may_be_late_nothing_is_taken_for_one_picture() {
        let mut c = Continuity::starting_at(0);
        c.switch(9, 0, Picture::default(), 0);
        assert_eq!(out(&mut c, 9), Some(0));
        c.skip(left(10, 7));
        c.skip(left(5_000, 7));
        let next = out(&mut c, 5_001).expect("in its turn");
        assert_eq!(next, 4_990, "those between are kept");
        assert_eq!(out(&mut c, 4_999), Some(4_989));
    }

    #[test]
    fn history_is_bounded_and_refuses_what_it_forgot() {
        let mut c = Continuity::starting_at(0);
        c.switch(0, 0, Picture::default(), 0);
        for i in 0..1_000u16 {
            out(&mut c, i * 4);
            c.skip(left(i * 4 + 2, i.into()));
        }
        assert_eq!(out(&mut c, 1), None);
        assert!(out(&mut c, 3_997).is_some());
    }

    mod properties {
        use super::super::*;
        use proptest::prelude::*;
        use std::collections::HashSet;

        proptest! {
            /// The ids of pictures that are left out whole leave no gap, unless no packet of the picture arrived in order.
            #[test]
            fn ids_go_on_without_a_gap(
                id in any::<u16>(),
                pictures in proptest::collection::vec((1u16..5, any::<bool>(), any::<u8>()), 1..100),
            ) {
                let mut c = Continuity::starting_at(0);
                let numbers = |at: usize| Picture { id: id.wrapping_add(at as u16), ..Picture::default() };
                let (mut sequence, mut closed) = (65_000u16, 0);
                c.switch(sequence, 0, numbers(0), 0);
                c.pass(sequence, 0, numbers(0)).expect("the first one");
                for (at, (packets, is_left, lost)) in (1..).zip(pictures) {
                    let mut came = false;
                    for packet in 0..packets {
                        sequence = sequence.wrapping_add(1);
                        if lost >> packet & 1 != 0 {
                            continue;
                        }
                        let timestamp = at as u32 * 3_000;
                        if is_left {
                            let left = Left { sequence, timestamp: Some(timestamp), counts: true };
                            prop_assert_eq!(c.skip(left), None);
                        } else {
                            let offsets = c.pass(sequence, timestamp, numbers(at)).expect("in its turn");
                            prop_assert_eq!(offsets.picture, 0u16.wrapping_sub(closed));
                        }
                        came = true;
                    }
                    closed += u16::from(is_left && came);
                }
            }

            /// No outgoing number is used for two packets, for any order of arrival and any packets left out.
            #[test]
            fn no_number_is_used_twice(
                mut start in any::<u16>(),
                steps in proptest::collection::vec((0u16..8, 0u8..8), 1..300),
            ) {
                let mut c = Continuity::starting_at(start);
                c.switch(start, 0, Picture::default(), 0);
                let mut seen = HashSet::new();
                let mut used = HashSet::new();
                let mut newest = start;
                for (back, what) in steps {
                    if back == 7 {
                        newest = newest.wrapping_mul(31).wrapping_add(u16::from(what));
                        start = newest;
                        seen.clear();
                        c.switch(start, 0, Picture::default(), 1);
                        continue;
                    }
                    let sequence = if back < 3 { newest.wrapping_add(back) } else { newest.wrapping_sub(back - 2) };
                    if is_before(sequence, start) || !seen.insert(sequence) {
                        continue;
                    }
                    if !is_before(sequence, newest) { newest = sequence; }
                    if what < 5 {
                        if let Some(o) = c.pass(sequence, 0, Picture::default()) {
                            prop_assert!(used.insert(sequence.wrapping_add(o.sequence)));
                        }
                    } else {
                        let left = Left { sequence, timestamp: (what < 7).then_some(u32::from(sequence) / 4), counts: true };
                        let kept = c.skip(left);
                        prop_assert!(kept.is_none_or(|o| used.insert(sequence.wrapping_add(o.sequence))));
                        prop_assert_eq!(c.skip(left), kept, "what was left out in its turn kept none");
                    }
                }
            }
        }
    }
}
