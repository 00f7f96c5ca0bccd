//! A peer whose selected path went silent though it has others: its network went, and it has not noticed. A browser waits 2.5 s
//! before it looks elsewhere, one more before it goes there and up to 2.5 s more before it nominates that (libwebrtc). So it is
//! asked by STUN at all its paths. If it answers elsewhere and not at the selected one, media goes there; the peer's own choice,
//! whenever it comes, is followed as ever. And media that it sends by another of its paths is such a choice: it is asked there.
//!
//! Only paths that the peer has checked are asked, and only its answer, which its integrity proves, moves anything. A check may
//! come under the address of somebody else, so the questions have no more bytes than the checks that came by that path, less our
//! answers, and are three at most until one is answered. Two more at most are paid by what came where the peer is for certain: a browser
//! checks what it does not use once.

use crate::ice::agent::{Agent, PATHS_MAX};
use crate::ice::questions::Cause;
use crate::path::Path;
use crate::seam::event::{Event, IceState};
use crate::seam::outbox::{Outbox, Sink};
use crate::shard::Shard;
use crate::wire::demux::Class;
use crate::wire::stun;

/// Nothing is told of what was sent for so long and a round trip: feedback comes every 50 to 250 ms.
const UNTOLD_US: u64 = 400_000;
/// A publisher sends nothing for so long and a round trip: without speech a packet comes every 400 ms.
const MUTE_US: u64 = 700_000;
/// A peer whose media still comes as it did has not moved.
pub(crate) const QUIET_US: u64 = 100_000;
/// Between two rounds of questions: half of what the silence has lasted, within these bounds.
const ROUND_US: (u64, u64) = (200_000, 1_000_000);
/// The selected path has at least so long to answer after another one did, or two round trips.
const PATIENCE_US: u64 = 150_000;

