//! Which frames of a layered stream one consumer is sent. Down it goes with the next picture, up only where a receiver can
//! follow: spatially with a picture that needs none before it, temporally where the stream says so, or with such a one too.
//!
//! Frames of lower layers are always sent too, though some structures (L3T3_KEY) do without them between key frames:
//! that is what makes going down possible at any time. By the rule of all these codecs no frame needs one of a higher
//! layer (RFC 9628 §3, AV1 §5.9 and §7.5), so nothing that is sent lacks what it refers to.

/// Where a packet's frame stands among the layers of its stream, whatever tells that: a payload descriptor or the
/// dependency descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    pub spatial: u8,
    pub temporal: u8,
    pub starts_frame: bool,
    /// The last packet of its frame: the last of the picture for whoever gets no higher layer.
    pub ends_frame: bool,
    /// The lowest frame of a picture that needs none before it.
    pub fresh: bool,
    pub rise: Rise,
}

/// What a frame says to receivers of lower temporal ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rise {
    No,
    /// Those that follow it need none of a higher temporal id that came before it.
    After,
    /// It needs none but the base before it, and those that follow it none older than that base (the Y bit, RFC 7741 §4.2).
    Here,
}

/// Up to this layer, up to this temporal id.
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
    /// Those of the pictures before `since`: some of their packets may still come.
    before: Limits,
    since: u32,
    /// The newest picture's timestamp, as its source gave it.
    picture: u32,
    /// One far from that, after which no other came yet.
    strange: Option<u32>,
    /// A bit for each temporal id of which something was left out since the newest base picture.
    left: u8,
    /// Since this picture something is left out that is wanted.
    lacks: Option<u32>,
}

/// Ten seconds: what is further ahead of the newest picture is strange.
const FAR: i32 = 900_000;
/// Two seconds: what is further behind is no late packet, and strange too. A source that jumps back less has caught up soon.
const LATE: i32 = 180_000;
/// Two and a half seconds: who could not go up for so long will not without a key frame.
const LACKS: i32 = 225_000;

impl Default for Selection {
    fn default() -> Self {
        let limits = Limits::NONE;
        Selection { limits, before: limits, since: 0, picture: 0, strange: None, left: 0, lacks: None }
    }
}

impl Selection {
    /// Begins with the picture of this timestamp.
    pub fn start(&mut self, limits: Limits, timestamp: u32) {
        *self = Selection { limits, before: limits, since: timestamp, picture: timestamp, ..Selection::default() };
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether a packet is sent. `wanted`: where to go as soon as it can be.
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

    /// Pictures of higher temporal ids are wanted, and it has been too long that the stream let nobody go up.
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

    /// The last packet of the picture, for this consumer: what follows of the picture is left out.
    #[inline]
    pub fn ends_picture(&self, place: Place, timestamp: u32) -> bool {
        place.ends_frame && place.spatial == self.at(timestamp).spatial
    }

    /// Takes its timestamp for the newest. A strange one counts where its picture needs none before it, else from the
    /// second picture in a row: a source that jumps is followed, and a packet that went astray changes nothing.
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

    /// The start of a picture that needs none before it, overtaken by other packets of it. Of its higher spatial layers some may
    /// have been left out, so that those wait for another one.
    fn raise(&mut self, timestamp: u32, temporal: u8) {
        if self.since != timestamp {
            (self.before, self.since) = (self.limits, timestamp);
        }
        (self.limits.temporal, self.lacks) = (temporal, None);
    }

    /// How high a frame of this temporal id leads that needs the base alone: others may need what was left out since that
    /// base, but for what this frame takes the place of.
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

/// How far `a` is ahead of `b` on the way of time (serial number arithmetic, RFC 1982).
fn distance(a: u32, b: u32) -> i32 {
    a.wrapping_sub(b) as i32
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
