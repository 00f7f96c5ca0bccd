//! The dependency descriptor, a header extension (AV1 RTP specification, appendix A). It gives the place of a frame among the
//! layers of its stream and the frames that it needs, for every codec. Key frames carry a table of templates, and later
//! descriptors name a template of that table.

use crate::codec::selection::{Place, Rise};
use crate::wire::rtp::Malformed;

/// Bytes of the mandatory fields: start bit, end bit, template id and frame number (AV1 RTP specification, A.8). Larger or
/// smaller: the frame number no longer has two bytes, and its copy panics (packet thread).
const MANDATORY: usize = 3;
/// Templates of one table in the dependency descriptor: the template id has six bits (AV1 RTP specification, A.8). Larger: a
/// hostile table takes more memory, and no id names the rest. Smaller: a valid table is refused, and the layers of its stream
/// stay unknown, so viewers on narrow paths get no smaller picture.
const TEMPLATES_MAX: usize = 64;
/// Decode targets of one table in the dependency descriptor: the count field has five bits (AV1 RTP specification, A.8). Each
/// target takes two bits of a `u64`. Only a debug assertion uses the value. Larger: no effect, because the field cannot count
/// more. Smaller: a debug build panics at a valid table.
const TARGETS_MAX: usize = 32;
/// Earlier frames that one frame refers to. Codecs have at most eight. Larger: each template takes more memory. Smaller: a
/// dependency descriptor with more references is refused, and the layers of its frame stay unknown.
const REFERENCES_MAX: usize = 8;
/// Layers of one kind, spatial or temporal: the layer numbers in payloads have three bits. Larger: a hostile dependency
/// descriptor names layers that no payload can name. Smaller: a valid descriptor is refused, and the layers of its stream stay
/// unknown.
const LAYERS_MAX: u8 = 8;

/// Packets since a table of the dependency descriptor arrived. Serial numbers compare correctly only up to twice this distance
/// (RFC 1982), so an older table counts as this old. Larger: an old table seems to come after the packet, and descriptors are
/// refused. Smaller: a late packet does not find its table.
const AGE_MAX: u32 = 1 << 30;

/// The contents of one descriptor about the frame of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    pub number: u16,
    pub place: Place,
    references: [u16; REFERENCES_MAX],
    count: u8,
}

impl Frame {
    /// Return the numbers of the frames that this frame refers to.
    pub fn references(&self) -> impl Iterator<Item = u16> {
        let number = self.number;
        self.references[..usize::from(self.count)].iter().map(move |back| number.wrapping_sub(*back))
    }
}

/// The tables of templates that the descriptors of one stream refer to.
#[derive(Debug, Default)]
pub struct Dependencies {
    newest: Option<Table>,
    /// The table before the newest table. A late packet may use it.
    previous: Option<Table>,
}

#[derive(Debug)]
struct Table {
    /// The first and the newest packet that carried this table, by their extended sequence numbers.
    since: u32,
    told: u32,
    structure: Box<Structure>,
}

/// A table of templates.
#[derive(Debug, PartialEq, Eq)]
struct Structure {
    offset: u8,
    templates: Vec<Template>,
    /// Spatial layer and temporal id of each decode target.
    targets: Vec<(u8, u8)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Template {
    spatial: u8,
    temporal: u8,
    /// Two bits for each decode target.
    indications: u64,
    /// The distances back to the frames that this frame refers to, in frames.
    references: [u16; REFERENCES_MAX],
    count: u8,
}

/// The decode target indication "switch" of the dependency descriptor: a receiver may step up to the target at this frame (AV1
/// RTP specification, A.8). Larger or smaller: viewers get higher layers from wrong frames on, and their decoders fail.
const SWITCH: u32 = 2;

pub fn frame_number(descriptor: &[u8]) -> Option<u16> {
    let bytes = descriptor.get(1..MANDATORY)?;
    Some(u16::from_be_bytes([bytes[0], bytes[1]]))
}

/// Set the frame number. References count back from the frame number, so a constant may be added to all frame numbers of a
/// stream.
#[inline]
pub fn set_frame_number(descriptor: &mut [u8], number: u16) {
    if let Some(bytes) = descriptor.get_mut(1..MANDATORY) {
        bytes.copy_from_slice(&number.to_be_bytes());
    }
}

impl Dependencies {
    /// Read a descriptor. `at` is the extended sequence number of its packet. A table is valid from the packet that carries it,
    /// even if this packet arrives late.
    pub fn read(&mut self, descriptor: &[u8], at: u32) -> Result<Frame, Malformed> {
        let number = frame_number(descriptor).ok_or(Malformed)?;
        let template = descriptor[0] & 0x3f;
        let mut bits = Bits::new(&descriptor[MANDATORY..]);
        let mut flags = Flags::default();
        let mut brought = None;
        if descriptor.len() > MANDATORY {
            flags = Flags::read(&mut bits)?;
            if flags.structure {
                brought = Some(Box::new(Structure::read(&mut bits)?));
            }
        }
        let structure = brought.as_deref().or_else(|| self.structure_at(at)).ok_or(Malformed)?;
        let template = structure.frame(template, flags, &mut bits)?;
        let frame = Frame {
            number,
            place: structure.place(&template, descriptor[0]),
            references: template.references,
            count: template.count,
        };
        if let Some(newest) = &mut self.newest {
            newest.draw_on(at);
        }
        if let Some(structure) = brought {
            self.keep(at, structure);
        }
        Ok(frame)
    }

