//! RTCP compounds (RFC 3550 §6, RFC 4585, RFC 5104, REMB, transport-wide feedback), read and written in place. Reduced-size
//! compounds (RFC 5506) are accepted. [`crate::wire::transport_feedback`] holds the transport-wide feedback.

use crate::wire::rtcp_extended::{Blocks, EXTENDED};
use crate::wire::rtcp_header::{HEADER, TRANSPORT_SPECIFIC, TRANSPORT_WIDE, finish, put};
use crate::wire::rtp::{Malformed, u16_at, u32_at};
const BLOCK: usize = 24;
const SENDER_INFO: usize = 20;
/// Report blocks, or SSRCs of a BYE, in one packet: the count field has five bits (RFC 3550 §6.4.1). Larger: the count
/// overwrites the padding bit, and the receiver drops the packet; with more than 50 blocks, the write of a report panics.
/// Smaller: more packets for the same reports.
pub const BLOCKS_MAX: usize = 31;

/// The packet type of FIR in RFC 2032 §5.2.1, which old terminals still send. Larger or smaller: requests of such terminals are
/// ignored, and their picture stays broken.
const OLD_FIR: u8 = 192;
const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SDES: u8 = 202;
const BYE: u8 = 203;
const PAYLOAD_SPECIFIC: u8 = 206;
const NACK: u8 = 1;
const TMMBR: u8 = 3;
const TMMBN: u8 = 4;
const PLI: u8 = 1;
const FIR: u8 = 4;
const APPLICATION: u8 = 15;
const CNAME: u8 = 1;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ReportBlock {
    pub ssrc: u32,
    /// The share of packets lost since the last report, in 1/256.
    pub fraction_lost: u8,
    /// A signed number of 24 bits. The writer limits the value to 24 bits.
    pub cumulative_lost: i32,
    pub highest: u32,
    /// In units of the RTP clock.
    pub jitter: u32,
    /// The middle 32 bits of the NTP time of the last sender report. 0 means that no report arrived.
    pub last_sr: u32,
    /// In 1/65536 s.
    pub delay_since_sr: u32,
}

/// The sender's information about its stream (RFC 3550 §6.4.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SenderInfo {
    pub ssrc: u32,
    pub ntp: u64,
    pub rtp: u32,
    pub packets: u32,
    pub bytes: u32,
}

#[derive(Clone, Debug)]
pub enum Packet<'a> {
    SenderReport {
        info: SenderInfo,
        reports: Reports<'a>,
    },
    ReceiverReport {
        ssrc: u32,
        reports: Reports<'a>,
    },
    Sdes,
    Bye {
        ssrcs: Ssrcs<'a>,
    },
    Nack {
        sender: u32,
        media: u32,
        items: NackItems<'a>,
    },
    Pli {
        media: u32,
    },
    Fir {
        entries: FirEntries<'a>,
    },
    /// A request of the sender: no SSRC in the list may send more than its limit (RFC 5104 §4.2.1).
    Tmmbr {
        sender: u32,
        entries: TmmbrEntries<'a>,
    },
    /// The limits that a media sender obeys. The SSRC of each entry belongs to the receiver that requested the limit (RFC 5104
    /// §4.2.2).
    Tmmbn {
        sender: u32,
        entries: TmmbrEntries<'a>,
    },
    Remb {
        bitrate_bps: u64,
        ssrcs: Ssrcs<'a>,
    },
    /// The bytes from the sender SSRC on. [`crate::wire::transport_feedback::parse`] reads them.
    TransportFeedback(&'a [u8]),
    Extended {
        ssrc: u32,
        blocks: Blocks<'a>,
    },
    /// The packet type of a packet that the server does not use.
    Other(u8),
}

/// Return the packets of a compound. The iterator ends after the first malformed packet.
pub fn packets(compound: &[u8]) -> Packets<'_> {
    Packets { rest: compound }
}

