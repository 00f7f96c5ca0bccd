//! A consumer: one track that is forwarded on one transport. It knows the layer that is sent and decides about each packet.

use crate::codec::numbers::Numbers;
use crate::codec::selection::{Limits, Selection};
use crate::keys::{ProducerKey, TransportKey};
use crate::rate::share::Grant;
use crate::shard::tables::early::Early;
use crate::shard::tables::outgoing::Outgoing;
use crate::shard::tables::red_copies::RedCopies;
use crate::shard::tables::viewer_budget::ViewerBudget;
use crate::stream::cache::Entry;
use crate::stream::playout::Playout;
use crate::stream::sequence::{Continuity, Left, Offsets, Picture};
use crate::types::{Codec, PayloadMap};
use crate::wire::rtcp::ReportBlock;
/// Packets between two reports of a viewer. Chosen. A report that jumps ahead by more counts as no packets, because its
/// sequence number is implausible. Larger: one wrong report lowers the bitrate of a viewer without transport-wide feedback, and
/// its pictures lose quality. Smaller: real loss of a fast stream is ignored.
const REPORTED_MAX: u32 = 10_000;
/// NAL unit types from this value on combine or split NAL units (RFC 6184 §5.2). Larger: receivers of single NAL units get
/// packets that they cannot read. Smaller: normal packets are refused, and such receivers get no picture.
const FIRST_COMBINED_NAL: u8 = 24;

pub struct Consumer {
    pub id: u32,
    pub transport: TransportKey,
    pub producer: ProducerKey,
    pub video: bool,
    pub mid: Vec<u8>,
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    pub payloads: Vec<PayloadMap>,
    pub red: RedCopies,
    /// The playout delay of pictures.
    pub playout: Playout,
    pub paused: bool,
    /// The highest layer that the viewer wants.
    pub wanted_layer: u8,
    pub wanted_temporal: u8,
    /// The best quality that the downlink of the viewer can carry. None: nothing is sent.
    pub grant: Option<Grant>,
    /// See `Command::SetPriority`.
    pub priority: u8,
    pub keeps: bool,
    /// The layer that the consumer switches to at the next key frame.
    pub target: u8,
    /// The layer that is sent. None until a key frame arrives.
    pub current: Option<u8>,
    previous: Option<u8>,
    selection: Selection,
    /// The limits that `selection` has to reach.
    limits: Limits,
    /// The highest spatial layer inside the source's only stream. None: each layer of the source is a separate stream.
    spatial_top: Option<u8>,
    pub continuity: Continuity,
    pub outgoing: Outgoing,
    /// The peer has reported on our SSRC. The peer knows the SSRC, so the MID extension may stop (RFC 8843).
    pub acknowledged: bool,
    pub budget: ViewerBudget,
    pub last_sent_us: u64,
    pub early: Early,
    pub packets: u64,
    pub bytes: u64,
    pub lost: i64,
    /// The highest sequence number in the peer's last report.
    told: Option<u32>,
    pub fraction_lost: f32,
    pub jitter: u32,
    pub resent: u64,
    pub keyframes_asked: u64,
    /// How often the allocation lowered the quality because the downlink could not carry more.
    pub lowered: u64,
    pub clock_hz: u32,
    pub report_due_us: u64,
    /// The bitrate limit that the peer asked for. 0: no request yet.
    pub limit_bps: u64,
    /// The receiver accepts H.264 in single NAL units only.
    pub single_nal: bool,
    /// The source sends packets that this receiver cannot take.
    unfit: bool,
    /// The source's count of admissions (`Voice::entrance`) at the last packet.
    entrance: u16,
}

/// The decision on one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Send(Offsets),
    /// Send padding only, under the packet's number.
    Fill(Offsets),
    Leave,
}

/// The arguments of a new consumer; see `Command::OpenConsumer`.
pub struct Opening {
    pub id: u32,
    pub transport: TransportKey,
    pub producer: ProducerKey,
    pub video: bool,
    pub mid: String,
    pub ssrc: u32,
    pub rtx_ssrc: u32,
    pub payloads: Vec<PayloadMap>,
    pub strip_red: bool,
    pub red_blocks: Vec<(u8, u8)>,
    pub paused: bool,
    pub single_nal: bool,
}

