//! What a shard tells the control side, in batches.

use crate::ice::Path;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IceState {
    Connected,
    Moved,
    Disconnected,
    Failed,
}

#[derive(Clone, Debug)]
pub enum Event {
    Dtls { transport: u32, datagram: Box<[u8]> },
    Ice { transport: u32, state: IceState, path: Path },
    Layer { producer: u32, layer: u8 },
    Switched { consumer: u32, layer: Option<u8> },
    Speakers { router: u32, speakers: Vec<(u32, f32)> },
    Bye { producer: u32 },
}