    fn structure_at(&self, at: u32) -> Option<&Structure> {
        let table = [&self.newest, &self.previous].into_iter().flatten().find(|table| is_from(at, table.since))?;
        Some(&table.structure)
    }

    fn keep(&mut self, at: u32, structure: Box<Structure>) {
        let table = Table { since: at, told: at, structure };
        let Some(newest) = &mut self.newest else {
            self.newest = Some(table);
            return;
        };
        let late =
            !is_from(at, newest.since) && self.previous.as_ref().is_none_or(|previous| is_from(at, previous.since));
        match (newest.structure == table.structure, is_from(at, newest.told)) {
            (true, true) => newest.told = at,
            // The table belongs to a key frame whose packets all carry the table, and an earlier packet of the frame arrived
            // late.
            (true, false) if late => newest.since = at,
            (false, true) => self.previous = self.newest.replace(table),
            // The newest table was valid twice, and this late table was valid in between. Only the second period counts for the
            // newest table.
            (false, false) if is_from(at, newest.since) => {
                newest.since = newest.told;
                self.previous = Some(table);
            }
            (false, false) if late => self.previous = Some(table),
            _ => {}
        }
    }
}

impl Table {
    /// Move the start of an old table forward. Otherwise the sequence numbers wrap, and the old start seems to lie after the
    /// packet.
    #[inline]
    fn draw_on(&mut self, at: u32) {
        let from = at.wrapping_sub(AGE_MAX);
        if is_from(at, self.since) && is_from(from, self.since) {
            self.since = from;
            self.told = if is_from(self.told, from) { self.told } else { from };
        }
    }
}

/// Report whether `at` is not before `since` (serial number arithmetic, RFC 1982).
fn is_from(at: u32, since: u32) -> bool {
    at.wrapping_sub(since) < 0x8000_0000
}

#[derive(Clone, Copy, Default)]
struct Flags {
    structure: bool,
    active_targets: bool,
    indications: bool,
    references: bool,
}

impl Flags {
    fn read(bits: &mut Bits) -> Result<Self, Malformed> {
        let byte = bits.take(5)?;
        let flag = |mask| byte & mask != 0;
        Ok(Flags { structure: flag(0x10), active_targets: flag(0x08), indications: flag(0x04), references: flag(0x02) })
    }
}

impl Structure {
    fn read(bits: &mut Bits) -> Result<Self, Malformed> {
        let offset = bits.take(6)? as u8;
        let targets = bits.take(5)? as usize + 1;
        let mut templates = read_layers(bits)?;
        for template in &mut templates {
            template.indications = read_indications(bits, targets)?;
        }
        for template in &mut templates {
            while bits.take(1)? != 0 {
                let back = bits.take(4)? as u16 + 1;
                template.refer(back)?;
            }
        }
        skip_chains(bits, targets, templates.len())?;
        if bits.take(1)? != 0 {
            let layers = templates.last().map_or(0, |last| usize::from(last.spatial) + 1);
            bits.skip(layers * 32)?;
        }
        let targets = (0..targets).map(|target| layers_of(target, &templates)).collect();
        Ok(Structure { offset, templates, targets })
    }

