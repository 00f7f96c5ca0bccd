pub mod consumer;
pub mod early;
pub mod line;
pub mod message_stream;
pub mod mirror_feed;
pub mod outgoing;
pub mod pacer;
pub mod producer;
pub mod red_copies;
pub mod router;
pub mod table;
pub mod transport;
pub mod viewer_budget;

use rustc_hash::FxHashMap;

use crate::keys::{ConsumerKey, ProducerKey, RouterKey, TransportKey};
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::producer::{Layer, Producer};
use crate::shard::tables::router::Router;
use crate::shard::tables::table::Table;
use crate::shard::tables::transport::{Source, Transport};

/// The table keys of the identifiers of the seam.
#[derive(Default)]
pub(crate) struct Ids {
    pub routers: FxHashMap<u32, RouterKey>,
    pub transports: FxHashMap<u32, TransportKey>,
    pub producers: FxHashMap<u32, ProducerKey>,
    pub consumers: FxHashMap<u32, ConsumerKey>,
}

pub(crate) type Transports = Table<TransportKey, Transport>;

#[derive(Default)]
pub struct Tables {
    pub(crate) ids: Ids,
    pub(crate) routers: Table<RouterKey, Router>,
    pub(crate) transports: Transports,
    pub(crate) producers: Table<ProducerKey, Producer>,
    pub(crate) consumers: Table<ConsumerKey, Consumer>,
}

impl Tables {
    /// Return the layer that a source feeds.
    #[inline]
    pub(crate) fn layer(&mut self, source: Source) -> &mut Layer {
        &mut self.producers[source.producer].layers[usize::from(source.layer)]
    }

    pub fn transport(&mut self, transport: u32) -> Option<&mut Transport> {
        let key = *self.ids.transports.get(&transport)?;
        Some(&mut self.transports[key])
    }
}
