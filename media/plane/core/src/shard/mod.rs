//! All that one thread moves: transports, producers, consumers and routers, found by the identifiers of the seam, by
//! ICE user name and by path. Sans-IO: datagrams, commands and the time come in; messages and events go out.
//!
//! # The path of a packet
//!
//! 1. `Shard::receive` (this file) takes a datagram. `wire::demux` says what it is.
//! 2. `whereabouts` says whose it is: by its path, or for a check by its ICE user name (`checks`). A datagram of a line is known by
//!    its socket (`uplink::line_input`). What belongs to another shard goes there (`handover`).
//! 3. `uplink::receive` opens SRTP, parses the header once, finds the producer and the layer by the SSRC, and undoes RTX.
//! 4. `uplink::accept` counts the packet, reads what the codec says of it, and notes how loud it is (`uplink::voices`).
//! 5. `uplink::queue` copies the packet into the layer's cache and notes the layer in `Agenda::dirty`. The shards that mirror the
//!    producer get a copy (`report::mirror_out`); on such a shard `uplink::mirror_in` goes on with step 5.
//! 6. `Shard::flush` ends the batch. `downlink::send` goes through the consumers of each layer in `Agenda::dirty`: which layer
//!    each consumer gets (`Consumer::decide`), which numbers the packet gets there, whether it has to wait (`Pacer`).
//! 7. `downlink::packet` writes the packet from the cache into the outbox, seals it, and joins it to a run (UDP GSO).
//! 8. `downlink::pace` sends what had to wait, and the padding of probes. `downlink::resend` answers NACKs from the cache.
//! 9. `Shard::parcel` gives the other shards what is theirs. `seam::outbox` gives all messages to the socket side.
//!
//! RTCP takes the same way up to step 3 and ends in `uplink::rtcp_in`. What goes to publishers is in `report`: reports, requests for
//! key frames, NACKs (`uplink::repair`).
//!
//! # The folders
//!
//! `tables` holds what is known, `turn` what one call gives out. `report`, `downlink`, `uplink`, `whereabouts` and `control` are
//! functions over them, each above the one before: a folder calls those before it only. Each function takes the tables and the turn, and
//! the parts of `whereabouts` if it asks where a peer is. Only this file holds all of them.
//! The search for a peer that moved and the hand-over between shards stand in one folder: each of them asks the other.

pub mod control;
pub mod downlink;
pub mod report;
mod rounds;
mod stats;
pub mod tables;
pub mod turn;
pub mod uplink;
pub mod whereabouts;

use crate::ice::transactions::Transactions;
use crate::path::Path;
use crate::seam::command::Command;
use crate::seam::event::Event;
use crate::seam::outbox::{Outbox, Sink};
use crate::seam::snapshot::{Snapshot, Totals};
use crate::shard::control::dispatch;
use crate::shard::downlink::{allocate, early_padding, pace, send, target};
use crate::shard::tables::Tables;
use crate::shard::turn::Turn;
use crate::shard::turn::agenda::Agenda;
use crate::shard::turn::parcel::{Parcel, Slip};
use crate::shard::turn::parcels::Parcels;
use crate::shard::turn::random::Random;
use crate::shard::turn::scratch::Scratch;
use crate::shard::uplink::{line_input, mirror_in, receive, repair, rtcp_in, voices};
use crate::shard::whereabouts::{Whereabouts, addresses, checks, handover, path_probe, unverified_source};
use crate::stream::levels::WINDOW_US;
use crate::ticks::{ASKING_TICK_US, BUSY_TICK_US, IDLE_TICK_US};
use crate::wire::demux::{Class, classify};

const RETARGET_US: u64 = 500_000;

pub struct Shard {
    pub index: u8,
    wall_offset_us: i64,
    pub(crate) tables: Tables,
    pub(crate) whereabouts: Whereabouts,
    agenda: Agenda,
    pub(crate) parcels: Parcels,
    events: Vec<Event>,
    pub(crate) totals: Totals,
    random: Random,
    scratch: Scratch,
    window_us: u64,
    retarget_us: u64,
    snapshot_us: u64,
}

impl Shard {
    /// `wall_offset_us`: what makes a Unix time of `now_us`. `seed`: any number that peers can't guess.
    pub fn new(index: u8, wall_offset_us: i64, seed: u64) -> Self {
        let mut transactions = Transactions::new(seed);
        Shard {
            index,
            wall_offset_us,
            random: Random::new(transactions.draw_seed()),
            tables: Tables::default(),
            whereabouts: Whereabouts::new(index, transactions),
            agenda: Agenda::default(),
            parcels: Parcels::new(index),
            events: Vec::new(),
            totals: Totals::default(),
            scratch: Scratch::default(),
            window_us: 0,
            retarget_us: 0,
            snapshot_us: 0,
        }
    }

