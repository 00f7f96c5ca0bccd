//! All that one thread moves: transports, producers, consumers and routers, found by the identifiers of the seam, by
//! ICE user name and by path. Sans-IO: datagrams, commands and the time come in; messages and events go out.

pub mod allocate;
pub mod control;
pub mod early_padding;
pub mod lines;
pub mod messages;
pub mod pace;
pub mod packet;
pub mod probing;
pub mod receive;
pub mod repair;
pub mod restart;
pub mod send;
pub mod spread;
pub mod stats;
pub mod tables;
pub mod voices;

use rustc_hash::FxHashMap;
use slab::Slab;

use crate::ice::questions::Cause;
use crate::ice::transactions::Transactions;
use crate::path::Path;
use crate::rate::share::Stream;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::{Outbox, Sink};
use crate::seam::snapshot::Totals;
use crate::shard::probing::suspects::Astray;
use crate::shard::spread::claims::Handover;
use crate::shard::spread::releases::Releases;
use crate::shard::tables::consumer::Consumer;
use crate::shard::tables::early_list::EarlyList;
use crate::shard::tables::line::Part;
use crate::shard::tables::producer::{Producer, Run};
use crate::shard::tables::router::Router;
use crate::shard::tables::transport::Transport;
use crate::stream::arrivals::FEEDBACK_US;
use crate::stream::levels::WINDOW_US;
use crate::stream::reception::{ASKS_MAX, VOICE_ASKS_MAX, VOICE_RTT_US_MAX};
use crate::ticks::{ASKING_TICK_US, BUSY_TICK_US, IDLE_TICK_US};
use crate::wire::demux::{Class, classify};
use crate::wire::stun;
const RETARGET_US: u64 = 500_000;
/// From one start of all that a peer watches to the next.
const AGAIN_US: u64 = 200_000;

/// Where each identifier of the seam lives.
#[derive(Default)]
pub(crate) struct Ids {
    pub routers: FxHashMap<u32, usize>,
    pub transports: FxHashMap<u32, usize>,
    pub producers: FxHashMap<u32, usize>,
    pub consumers: FxHashMap<u32, usize>,
}

pub struct Shard {
    pub index: u8,
    wall_offset_us: i64,
    random: u64,
    pub(crate) transactions: Transactions,
    pub(crate) ids: Ids,
    pub(crate) routers: Slab<Router>,
    pub(crate) transports: Slab<Transport>,
    pub(crate) producers: Slab<Producer>,
    pub(crate) consumers: Slab<Consumer>,
    pub(crate) ufrags: FxHashMap<Box<[u8]>, usize>,
    pub(crate) paths: FxHashMap<Path, usize>,
    /// By socket number: the line that has it alone.
    pub(crate) lines: Vec<Option<(usize, Part)>>,
    pub(crate) released: Vec<u16>,
    /// Transports with packets that wait, or a probe.
    pub(crate) paced: Vec<usize>,
    pub(crate) pace_us: u64,
    /// Transports whose way down is known to be narrow.
    pub(crate) limited: Vec<usize>,
    pub(crate) waiting: EarlyList,
    pub(crate) streams: Vec<Stream>,
    pub(crate) allocate_us: u64,
    pub(crate) dirty: Vec<(usize, u8)>,
    pub(crate) runs: Vec<Run>,
    pub(crate) events: Vec<Event>,
    pub(crate) totals: Totals,
    asked: Vec<u16>,
    tick_us: u64,
    window_us: u64,
    retarget_us: u64,
    pub(crate) snapshot_us: u64,
    pub(crate) astray: Astray,
    pub(crate) handover: Handover,
    pub(crate) releases: Releases,
}

