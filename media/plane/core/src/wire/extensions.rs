//! The RTP header extensions of a connection: the meaning of each identifier, and the values in a packet.

use crate::types::Extension;
use crate::wire::rtp::Header;

/// The header extension identifiers of one connection. 0 means that the extension was not agreed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtensionIds {
    pub mid: u8,
    pub rid: u8,
    pub repaired_rid: u8,
    pub audio_level: u8,
    pub transport_cc: u8,
    pub abs_send_time: u8,
    pub orientation: u8,
    pub dependency_descriptor: u8,
    pub playout_delay: u8,
}

/// The header extensions of one packet that the plane reads.
#[derive(Clone, Copy, Debug, Default)]
pub struct Marks<'a> {
    pub mid: Option<&'a [u8]>,
    pub rid: Option<&'a [u8]>,
    pub repaired_rid: Option<&'a [u8]>,
    pub audio_level: Option<u8>,
    pub transport_sequence: Option<u16>,
    pub orientation: Option<u8>,
    pub descriptor: &'a [u8],
}

impl ExtensionIds {
    pub fn set(&mut self, id: u8, extension: Extension) {
        *match extension {
            Extension::Mid => &mut self.mid,
            Extension::Rid => &mut self.rid,
            Extension::RepairedRid => &mut self.repaired_rid,
            Extension::AudioLevel => &mut self.audio_level,
            Extension::TransportCc => &mut self.transport_cc,
            Extension::AbsSendTime => &mut self.abs_send_time,
            Extension::Orientation => &mut self.orientation,
            Extension::DependencyDescriptor => &mut self.dependency_descriptor,
            Extension::PlayoutDelay => &mut self.playout_delay,
        } = id;
    }

    #[inline]
    pub fn read<'a>(&self, header: &Header, packet: &'a [u8]) -> Marks<'a> {
        let mut marks = Marks::default();
        for (id, value) in header.extensions(packet) {
            if id == self.transport_cc && value.len() == 2 {
                marks.transport_sequence = Some(u16::from_be_bytes([value[0], value[1]]));
            } else if id == self.audio_level {
                marks.audio_level = value.first().copied();
            } else if id == self.mid {
                marks.mid = Some(value);
            } else if id == self.rid {
                marks.rid = Some(value);
            } else if id == self.repaired_rid {
                marks.repaired_rid = Some(value);
            } else if id == self.orientation {
                marks.orientation = value.first().copied();
            } else if id == self.dependency_descriptor {
                marks.descriptor = value;
            }
        }
        marks
    }
}
