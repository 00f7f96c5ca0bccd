//! The directory knows the shard of each thing, so that a command reaches the thing. The directory is bounded. An entry also
//! records which parts of the thing other shards have; `spanning.rs` reads and writes these fields.

use plane_core::seam::command::Command;
use rustc_hash::{FxHashMap, FxHashSet};

/// The most routers, transports, producers and consumers of one server; a further one is refused. Chosen. Larger: more
/// memory. Smaller: further conferences, connections or tracks are refused.
pub const ROUTERS_MAX: usize = 4096;
pub const TRANSPORTS_MAX: usize = 16_384;
pub const PRODUCERS_MAX: usize = 65_536;
pub const CONSUMERS_MAX: usize = 524_288;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The identifier is in use.
    Open,
    /// The limit of open things is reached.
    Full,
    /// The producer and the consumer belong to two different routers.
    Apart,
    /// The thing's owner is not open (any more).
    Stale,
}

#[derive(Default)]
pub struct Directory {
    routers: FxHashMap<u32, Router>,
    transports: FxHashMap<u32, Transport>,
    producers: FxHashMap<u32, Producer>,
    /// The transport and the producer of each consumer.
    consumers: FxHashMap<u32, (u32, u32)>,
}

pub struct Router {
    pub shard: usize,
    /// Other shards that have a part of the router.
    pub parts: Set,
    /// See `Plane.set_voices`.
    pub voices: u16,
    transports: FxHashSet<u32>,
}

pub struct Transport {
    pub router: u32,
    pub shard: usize,
    pub line: bool,
    /// Shards that have a mirror of the transport.
    pub mirrors: Set,
    producers: FxHashSet<u32>,
    consumers: FxHashSet<u32>,
}

pub struct Producer {
    pub transport: u32,
    /// The command that opened the producer. It is kept if there are several shards, because mirrors are opened with it.
    opening: Option<Box<Command>>,
    pub paused: bool,
    pub kept: bool,
    pub mirrors: Set,
    /// Mirrors that get the producer's packets.
    pub fed: Set,
    consumers: FxHashSet<u32>,
    /// The number of consumers on each shard.
    viewers: FxHashMap<usize, usize>,
}

/// A set of shards, with one bit for each shard.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Set(u64);

impl Set {
    pub fn has(self, shard: usize) -> bool {
        self.0 >> shard & 1 == 1
    }

    pub fn put(&mut self, shard: usize, there: bool) {
        self.0 = self.0 & !(1 << shard) | u64::from(there) << shard;
    }

    pub fn iter(self) -> impl Iterator<Item = usize> {
        (0..64).filter(move |shard| self.has(*shard))
    }
}

impl Directory {
    pub fn router(&self, router: u32) -> Option<usize> {
        Some(self.routers.get(&router)?.shard)
    }

    pub fn transport(&self, transport: u32) -> Option<usize> {
        Some(self.transports.get(&transport)?.shard)
    }

    pub fn producer(&self, producer: u32) -> Option<usize> {
        self.transport(self.producers.get(&producer)?.transport)
    }

    pub fn consumer(&self, consumer: u32) -> Option<usize> {
        self.transport(self.consumers.get(&consumer)?.0)
    }

    pub fn may_open_router(&self, router: u32) -> Result<(), Refused> {
        may_open(&self.routers, router, ROUTERS_MAX)
    }

    /// Return the shard of the router. The new transport lives there if the caller names no other shard.
    pub fn may_open_transport(&self, router: u32, transport: u32) -> Result<usize, Refused> {
        may_open(&self.transports, transport, TRANSPORTS_MAX)?;
        self.router(router).ok_or(Refused::Stale)
    }

    /// Return the shard on which the new producer will live. `may_open_consumer` does the same for a consumer.
    pub fn may_open_producer(&self, transport: u32, producer: u32) -> Result<usize, Refused> {
        may_open(&self.producers, producer, PRODUCERS_MAX)?;
        self.transport(transport).ok_or(Refused::Stale)
    }

    pub fn may_open_consumer(&self, transport: u32, consumer: u32, producer: u32) -> Result<usize, Refused> {
        may_open(&self.consumers, consumer, CONSUMERS_MAX)?;
        let here = self.transports.get(&transport).ok_or(Refused::Stale)?;
        let source = self.producers.get(&producer).ok_or(Refused::Stale)?;
        match self.transports.get(&source.transport) {
            Some(there) if there.router == here.router => Ok(here.shard),
            _ => Err(Refused::Apart),
        }
    }

    pub fn open_router(&mut self, router: u32, shard: usize) {
        let (parts, transports) = (Set::default(), FxHashSet::default());
        self.routers.insert(router, Router { shard, parts, voices: 0, transports });
    }