impl Shard {
    /// `wall_offset_us`: what makes a Unix time of `now_us`. `seed`: any number that peers can't guess.
    pub fn new(index: u8, wall_offset_us: i64, seed: u64) -> Self {
        let mut transactions = Transactions::new(seed);
        Shard {
            index,
            wall_offset_us,
            random: transactions.draw_seed() | 1,
            transactions,
            ids: Ids::default(),
            routers: Slab::new(),
            transports: Slab::new(),
            producers: Slab::new(),
            consumers: Slab::new(),
            ufrags: FxHashMap::default(),
            paths: FxHashMap::default(),
            lines: Vec::new(),
            released: Vec::new(),
            paced: Vec::new(),
            pace_us: u64::MAX,
            limited: Vec::new(),
            waiting: EarlyList::default(),
            streams: Vec::new(),
            allocate_us: u64::MAX,
            dirty: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            totals: Totals::default(),
            asked: Vec::new(),
            tick_us: u64::MAX,
            window_us: 0,
            retarget_us: 0,
            snapshot_us: 0,
            astray: Astray::new(),
            handover: Handover::default(),
            releases: Releases::default(),
        }
    }

    /// When `timeout` is wanted; `u64::MAX`: not before something comes in.
    pub fn deadline(&self) -> u64 {
        self.tick_us.min(self.pace_us).min(self.allocate_us).min(self.releases.deadline()).min(self.waiting.deadline())
    }

    /// What happened since the caller drained it last.
    pub fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// Sockets of lines that closed since the caller drained it last; what is in the outbox may still go there.
    pub fn released(&mut self) -> &mut Vec<u16> {
        &mut self.released
    }

    /// One datagram, or one frame of a TCP connection; opened in place.
    pub fn receive<S: Sink>(&mut self, path: Path, datagram: &mut [u8], now_us: u64, out: &mut Outbox<S>) {
        self.totals.received_packets += 1;
        self.totals.received_bytes += datagram.len() as u64;
        if let Some((key, part)) = self.line_at(path) {
            return self.receive_on_line((key, part), path, datagram, now_us, out);
        }
        let class = classify(datagram);
        if class == Class::Stun {
            return self.receive_check(path, datagram, now_us, out);
        }
        let Some(key) = self.paths.get(&path).copied() else {
            if self.hand_over_claimed(path, datagram) {
                return;
            }
            return self.receive_astray(path, class, datagram, now_us, out);
        };
        if matches!(class, Class::Rtp | Class::Rtcp) {
            let transport = &mut self.transports[key];
            if transport.path().is_some_and(|selected| selected != path) {
                return self.receive_elsewhere((key, path), class, datagram, now_us, out);
            }
            transport.heard_us = now_us;
        }
        match class {
            Class::Rtp => self.receive_rtp(key, datagram, now_us, out),
            Class::Rtcp => {
                self.receive_rtcp(key, datagram, now_us, out);
            }
            Class::Dtls => {
                let transport = &mut self.transports[key];
                if transport.takes_dtls(datagram, now_us) {
                    self.events.push(Event::Dtls { transport: transport.id, datagram: (&*datagram).into() });
                } else {
                    self.totals.malformed += 1;
                }
            }
            Class::Stun | Class::Unknown => self.totals.malformed += 1,
        }
    }

    fn receive_check<S: Sink>(&mut self, path: Path, datagram: &[u8], now_us: u64, out: &mut Outbox<S>) {
        let Some(key) = stun::username(datagram).and_then(|name| self.by_username(name)) else {
            if self.hand_over_check(path, datagram, now_us) {
                return;
            }
            return self.receive_answer(path, datagram, now_us, out);
        };
        if self.is_held(path, (Some(key), self.index), now_us) {
            self.totals.bad_stun += 1;
            return;
        }
        let transport = &mut self.transports[key];
        let was_reached = transport.is_reached();
        let mut reply = [0; stun::REPLY_MAX];
        let Some(agent) = transport.moving() else { return };
        let before = agent.selected();
        let Ok((len, outcome)) = agent.handle(datagram, path, path.remote(), now_us, &mut reply) else {
            self.totals.bad_stun += 1;
            return;
        };
        out.put(path, &reply[..len]);
        let (knows, selected) = (agent.knows(path), agent.selected());
        if knows {
            if self.paths.get(&path) != Some(&key) {
                self.adopt(path, key);
            }
            let held = self.transports[key].ice().is_some_and(|agent| agent.holds(path, now_us));
            self.claim(path, held);
        }
        self.release_path(before.filter(|before| Some(*before) != selected), now_us);
        if let Some(state) = outcome.state {
            let id = self.transports[key].id;
            self.begin_again(key, now_us, out);
            if state == IceState::Moved {
                self.transports[key].note_moved(now_us);
            }
            self.events.push(Event::Ice { transport: id, state, path });
        }
        let starting = self.transports[key].start_us.is_some();
        if outcome.restarted {
            self.index_ufrags(key);
        }
        if !was_reached {
            self.reach_again(key, now_us);
        }
        let wants_proof = self.transports[key].ice().is_some_and(|agent| agent.wants_proof(path, now_us));
        if wants_proof {
            self.ask_there((key, path), Cause::Proof, 0, now_us, out);
        } else if outcome.nominates_later {
            self.ask_there((key, path), Cause::Check, 0, now_us, out);
        }
        self.wake_within(if starting { 0 } else { IDLE_TICK_US }, now_us);
    }

