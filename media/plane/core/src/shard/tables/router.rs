//! A router: one conference with its transports and its active speakers.

use crate::keys::TransportKey;
use crate::stream::levels::Speakers;
use crate::stream::voice::{Audience, Voices};

pub struct Router {
    pub id: u32,
    pub transports: Vec<TransportKey>,
    pub speakers: Speakers,
    /// The voices, by audience.
    pub voices: [Voices; 2],
    /// The conference began on another shard. That shard reports the active speakers.
    pub is_part: bool,
}

impl Router {
    pub fn new(id: u32) -> Self {
        Router { id, transports: Vec::new(), speakers: Speakers::default(), voices: Default::default(), is_part: false }
    }
}

impl Router {
    pub fn voices_of(&mut self, audience: Audience) -> &mut Voices {
        &mut self.voices[audience as usize]
    }
}
