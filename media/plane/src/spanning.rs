//! Conferences on several shards: which commands open, feed and close the parts and mirrors that the others need. Each
//! step is written down as soon as its shard has it, so a call that met a full queue goes on where it stopped when it is
//! repeated.

use crate::directory::Directory;
use crate::shards::Shards;
use plane_core::seam::command::Command;
use pyo3::prelude::*;

impl Shards {
    /// The router gets something on `shard`: all its voices are there from now on, for who speaks is known everywhere.
    pub fn span(&self, directory: &mut Directory, id: u32, shard: usize) -> PyResult<()> {
        let Some(router) = directory.router_record(id) else { return Ok(()) };
        if router.shard == shard || router.parts.has(shard) {
            return Ok(());
        }
        self.send(Some(shard), Command::OpenPart { router: id })?;
        if router.voices > 0 {
            self.send(Some(shard), Command::SetVoices { router: id, most: router.voices })?;
        }
        router.parts.put(shard, true);
        directory.voices(id).into_iter().try_for_each(|producer| self.mirror(directory, producer, shard))
    }

    /// A new sound is taken to all shards of its conference.
    pub fn spread(&self, directory: &mut Directory, id: u32) -> PyResult<()> {
        let source = directory.producer_record(id).filter(|(producer, _)| producer.is_voice());
        let Some(router) = source.map(|(_, transport)| transport.router) else { return Ok(()) };
        let Some(router) = directory.router_record(router) else { return Ok(()) };
        let mut shards = router.parts;
        shards.put(router.shard, true);
        shards.iter().try_for_each(|shard| self.mirror(directory, id, shard))
    }

    /// `shard` has this producer too, and gets its packets.
    pub fn mirror(&self, directory: &mut Directory, id: u32, shard: usize) -> PyResult<()> {
        let Some((producer, transport)) = directory.producer_record(id) else { return Ok(()) };
        let home = transport.shard;
        if home == shard {
            return Ok(());
        }
        if !transport.mirrors.has(shard) {
            let (router, line) = (transport.router, transport.line);
            let mirror = Command::OpenMirror { router, transport: producer.transport, from: home as u8, line };
            self.send(Some(shard), mirror)?;
            transport.mirrors.put(shard, true);
        }
        if !producer.mirrors.has(shard) {
            // Told again after a full queue, the first of them changes nothing.
            producer.opening(id).into_iter().try_for_each(|command| self.send(Some(shard), command))?;
            producer.mirrors.put(shard, true);
        }
        if !producer.fed.has(shard) {
            self.send(Some(home), Command::SetMirrored { producer: id, to: shard as u8, on: true })?;
            producer.fed.put(shard, true);
        }
        Ok(())
    }

    /// The consumer goes: pictures that nobody there looks at any more are kept from its shard. Where that meets a full
    /// queue they go on, which harms nobody.
    pub fn unwatch(&self, directory: &mut Directory, consumer: u32) {
        let Some((id, shard)) = directory.last_viewer(consumer) else { return };
        let Some((producer, transport)) = directory.producer_record(id) else { return };
        let unfed = Command::SetMirrored { producer: id, to: shard as u8, on: false };
        if self.send(Some(transport.shard), unfed).is_ok() {
            producer.fed.put(shard, false);
        }
    }

    /// To wherever the router is.
    pub fn send_to_router(&self, directory: &mut Directory, id: u32, command: Command) -> PyResult<()> {
        let Some(router) = directory.router_record(id) else { return self.send(None, command) };
        for shard in router.parts.iter() {
            self.send(Some(shard), command.clone())?;
        }
        self.send(Some(router.shard), command)
    }

    /// To wherever the producer is.
    pub fn send_to_producer(&self, directory: &mut Directory, id: u32, command: Command) -> PyResult<()> {
        let Some((producer, transport)) = directory.producer_record(id) else { return self.send(None, command) };
        for shard in producer.mirrors.iter() {
            self.send(Some(shard), command.clone())?;
        }
        self.send(Some(transport.shard), command)
    }

    pub fn close_transport(&self, directory: &mut Directory, id: u32) -> PyResult<()> {
        let command = Command::CloseTransport { transport: id };
        let Some(transport) = directory.transport_record(id) else { return self.send(None, command) };
        for shard in transport.mirrors.iter() {
            self.send(Some(shard), command.clone())?;
            transport.mirrors.put(shard, false);
        }
        self.send(Some(transport.shard), command)
    }

    pub fn close_producer(&self, directory: &mut Directory, id: u32) -> PyResult<()> {
        let command = Command::CloseProducer { producer: id };
        let Some((producer, transport)) = directory.producer_record(id) else { return self.send(None, command) };
        for shard in producer.mirrors.iter() {
            self.send(Some(shard), command.clone())?;
            producer.mirrors.put(shard, false);
        }
        self.send(Some(transport.shard), command)
    }
}
