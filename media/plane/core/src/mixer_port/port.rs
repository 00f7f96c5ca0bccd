//! The mixer process's end of its line: it receives frames of the expected SSRCs and sends its own frames. Both go over plain
//! RTP with reports, retransmissions and key frame requests. The module is sans-IO.

use rustc_hash::FxHashMap;
use std::collections::VecDeque;

use crate::mixer_port::assembly::{FRAME_BYTES_MAX, Frame};
use crate::mixer_port::h264::{self, TooLong};
use crate::mixer_port::inbound::{Inbound, Out};
use crate::mixer_port::outbound::{Outbound, PAYLOAD_BYTES_MAX};
use crate::ntp::unix_us;
use crate::stream::reception::ASKS_MAX;
use crate::types::Codec;
use crate::wire::demux::{Class, classify};
use crate::wire::rtcp::{self, Packet};
use crate::wire::rtp;

/// Streams that the mixer process receives, and the same number that it sends. Chosen. Larger: no effect, because MIXER_SOURCES
/// (1024) limits the received streams, and LINE_PRODUCERS (1024) the sent ones. Smaller: when many participants are shown or
/// heard in the composed picture, the last streams are refused, and the mixer process ends and starts again.
pub const STREAMS_MAX: usize = 1_024;
/// Events for the mixer process (such as frames) that wait until Python takes them. Chosen. Further events are dropped and
/// counted. Larger: more memory while Python is late. Smaller: frames are lost when Python is late.
pub const EVENTS_MAX: usize = 4_096;
/// Bytes of the events for the mixer process (such as frames) that wait until Python takes them. Chosen. Further events are
/// dropped and counted. Larger: more memory while Python is late. Smaller: pictures are lost when Python is late.
const EVENT_BYTES_MAX: usize = 64 << 20;
/// Microseconds between two RTCP reports of the mixer process, as in libwebrtc for video. Longer: the server learns clocks and
/// losses later. Shorter: more RTCP.
const REPORT_US: u64 = 1_000_000;
/// Microseconds between two checks for missing packets, while packets are missing. Longer: retransmissions are requested later,
/// and the picture is late. Shorter: more wake-ups of the thread.
const GAP_TICK_US: u64 = 5_000;
/// Microseconds. The assumed round-trip time: the other end is on the same machine. Larger: no effect below 13 ms; above 27 ms,
/// lost packets are requested again later. Smaller: no effect, because the least times of `reception` are longer.
const RTT_US: u64 = 2_000;
/// Sender reports in one RTCP datagram of 1,400 bytes. Each has 28 bytes, and a CNAME of 16 (`mixer`) to 76 bytes. Chosen.
/// Larger: above 31 reports, or 13 with the longest CNAME, they do not fit, and the write panics. Smaller: more datagrams.
const REPORT_PARTS: usize = 8;
/// Bytes of the VP8 payload descriptor with a picture id of 15 bits (RFC 7741 §4.2). Larger: payloads are smaller than
/// necessary. Smaller: payloads exceed 1,200 bytes (`PAYLOAD_BYTES_MAX`), and some paths lose them.
const DESCRIPTOR_BYTES: usize = 4;

/// The events that `poll` returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FrameEvent {
    /// The timestamp is extended beyond 32 bits.
    Frame {
        ssrc: u32,
        timestamp: i64,
        arrived_us: u64,
        bytes: Vec<u8>,
    },
    /// Packets before the next frame are lost for good.
    Lost {
        ssrc: u32,
    },
    /// The other end requests a key frame of an SSRC that this process sends.
    Keyframe {
        ssrc: u32,
    },
    /// A sender report: the Unix time of this timestamp.
    Clock {
        ssrc: u32,
        timestamp: i64,
        unix_us: i64,
    },
    Bye {
        ssrc: u32,
    },
}