#[derive(Clone, Debug)]
pub struct Packets<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<Packet<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let packet = cut(&mut self.rest).and_then(|(count, kind, body)| read(count, kind, body));
        if packet.is_err() {
            self.rest = &[];
        }
        Some(packet)
    }
}

/// Return the count, type and body of the next packet, without padding.
fn cut<'a>(rest: &mut &'a [u8]) -> Result<(u8, u8, &'a [u8]), Malformed> {
    let bytes = *rest;
    if bytes.len() < HEADER || bytes[0] >> 6 != 2 {
        return Err(Malformed);
    }
    let len = HEADER + 4 * usize::from(u16_at(bytes, 2));
    let mut body = bytes.get(HEADER..len).ok_or(Malformed)?;
    *rest = &bytes[len..];
    if bytes[0] & 0x20 != 0 {
        let padding = usize::from(*body.last().ok_or(Malformed)?);
        if padding == 0 || padding > body.len() {
            return Err(Malformed);
        }
        body = &body[..body.len() - padding];
    }
    Ok((bytes[0] & 0x1f, bytes[1], body))
}

fn read(count: u8, kind: u8, body: &[u8]) -> Result<Packet<'_>, Malformed> {
    match (kind, count) {
        (SENDER_REPORT, _) => {
            let info = body.get(..4 + SENDER_INFO).ok_or(Malformed)?;
            let reports = Reports { bytes: counted(&body[info.len()..], count, BLOCK)? };
            Ok(Packet::SenderReport { info: sender_info(info), reports })
        }
        (RECEIVER_REPORT, _) => {
            let ssrc = body.get(..4).ok_or(Malformed)?;
            let reports = Reports { bytes: counted(&body[4..], count, BLOCK)? };
            Ok(Packet::ReceiverReport { ssrc: u32_at(ssrc, 0), reports })
        }
        (SDES, _) => Ok(Packet::Sdes),
        (OLD_FIR, _) => Ok(Packet::Pli { media: u32_at(body.get(..4).ok_or(Malformed)?, 0) }),
        (BYE, _) => Ok(Packet::Bye { ssrcs: Ssrcs { bytes: counted(body, count, 4)? } }),
        (TRANSPORT_SPECIFIC | PAYLOAD_SPECIFIC, _) if body.len() < 8 => Err(Malformed),
        (TRANSPORT_SPECIFIC, NACK) => {
            let items = NackItems { bytes: &body[8..], blp: 0, pid: 0 };
            Ok(Packet::Nack { sender: u32_at(body, 0), media: u32_at(body, 4), items })
        }
        (TRANSPORT_SPECIFIC, TRANSPORT_WIDE) => Ok(Packet::TransportFeedback(body)),
        (TRANSPORT_SPECIFIC, TMMBR) => {
            Ok(Packet::Tmmbr { sender: u32_at(body, 0), entries: TmmbrEntries { bytes: &body[8..] } })
        }
        (TRANSPORT_SPECIFIC, TMMBN) => {
            Ok(Packet::Tmmbn { sender: u32_at(body, 0), entries: TmmbrEntries { bytes: &body[8..] } })
        }
        (PAYLOAD_SPECIFIC, PLI) => Ok(Packet::Pli { media: u32_at(body, 4) }),
        (PAYLOAD_SPECIFIC, FIR) => Ok(Packet::Fir { entries: FirEntries { bytes: &body[8..] } }),
        (PAYLOAD_SPECIFIC, APPLICATION) if body[8..].starts_with(b"REMB") => remb(&body[12..]),
        (EXTENDED, _) => {
            let (ssrc, blocks) = body.split_at_checked(4).ok_or(Malformed)?;
            Ok(Packet::Extended { ssrc: u32_at(ssrc, 0), blocks: Blocks::new(blocks) })
        }
        _ => Ok(Packet::Other(kind)),
    }
}

fn counted(bytes: &[u8], count: u8, size: usize) -> Result<&[u8], Malformed> {
    bytes.get(..usize::from(count) * size).ok_or(Malformed)
}

