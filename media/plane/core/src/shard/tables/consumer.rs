//! One forwarded track on one transport: which layer is sent, and what becomes of each packet.

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
/// Packets that one report may tell of.
const REPORTED_MAX: u32 = 10_000;
/// NAL unit types from here on join or split others (RFC 6184 §5.2).
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
    /// Of pictures.
    pub playout: Playout,
    pub paused: bool,
    /// What the viewer wants at most.
    pub wanted_layer: u8,
    pub wanted_temporal: u8,
    /// What the way to the viewer carries of it; None: nothing.
    pub grant: Option<Grant>,
    /// See `Command::SetPriority`.
    pub priority: u8,
    pub keeps: bool,
    /// Where to go at the next key frame.
    pub target: u8,
    /// What is sent; None until a key frame.
    pub current: Option<u8>,
    previous: Option<u8>,
    selection: Selection,
    /// Where `selection` is to go.
    limits: Limits,
    /// The highest layer within the one stream of its source; None: its layers are streams of their own.
    spatial_top: Option<u8>,
    pub continuity: Continuity,
    pub outgoing: Outgoing,
    /// The peer has reported on our SSRC: it knows it, and the MID extension may stop (RFC 8843).
    pub acknowledged: bool,
    pub budget: ViewerBudget,
    pub last_sent_us: u64,
    pub early: Early,
    pub packets: u64,
    pub bytes: u64,
    pub lost: i64,
    /// The highest number that the peer has told of.
    told: Option<u32>,
    pub fraction_lost: f32,
    pub jitter: u32,
    pub resent: u64,
    pub keyframes_asked: u64,
    /// How often the way to the viewer was held to carry less of what there was than before.
    pub lowered: u64,
    pub clock_hz: u32,
    pub report_due_us: u64,
    /// What the peer asked us not to exceed; 0: nothing yet.
    pub limit_bps: u64,
    /// H.264 in single NAL units only.
    pub single_nal: bool,
    /// The source sends what this one's receiver cannot take.
    unfit: bool,
    /// Of its source, when it sent last.
    entrance: u16,
}

/// What to do with one packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Send(Offsets),
    /// Nothing of it, under its number.
    Fill(Offsets),
    Leave,
}

/// What a consumer is opened with; see `Command::OpenConsumer`.
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
    /// `random`: two sequence numbers.
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

    /// Leaves redundant sound out, or no longer does.
    pub fn leave_copies_out(&mut self, left_out: bool) {
        if self.red.leave_out(left_out) {
            self.outgoing.forget();
        }
    }

    /// Nothing is sent until the next key frame (video) or packet (audio).
    pub fn stop(&mut self) {
        if self.current.is_some() {
            self.previous = self.current.take();
        }
        self.outgoing.forget();
    }

    /// Its source, a voice, was left out and is heard again: what it said meanwhile is no gap in the numbers. True if so.
    #[inline]
    pub fn meet(&mut self, entrance: u16) -> bool {
        let returns = self.entrance != entrance && self.current.is_some();
        if returns {
            self.stop();
        }
        self.entrance = entrance;
        returns
    }

    /// Where resends go: the payload type and SSRC of retransmissions (RFC 4588), where the peer takes them.
    pub fn rtx(&self) -> Option<u8> {
        self.payloads.first().and_then(|payload| payload.rtx).filter(|_| self.video && self.rtx_ssrc != 0)
    }

    /// The layer sent now starts anew under another SSRC.
    pub fn forget_source(&mut self) {
        self.current = None;
        self.previous = None;
        self.outgoing.forget();
    }

    /// Another producer, whose packets stand in another cache under other numbers.
    pub fn change_source(&mut self, producer: ProducerKey, payloads: Vec<PayloadMap>, clock_hz: u32) {
        self.forget_source();
        self.producer = producer;
        self.payloads = payloads;
        self.clock_hz = clock_hz;
        self.unfit = false;
    }

    /// Nothing was sent of the source that it has now.
    pub fn is_new_to_source(&self) -> bool {
        self.current_or_previous().is_none()
    }

    /// Here is a packet that a receiver of single NAL units cannot take, or there was one.
    pub fn refuses(&self, payload: &[u8]) -> bool {
        self.unfit || payload.first().is_some_and(|head| head & 0x1f >= FIRST_COMBINED_NAL)
    }

    pub fn is_unfit(&self) -> bool {
        self.unfit
    }

    /// It gets nothing of this source any more. True the first time.
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

    /// Pictures between those that are sent are there for it, and the stream does not let it have them but with a key frame.
    pub fn is_stuck(&self) -> bool {
        self.selection.is_stuck() && self.selection.limits().temporal < self.limits.temporal
    }

    /// A higher layer of the one stream is there for it, and can begin with a key frame only.
    fn wants_larger(&self) -> bool {
        self.spatial_top.is_some_and(|top| self.selection.limits().spatial < self.limits.spatial.min(top))
    }

    /// The layer that is sent now, be it a stream of its own or within one.
    pub fn layer(&self) -> Option<u8> {
        let current = self.current?;
        Some(self.spatial_top.map_or(current, |top| top.min(self.selection.limits().spatial)))
    }

    /// Nothing is to be sent: nobody looks, or the way does not carry it.
    #[inline]
    pub fn is_off(&self) -> bool {
        self.paused || self.grant.is_none()
    }

    /// The highest layer that it may have now.
    pub fn top_layer(&self) -> u8 {
        self.wanted_layer.min(self.grant.map_or(0, |grant| grant.layer))
    }

    /// What the viewer would like.
    pub fn wanted(&self) -> Grant {
        Grant { layer: self.wanted_layer, temporal: self.wanted_temporal }
    }

    /// Goes to this layer with the next key frame. `spatial_top`: see the field.
    pub fn aim(&mut self, target: u8, spatial_top: Option<u8>) {
        self.target = target;
        self.spatial_top = spatial_top;
        let grant = self.grant.unwrap_or(Grant::LOWEST);
        let granted = match self.current {
            // Too much for the way: until it is left, as little of it as can be.
            Some(current) if current > target && current > grant.layer => 0,
            Some(current) if current < target => u8::MAX,
            _ => grant.temporal,
        };
        let spatial = if spatial_top.is_some() { self.top_layer() } else { u8::MAX };
        self.limits = Limits { spatial, temporal: self.wanted_temporal.min(granted) };
    }

    /// Whether packets of this layer can matter to this consumer at all.
    #[inline]
    pub fn looks_at(&self, layer: u8) -> bool {
        !self.is_off() && !self.unfit && (self.current == Some(layer) || self.target == layer || !self.video)
    }

    /// Decides on the next packet of `layer`; the second value: another layer is sent from here on. `elapsed`: what the outgoing timestamp moves by if the layer is
    /// switched here. `Send` has been noted as sent.
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
            // Of VP8 the ids have to go on without a gap (RFC 7741 §4.2); elsewhere references count by them.
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

    /// With this packet, which is sent, a picture ends for the receiver, though not for the publisher.
    #[inline]
    pub fn ends_picture(&self, entry: &Entry) -> bool {
        entry.place.is_some_and(|place| self.selection.ends_picture(place, entry.timestamp))
    }

    /// A packet of nothing went out: neither is there a picture to go on from, nor is it worth a resend.
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

    /// The peer's report on this stream; (lost, received) since the one before.
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
