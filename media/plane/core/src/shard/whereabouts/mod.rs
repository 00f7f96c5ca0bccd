//! The whereabouts: the paths of this shard's peers, and the claims of other shards.

pub mod addresses;
pub mod answers;
pub mod checks;
pub mod claims;
pub mod handover;
pub mod path_probe;
pub mod suspects;
pub mod unverified_source;

use rustc_hash::FxHashMap;

use crate::ice::transactions::Transactions;
use crate::keys::TransportKey;
use crate::path::Path;
use crate::shard::tables::line::Part;
use crate::shard::whereabouts::claims::Claims;
use crate::shard::whereabouts::suspects::Suspects;

pub(crate) struct Whereabouts {
    /// The index of this shard.
    pub index: u8,
    pub paths: FxHashMap<Path, TransportKey>,
    pub ufrags: FxHashMap<Box<[u8]>, TransportKey>,
    /// The line that owns the socket, by socket number.
    pub lines: Vec<Option<(TransportKey, Part)>>,
    /// Sockets of lines that closed.
    pub released: Vec<u16>,
    /// The transactions of our questions to peers.
    pub transactions: Transactions,
    pub suspects: Suspects,
    pub claims: Claims,
}

impl Whereabouts {
    pub fn new(index: u8, transactions: Transactions) -> Self {
        Whereabouts {
            index,
            paths: FxHashMap::default(),
            ufrags: FxHashMap::default(),
            lines: Vec::new(),
            released: Vec::new(),
            transactions,
            suspects: Suspects::new(),
            claims: Claims::default(),
        }
    }
}