    pub fn open_transport(&mut self, router: u32, transport: u32, shard: usize, line: bool) {
        if let Some(owner) = self.routers.get_mut(&router) {
            owner.transports.insert(transport);
            let (producers, consumers) = (FxHashSet::default(), FxHashSet::default());
            let mirrors = Set::default();
            self.transports.insert(transport, Transport { router, shard, line, mirrors, producers, consumers });
        }
    }

    pub fn open_producer(&mut self, transport: u32, producer: u32, opening: Option<Box<Command>>) {
        if let Some(owner) = self.transports.get_mut(&transport) {
            owner.producers.insert(producer);
            let opened = Producer {
                transport,
                opening,
                paused: false,
                kept: false,
                mirrors: Set::default(),
                fed: Set::default(),
                consumers: FxHashSet::default(),
                viewers: FxHashMap::default(),
            };
            self.producers.insert(producer, opened);
        }
    }

    pub fn open_consumer(&mut self, transport: u32, consumer: u32, producer: u32) {
        if let (Some(owner), Some(source)) = (self.transports.get_mut(&transport), self.producers.get_mut(&producer)) {
            owner.consumers.insert(consumer);
            source.note_viewer(consumer, owner.shard, true);
            self.consumers.insert(consumer, (transport, producer));
        }
    }

    /// Report whether `consumer` may switch to another producer of its router, and return the consumer's shard.
    pub fn may_switch(&self, consumer: u32, producer: u32) -> Result<usize, Refused> {
        let (transport, _) = self.consumers.get(&consumer).ok_or(Refused::Stale)?;
        let router = |transport: &u32| self.transports.get(transport).map(|transport| transport.router);
        let source = self.producers.get(&producer).ok_or(Refused::Stale)?;
        if router(&source.transport) != router(transport) {
            return Err(Refused::Apart);
        }
        self.transport(*transport).ok_or(Refused::Stale)
    }

    pub fn switch(&mut self, consumer: u32, producer: u32) {
        let Some((transport, source)) = self.consumers.get_mut(&consumer) else { return };
        let before = std::mem::replace(source, producer);
        let Some(shard) = self.transports.get(transport).map(|transport| transport.shard) else { return };
        if let Some(before) = self.producers.get_mut(&before) {
            before.note_viewer(consumer, shard, false);
        }
        if let Some(producer) = self.producers.get_mut(&producer) {
            producer.note_viewer(consumer, shard, true);
        }
    }

    pub fn close_router(&mut self, router: u32) {
        for transport in self.routers.remove(&router).map(|router| router.transports).unwrap_or_default() {
            self.close_transport(transport);
        }
    }

    pub fn close_transport(&mut self, transport: u32) {
        // Close the consumers first, because their producers need the transport's shard to update their viewers.
        for consumer in self.consumers_of(transport) {
            self.close_consumer(consumer);
        }
        let Some(closed) = self.transports.remove(&transport) else { return };
        for producer in closed.producers {
            self.close_producer(producer);
        }
        if let Some(router) = self.routers.get_mut(&closed.router) {
            router.transports.remove(&transport);
        }
    }

    pub fn close_producer(&mut self, producer: u32) {
        let Some(closed) = self.producers.remove(&producer) else { return };
        for consumer in closed.consumers {
            self.close_consumer(consumer);
        }
        if let Some(transport) = self.transports.get_mut(&closed.transport) {
            transport.producers.remove(&producer);
        }
    }

    pub fn close_consumer(&mut self, consumer: u32) {
        let Some((transport, producer)) = self.consumers.remove(&consumer) else { return };
        let Some(transport) = self.transports.get_mut(&transport) else { return };
        transport.consumers.remove(&consumer);
        if let Some(producer) = self.producers.get_mut(&producer) {
            producer.note_viewer(consumer, transport.shard, false);
        }
    }

    pub fn consumers_of(&self, transport: u32) -> Vec<u32> {
        self.transports.get(&transport).map_or(Vec::new(), |transport| transport.consumers.iter().copied().collect())
    }

    // The state of the other shards

    pub fn router_record(&mut self, router: u32) -> Option<&mut Router> {
        self.routers.get_mut(&router)
    }

    pub fn transport_record(&mut self, transport: u32) -> Option<&mut Transport> {
        self.transports.get_mut(&transport)
    }

    /// Return a producer and the transport on which it arrives.
    pub fn producer_record(&mut self, producer: u32) -> Option<(&mut Producer, &mut Transport)> {
        let producer = self.producers.get_mut(&producer)?;
        let transport = self.transports.get_mut(&producer.transport)?;
        Some((producer, transport))
    }

