//! Which frames of a layered stream one consumer is sent. Down it goes with the next picture, up only where a receiver can
//! follow: spatially with a picture that needs none before it, temporally where the stream says so.
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
    /// Those that follow it need none of a higher temporal id that came before it ...
    After,
    /// ... nor does it itself.
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
}

impl Default for Selection {
    fn default() -> Self {
        Selection { limits: Limits::NONE, before: Limits::NONE, since: 0, picture: 0 }
    }
}

impl Selection {
    /// Begins with the picture of this timestamp.
    pub fn start(&mut self, limits: Limits, timestamp: u32) {
        *self = Selection { limits, before: limits, since: timestamp, picture: timestamp };
    }

    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Whether a packet is sent. `wanted`: where to go as soon as it can be.
    #[inline]
    pub fn admits(&mut self, place: Place, timestamp: u32, wanted: Limits) -> bool {
        if is_later(timestamp, self.picture) {
            self.picture = timestamp;
            if self.limits != wanted {
                self.turn(place, timestamp, wanted);
            }
        }
        self.at(timestamp).admits(place)
    }

    /// The last packet of the picture, for this consumer: what follows of the picture is left out.
    #[inline]
    pub fn ends_picture(&self, place: Place, timestamp: u32) -> bool {
        place.ends_frame && place.spatial == self.at(timestamp).spatial
    }

    fn turn(&mut self, place: Place, timestamp: u32, wanted: Limits) {
        let mut limits = self.limits;
        if wanted.spatial < limits.spatial || place.fresh {
            limits.spatial = wanted.spatial;
        }
        let up = place.fresh
            || place.rise == Rise::Here && place.temporal <= wanted.temporal
            || place.rise == Rise::After && place.temporal <= limits.temporal;
        if wanted.temporal < limits.temporal || up {
            limits.temporal = wanted.temporal;
        }
        if limits != self.limits {
            self.before = std::mem::replace(&mut self.limits, limits);
            self.since = timestamp;
        }
    }

    fn at(&self, timestamp: u32) -> Limits {
        if is_later(self.since, timestamp) { self.before } else { self.limits }
    }
}

/// Serial number arithmetic (RFC 1982).
fn is_later(a: u32, b: u32) -> bool {
    a != b && a.wrapping_sub(b) < 0x8000_0000
}

#[cfg(test)]
#[path = "selection_tests.rs"]
mod tests;