fn sender_info(bytes: &[u8]) -> SenderInfo {
    SenderInfo {
        ssrc: u32_at(bytes, 0),
        ntp: u64::from(u32_at(bytes, 4)) << 32 | u64::from(u32_at(bytes, 8)),
        rtp: u32_at(bytes, 12),
        packets: u32_at(bytes, 16),
        bytes: u32_at(bytes, 20),
    }
}

/// draft-alvestrand-rmcat-remb-03 §2.2: count, 6 bits of exponent, 18 bits of mantissa, SSRCs.
fn remb(body: &[u8]) -> Result<Packet<'_>, Malformed> {
    let head = body.get(..4).ok_or(Malformed)?;
    let word = u32_at(head, 0);
    let (exponent, mantissa) = (word >> 18 & 0x3f, u64::from(word & 0x3ffff));
    let bitrate_bps = if mantissa.leading_zeros() > exponent { mantissa << exponent } else { u64::MAX };
    let ssrcs = Ssrcs { bytes: counted(&body[4..], head[0], 4)? };
    Ok(Packet::Remb { bitrate_bps: if mantissa == 0 { 0 } else { bitrate_bps }, ssrcs })
}

#[derive(Clone, Debug)]
pub struct Reports<'a> {
    bytes: &'a [u8],
}

impl Iterator for Reports<'_> {
    type Item = ReportBlock;

    fn next(&mut self) -> Option<ReportBlock> {
        let (block, rest) = self.bytes.split_at_checked(BLOCK)?;
        self.bytes = rest;
        Some(ReportBlock {
            ssrc: u32_at(block, 0),
            fraction_lost: block[4],
            // The two shifts extend the sign from 24 to 32 bits.
            cumulative_lost: (u32_at(block, 4) << 8) as i32 >> 8,
            highest: u32_at(block, 8),
            jitter: u32_at(block, 12),
            last_sr: u32_at(block, 16),
            delay_since_sr: u32_at(block, 20),
        })
    }
}

#[derive(Clone, Debug)]
pub struct Ssrcs<'a> {
    bytes: &'a [u8],
}

impl Iterator for Ssrcs<'_> {
    type Item = u32;

    fn next(&mut self) -> Option<u32> {
        let (ssrc, rest) = self.bytes.split_at_checked(4)?;
        self.bytes = rest;
        Some(u32_at(ssrc, 0))
    }
}

/// The sequence numbers that the peer requests again.
#[derive(Clone, Debug)]
pub struct NackItems<'a> {
    bytes: &'a [u8],
    /// The last sequence number returned, and the bits for the numbers after it.
    pid: u16,
    blp: u16,
}

impl Iterator for NackItems<'_> {
    type Item = u16;

    fn next(&mut self) -> Option<u16> {
        if self.blp == 0 {
            let (item, rest) = self.bytes.split_at_checked(4)?;
            self.bytes = rest;
            self.pid = u16_at(item, 0);
            self.blp = u16_at(item, 2);
            return Some(self.pid);
        }
        let step = self.blp.trailing_zeros() + 1;
        self.blp = self.blp.checked_shr(step).unwrap_or(0);
        self.pid = self.pid.wrapping_add(step as u16);
        Some(self.pid)
    }
}

/// The media SSRC and command number of each request (RFC 5104 §4.3.1).
#[derive(Clone, Debug)]
pub struct FirEntries<'a> {
    bytes: &'a [u8],
}

impl Iterator for FirEntries<'_> {
    type Item = (u32, u8);

    fn next(&mut self) -> Option<(u32, u8)> {
        let (entry, rest) = self.bytes.split_at_checked(8)?;
        self.bytes = rest;
        Some((u32_at(entry, 0), entry[4]))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TmmbrEntry {
    pub ssrc: u32,
    /// The writer keeps 17 bits of precision and rounds down.
    pub bitrate_bps: u64,
    /// Bytes of each packet below the payload. 9 bits.
    pub overhead_bytes: u16,
}

#[derive(Clone, Debug)]
pub struct TmmbrEntries<'a> {
    bytes: &'a [u8],
}

