//! The division of one budget among the pictures of one viewer. Pure: the costs of each picture go in, a grant for each picture
//! comes out.
//!
//! The order is:
//!
//! - Each picture that may not be paused gets its first step.
//! - Each picture, in order of rank, gets its base. The base is the whole lowest layer for a picture with a rank, and the
//!   first step for an ordinary picture.
//! - Rank by rank, the pictures get further steps up to the wish of the viewer. Pictures of one rank take turns.
//!
//! A picture whose next step does not fit gets no more steps, and the others go on. A picture without its first step is not
//! sent.

use crate::keys::ConsumerKey;
use crate::rate::bitrates::{Bitrates, SPATIALS, TEMPORALS};
use crate::types::LAYERS_MAX;

/// A step up of pictures must fit into this share of the viewer's budget. A step that the viewer already has may take the whole
/// budget. Row `narrow-300` of `make bench-quality`. Larger: near the limit, pictures change their size often; above 1, each
/// step up exceeds the budget and is taken back. Smaller: a part of the path stays unused, and pictures are smaller.
pub const RAISE_SHARE: f64 = 0.9;
/// Steps of quality of one picture: each of 4 layers with each of 4 temporal ids. Larger: more memory for each picture of an
/// allocation. Smaller: the highest steps have no place, so viewers never get them.
const STEPS_MAX: usize = if LAYERS_MAX > SPATIALS { LAYERS_MAX } else { SPATIALS } * TEMPORALS;

/// The highest layer and temporal id that a track may be sent with. A layer is a simulcast stream or a layer within a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    pub layer: u8,
    pub temporal: u8,
}

impl Grant {
    pub const ALL: Grant = Grant { layer: u8::MAX, temporal: u8::MAX };
    pub const LOWEST: Grant = Grant { layer: 0, temporal: u8::MAX };
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    pub grant: Grant,
    pub bps: u64,
    /// A grant of at least this includes the step. The value is lower than `grant` if the step replaced one that costs more, or
    /// if it is the last step of its layer.
    covers: Grant,
}

impl Step {
    pub fn new(grant: Grant, bps: u64) -> Self {
        Step { grant, bps, covers: grant }
    }
}

/// The ways to send one picture. Each way is better than the way before and costs more.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    steps: [Step; STEPS_MAX],
    len: u8,
}

impl Default for Steps {
    fn default() -> Self {
        Steps { steps: [Step::new(Grant::LOWEST, 0); STEPS_MAX], len: 0 }
    }
}

impl Steps {
    /// Add the steps of one layer of the track: all packets up to `spatial` of its stream, granted as layer `index`.
    pub fn add(&mut self, bitrates: &Bitrates, (spatial, index): (u8, u8), wanted: Grant) {
        let count = bitrates.steps(spatial).count();
        let first = self.len == 0;
        for (at, (temporal, bps)) in bitrates.steps(spatial).enumerate() {
            if temporal > wanted.temporal {
                break;
            }
            // A larger picture with a low frame rate is no better than a smaller picture with a full frame rate.
            if !first && at == 0 && count > 1 && wanted.temporal > 0 {
                continue;
            }
            let covers = Grant { layer: index, temporal };
            let temporal = if at + 1 == count { u8::MAX } else { temporal };
            self.push(Step { grant: Grant { layer: index, temporal }, bps, covers });
        }
    }

    /// Add a step. It replaces earlier steps that cost as much or more.
    pub fn push(&mut self, mut step: Step) {
        while self.len > 0 && self.steps[usize::from(self.len) - 1].bps >= step.bps {
            self.len -= 1;
            step.covers = step.covers.min(self.steps[usize::from(self.len)].covers);
        }
        if usize::from(self.len) < STEPS_MAX {
            self.steps[usize::from(self.len)] = step;
            self.len += 1;
        }
    }

    pub fn as_slice(&self) -> &[Step] {
        &self.steps[..usize::from(self.len)]
    }

    /// Return how many steps this grant includes.
    fn within(&self, grant: Grant) -> u8 {
        self.as_slice().iter().take_while(|step| step.covers <= grant).count() as u8
    }

    fn of_lowest_layer(&self) -> u8 {
        let lowest = self.steps[0].grant.layer;
        self.as_slice().iter().take_while(|step| step.grant.layer == lowest).count() as u8
    }
}

