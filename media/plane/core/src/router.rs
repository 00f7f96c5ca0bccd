//! One conference: who belongs to it, and who speaks in it.

use crate::levels::Speakers;
use crate::loudest::Voices;

pub struct Router {
    pub id: u32,
    pub transports: Vec<usize>,
    pub speakers: Speakers,
    pub voices: Voices,
}

impl Router {
    pub fn new(id: u32) -> Self {
        Router { id, transports: Vec::new(), speakers: Speakers::default(), voices: Voices::default() }
    }
}
