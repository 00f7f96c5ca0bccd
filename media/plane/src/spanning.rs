//! Conferences on several shards: the commands that open, feed and close the parts and mirrors on other shards. Each step is
//! recorded as soon as its shard has the command. So a repeated call after a full queue continues where the first call stopped.

use crate::directory::Directory;
use crate::shards::Shards;
use plane_core::seam::command::Command;
use pyo3::prelude::*;

impl Shards {
    /// Prepare `shard` for a new member of the router. From now on it has all voices, because every shard computes the
    /// speakers.
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

    /// Open a mirror of a new audio producer on all shards of its conference.
    pub fn spread(&self, directory: &mut Directory, id: u32) -> PyResult<()> {
        let source = directory.producer_record(id).filter(|(producer, _)| producer.is_voice());
        let Some(router) = source.map(|(_, transport)| transport.router) else { return Ok(()) };
        let Some(router) = directory.router_record(router) else { return Ok(()) };
        let mut shards = router.parts;
        shards.put(router.shard, true);
        shards.iter().try_for_each(|shard| self.mirror(directory, id, shard))
    }

    /// Open a mirror of the producer on `shard`, and send it the producer's packets.
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
            // A repeated first command after a full queue changes nothing.
            producer.opening(id).into_iter().try_for_each(|command| self.send(Some(shard), command))?;
            producer.mirrors.put(shard, true);
        }
        if !producer.fed.has(shard) {
            self.send(Some(home), Command::SetMirrored { producer: id, to: shard as u8, on: true })?;
            producer.fed.put(shard, true);
        }
        Ok(())
    }

    /// Stop sending video to the consumer's shard if this consumer is its last viewer. If the queue is full, the video
    /// continues, which is harmless.
    pub fn unwatch(&self, directory: &mut Directory, consumer: u32) {
        let Some((id, shard)) = directory.last_viewer(consumer) else { return };
        let Some((producer, transport)) = directory.producer_record(id) else { return };
        let unfed = Command::SetMirrored { producer: id, to: shard as u8, on: false };
        if self.send(Some(transport.shard), unfed).is_ok() {
            producer.fed.put(shard, false);
        }
    }

    /// Send a command to all shards of the router.
    pub fn send_to_router(&self, directory: &mut Directory, id: u32, command: Command) -> PyResult<()> {
        let Some(router) = directory.router_record(id) else { return self.send(None, command) };
        for shard in router.parts.iter() {
            self.send(Some(shard), command.clone())?;
        }
        self.send(Some(router.shard), command)
    }

    /// Send a command to all shards of the producer.
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