impl Iterator for TmmbrEntries<'_> {
    type Item = TmmbrEntry;

    fn next(&mut self) -> Option<TmmbrEntry> {
        let (entry, rest) = self.bytes.split_at_checked(8)?;
        self.bytes = rest;
        let word = u32_at(entry, 4);
        let (exponent, mantissa) = (word >> 26, u64::from(word >> 9 & 0x1_ffff));
        let bitrate_bps = if mantissa == 0 || mantissa.leading_zeros() > exponent {
            mantissa.checked_shl(exponent).unwrap_or(0)
        } else {
            u64::MAX
        };
        Some(TmmbrEntry { ssrc: u32_at(entry, 0), bitrate_bps, overhead_bytes: (word & 0x1ff) as u16 })
    }
}

/// Write a sender report with at most `BLOCKS_MAX` blocks. `out` must hold 28 bytes, and 24 more for each block.
pub fn write_sr(out: &mut [u8], info: &SenderInfo, blocks: &[ReportBlock]) -> usize {
    let blocks = &blocks[..blocks.len().min(BLOCKS_MAX)];
    put(out, 4, info.ssrc);
    put(out, 8, (info.ntp >> 32) as u32);
    put(out, 12, info.ntp as u32);
    put(out, 16, info.rtp);
    put(out, 20, info.packets);
    put(out, 24, info.bytes);
    let len = write_blocks(out, HEADER + 4 + SENDER_INFO, blocks);
    finish(out, blocks.len() as u8, SENDER_REPORT, len)
}

/// Write a receiver report with at most `BLOCKS_MAX` blocks. `out` must hold 8 bytes, and 24 more for each block.
pub fn write_rr(out: &mut [u8], ssrc: u32, blocks: &[ReportBlock]) -> usize {
    let blocks = &blocks[..blocks.len().min(BLOCKS_MAX)];
    put(out, 4, ssrc);
    let len = write_blocks(out, HEADER + 4, blocks);
    finish(out, blocks.len() as u8, RECEIVER_REPORT, len)
}

fn write_blocks(out: &mut [u8], mut at: usize, blocks: &[ReportBlock]) -> usize {
    for block in blocks {
        let lost = block.cumulative_lost.clamp(-0x80_0000, 0x7f_ffff) as u32 & 0xff_ffff;
        put(out, at, block.ssrc);
        put(out, at + 4, u32::from(block.fraction_lost) << 24 | lost);
        put(out, at + 8, block.highest);
        put(out, at + 12, block.jitter);
        put(out, at + 16, block.last_sr);
        put(out, at + 20, block.delay_since_sr);
        at += BLOCK;
    }
    at
}

/// Write the CNAME, cut to 255 bytes. `out` must hold the CNAME and 16 more bytes.
pub fn write_sdes_cname(out: &mut [u8], ssrc: u32, cname: &[u8]) -> usize {
    let cname = &cname[..cname.len().min(255)];
    put(out, 4, ssrc);
    out[8] = CNAME;
    out[9] = cname.len() as u8;
    let end = 10 + cname.len();
    out[10..end].copy_from_slice(cname);
    // RFC 3550 §6.5: at least one null byte ends the chunk.
    let len = (end + 1).next_multiple_of(4);
    out[end..len].fill(0);
    finish(out, 1, SDES, len)
}

/// Write a BYE for at most 31 SSRCs. `out` must hold 4 bytes, and 4 more for each SSRC.
pub fn write_bye(out: &mut [u8], ssrcs: &[u32]) -> usize {
    let ssrcs = &ssrcs[..ssrcs.len().min(BLOCKS_MAX)];
    for (at, ssrc) in (HEADER..).step_by(4).zip(ssrcs) {
        put(out, at, *ssrc);
    }
    finish(out, ssrcs.len() as u8, BYE, HEADER + 4 * ssrcs.len())
}

