//! The choice of the frames of a layered stream that one consumer receives. A switch down happens with the next picture. A
//! switch up happens only where a receiver can follow. A spatial switch up needs a picture that depends on no earlier picture.
//! A temporal switch up needs such a picture too, or a frame that allows the switch.
//!
//! Frames of lower layers are always sent too, although some structures (L3T3_KEY) do not need them between key frames. So a
//! switch down is possible at any time. In all these codecs no frame needs a frame of a higher layer (RFC 9628 §3, AV1 §5.9 and
//! §7.5). So the receiver always has the frames that a sent frame refers to.

/// The place of a packet's frame among the layers of its stream. It comes from a payload descriptor or from the dependency
/// descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub spatial: u8,
    pub temporal: u8,
    pub starts_frame: bool,
    /// True for the last packet of its frame. For a receiver without higher layers it is the last packet of the picture.
    pub ends_frame: bool,
    /// True for the lowest frame of a picture that depends on no earlier picture.
    pub fresh: bool,
    pub rise: Rise,
}

/// The permission to switch up that a frame gives to receivers of lower temporal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    No,
    /// The frames after this frame need no earlier frame of a higher temporal id.
    After,
    /// This frame needs only the base frame before it. The frames after it need no frame older than that base frame (the Y bit,
    /// RFC 7741 §4.2).
    Here,
}

/// The highest spatial layer and the highest temporal id to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub spatial: u8,
    pub temporal: u8,
}

impl Limits {
    pub const NONE: Limits = Limits { spatial: u8::MAX, temporal: u8::MAX };

    fn admits(self, place: Place) -> bool {
        place.spatial <= self.spatial && place.temporal <= self.temporal
    }
}

#[derive(Clone, Copy, Debug)]
pub struct Selection {
    limits: Limits,
    /// The limits of the pictures before `since`. Some packets of those pictures may still arrive.
    before: Limits,
    since: u32,
    /// Timestamp of the newest picture, as its source gave it.
    picture: u32,
    /// A timestamp far from the newest picture, if no other picture arrived after it.
    strange: Option<u32>,
    /// One bit for each temporal id: a frame of this id was left out since the newest base picture.
    left: u8,
    /// Timestamp of the first picture that the consumer wants but does not get.
    lacks: Option<u32>,
}

/// RTP ticks (10 s at 90 kHz). Chosen. A picture further ahead of the newest is not believed until a second one follows.
/// Larger: one stray packet changes the newest picture, and later pictures are taken for late. Smaller: after a pause of the
/// source, its first picture is not believed.
const FAR: i32 = 900_000;
/// RTP ticks (2 s at 90 kHz). Chosen. A packet further behind the newest picture is not late: its source may have jumped back.
/// A source that jumps back by less soon reaches its old time again. Larger: after such a jump, the viewer keeps its layer for
/// longer. Smaller: a late packet looks like a jump.
const LATE: i32 = 180_000;
/// RTP ticks (2.5 s at 90 kHz). Chosen. After this time without a frame at which the viewer can switch up, a key frame is
/// requested. Larger: the viewer keeps a low frame rate for longer. Smaller: more key frames than necessary are requested,
/// which lower the quality.
const LACKS: i32 = 225_000;

impl Default for Selection {
    fn default() -> Self {
        let limits = Limits::NONE;
        Selection { limits, before: limits, since: 0, picture: 0, strange: None, left: 0, lacks: None }
    }
}