impl Consumer {
    /// Create a consumer. `random` holds the first sequence numbers of the media stream and of the RTX stream.
    pub fn new(opening: Opening, random: (u16, u16)) -> Self {
        Consumer {
            id: opening.id,
            transport: opening.transport,
            producer: opening.producer,
            video: opening.video,
            mid: opening.mid.into_bytes(),
            ssrc: opening.ssrc,
            rtx_ssrc: opening.rtx_ssrc,
            payloads: opening.payloads,
            red: RedCopies::new(opening.video, opening.strip_red, opening.red_blocks),
            playout: Playout::default(),
            paused: opening.paused,
            wanted_layer: u8::MAX,
            wanted_temporal: u8::MAX,
            grant: Some(Grant::ALL),
            priority: 0,
            keeps: false,
            target: u8::MAX,
            current: None,
            previous: None,
            selection: Selection::default(),
            limits: Limits::NONE,
            spatial_top: None,
            continuity: Continuity::starting_at(random.0),
            outgoing: Outgoing::new(opening.video, random.1),
            acknowledged: false,
            budget: ViewerBudget::default(),
            last_sent_us: 0,
            early: Early::default(),
            packets: 0,
            bytes: 0,
            lost: 0,
            told: None,
            fraction_lost: 0.0,
            jitter: 0,
            resent: 0,
            keyframes_asked: 0,
            lowered: 0,
            clock_hz: if opening.video { 90_000 } else { 48_000 },
            report_due_us: 0,
            limit_bps: 0,
            single_nal: opening.single_nal,
            unfit: false,
            entrance: 0,
        }
    }

    pub fn payload(&self, payload_type: u8) -> Option<&PayloadMap> {
        PayloadMap::find(&self.payloads, payload_type)
    }

    /// Leave redundant audio out, or send it again.
    pub fn leave_copies_out(&mut self, left_out: bool) {
        if self.red.leave_out(left_out) {
            self.outgoing.forget();
        }
    }

    /// Send nothing until the next key frame (video) or packet (audio).
    pub fn stop(&mut self) {
        if self.current.is_some() {
            self.previous = self.current.take();
        }
        self.outgoing.forget();
    }

    /// Note the source's count of admissions. Return true if the voice was left out and is heard again. Then the packets in
    /// between are no gap in the outgoing numbers.
    #[inline]
    pub fn meet(&mut self, entrance: u16) -> bool {
        let returns = self.entrance != entrance && self.current.is_some();
        if returns {
            self.stop();
        }
        self.entrance = entrance;
        returns
    }

    /// Return the payload type of retransmissions (RFC 4588). None if the peer does not accept RTX.
    pub fn rtx(&self) -> Option<u8> {
        self.payloads.first().and_then(|payload| payload.rtx).filter(|_| self.video && self.rtx_ssrc != 0)
    }

    /// Forget the layer that is sent: its source starts again with another SSRC.
    pub fn forget_source(&mut self) {
        self.current = None;
        self.previous = None;
        self.outgoing.forget();
    }

    /// Switch to another producer. Its packets are in another cache and have other numbers.
    pub fn change_source(&mut self, producer: ProducerKey, payloads: Vec<PayloadMap>, clock_hz: u32) {
        self.forget_source();
        self.producer = producer;
        self.payloads = payloads;
        self.clock_hz = clock_hz;
        self.unfit = false;
    }

    /// Report whether nothing of the current source was sent yet.
    pub fn is_new_to_source(&self) -> bool {
        self.current_or_previous().is_none()
    }

    /// Report whether a receiver of single NAL units cannot take this packet, or could not take an earlier one.
    pub fn refuses(&self, payload: &[u8]) -> bool {
        self.unfit || payload.first().is_some_and(|head| head & 0x1f >= FIRST_COMBINED_NAL)
    }

    pub fn is_unfit(&self) -> bool {
        self.unfit
    }

    /// Stop sending this source for good. Return true the first time.
    pub fn turn_unfit(&mut self) -> bool {
        !std::mem::replace(&mut self.unfit, true)
    }

    pub fn current_or_previous(&self) -> Option<u8> {
        self.current.or(self.previous)
    }

    pub fn wants_keyframe(&self) -> bool {
        self.video
            && !self.is_off()
            && !self.unfit
            && (self.current != Some(self.target) || self.wants_larger() || self.is_stuck())
    }

    /// Report whether the viewer lacks pictures of a higher temporal layer that it may have, and only a key frame allows the
    /// step up.
    pub fn is_stuck(&self) -> bool {
        self.selection.is_stuck() && self.selection.limits().temporal < self.limits.temporal
    }

    /// Report whether the viewer may have a higher layer of the single stream. A higher layer can begin only with a key frame.
    fn wants_larger(&self) -> bool {
        self.spatial_top.is_some_and(|top| self.selection.limits().spatial < self.limits.spatial.min(top))
    }

    /// Return the layer that is sent now: a separate stream, or a spatial layer inside one stream.
    pub fn layer(&self) -> Option<u8> {
        let current = self.current?;
        Some(self.spatial_top.map_or(current, |top| top.min(self.selection.limits().spatial)))
    }