    /// Return the named template, changed by the frame's own values.
    fn frame(&self, template: u8, flags: Flags, bits: &mut Bits) -> Result<Template, Malformed> {
        if flags.active_targets {
            bits.skip(self.targets.len())?;
        }
        let index = usize::from(template.wrapping_sub(self.offset) & 0x3f);
        let mut template = *self.templates.get(index).ok_or(Malformed)?;
        if flags.indications {
            template.indications = read_indications(bits, self.targets.len())?;
        }
        if flags.references {
            template.count = 0;
            loop {
                let size = bits.take(2)?;
                if size == 0 {
                    break;
                }
                template.refer(bits.take(4 * size)? as u16 + 1)?;
            }
        }
        Ok(template)
    }

    fn place(&self, template: &Template, first: u8) -> Place {
        let Template { spatial, temporal, .. } = *template;
        let above = || (0..).zip(&self.targets).filter(|(_, target)| target.0 == spatial && target.1 > temporal);
        let switches = above().next().is_some()
            && above().all(|(target, _)| template.indications >> (2 * target) as u64 & 3 == u64::from(SWITCH));
        Place {
            spatial,
            temporal,
            starts_frame: first & 0x80 != 0,
            ends_frame: first & 0x40 != 0,
            fresh: spatial == 0 && template.count == 0,
            rise: if switches { Rise::After } else { Rise::No },
        }
    }
}

impl Template {
    fn refer(&mut self, back: u16) -> Result<(), Malformed> {
        *self.references.get_mut(usize::from(self.count)).ok_or(Malformed)? = back;
        self.count += 1;
        Ok(())
    }

    fn has(&self, target: usize) -> bool {
        self.indications >> (2 * target) & 3 != 0
    }
}

/// AV1 RTP A.8.3, `template_layers`.
fn read_layers(bits: &mut Bits) -> Result<Vec<Template>, Malformed> {
    let mut templates = Vec::new();
    let mut next = Template::default();
    loop {
        if templates.len() == TEMPLATES_MAX || next.temporal == LAYERS_MAX || next.spatial == LAYERS_MAX {
            return Err(Malformed);
        }
        templates.push(next);
        match bits.take(2)? {
            0 => {}
            1 => next.temporal += 1,
            2 => (next.temporal, next.spatial) = (0, next.spatial + 1),
            _ => return Ok(templates),
        }
    }
}

fn read_indications(bits: &mut Bits, targets: usize) -> Result<u64, Malformed> {
    debug_assert!(targets <= TARGETS_MAX);
    let mut indications = 0;
    for target in 0..targets {
        indications |= u64::from(bits.take(2)?) << (2 * target);
    }
    Ok(indications)
}

/// Skip the chains. They tell a receiver whether a target can be decoded after losses, so the server does not need them.
fn skip_chains(bits: &mut Bits, targets: usize, templates: usize) -> Result<(), Malformed> {
    let chains = bits.take_below(targets as u32 + 1)?;
    if chains == 0 {
        return Ok(());
    }
    for _ in 0..targets {
        bits.take_below(chains)?;
    }
    bits.skip(templates * chains as usize * 4)
}

/// Return the highest spatial layer and temporal id among the frames of the target.
fn layers_of(target: usize, templates: &[Template]) -> (u8, u8) {
    let held = templates.iter().filter(|template| template.has(target));
    held.fold((0, 0), |top, template| (top.0.max(template.spatial), top.1.max(template.temporal)))
}

/// A reader of big-endian bits.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, at: 0 }
    }

    /// Read `count` bits, at most 16.
    fn take(&mut self, count: u32) -> Result<u32, Malformed> {
        let mut value = 0;
        for _ in 0..count {
            let byte = *self.bytes.get(self.at / 8).ok_or(Malformed)?;
            value = value << 1 | u32::from(byte >> (7 - self.at % 8) & 1);
            self.at += 1;
        }
        Ok(value)
    }

    fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        self.at += count;
        if self.at <= self.bytes.len() * 8 { Ok(()) } else { Err(Malformed) }
    }

    /// Read a value below `limit`, in as few bits as possible (`ns`, A.8.1).
    fn take_below(&mut self, limit: u32) -> Result<u32, Malformed> {
        let width = u32::BITS - limit.leading_zeros();
        let short = (1 << width) - limit;
        let value = self.take(width - 1)?;
        if value < short { Ok(value) } else { Ok((value << 1) - short + self.take(1)?) }
    }
}

#[cfg(test)]
#[path = "dependencies_tests.rs"]
mod tests;