    /// Somebody else is at this path, and not the transport of ours or the shard that a datagram names: it does not come from
    /// there, though it says so. An address translation may give a port to another peer when the one before has closed, has
    /// moved or is no longer heard.
    pub(crate) fn is_held(&self, path: Path, named: (Option<usize>, u8), now_us: u64) -> bool {
        let owner = self.paths.get(&path).filter(|owner| named.0 != Some(**owner));
        let agent = owner.and_then(|owner| self.transports.get(*owner)).and_then(Transport::ice);
        agent.is_some_and(|agent| agent.holds(path, now_us)) || self.is_claimed(path, named.1, now_us)
    }

    /// A path proved to be this transport's; those that its agent forgot are dropped.
    pub(crate) fn adopt(&mut self, path: Path, key: usize) {
        let before = self.paths.insert(path, key).filter(|before| *before != key);
        if let Some(other) = before.and_then(|before| self.transports.get_mut(before)) {
            other.moving().map(|agent| agent.forget(path));
        }
        let Some(agent) = self.transports[key].agent() else { return };
        self.paths.retain(|path, owner| *owner != key || agent.knows(*path));
    }

    fn by_username(&self, username: &[u8]) -> Option<usize> {
        let end = username.iter().position(|byte| *byte == b':')?;
        self.ufrags.get(&username[..end]).copied()
    }

    pub(crate) fn index_ufrags(&mut self, key: usize) {
        self.ufrags.retain(|_, owner| *owner != key);
        let Some(agent) = self.transports[key].agent() else { return };
        for ufrag in agent.local_ufrags() {
            self.ufrags.insert(ufrag.into(), key);
        }
    }

    /// A transport of ours knows this path. A TCP connection that no transport knows any more is of no use.
    pub fn uses(&self, path: Path) -> bool {
        let owner = self.paths.get(&path).and_then(|key| self.transports.get(*key));
        owner.and_then(Transport::ice).is_some_and(|agent| agent.knows(path))
    }

    /// A TCP connection ended: nothing can be sent there any more.
    pub fn tcp_closed(&mut self, connection: u32, now_us: u64) {
        let ended: Vec<(Path, usize)> = self
            .paths
            .iter()
            .filter(|(path, _)| matches!(path, Path::Tcp { connection: c, .. } if *c == connection))
            .map(|(path, key)| (*path, *key))
            .collect();
        for (path, key) in ended {
            self.paths.remove(&path);
            let transport = &mut self.transports[key];
            if transport.agent().is_some_and(|agent| agent.forget(path)) {
                let id = transport.id;
                self.events.push(Event::Ice { transport: id, state: IceState::Disconnected, path });
            }
        }
        self.wake_within(IDLE_TICK_US, now_us);
    }