    /// Report whether nothing must be sent: the consumer is paused, or the downlink cannot carry the track.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.paused || self.grant.is_none()
    }

    /// Return the highest layer that may be sent now.
    pub fn top_layer(&self) -> u8 {
        self.wanted_layer.min(self.grant.map_or(0, |grant| grant.layer))
    }

    /// Return the quality that the viewer wants.
    pub fn wanted(&self) -> Grant {
        Grant { layer: self.wanted_layer, temporal: self.wanted_temporal }
    }

    /// Set the layer for the next key frame. For `spatial_top` see the field.
    pub fn aim(&mut self, target: u8, spatial_top: Option<u8>) {
        self.target = target;
        self.spatial_top = spatial_top;
        let grant = self.grant.unwrap_or(Grant::LOWEST);
        let granted = match self.current {
            // The layer is too much for the downlink. Until the switch, only the lowest temporal layer is sent.
            Some(current) if current > target && current > grant.layer => 0,
            Some(current) if current < target => u8::MAX,
            _ => grant.temporal,
        };
        let spatial = if spatial_top.is_some() { self.top_layer() } else { u8::MAX };
        self.limits = Limits { spatial, temporal: self.wanted_temporal.min(granted) };
    }

    /// Report whether packets of this layer can matter to this consumer.
    #[inline]
    pub fn looks_at(&self, layer: u8) -> bool {
        !self.is_off() && !self.unfit && (self.current == Some(layer) || self.target == layer || !self.video)
    }

    /// Decide on the next packet of `layer`. The second value is true if another layer is sent from this packet on. `elapsed`
    /// gives the step of the outgoing timestamp if the layer switches here. After `Send` the packet counts as sent.
    #[inline]
    pub fn decide(&mut self, layer: u8, entry: &Entry, elapsed: impl FnOnce(&Continuity) -> u32) -> (Verdict, bool) {
        let mut switched = false;
        if self.current != Some(layer) {
            if !self.may_start(layer, entry) {
                return (Verdict::Leave, false);
            }
            self.start(layer, entry, elapsed);
            switched = true;
        }
        let before = self.layer();
        let is_left = entry.len == 0 || self.is_above(entry);
        switched |= before != self.layer();
        if is_left {
            // VP8 picture ids must have no gaps (RFC 7741 §4.2). In other codecs references use the numbers, so they stay as
            // they are.
            let vp8 = entry.codec == Some(Codec::Vp8);
            let timestamp = (entry.len > 0).then_some(entry.timestamp);
            let kept = self.continuity.skip(Left { sequence: entry.sequence, timestamp, counts: vp8 });
            return (kept.map_or(Verdict::Leave, Verdict::Fill), switched);
        }
        let offsets = self.continuity.pass(entry.sequence, entry.timestamp, picture(entry));
        (offsets.map_or(Verdict::Leave, Verdict::Send), switched)
    }

    fn may_start(&self, layer: u8, entry: &Entry) -> bool {
        if entry.len == 0 {
            return false;
        }
        !self.video || (layer == self.target && entry.keyframe)
    }

    fn start(&mut self, layer: u8, entry: &Entry, elapsed: impl FnOnce(&Continuity) -> u32) {
        let before = self.current_or_previous();
        if before == Some(layer) {
            self.continuity.resume(entry.sequence, entry.timestamp, picture(entry));
        } else {
            let step = elapsed(&self.continuity);
            self.continuity.switch(entry.sequence, entry.timestamp, picture(entry), step);
        }
        self.current = Some(layer);
        self.previous = None;
        self.aim(self.target, self.spatial_top);
        self.selection.start(self.limits, entry.timestamp);
        self.outgoing.forget();
    }

    fn is_above(&mut self, entry: &Entry) -> bool {
        entry.place.is_some_and(|place| !self.selection.admits(place, entry.timestamp, self.limits))
    }

    /// Report whether this sent packet ends the picture for the receiver, though the publisher's picture continues.
    #[inline]
    pub fn ends_picture(&self, entry: &Entry) -> bool {
        entry.place.is_some_and(|place| self.selection.ends_picture(place, entry.timestamp))
    }

    /// Count a packet of padding. The packet contains no picture and adds nothing to the budget for retransmissions.
    pub fn count_filler(&mut self, bytes: usize) {
        self.packets += 1;
        self.bytes += bytes as u64;
    }

    #[inline]
    pub fn count(&mut self, bytes: usize, now_us: u64) {
        self.packets += 1;
        self.bytes += bytes as u64;
        self.last_sent_us = now_us;
        self.budget.earn();
    }

    /// Count the peer's report on this stream. Return the lost and received packets since the report before.
    pub fn count_report(&mut self, block: &ReportBlock) -> (u32, u32) {
        let Some(before) = self.told.replace(block.highest) else { return (0, 0) };
        let ahead = block.highest.wrapping_sub(before);
        let expected = if ahead > REPORTED_MAX { 0 } else { ahead };
        let lost = expected * u32::from(block.fraction_lost) / 256;
        (lost, expected - lost)
    }
}

fn picture(entry: &Entry) -> Picture {
    let Numbers { picture_id, tl0, .. } = entry.numbers;
    Picture { id: picture_id.map_or(0, |id| id.value), frame: entry.frame, tl0: tl0.unwrap_or(0) }
}
