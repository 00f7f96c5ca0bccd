//! Which shard a thing lives on, so that a command finds it. Bounded; knows identifiers only.

use rustc_hash::{FxHashMap, FxHashSet};

pub const ROUTERS_MAX: usize = 4096;
pub const TRANSPORTS_MAX: usize = 16_384;
pub const PRODUCERS_MAX: usize = 65_536;
pub const CONSUMERS_MAX: usize = 524_288;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The identifier is in use.
    Open,
    /// As many as we take are open.
    Full,
    /// Producer and consumer are of two routers.
    Apart,
    /// It hangs on something that is not open (any more).
    Stale,
}

#[derive(Default)]
pub struct Directory {
    routers: FxHashMap<u32, Router>,
    transports: FxHashMap<u32, Transport>,
    producers: FxHashMap<u32, Producer>,
    /// The transport and the producer of each.
    consumers: FxHashMap<u32, (u32, u32)>,
}

struct Router {
    shard: usize,
    transports: FxHashSet<u32>,
}

struct Transport {
    router: u32,
    producers: FxHashSet<u32>,
    consumers: FxHashSet<u32>,
}

struct Producer {
    transport: u32,
    consumers: FxHashSet<u32>,
}

impl Directory {
    pub fn router(&self, router: u32) -> Option<usize> {
        Some(self.routers.get(&router)?.shard)
    }

    pub fn transport(&self, transport: u32) -> Option<usize> {
        self.router(self.transports.get(&transport)?.router)
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

    /// The shard that the new transport will live on. So the others below.
    pub fn may_open_transport(&self, router: u32, transport: u32) -> Result<usize, Refused> {
        may_open(&self.transports, transport, TRANSPORTS_MAX)?;
        self.router(router).ok_or(Refused::Stale)
    }

    pub fn may_open_producer(&self, transport: u32, producer: u32) -> Result<usize, Refused> {
        may_open(&self.producers, producer, PRODUCERS_MAX)?;
        self.transport(transport).ok_or(Refused::Stale)
    }

    pub fn may_open_consumer(&self, transport: u32, consumer: u32, producer: u32) -> Result<usize, Refused> {
        may_open(&self.consumers, consumer, CONSUMERS_MAX)?;
        let here = self.transports.get(&transport).ok_or(Refused::Stale)?;
        let source = self.producers.get(&producer).ok_or(Refused::Stale)?;
        match self.transports.get(&source.transport) {
            Some(there) if there.router == here.router => self.router(here.router).ok_or(Refused::Stale),
            _ => Err(Refused::Apart),
        }
    }

    pub fn open_router(&mut self, router: u32, shard: usize) {
        self.routers.insert(router, Router { shard, transports: FxHashSet::default() });
    }

    pub fn open_transport(&mut self, router: u32, transport: u32) {
        if let Some(owner) = self.routers.get_mut(&router) {
            owner.transports.insert(transport);
            let (producers, consumers) = (FxHashSet::default(), FxHashSet::default());
            self.transports.insert(transport, Transport { router, producers, consumers });
        }
    }

    pub fn open_producer(&mut self, transport: u32, producer: u32) {
        if let Some(owner) = self.transports.get_mut(&transport) {
            owner.producers.insert(producer);
            self.producers.insert(producer, Producer { transport, consumers: FxHashSet::default() });
        }
    }

    pub fn open_consumer(&mut self, transport: u32, consumer: u32, producer: u32) {
        if let (Some(owner), Some(source)) = (self.transports.get_mut(&transport), self.producers.get_mut(&producer)) {
            owner.consumers.insert(consumer);
            source.consumers.insert(consumer);
            self.consumers.insert(consumer, (transport, producer));
        }
    }

    /// `consumer` gets another producer of its router.
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
        let Some((_, source)) = self.consumers.get_mut(&consumer) else { return };
        let before = std::mem::replace(source, producer);
        if let Some(before) = self.producers.get_mut(&before) {
            before.consumers.remove(&consumer);
        }
        if let Some(producer) = self.producers.get_mut(&producer) {
            producer.consumers.insert(consumer);
        }
    }

    pub fn close_router(&mut self, router: u32) {
        for transport in self.routers.remove(&router).map(|router| router.transports).unwrap_or_default() {
            self.close_transport(transport);
        }
    }

    pub fn close_transport(&mut self, transport: u32) {
        let Some(closed) = self.transports.remove(&transport) else { return };
        for consumer in closed.consumers {
            self.close_consumer(consumer);
        }
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
        if let Some(transport) = self.transports.get_mut(&transport) {
            transport.consumers.remove(&consumer);
        }
        if let Some(producer) = self.producers.get_mut(&producer) {
            producer.consumers.remove(&consumer);
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
        directory.open_transport(1, 10);
        directory.open_transport(1, 11);
        directory.open_transport(2, 20);
        directory.open_producer(10, 100);
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
        directory.open_producer(11, 101);
        directory.open_producer(20, 200);
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