    /// This one is one of `shards` that share their ports.
    pub fn among(mut self, shards: usize) -> Self {
        assert!((1..=handover::SHARDS_MAX).contains(&shards) && usize::from(self.index) < shards);
        if shards > 1 {
            self.parcels.share(shards);
        }
        self
    }

    /// The parts that functions take, and the turn that they work in.
    fn split<'a, S: Sink>(
        &'a mut self,
        now_us: u64,
        out: &'a mut Outbox<S>,
    ) -> (&'a mut Whereabouts, &'a mut Tables, Turn<'a, S>) {
        let turn = Turn {
            now_us,
            wall_us: now_us as i64 + self.wall_offset_us,
            out,
            agenda: &mut self.agenda,
            events: &mut self.events,
            totals: &mut self.totals,
            parcels: &mut self.parcels,
            random: &mut self.random,
            scratch: &mut self.scratch,
        };
        (&mut self.whereabouts, &mut self.tables, turn)
    }

    /// When `timeout` is wanted; `u64::MAX`: not before something comes in.
    pub fn deadline(&self) -> u64 {
        self.agenda.deadline()
    }

    /// What happened since the caller drained it last.
    pub fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// Sockets of lines that closed since the caller drained it last; what is in the outbox may still go there.
    pub fn released(&mut self) -> &mut Vec<u16> {
        &mut self.whereabouts.released
    }

    /// Carries out a command. A command that names what is not there (any more) is counted and passed over.
    pub fn command<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) {
        let (whereabouts, tables, mut turn) = self.split(now_us, out);
        if dispatch::carry_out(whereabouts, tables, command, &mut turn).is_none() {
            self.totals.stale_commands += 1;
        }
    }

    /// One datagram, or one frame of a TCP connection; opened in place.
    pub fn receive<S: Sink>(&mut self, path: Path, datagram: &mut [u8], now_us: u64, out: &mut Outbox<S>) {
        self.totals.received_packets += 1;
        self.totals.received_bytes += datagram.len() as u64;
        let (whereabouts, tables, mut turn) = self.split(now_us, out);
        let turn = &mut turn;
        if let Some((key, part)) = addresses::line_at(whereabouts, path) {
            return line_input::receive_on_line(tables, (key, part), path, datagram, turn);
        }
        let class = classify(datagram);
        if class == Class::Stun {
            return checks::receive_check(whereabouts, tables, path, datagram, turn);
        }
        let Some(key) = whereabouts.paths.get(&path).copied() else {
            if handover::hand_over_claimed(whereabouts, path, datagram, turn) {
                return;
            }
            return unverified_source::receive_unverified(whereabouts, tables, path, class, datagram, turn);
        };
        if matches!(class, Class::Rtp | Class::Rtcp) {
            let transport = &mut tables.transports[key];
            if transport.path().is_some_and(|selected| selected != path) {
                return path_probe::receive_elsewhere(whereabouts, tables, (key, path), class, datagram, turn);
            }
            transport.heard_us = now_us;
        }
        match class {
            Class::Rtp => receive::receive_rtp(tables, key, datagram, turn),
            Class::Rtcp => {
                rtcp_in::receive_rtcp(tables, key, datagram, turn);
            }
            Class::Dtls => {
                let transport = &mut tables.transports[key];
                if transport.takes_dtls(datagram, now_us) {
                    turn.events.push(Event::Dtls { transport: transport.id, datagram: (&*datagram).into() });
                } else {
                    turn.totals.malformed += 1;
                }
            }
            Class::Stun | Class::Unknown => turn.totals.malformed += 1,
        }
    }

    /// Sends the pending packets of every layer that has some.
    pub fn flush<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let (_, tables, mut turn) = self.split(now_us, out);
        send::flush(tables, &mut turn);
    }

    /// Of what waits for the next flush, some frame is not whole: its rest may be on the way.
    pub fn is_mid_frame(&self) -> bool {
        send::is_mid_frame(&self.tables, &self.agenda)
    }

    /// What is due by now.
    pub fn timeout<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let is_window = now_us >= self.window_us;
        let is_retarget = now_us >= self.retarget_us;
        let (whereabouts, tables, mut turn) = self.split(now_us, out);
        let turn = &mut turn;
        if now_us >= turn.agenda.pace_us {
            pace::tick_pacers(tables, turn);
        }
        if now_us >= turn.agenda.allocate_us {
            allocate::tick_allocations(tables, turn);
        }
        if now_us >= turn.agenda.early.deadline() {
            early_padding::tick_early(tables, turn);
        }
        if now_us < turn.agenda.wake_us {
            return;
        }
        let asking = repair::tick_producers(tables, turn);
        let busy = rounds::tick_transports(whereabouts, tables, turn);
        if is_window {
            voices::tick_speakers(tables, turn);
            voices::tick_voices(tables, turn);
        }
        if is_retarget {
            target::tick_layers(tables, turn);
        }
        turn.agenda.wake_us = match (asking, busy) {
            (true, _) => now_us + ASKING_TICK_US,
            (false, true) => now_us + BUSY_TICK_US,
            _ if tables.transports.is_empty() => u64::MAX,
            _ => now_us + IDLE_TICK_US,
        };
        if is_window {
            self.window_us = now_us + WINDOW_US - BUSY_TICK_US / 2;
        }
        if is_retarget {
            self.retarget_us = now_us + RETARGET_US;
        }
    }

    /// A transport of ours knows this path. A TCP connection that no transport knows any more is of no use.
    pub fn uses(&self, path: Path) -> bool {
        addresses::uses(&self.whereabouts, &self.tables.transports, path)
    }

    /// A TCP connection ended: nothing can be sent there any more.
    pub fn tcp_closed(&mut self, connection: u32, now_us: u64) {
        addresses::tcp_closed(&mut self.whereabouts, &mut self.tables.transports, connection, &mut self.events);
        self.agenda.wake_us = self.agenda.wake_us.min(now_us + IDLE_TICK_US);
    }

    /// The other shard that the user name of a check names. Nothing else of the datagram is looked at.
    pub fn names_other(&self, datagram: &[u8]) -> Option<u8> {
        handover::names_other(&self.parcels, datagram)
    }

    /// What is to go to the shard `to` now, if anything; to be called until there is nothing.
    pub fn parcel(&mut self, to: usize) -> Option<Parcel> {
        self.parcels.take(to)
    }

    /// So many datagrams reached another shard, or had no room there.
    pub fn note_handed(&mut self, datagrams: u64, taken: bool) {
        *if taken { &mut self.totals.handed_over } else { &mut self.totals.handover_drops } += datagrams;
    }

    /// What another shard handed us.
    pub fn unpack<S: Sink>(&mut self, mut parcel: Parcel, now_us: u64, out: &mut Outbox<S>) {
        self.whereabouts.claims.from = Some(parcel.from);
        let mut rest = &mut parcel.bytes[..];
        for slip in &parcel.slips {
            if let Slip::Datagram { path, len, shown } = *slip {
                self.whereabouts.claims.shown = shown;
                let (datagram, others) = rest.split_at_mut(len);
                rest = others;
                self.receive(path, datagram, now_us, out);
                continue;
            }
            let (whereabouts, tables, mut turn) = self.split(now_us, out);
            let turn = &mut turn;
            match *slip {
                Slip::Datagram { .. } => {}
                Slip::Media(media) => {
                    let (payload, others) = rest.split_at_mut(media.payload);
                    let (descriptor, others) = others.split_at_mut(media.descriptor);
                    rest = others;
                    mirror_in::accept_media(tables, media, (payload, descriptor), turn);
                }
                Slip::Upward(told) => mirror_in::accept_upward(tables, told),
                Slip::Wish { producer, layer } => mirror_in::accept_wish(tables, producer, layer, turn),
                Slip::Claim { path, held } => {
                    handover::yield_path(whereabouts, &mut tables.transports, path, (parcel.from, held), turn)
                }
                Slip::Release { path } => whereabouts.claims.note_released(path, parcel.from),
            }
        }
        (self.whereabouts.claims.from, self.whereabouts.claims.shown) = (None, false);
        self.parcels.give_back(parcel);
    }

    /// The figures of the last second.
    pub fn snapshot(&mut self, now_us: u64) -> Snapshot {
        let elapsed_us = now_us.saturating_sub(std::mem::replace(&mut self.snapshot_us, now_us));
        stats::snapshot(&mut self.tables, &self.totals, (elapsed_us, now_us))
    }
}