/// Write a NACK for the sequence numbers, in ascending order (modulo 2^16), until `out` is full. Return 0 if `lost` is empty.
pub fn write_nack(out: &mut [u8], sender: u32, media: u32, lost: impl IntoIterator<Item = u16>) -> usize {
    put(out, 4, sender);
    put(out, 8, media);
    let mut at = 12;
    let mut item: Option<(u16, u16)> = None;
    for sequence in lost {
        match item {
            Some((pid, blp)) if (1..=16).contains(&sequence.wrapping_sub(pid)) => {
                item = Some((pid, blp | 1 << (sequence.wrapping_sub(pid) - 1)));
            }
            _ if at + if item.is_some() { 8 } else { 4 } > out.len() => break,
            _ => {
                at = write_item(out, at, item);
                item = Some((sequence, 0));
            }
        }
    }
    match write_item(out, at, item) {
        12 => 0,
        len => finish(out, NACK, TRANSPORT_SPECIFIC, len),
    }
}

fn write_item(out: &mut [u8], at: usize, item: Option<(u16, u16)>) -> usize {
    let Some((pid, blp)) = item else { return at };
    put(out, at, u32::from(pid) << 16 | u32::from(blp));
    at + 4
}

/// Write a PLI. `out` must hold 12 bytes.
pub fn write_pli(out: &mut [u8], sender: u32, media: u32) -> usize {
    put(out, 4, sender);
    put(out, 8, media);
    finish(out, PLI, PAYLOAD_SPECIFIC, 12)
}

/// Write a FIR. `out` must hold 20 bytes.
pub fn write_fir(out: &mut [u8], sender: u32, media: u32, command: u8) -> usize {
    put(out, 4, sender);
    put(out, 8, 0);
    put(out, 12, media);
    put(out, 16, u32::from(command) << 24);
    finish(out, FIR, PAYLOAD_SPECIFIC, 20)
}

/// Write a TMMBR. `out` must hold 20 bytes.
pub fn write_tmmbr(out: &mut [u8], sender: u32, entry: &TmmbrEntry) -> usize {
    write_limit(out, TMMBR, sender, entry)
}

/// Write a TMMBN. `out` must hold 20 bytes.
pub fn write_tmmbn(out: &mut [u8], sender: u32, entry: &TmmbrEntry) -> usize {
    write_limit(out, TMMBN, sender, entry)
}

fn write_limit(out: &mut [u8], format: u8, sender: u32, entry: &TmmbrEntry) -> usize {
    let exponent = (64 - entry.bitrate_bps.leading_zeros()).saturating_sub(17);
    put(out, 4, sender);
    put(out, 8, 0);
    put(out, 12, entry.ssrc);
    let mantissa = (entry.bitrate_bps >> exponent) as u32;
    put(out, 16, exponent << 26 | mantissa << 9 | u32::from(entry.overhead_bytes & 0x1ff));
    finish(out, format, TRANSPORT_SPECIFIC, 20)
}

/// Write a REMB with at most 255 SSRCs. `out` must hold 20 bytes, and 4 more for each SSRC.
pub fn write_remb(out: &mut [u8], sender: u32, bitrate_bps: u64, ssrcs: &[u32]) -> usize {
    let ssrcs = &ssrcs[..ssrcs.len().min(255)];
    let exponent = (64 - bitrate_bps.leading_zeros()).saturating_sub(18);
    put(out, 4, sender);
    put(out, 8, 0);
    out[12..16].copy_from_slice(b"REMB");
    put(out, 16, (ssrcs.len() as u32) << 24 | exponent << 18 | (bitrate_bps >> exponent) as u32);
    for (at, ssrc) in (20..).step_by(4).zip(ssrcs) {
        put(out, at, *ssrc);
    }
    finish(out, APPLICATION, PAYLOAD_SPECIFIC, 20 + 4 * ssrcs.len())
}

#[cfg(test)]
#[path = "rtcp_tests.rs"]
mod tests;