impl FrameEvent {
    fn bytes(&self) -> usize {
        if let FrameEvent::Frame { bytes, .. } = self { bytes.len() } else { 0 }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VideoFormat {
    H264 { single_nal: bool },
    Vp8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SendRefused {
    /// A NAL unit of this many bytes does not fit into a packet, and mode 0 has no fragments.
    TooLong(usize),
    /// The picture is empty or too large.
    Size(usize),
    /// The queue has no room for the frame.
    Full,
    /// The largest number of SSRCs is already in use.
    Streams,
}

pub struct Port {
    inbound: FxHashMap<u32, Inbound>,
    outbound: FxHashMap<u32, Outbound>,
    events: VecDeque<FrameEvent>,
    event_bytes: usize,
    pub dropped: u64,
    cname: Box<[u8]>,
    ssrc: u32,
    random: u64,
    wall_offset_us: i64,
    report_due_us: u64,
    gap_due_us: u64,
}

impl Port {
    /// Make a port. `wall_offset_us` is added to `now_us` to get Unix time. `seed` is any number that differs for each process.
    pub fn new(cname: &str, wall_offset_us: i64, seed: u64) -> Self {
        let mut port = Port {
            inbound: FxHashMap::default(),
            outbound: FxHashMap::default(),
            events: VecDeque::new(),
            event_bytes: 0,
            dropped: 0,
            cname: cname.as_bytes().into(),
            ssrc: 0,
            random: seed | 1,
            wall_offset_us,
            report_due_us: 0,
            gap_due_us: u64::MAX,
        };
        port.ssrc = port.random() as u32 | 1;
        port
    }

    /// Expect frames of this SSRC. A second call starts the SSRC again.
    pub fn expect(&mut self, ssrc: u32, codec: Codec, clock_hz: u32, jitter_us: u64) -> Result<(), SendRefused> {
        if self.inbound.len() >= STREAMS_MAX && !self.inbound.contains_key(&ssrc) {
            return Err(SendRefused::Streams);
        }
        self.inbound.insert(ssrc, Inbound::new(codec, clock_hz, jitter_us));
        Ok(())
    }

    pub fn forget(&mut self, ssrc: u32) {
        self.inbound.remove(&ssrc);
    }

    /// End the sending under this SSRC and notify the other end with a BYE.
    pub fn end(&mut self, ssrc: u32, send: &mut impl FnMut(&[u8])) {
        if self.outbound.remove(&ssrc).is_some() {
            let mut body = [0; 8];
            let len = rtcp::write_bye(&mut body, &[ssrc]);
            self.compound(&body[..len], send);
        }
    }

    pub fn receive(&mut self, datagram: &[u8], now_us: u64, send: &mut impl FnMut(&[u8])) {
        match classify(datagram) {
            Class::Rtp => self.receive_rtp(datagram, now_us),
            Class::Rtcp => self.receive_rtcp(datagram, send),
            _ => {}
        }
    }

    fn receive_rtp(&mut self, datagram: &[u8], now_us: u64) {
        let Ok(header) = rtp::parse(datagram) else { return };
        let Ok(range) = header.payload(datagram) else { return };
        let Some(inbound) = self.inbound.get_mut(&header.ssrc) else { return };
        let mut outs = Vec::new();
        inbound.take(&header, &datagram[range], now_us, &mut |out| outs.push(out));
        if inbound.reception.is_missing_any() {
            self.gap_due_us = self.gap_due_us.min(now_us + GAP_TICK_US);
        }
        self.tell(header.ssrc, outs);
    }

    fn tell(&mut self, ssrc: u32, outs: Vec<Out>) {
        for out in outs {
            let event = match out {
                Out::Lost => FrameEvent::Lost { ssrc },
                Out::Frame(Frame { timestamp, arrived_us, bytes }) => {
                    let Some(inbound) = self.inbound.get_mut(&ssrc) else { return };
                    FrameEvent::Frame { ssrc, timestamp: inbound.unwrap(timestamp), arrived_us, bytes }
                }
            };
            self.push(event);
        }
    }

    fn push(&mut self, event: FrameEvent) {
        if self.events.len() >= EVENTS_MAX || self.event_bytes + event.bytes() > EVENT_BYTES_MAX {
            self.dropped += 1;
            return;
        }
        self.event_bytes += event.bytes();
        self.events.push_back(event);
    }

    pub fn pop(&mut self) -> Option<FrameEvent> {
        let event = self.events.pop_front()?;
        self.event_bytes -= event.bytes();
        Some(event)
    }

    pub fn has_events(&self) -> bool {
        !self.events.is_empty()
    }

    fn receive_rtcp(&mut self, datagram: &[u8], send: &mut impl FnMut(&[u8])) {
        for packet in rtcp::packets(datagram) {
            match packet {
                Ok(Packet::SenderReport { info, .. }) => {
                    let Some(inbound) = self.inbound.get_mut(&info.ssrc) else { continue };
                    let timestamp = inbound.unwrap(info.rtp);
                    self.push(FrameEvent::Clock { ssrc: info.ssrc, timestamp, unix_us: unix_us(info.ntp) });
                }
                Ok(Packet::Nack { media, items, .. }) => {
                    if let Some(outbound) = self.outbound.get(&media) {
                        outbound.resend(items, send);
                    }
                }
                Ok(Packet::Pli { media }) => self.want_keyframe(media),
                Ok(Packet::Fir { entries }) => entries.for_each(|(media, _)| self.want_keyframe(media)),
                Ok(Packet::Bye { ssrcs }) => {
                    let known: Vec<_> = ssrcs.filter(|ssrc| self.inbound.contains_key(ssrc)).collect();
                    known.into_iter().for_each(|ssrc| self.push(FrameEvent::Bye { ssrc }));
                }
                Ok(_) => {}
                Err(_) => return,
            }
        }
    }

    /// Record a key frame request. A repeated request is dropped while the same event still waits for `poll`.
    fn want_keyframe(&mut self, ssrc: u32) {
        let event = FrameEvent::Keyframe { ssrc };
        if self.outbound.contains_key(&ssrc) && !self.events.contains(&event) {
            self.push(event);
        }
    }

    /// Send one picture: H.264 as a byte stream with start codes, or a VP8 frame.
    pub fn send_video(
        &mut self,
        ssrc: u32,
        (payload_type, format): (u8, VideoFormat),
        timestamp: u32,
        picture: &[u8],
        capture_us: u64,
    ) -> Result<(), SendRefused> {
        if picture.is_empty() || picture.len() > FRAME_BYTES_MAX {
            return Err(SendRefused::Size(picture.len()));
        }
        let outbound = self.outbound(ssrc, 90_000, true)?;
        let mut payloads: Vec<(Vec<u8>, bool)> = Vec::new();
        match format {
            VideoFormat::H264 { single_nal } => {
                h264::pack(picture, PAYLOAD_BYTES_MAX, single_nal, |parts| payloads.push((parts.concat(), false)))
                    .map_err(|TooLong(bytes)| SendRefused::TooLong(bytes))?;
            }
            VideoFormat::Vp8 => {
                let picture_id = outbound.picture;
                outbound.picture = picture_id.wrapping_add(1) & 0x7fff;
                let count = picture.len().div_ceil(PAYLOAD_BYTES_MAX - DESCRIPTOR_BYTES);
                for (n, piece) in picture.chunks(picture.len().div_ceil(count)).enumerate() {
                    let start = if n == 0 { 0x10 } else { 0 };
                    let head = [0x80 | start, 0x80, 0x80 | (picture_id >> 8) as u8, picture_id as u8];
                    payloads.push(([&head[..], piece].concat(), false));
                }
            }
        }
        let Some(last) = payloads.last_mut() else { return Err(SendRefused::Size(picture.len())) };
        last.1 = true;
        if !outbound.has_room(payloads.len()) {
            return Err(SendRefused::Full);
        }
        outbound.note_clock(timestamp, capture_us);
        for (payload, marker) in payloads {
            outbound.put((payload_type, timestamp, marker), &[], &[&payload]);
        }
        Ok(())
    }

    /// Send one audio packet. `level` holds the identifier of the header extension and its RFC 6464 byte.
    pub fn send_audio(
        &mut self,
        ssrc: u32,
        (payload_type, clock_hz, marker): (u8, u32, bool),
        timestamp: u32,
        payload: &[u8],
        capture_us: u64,
        level: Option<(u8, u8)>,
    ) -> Result<(), SendRefused> {
        if payload.is_empty() || payload.len() > PAYLOAD_BYTES_MAX {
            return Err(SendRefused::Size(payload.len()));
        }
        let outbound = self.outbound(ssrc, clock_hz, false)?;
        if !outbound.has_room(1) {
            return Err(SendRefused::Full);
        }
        outbound.note_clock(timestamp, capture_us);
        let byte = [level.map_or(0, |(_, byte)| byte)];
        let extension = level.map(|(id, _)| (id, &byte[..]));
        outbound.put((payload_type, timestamp, marker), extension.as_slice(), &[payload]);
        Ok(())
    }

    /// Send one audio packet under each of several SSRCs. `outputs` holds (SSRC, payload type).
    pub fn send_mix(
        &mut self,
        outputs: &[(u32, u8)],
        clock_hz: u32,
        timestamp: u32,
        payload: &[u8],
        capture_us: u64,
    ) -> Result<(), SendRefused> {
        outputs.iter().try_for_each(|(ssrc, payload_type)| {
            self.send_audio(*ssrc, (*payload_type, clock_hz, false), timestamp, payload, capture_us, None)
        })
    }

    fn outbound(&mut self, ssrc: u32, clock_hz: u32, paced: bool) -> Result<&mut Outbound, SendRefused> {
        if self.outbound.len() >= STREAMS_MAX && !self.outbound.contains_key(&ssrc) {
            return Err(SendRefused::Streams);
        }
        let random = self.random();
        if !self.outbound.contains_key(&ssrc) {
            // The first packets are sent together with a report of their clock.
            self.report_due_us = 0;
        }
        Ok(self.outbound.entry(ssrc).or_insert_with(|| Outbound::new(ssrc, clock_hz, paced, random)))
    }

    /// Request a key frame of an expected SSRC from the other end, with a PLI.
    pub fn request_keyframe(&mut self, ssrc: u32, send: &mut impl FnMut(&[u8])) {
        let mut body = [0; 16];
        let len = rtcp::write_pli(&mut body, self.ssrc, ssrc);
        self.compound(&body[..len], send);
    }

    /// Return the time of the next call of `timeout`.
    pub fn deadline(&self) -> u64 {
        let inbound = self.inbound.values().map(Inbound::deadline).min().unwrap_or(u64::MAX);
        let outbound = self.outbound.values().map(Outbound::deadline).min().unwrap_or(u64::MAX);
        let idle = self.inbound.is_empty() && self.outbound.is_empty();
        let report = if idle { u64::MAX } else { self.report_due_us };
        inbound.min(outbound).min(report).min(self.gap_due_us)
    }

    pub fn timeout(&mut self, now_us: u64, send: &mut impl FnMut(&[u8])) {
        for outbound in self.outbound.values_mut() {
            outbound.flush(now_us, send);
        }
        let due: Vec<u32> =
            self.inbound.iter().filter(|(_, inbound)| inbound.deadline() <= now_us).map(|(ssrc, _)| *ssrc).collect();
        for ssrc in due {
            let mut outs = Vec::new();
            let Some(inbound) = self.inbound.get_mut(&ssrc) else { continue };
            inbound.timeout(now_us, &mut |out| outs.push(out));
            self.tell(ssrc, outs);
        }
        if self.gap_due_us <= now_us {
            self.ask(now_us, send);
        }
        if self.report_due_us <= now_us {
            self.report_due_us = now_us + REPORT_US;
            self.report(now_us, send);
        }
    }

    /// Request missing packets.
    fn ask(&mut self, now_us: u64, send: &mut impl FnMut(&[u8])) {
        let mut missing = false;
        let mut asked = Vec::new();
        let mut bodies = Vec::new();
        for (ssrc, inbound) in &mut self.inbound {
            asked.clear();
            inbound.reception.ask(now_us, Some(RTT_US), ASKS_MAX, &mut asked);
            missing |= inbound.reception.is_missing_any();
            for part in asked.chunks(128) {
                let mut body = vec![0; 1_000];
                let len = rtcp::write_nack(&mut body, self.ssrc, *ssrc, part.iter().copied());
                body.truncate(len);
                bodies.push(body);
            }
        }
        bodies.iter().for_each(|body| self.compound(body, send));
        self.gap_due_us = if missing { now_us + GAP_TICK_US } else { u64::MAX };
    }

    fn report(&mut self, now_us: u64, send: &mut impl FnMut(&[u8])) {
        let wall_us = now_us as i64 + self.wall_offset_us;
        let infos: Vec<_> = self.outbound.values().filter_map(|one| one.sender_info(now_us, wall_us)).collect();
        for part in infos.chunks(REPORT_PARTS) {
            let mut compound = [0; 1_400];
            let mut len = 0;
            for info in part {
                len += rtcp::write_sr(&mut compound[len..], info, &[]);
            }
            for info in part {
                len += rtcp::write_sdes_cname(&mut compound[len..], info.ssrc, &self.cname);
            }
            send(&compound[..len]);
        }
        let heard = self.inbound.iter_mut().filter(|(_, inbound)| inbound.reception.started());
        let blocks: Vec<_> = heard.map(|(ssrc, inbound)| inbound.reception.report(*ssrc, now_us)).collect();
        for part in blocks.chunks(rtcp::BLOCKS_MAX) {
            let mut compound = [0; 1_400];
            let mut len = rtcp::write_rr(&mut compound, self.ssrc, part);
            len += rtcp::write_sdes_cname(&mut compound[len..], self.ssrc, &self.cname);
            send(&compound[..len]);
        }
    }

    /// RFC 3550 §6.1: a compound begins with a report and a name.
    fn compound(&self, body: &[u8], send: &mut impl FnMut(&[u8])) {
        let mut compound = [0; 1_400];
        let mut len = rtcp::write_rr(&mut compound, self.ssrc, &[]);
        len += rtcp::write_sdes_cname(&mut compound[len..], self.ssrc, &self.cname);
        compound[len..len + body.len()].copy_from_slice(body);
        send(&compound[..len + body.len()]);
    }

    fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}

#[cfg(test)]
#[path = "port_tests.rs"]
mod tests;
