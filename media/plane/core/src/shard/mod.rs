//! A shard: all that one packet thread handles. Transports, producers, consumers and routers are found by the identifiers of
//! the seam, by ICE user name and by path. The shard does no I/O itself (sans-IO). Its inputs are datagrams, commands and the
//! time. Its outputs are messages and events.
//!
//! # The path of a packet
//!
//! 1. `Shard::receive` (this file) takes a datagram. `wire::demux` finds out its kind.
//! 2. `whereabouts` finds the peer: by the path, or for a STUN check by the ICE user name (`checks`). The socket identifies a
//!    datagram of a line (`uplink::line_input`). A datagram for a peer of another shard is handed over (`handover`).
//! 3. `uplink::receive` decrypts SRTP, parses the header once, finds producer and layer by the SSRC, and undoes RTX.
//! 4. `uplink::accept` counts the packet, reads the codec's payload header, and notes how loud the packet is
//!    (`uplink::voices`).
//! 5. `uplink::queue` copies the packet into the layer's cache and notes the layer in `Agenda::dirty`. The shards that mirror
//!    the producer get a copy (`report::mirror_out`). On such a shard `uplink::mirror_in` continues with step 5.
//! 6. `Shard::flush` ends the batch. `downlink::send` visits the consumers of each layer in `Agenda::dirty`. It decides which
//!    layer each consumer gets (`Consumer::decide`), the packet's numbers at this consumer, and whether the packet must wait
//!    (`Pacer`).
//! 7. `downlink::packet` writes the packet from the cache into the outbox, encrypts it, and adds it to a run (UDP GSO).
//! 8. `downlink::pace` sends the packets that waited, and the padding of probes. `downlink::resend` answers NACKs from the
//!    cache.
//! 9. `Shard::parcel` returns the data for the other shards. `seam::outbox` gives all messages to the socket side.
//!
//! RTCP takes the same steps up to step 3 and ends in `uplink::rtcp_in`. `report` sends RTCP to publishers: reports, key frame
//! requests, NACKs (`uplink::repair`).
//!
//! # The folders
//!
//! `tables` holds the state. `turn` holds the output of one call. `report`, `downlink`, `uplink`, `whereabouts` and `control`
//! are functions over both. A folder calls only the folders before it in this list. Each function takes the tables and the
//! turn. Functions that need the place of a peer also take the parts of `whereabouts`. Only this file holds all of them. The
//! search for a peer that moved and the hand-over between shards are in one folder, because each of them calls the other.

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

/// Microseconds. Chosen. The time between two choices of the layer that each viewer gets. Longer: when a layer stops, its
/// viewers see a frozen picture for longer, and key frames are requested late. Shorter: more work each second.
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
    /// Create a shard. Unix time is `now_us + wall_offset_us`. `seed` is any number that peers can't guess.
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

    /// Make this shard one of `shards` shards that share their ports.
    pub fn among(mut self, shards: usize) -> Self {
        assert!((1..=handover::SHARDS_MAX).contains(&shards) && usize::from(self.index) < shards);
        if shards > 1 {
            self.parcels.share(shards);
        }
        self
    }

    /// Split the shard into the parts that functions take, and the turn of this call.
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

    /// Return the time when `timeout` must be called. `u64::MAX`: no timeout is needed before the next input.
    pub fn deadline(&self) -> u64 {
        self.agenda.deadline()
    }

    /// Return the events since the caller last drained the list.
    pub fn events(&mut self) -> &mut Vec<Event> {
        &mut self.events
    }

    /// Return the sockets of lines that closed since the caller last drained the list. The outbox may still hold messages for
    /// these sockets.
    pub fn released(&mut self) -> &mut Vec<u16> {
        &mut self.whereabouts.released
    }

    /// Execute a command. A command that names an unknown or closed thing is counted and ignored.
    pub fn command<S: Sink>(&mut self, command: Command, now_us: u64, out: &mut Outbox<S>) {
        let (whereabouts, tables, mut turn) = self.split(now_us, out);
        if dispatch::carry_out(whereabouts, tables, command, &mut turn).is_none() {
            self.totals.stale_commands += 1;
        }
    }

    /// Receive one datagram, or one frame of a TCP connection. The packet is decrypted in place.
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

    /// Send the pending packets of all layers.
    pub fn flush<S: Sink>(&mut self, now_us: u64, out: &mut Outbox<S>) {
        let (_, tables, mut turn) = self.split(now_us, out);
        send::flush(tables, &mut turn);
    }

    /// Report whether the packets for the next flush include an incomplete frame. The rest of the frame may arrive soon.
    pub fn is_mid_frame(&self) -> bool {
        send::is_mid_frame(&self.tables, &self.agenda)
    }

    /// Do all work that is due at `now_us`.
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

    /// Report whether a transport of this shard knows this path. If none does, the caller may close the TCP connection.
    pub fn uses(&self, path: Path) -> bool {
        addresses::uses(&self.whereabouts, &self.tables.transports, path)
    }

    /// Forget a TCP connection that ended.
    pub fn tcp_closed(&mut self, connection: u32, now_us: u64) {
        addresses::tcp_closed(&mut self.whereabouts, &mut self.tables.transports, connection, &mut self.events);
        self.agenda.wake_us = self.agenda.wake_us.min(now_us + IDLE_TICK_US);
    }

    /// Return the other shard that the user name of a check names. This function reads nothing else of the datagram.
    pub fn names_other(&self, datagram: &[u8]) -> Option<u8> {
        handover::names_other(&self.parcels, datagram)
    }

    /// Return the next parcel for the shard `to`. The caller repeats this until the result is None.
    pub fn parcel(&mut self, to: usize) -> Option<Parcel> {
        self.parcels.take(to)
    }

    /// Count datagrams that another shard has taken, or had no room for.
    pub fn note_handed(&mut self, datagrams: u64, taken: bool) {
        *if taken { &mut self.totals.handed_over } else { &mut self.totals.handover_drops } += datagrams;
    }

    /// Process a parcel from another shard.
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

    /// Return the statistics of the last second.
    pub fn snapshot(&mut self, now_us: u64) -> Snapshot {
        let elapsed_us = now_us.saturating_sub(std::mem::replace(&mut self.snapshot_us, now_us));
        stats::snapshot(&mut self.tables, &self.totals, (elapsed_us, now_us))
    }
}
