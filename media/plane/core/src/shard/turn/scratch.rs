//! Lists that are filled and emptied within one call. The shard keeps their memory between calls.

use crate::rate::share::Stream;
use crate::shard::tables::producer::Run;

#[derive(Default)]
pub struct Scratch {
    /// The runs of a layer that is being sent.
    pub runs: Vec<Run>,
    /// The pictures of a viewer whose bandwidth is being shared.
    pub streams: Vec<Stream>,
    /// The lost packets of a layer that are being asked for.
    pub asked: Vec<u16>,
}
