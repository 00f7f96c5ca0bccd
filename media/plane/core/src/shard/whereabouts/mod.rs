//! Where the peers of a shard are, and what is known of those of other shards.

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
    /// By socket number: the line that has it alone.
    pub lines: Vec<Option<(TransportKey, Part)>>,
    /// Sockets of lines that closed.
    pub released: Vec<u16>,
    /// Of the questions that peers are asked.
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