impl Selection {
    /// Begin with the picture of this timestamp.
    pub fn start(&mut self, limits: Limits, timestamp: u32) {
        *self = Selection { limits, before: limits, since: timestamp, picture: timestamp, ..Selection::default() };
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Report whether a packet is sent. `wanted` gives the limits to switch to as soon as possible.
    #[inline]
    pub fn admits(&mut self, place: Place, timestamp: u32, wanted: Limits) -> bool {
        if self.is_new_picture(place, timestamp) {
            if place.temporal == 0 {
                self.left = 0;
            }
            if self.limits != wanted {
                self.turn(place, timestamp, wanted);
            } else {
                self.lacks = None;
            }
        } else if place.fresh && timestamp == self.picture && self.limits.temporal < wanted.temporal {
            self.raise(timestamp, wanted.temporal);
        }
        let admits = self.at(timestamp).admits(place);
        if !admits {
            self.note_left(place, timestamp, wanted);
        }
        admits
    }

    /// Report whether the consumer wants higher temporal ids but the stream has allowed no switch up for too long.
    pub fn is_stuck(&self) -> bool {
        self.lacks.is_some_and(|since| distance(self.picture, since) > LACKS)
    }

    fn note_left(&mut self, place: Place, timestamp: u32, wanted: Limits) {
        if place.temporal > self.limits.temporal {
            self.left |= 1 << place.temporal.min(7);
            if place.temporal <= wanted.temporal && place.spatial <= self.limits.spatial {
                self.lacks.get_or_insert(timestamp);
            }
        }
    }

    /// Report whether this is the last packet of the picture for this consumer. The later packets of the picture are left out.
    #[inline]
    pub fn ends_picture(&self, place: Place, timestamp: u32) -> bool {
        place.ends_frame && place.spatial == self.at(timestamp).spatial
    }

    /// Report whether the packet begins a new picture, and record its timestamp as the newest. A strange timestamp counts only
    /// for a picture that depends on no earlier picture, or from the second strange picture in a row. So the selection follows
    /// a source that jumps, and one stray packet changes nothing.
    #[inline]
    fn is_new_picture(&mut self, place: Place, timestamp: u32) -> bool {
        let ahead = distance(timestamp, self.picture);
        if !(-LATE..=FAR).contains(&ahead) {
            return self.is_followed(place, timestamp);
        }
        let new = ahead > 0;
        if new {
            (self.picture, self.strange) = (timestamp, None);
        }
        new
    }

    fn is_followed(&mut self, place: Place, timestamp: u32) -> bool {
        let before = self.strange.replace(timestamp);
        let follows = place.fresh || before.is_some_and(|strange| strange != timestamp);
        if follows {
            (self.picture, self.strange) = (timestamp, None);
            (self.before, self.since, self.lacks) = (self.limits, timestamp, None);
        }
        follows
    }

    fn turn(&mut self, place: Place, timestamp: u32, wanted: Limits) {
        let mut limits = self.limits;
        if wanted.spatial < limits.spatial || place.fresh {
            limits.spatial = wanted.spatial;
        }
        let up = place.fresh || place.rise == Rise::After && place.temporal <= limits.temporal;
        if wanted.temporal < limits.temporal || up {
            limits.temporal = wanted.temporal;
        } else if place.rise == Rise::Here && place.temporal <= wanted.temporal {
            limits.temporal = self.reach(place.temporal).clamp(limits.temporal, wanted.temporal);
        }
        if limits.temporal > self.limits.temporal || limits.temporal >= wanted.temporal {
            self.lacks = None;
        }
        if limits != self.limits {
            self.before = std::mem::replace(&mut self.limits, limits);
            self.since = timestamp;
        }
    }

    /// Raise the temporal limit at the start of a picture that depends on no earlier picture. Other packets of the picture
    /// arrived before this start. Some frames of its higher spatial layers may be left out already, so the spatial limit waits
    /// for another picture.
    fn raise(&mut self, timestamp: u32, temporal: u8) {
        if self.since != timestamp {
            (self.before, self.since) = (self.limits, timestamp);
        }
        (self.limits.temporal, self.lacks) = (temporal, None);
    }

    /// Return the highest temporal id that a receiver may reach at a frame which needs only the base. Frames of other ids may
    /// need a frame that was left out since that base, except the frame that this frame replaces.
    fn reach(&self, temporal: u8) -> u8 {
        let lower = self.left & ((1 << temporal.min(7)) - 1);
        match self.left >> temporal.min(7) >> 1 {
            _ if lower != 0 => 0,
            0 => u8::MAX,
            higher => temporal + higher.trailing_zeros() as u8,
        }
    }

    fn at(&self, timestamp: u32) -> Limits {
        if (-FAR..0).contains(&distance(timestamp, self.since)) { self.before } else { self.limits }
    }
}

/// Return how far `a` is ahead of `b` (serial number arithmetic, RFC 1982).
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
