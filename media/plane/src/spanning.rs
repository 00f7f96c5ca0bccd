//! Conferences on several shards: which commands open, feed and close the parts and mirrors that the others need. Each
//! step is written down as soon as its shard has it, so a call that met a full queue goes on where it stopped when it is
//! repeated.

use crate::directory::Directory;
use crate::plane::Plane;
use plane_core::seam::command::Command;
use pyo3::prelude::*;

impl Plane {
    /// The router gets something on `shard`: all its voices are there from now on, for who speaks is known everywhere.
    pub(crate) fn span(&self, directory: &mut Directory, router: u32, shard: usize) -> PyResult<()> {
        let Some(home) = directory.router(router) else { return Ok(()) };
        if home == shard || directory.parts(router).has(shard) {
            return Ok(());
        }
        self.send(Some(shard), Command::OpenPart { router })?;
        if directory.voices_of(router) > 0 {
            self.send(Some(shard), Command::SetVoices { router, most: directory.voices_of(router) })?;
        }
        directory.note_part(router, shard);
        directory.voices(router).into_iter().try_for_each(|producer| self.mirror(directory, producer, shard))
    }

    /// A new sound is taken to all shards of its conference.
    pub(crate) fn spread(&self, directory: &mut Directory, producer: u32) -> PyResult<()> {
        let router = directory.producer_transport(producer).and_then(|transport| directory.router_of(transport));
        let Some(router) = router.filter(|_| directory.is_voice(producer)) else { return Ok(()) };
        directory.shards_of(router).iter().try_for_each(|shard| self.mirror(directory, producer, shard))
    }

    /// `shard` has this producer too, and gets its packets.
    pub(crate) fn mirror(&self, directory: &mut Directory, producer: u32, shard: usize) -> PyResult<()> {
        let Some(lacking) = directory.lacking(producer, shard) else { return Ok(()) };
        let Some(home) = directory.producer(producer) else { return Ok(()) };
        if let Some((router, transport, line)) = lacking.transport {
            self.send(Some(shard), Command::OpenMirror { router, transport, from: home as u8, line })?;
            directory.note_mirror(transport, shard, true);
        }
        if let Some(commands) = directory.opening(producer).filter(|_| lacking.producer) {
            // Told again after a full queue, the first of them changes nothing.
            commands.into_iter().try_for_each(|command| self.send(Some(shard), command))?;
            directory.note_mirrored(producer, shard, true);
        }
        if lacking.feed {
            self.send(Some(home), Command::SetMirrored { producer, to: shard as u8, on: true })?;
            directory.note_fed(producer, shard, true);
        }
        Ok(())
    }

    /// The consumer goes: pictures that nobody there looks at any more are kept from its shard. Where that meets a full
    /// queue they go on, which harms nobody.
    pub(crate) fn unwatch(&self, directory: &mut Directory, consumer: u32) {
        let Some((producer, shard)) = directory.last_viewer(consumer) else { return };
        let home = directory.producer(producer);
        if self.send(home, Command::SetMirrored { producer, to: shard as u8, on: false }).is_ok() {
            directory.note_fed(producer, shard, false);
        }
    }

    /// To wherever the producer is.
    pub(crate) fn send_to_all(&self, directory: &Directory, producer: u32, command: Command) -> PyResult<()> {
        for shard in directory.mirrors_of_producer(producer).iter() {
            self.send(Some(shard), command.clone())?;
        }
        self.send(directory.producer(producer), command)
    }

    pub(crate) fn close_mirrored_producer(&self, directory: &mut Directory, producer: u32) -> PyResult<()> {
        for shard in directory.mirrors_of_producer(producer).iter() {
            self.send(Some(shard), Command::CloseProducer { producer })?;
            directory.note_mirrored(producer, shard, false);
        }
        Ok(())
    }

    pub(crate) fn close_mirrored_transport(&self, directory: &mut Directory, transport: u32) -> PyResult<()> {
        for shard in directory.mirrors_of_transport(transport).iter() {
            self.send(Some(shard), Command::CloseTransport { transport })?;
            directory.note_mirror(transport, shard, false);
        }
        Ok(())
    }
}