impl Shard {
    /// Where the selected path is silent, asks at all; goes where the peer was found.
    pub(crate) fn tick_seeking<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let patience_us = PATIENCE_US.max(2 * transport.rtt_or_guess_us());
        let was_reached = transport.is_reached();
        let Some(agent) = transport.moving().filter(|agent| agent.others(now_us).next().is_some()) else { return };
        let before = agent.selected();
        if let Some(path) = agent.settle(patience_us, now_us) {
            if let Some(since_us) = self.transports[key].estimator.untold_since_us(0) {
                self.begin_after(key, since_us, now_us, out);
            }
            self.follow(key, path, before, now_us);
            if !was_reached {
                self.reach_again(key, now_us);
            }
            return;
        }
        let found = agent.found_us().is_some();
        let Some(since_us) = self.silent_since_us(key, now_us) else { return };
        if now_us >= self.transports[key].seek_us {
            let silent_us = now_us.saturating_sub(since_us);
            self.transports[key].seek_us = now_us + (silent_us / 2).clamp(ROUND_US.0, ROUND_US.1);
            self.ask_everywhere(key, now_us, out);
        } else if found {
            self.ask_selected(key, now_us, out);
        }
    }

    /// None: it is not, or not for long enough.
    pub(crate) fn silent_since_us(&self, key: usize, now_us: u64) -> Option<u64> {
        let transport = &self.transports[key];
        let rtt_us = transport.rtt_or_guess_us();
        let settled_us = transport.ice().map_or(0, Agent::settled_us);
        let untold = transport.estimator.untold_since_us(settled_us);
        let mute_us = transport.heard_us.max(settled_us);
        let is_mute = now_us > mute_us + MUTE_US + rtt_us && self.is_flowing(key, now_us);
        untold.filter(|since_us| now_us > since_us + UNTOLD_US + rtt_us).or(is_mute.then_some(mute_us))
    }

    /// Where much has gone that nobody has answered from, it is asked whether the peer is there.
    pub(crate) fn tick_doubt<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        let transport = &mut self.transports[key];
        let sent_bytes = transport.sent_bytes;
        let Some(path) = transport.agent().and_then(|agent| agent.doubts(sent_bytes, now_us)) else { return };
        self.ask_there((key, path), Cause::Doubt, 0, now_us, out);
    }

    fn ask_everywhere<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        self.ask_selected(key, now_us, out);
        let (mut others, mut count) = ([None; PATHS_MAX], 0);
        for path in self.transports[key].ice().into_iter().flat_map(|agent| agent.others(now_us)) {
            others[count] = Some(path);
            count += 1;
        }
        for path in others.into_iter().flatten() {
            self.ask_there((key, path), Cause::Silence, 0, now_us, out);
        }
    }

    fn ask_selected<S: Sink>(&mut self, key: usize, now_us: u64, out: &mut Outbox<S>) {
        if let Some(path) = self.transports[key].path() {
            self.ask_there((key, path), Cause::Silence, 0, now_us, out);
        }
    }

    /// Media by one of the peer's paths that is not the selected one. Where nothing comes by that one any more, the peer has gone
    /// over, and its nomination was lost or is yet to come.
    pub(crate) fn receive_elsewhere<S: Sink>(
        &mut self,
        (key, path): (usize, Path),
        class: Class,
        datagram: &mut [u8],
        now_us: u64,
        out: &mut Outbox<S>,
    ) {
        let is_quiet = now_us >= self.transports[key].heard_us + QUIET_US;
        if self.is_genuine(key, class, datagram, now_us, out) && is_quiet {
            self.ask_there((key, path), Cause::Media, datagram.len(), now_us, out);
        }
    }

    /// True: a question went there. `came`: see `Agent::ask`.
    pub(crate) fn ask_there<S: Sink>(
        &mut self,
        (key, path): (usize, Path),
        cause: Cause,
        came: usize,
        now_us: u64,
        out: &mut Outbox<S>,
    ) -> bool {
        let fresh = || self.transactions.draw();
        let mut request = [0; stun::QUESTION_MAX];
        let Some(agent) = self.transports[key].agent() else { return false };
        let Some(len) = agent.ask(path, cause, came, fresh, now_us, &mut request) else { return false };
        out.put(path, &request[..len]);
        true
    }

    /// What is no check of a peer's may be its answer.
    pub(crate) fn receive_answer<S: Sink>(&mut self, path: Path, datagram: &[u8], now_us: u64, out: &mut Outbox<S>) {
        let Some(key) = self.asked_at(path, datagram).or_else(|| self.paths.get(&path).copied()) else {
            if stun::answered(datagram).is_some() && self.hand_over_claimed(path, datagram) {
                return;
            }
            return self.receive_stray_answer(path, datagram, now_us);
        };
        if self.is_held(path, (Some(key), self.index), now_us) {
            self.totals.bad_stun += 1;
            return;
        }
        let transport = &mut self.transports[key];
        let (before, was_reached) = (transport.path(), transport.is_reached());
        let Some(Ok(outcome)) = transport.moving().map(|agent| agent.hear_answer(datagram, path, now_us)) else {
            self.totals.bad_stun += 1;
            return;
        };
        self.forget_asked(path);
        if outcome.state.is_some() {
            self.begin_again(key, now_us, out);
            self.follow(key, path, before, now_us);
        } else {
            if self.transports[key].ice().is_some_and(|agent| agent.holds(path, now_us)) {
                self.claim(path, true);
            }
            self.wake_within(PATIENCE_US, now_us);
        }
        if !was_reached {
            self.reach_again(key, now_us);
        }
    }

    /// The peer answered by `path`, which is the selected one from now on.
    fn follow(&mut self, key: usize, path: Path, before: Option<Path>, now_us: u64) {
        let transport = &mut self.transports[key];
        transport.note_moved(now_us);
        let id = transport.id;
        self.adopt(path, key);
        self.claim(path, true);
        self.release_path(before.filter(|before| *before != path), now_us);
        self.events.push(Event::Ice { transport: id, state: IceState::Moved, path });
    }
}