    /// Return all audio producers of a conference. Each shard of the conference needs them, to forward them and to find the
    /// speakers.
    pub fn voices(&self, router: u32) -> Vec<u32> {
        let transports = self.routers.get(&router).into_iter().flat_map(|router| &router.transports);
        let producers = transports.filter_map(|transport| self.transports.get(transport)).flat_map(|of| &of.producers);
        let is_voice = |producer: &u32| self.producers.get(producer).is_some_and(Producer::is_voice);
        producers.copied().filter(is_voice).collect()
    }

    /// Return the producer and the shard that would have no viewer of the producer's video after this consumer closes.
    pub fn last_viewer(&self, consumer: u32) -> Option<(u32, usize)> {
        let (transport, producer) = self.consumers.get(&consumer)?;
        let shard = self.transport(*transport)?;
        let source = self.producers.get(producer)?;
        let is_last = source.fed.has(shard) && source.viewers.get(&shard) == Some(&1) && !source.is_voice();
        is_last.then_some((*producer, shard))
    }
}

impl Producer {
    pub fn is_voice(&self) -> bool {
        matches!(self.opening.as_deref(), Some(Command::OpenProducer { video: false, .. }))
    }

    /// Return the commands that bring a mirror into the current state of the producer.
    pub fn opening(&self, producer: u32) -> Vec<Command> {
        let mut commands: Vec<_> = self.opening.as_deref().cloned().into_iter().collect();
        commands.extend(self.paused.then_some(Command::PauseProducer { producer, paused: true }));
        commands.extend(self.kept.then_some(Command::KeepVoice { producer }));
        commands
    }

    fn note_viewer(&mut self, consumer: u32, shard: usize, there: bool) {
        let count = self.viewers.entry(shard).or_default();
        if there && self.consumers.insert(consumer) {
            *count += 1;
        } else if !there && self.consumers.remove(&consumer) {
            *count -= 1;
        }
    }
}

fn may_open<T>(things: &FxHashMap<u32, T>, id: u32, max: usize) -> Result<(), Refused> {
    if things.contains_key(&id) {
        return Err(Refused::Open);
    }
    if things.len() >= max { Err(Refused::Full) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn two_routers() -> Directory {
        let mut directory = Directory::default();
        directory.open_router(1, 0);
        directory.open_router(2, 1);
        directory.open_transport(1, 10, 0, false);
        directory.open_transport(1, 11, 0, false);
        directory.open_transport(2, 20, 1, false);
        directory.open_producer(10, 100, None);
        directory.open_consumer(11, 1000, 100);
        directory
    }

    #[test]
    fn a_thing_is_found_by_what_it_hangs_on() {
        let directory = two_routers();
        assert_eq!(
            (directory.transport(20), directory.producer(100), directory.consumer(1000)),
            (Some(1), Some(0), Some(0))
        );
        assert_eq!(directory.may_open_transport(1, 10), Err(Refused::Open));
        assert_eq!(directory.may_open_transport(3, 30), Err(Refused::Stale));
        assert_eq!(directory.may_open_consumer(20, 1001, 100), Err(Refused::Apart));
        assert_eq!(directory.may_open_consumer(11, 1001, 100), Ok(0));
    }

    #[test]
    fn a_consumer_that_switched_closes_with_its_new_producer() {
        let mut directory = two_routers();
        directory.open_producer(11, 101, None);
        directory.open_producer(20, 200, None);
        assert_eq!(directory.may_switch(1000, 200), Err(Refused::Apart));
        assert_eq!(directory.may_switch(1001, 101), Err(Refused::Stale));
        assert_eq!(directory.may_switch(1000, 101), Ok(0));
        directory.switch(1000, 101);
        directory.close_producer(100);
        assert_eq!(directory.consumer(1000), Some(0));
        directory.close_producer(101);
        assert_eq!(directory.consumer(1000), None);
    }

    #[test]
    fn closing_takes_along_what_hangs_on_it() {
        let mut directory = two_routers();
        directory.close_producer(100);
        assert_eq!(directory.consumer(1000), None);
        let mut directory = two_routers();
        directory.close_transport(10);
        assert_eq!((directory.producer(100), directory.consumer(1000), directory.transport(11)), (None, None, Some(0)));
        let mut directory = two_routers();
        directory.close_router(1);
        directory.close_router(2);
        let left = directory.routers.len() + directory.transports.len() + directory.producers.len();
        assert_eq!(left + directory.consumers.len(), 0);
    }

    #[test]
    fn routers_are_bounded() {
        let mut directory = Directory::default();
        for router in 0..ROUTERS_MAX as u32 {
            assert_eq!(directory.may_open_router(router), Ok(()));
            directory.open_router(router, 0);
        }
        assert_eq!(directory.may_open_router(u32::MAX), Err(Refused::Full));
    }
}