    /// What is due by now.
    pub fn timeout<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        if now_us >= self.pace_us {
            self.tick_pacers(now_us, out);
        }
        if now_us >= self.allocate_us {
            self.tick_allocations(now_us, out);
        }
        if now_us >= self.waiting.deadline() {
            self.tick_early(now_us, out);
        }
        if now_us >= self.releases.deadline() {
            self.release_again(now_us);
        }
        if now_us < self.tick_us {
            return;
        }
        let asking = self.tick_producers(now_us, out);
        let busy = self.tick_transports(now_us, out);
        if now_us >= self.window_us {
            self.window_us = now_us + WINDOW_US - BUSY_TICK_US / 2;
            self.tick_speakers();
            self.tick_voices(now_us, out);
        }
        if now_us >= self.retarget_us {
            self.retarget_us = now_us + RETARGET_US;
            self.tick_layers(now_us, out);
        }
        self.tick_us = match (asking, busy) {
            (true, _) => now_us + ASKING_TICK_US,
            (false, true) => now_us + BUSY_TICK_US,
            _ if self.transports.is_empty() => u64::MAX,
            _ => now_us + IDLE_TICK_US,
        };
    }

    /// Asks for lost packets and key frames; `true` while something is still asked for.
    fn tick_producers<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) -> bool {
        let mut asking = false;
        let mut asked = std::mem::take(&mut self.asked);
        for at in 0..self.producers.capacity() {
            let Some(producer) = self.producers.get(at) else { continue };
            let transport = producer.transport;
            let rtt_us = self.transports[transport].rtt_us;
            let answers = self.transports[transport].repairs();
            let in_time = producer.video || rtt_us.is_none_or(|rtt_us| rtt_us <= VOICE_RTT_US_MAX);
            let repairs = answers && in_time && producer.repaired && producer.is_wanted();
            let asks = if producer.video { ASKS_MAX } else { VOICE_ASKS_MAX };
            for index in 0..producer.layers.len() {
                let layer = &mut self.producers[at].layers[index];
                let ssrc = layer.ssrc;
                layer.bitrates.settle(now_us);
                asked.clear();
                if !repairs {
                    layer.reception.give_up();
                }
                let given_up =
                    layer.reception.is_missing_any() && layer.reception.ask(now_us, rtt_us, asks, &mut asked);
                let wished = given_up || layer.keyframe.is_wanted();
                let seen = wished && self.would_be_seen(at, index as u8);
                let layer = &mut self.producers[at].layers[index];
                if wished && !seen {
                    layer.keyframe.came();
                }
                let again = layer.keyframe.again(now_us);
                asking |= layer.reception.is_missing_any();
                if !asked.is_empty() {
                    self.send_nack(transport, ssrc, &asked, out);
                }
                if again {
                    self.send_keyframe_request(transport, (at, index), out);
                }
                if given_up && seen {
                    self.ask_keyframe(at, index as u8, now_us, out);
                }
            }
        }
        self.asked = asked;
        asking
    }

    /// Feedback, reports and consent; `true` while media flows.
    fn tick_transports<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) -> bool {
        let mut busy = false;
        for key in 0..self.transports.capacity() {
            let Some(transport) = self.transports.get_mut(key) else { continue };
            if transport.is_mirror() {
                continue;
            }
            if transport.start_us.is_some_and(|start_us| now_us >= start_us) {
                self.start_consumers(key, now_us, out);
            }
            let transport = &mut self.transports[key];
            let logged = !transport.arrivals.is_empty();
            let due = logged && now_us - transport.arrivals.started_at_us >= FEEDBACK_US - FEEDBACK_US / 4;
            let report = now_us >= transport.report_due_us;
            busy |= logged;
            if due {
                self.send_arrivals(key, out);
            }
            if self.transports[key].line().is_some() {
                self.tick_line(key, report, now_us, out);
            }
            if report {
                busy |= self.is_flowing(key, now_us);
                let transport = &mut self.transports[key];
                transport.report_due_us = now_us + transport.report_interval_us();
                self.send_reports(key, now_us, out);
            }
            self.tick_seeking(key, now_us, out);
            self.tick_doubt(key, now_us, out);
            self.tick_consent(key, now_us);
        }
        busy
    }

    /// If media can be sent to it again, its pictures begin anew: what came meanwhile is missing. Not more often than at times, for
    /// it may say that it is here and there without end.
    pub(crate) fn reach_again(&mut self, key: usize, now_us: u64) {
        let Shard { transports, consumers, .. } = self;
        let transport = &mut transports[key];
        if !transport.is_reached() {
            return;
        }
        for at in &transport.consumers {
            let consumer = &mut consumers[*at];
            // Who may ask for no key frame now goes on, and asks when it may.
            if consumer.video && consumer.current.is_some() && consumer.may_ask_keyframe(now_us) {
                consumer.stop();
            }
        }
        let start_us = *transport.start_us.get_or_insert(now_us.max(transport.started_us + AGAIN_US));
        self.wake_within(start_us.saturating_sub(now_us), now_us);
    }

    /// The connection is up: what its consumers wait for is in the caches, or is asked for.
    fn start_consumers<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        if transport.path().is_none() {
            return;
        }
        (transport.start_us, transport.started_us) = (None, now_us);
        for consumer in transport.consumers.clone() {
            self.choose_target(consumer, now_us);
            self.start_from_cache(consumer, now_us, out);
            self.pad_until_keyframe(consumer, now_us, out);
            self.retarget(self.consumers[consumer].producer, now_us, out);
        }
    }

    pub(crate) fn choose_target(&mut self, consumer: usize, now_us: u64) {
        let consumer = &mut self.consumers[consumer];
        let producer = &self.producers[consumer.producer];
        consumer.aim(producer.choose_layer(consumer.top_layer(), now_us), producer.spatial_top());
    }

    pub(crate) fn is_flowing(&self, key: usize, now_us: u64) -> bool {
        let transport = &self.transports[key];
        let active = |at: &usize| self.producers[*at].layers.iter().any(|l| l.is_active(now_us));
        transport.producers.iter().any(active)
    }

    fn tick_consent(&mut self, key: usize, now_us: u64) {
        let transport = &mut self.transports[key];
        let id = transport.id;
        let Some(agent) = transport.agent().filter(|agent| now_us >= agent.deadline()) else { return };
        let before = agent.selected().or(agent.path());
        let Some(state) = agent.timeout(now_us) else { return };
        if state == IceState::Failed {
            self.paths.retain(|_, owner| *owner != key);
        }
        let unknown = Path::Tcp { connection: 0, remote: ([0, 0, 0, 0], 0).into() };
        self.events.push(Event::Ice { transport: id, state, path: before.unwrap_or(unknown) });
    }

    fn tick_speakers(&mut self) {
        let Shard { routers, transports, producers, events, .. } = self;
        for (_, router) in routers.iter_mut() {
            let keys = router.transports.iter().flat_map(|t| &transports[*t].producers);
            let mut levels: Vec<_> = keys
                .filter_map(|key| {
                    let producer = &producers[*key];
                    (!producer.video).then_some((producer.id, *key, producer.level))
                })
                .collect();
            let changed = router.speakers.close_window(levels.iter_mut().map(|(id, _, level)| (*id, level)));
            for (_, key, level) in levels {
                producers[key].level = level;
            }
            if let Some(speakers) = changed.filter(|_| !router.is_part) {
                events.push(Event::Speakers { router: router.id, speakers });
            }
        }
    }

    /// A layer that went silent is left for one that is alive; one that is there by now is taken. Who cannot go up within
    /// the only one is helped.
    fn tick_layers<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        for at in 0..self.producers.capacity() {
            let Some(producer) = self.producers.get(at).filter(|producer| producer.video) else { continue };
            let is_stuck = |key: &usize| self.consumers[*key].is_stuck();
            if producer.spatial_top() != Some(0) || producer.consumers().iter().any(is_stuck) {
                self.retarget(at, now_us, out);
            }
        }
    }

    /// Chooses each consumer's layer anew and asks for the key frames that the changes need.
    pub(crate) fn retarget<S: Sink>(&mut self, producer: usize, now_us: u64, out: &mut Outbox<S>) {
        let mut wanted = 0u8;
        let chooser = &self.producers[producer];
        let spatial_top = chooser.spatial_top();
        for key in chooser.consumers() {
            let consumer = &mut self.consumers[*key];
            consumer.aim(chooser.choose_layer(consumer.top_layer(), now_us), spatial_top);
            if self.transports[consumer.transport].is_reached() && consumer.wants_keyframe() {
                wanted |= 1 << consumer.target;
            }
        }
        for layer in 0..8u8 {
            if wanted & 1 << layer != 0 {
                self.ask_keyframe(producer, layer, now_us, out);
            }
        }
    }

    pub(crate) fn wall_us(&self, now_us: u64) -> i64 {
        now_us as i64 + self.wall_offset_us
    }

    pub(crate) fn wake_within(&mut self, us: u64, now_us: u64) {
        self.tick_us = self.tick_us.min(now_us + us);
    }

    /// xorshift64*: for starting numbers that need not be secret.
    pub(crate) fn random(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