/// One picture on its way to the viewer.
#[derive(Clone, Copy, Debug)]
pub struct Stream {
    pub consumer: ConsumerKey,
    /// Priority. The share serves a higher rank first; 0 is ordinary.
    pub rank: u8,
    /// The first step is sent at any cost.
    pub keeps: bool,
    pub steps: Steps,
    /// Number of steps that the viewer has had until now.
    held: u8,
    /// Number of steps that the viewer has from now on.
    granted: u8,
    refused: bool,
}

impl Stream {
    pub fn new(consumer: ConsumerKey, (rank, keeps): (u8, bool), steps: Steps, held: Option<Grant>) -> Self {
        let held = held.map_or(0, |grant| steps.within(grant));
        Stream { consumer, rank, keeps, steps, held, granted: 0, refused: false }
    }

    /// Return the grant. None if the picture is not sent.
    pub fn granted(&self) -> Option<Grant> {
        self.step(self.granted).map(|step| step.grant)
    }

    pub fn held_bps(&self) -> u64 {
        self.step(self.held).map_or(0, |step| step.bps)
    }

    pub fn granted_bps(&self) -> u64 {
        self.step(self.granted).map_or(0, |step| step.bps)
    }

    pub fn is_held(&self) -> bool {
        self.held > 0
    }

    pub fn is_raised(&self) -> bool {
        self.granted > self.held
    }

    pub fn is_lowered(&self) -> bool {
        self.granted < self.held
    }

    fn step(&self, count: u8) -> Option<&Step> {
        self.steps.as_slice().get(usize::from(count).checked_sub(1)?)
    }

    fn base(&self) -> u8 {
        if self.rank > 0 { self.steps.of_lowest_layer() } else { 1 }
    }

    /// Return the bit/s that the next step costs beyond the granted one. None if no step is left.
    fn next_bps(&self) -> Option<u64> {
        let next = self.steps.as_slice().get(usize::from(self.granted))?;
        Some(next.bps - self.granted_bps())
    }
}

#[derive(Debug)]
struct Purse {
    budget_bps: u64,
    may_raise: bool,
    spent_bps: u64,
    /// The cost of the cheapest step that did not fit.
    missing_bps: Option<u64>,
}

/// The result of a division.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shared {
    pub spent_bps: u64,
    /// The least budget that permits one of the refused steps. None if no step was refused for its cost.
    pub wanted_bps: Option<u64>,
}

/// Divide the budget. `streams` must be sorted by rank, the highest first. Without `may_raise` no stream gets more than before.
pub fn share(streams: &mut [Stream], budget_bps: u64, may_raise: bool) -> Shared {
    let mut purse = Purse { budget_bps, may_raise, spent_bps: 0, missing_bps: None };
    for stream in &mut *streams {
        (stream.granted, stream.refused) = (0, false);
        if stream.keeps {
            purse.keep(stream);
        }
    }
    for stream in &mut *streams {
        while stream.granted < stream.base() && purse.raise(stream) {}
    }
    for equals in streams.chunk_by_mut(|a, b| a.rank == b.rank) {
        let mut raised = true;
        while raised {
            raised = false;
            equals.iter_mut().for_each(|stream| raised |= purse.raise(stream));
        }
    }
    let wanted_bps = purse.missing_bps.map(|bps| ((purse.spent_bps + bps) as f64 / RAISE_SHARE) as u64 + 1);
    Shared { spent_bps: purse.spent_bps, wanted_bps }
}

impl Purse {
    fn keep(&mut self, stream: &mut Stream) {
        if let Some(bps) = stream.next_bps() {
            self.spent_bps += bps;
            stream.granted += 1;
        }
    }

    /// Grant one more step if it fits. Return true if it was granted.
    fn raise(&mut self, stream: &mut Stream) -> bool {
        let Some(bps) = stream.next_bps().filter(|_| !stream.refused) else { return false };
        let raises = stream.granted >= stream.held;
        let limit_bps = if raises { (self.budget_bps as f64 * RAISE_SHARE) as u64 } else { self.budget_bps };
        let fits = self.spent_bps + bps <= limit_bps;
        stream.refused = !fits || raises && !self.may_raise;
        if stream.refused {
            if !fits {
                self.missing_bps = Some(self.missing_bps.map_or(bps, |least| least.min(bps)));
            }
            return false;
        }
        self.spent_bps += bps;
        stream.granted += 1;
        true
    }
}

#[cfg(test)]
#[path = "share_tests.rs"]
mod tests;
