//! Many clients on one thread: polls their sockets and timers. The work of a client is in `client`.

use crate::participant::client::{Client, Role, Seat, TOKENS};
use mio::{Events, Poll};
use std::time::{Duration, Instant};

/// Bytes of the largest datagram that a client reads. A longer datagram is cut.
const DATAGRAM_BYTES: usize = 2000;
/// Sockets handled between two checks of the timers. Larger: timers are late. Smaller: more system calls.
const BATCH: usize = 64;

pub struct Crowd {
    poll: Poll,
    events: Events,
    seats: Vec<Option<Client>>,
    buffer: Vec<u8>,
}

impl Crowd {
    pub fn new() -> Result<Crowd, String> {
        let poll = Poll::new().map_err(|e| e.to_string())?;
        Ok(Crowd { poll, events: Events::with_capacity(BATCH), seats: Vec::new(), buffer: vec![0; DATAGRAM_BYTES] })
    }

    /// Lets one more client join and returns its number.
    pub fn join(&mut self, seat: &Seat, identity: &str, role: Role) -> Result<usize, String> {
        let free = self.seats.iter().position(Option::is_none);
        let index = free.unwrap_or(self.seats.len());
        let client = Client::join(self.poll.registry(), index * TOKENS, seat, identity, role)?;
        match free {
            Some(index) => self.seats[index] = Some(client),
            None => self.seats.push(Some(client)),
        }
        Ok(index)
    }

    pub fn client(&self, index: usize) -> Option<&Client> {
        self.seats.get(index)?.as_ref()
    }

    pub fn client_mut(&mut self, index: usize) -> Option<&mut Client> {
        self.seats.get_mut(index)?.as_mut()
    }

    pub fn clients(&self) -> impl Iterator<Item = &Client> {
        self.seats.iter().flatten()
    }

    pub fn leave(&mut self, index: usize) {
        if let Some(mut client) = self.seats.get_mut(index).and_then(Option::take) {
            client.leave(self.poll.registry());
        }
    }

    pub fn leave_all(&mut self) {
        (0..self.seats.len()).for_each(|index| self.leave(index));
    }

    /// Polls the clients until the moment `until`.
    pub fn run_until(&mut self, until: Instant) {
        while Instant::now() < until {
            self.turn(until);
        }
    }

    /// Waits once, until `until` at the latest, and handles the events and timers.
    pub fn turn(&mut self, until: Instant) {
        let now = Instant::now();
        let deadline = self.clients().map(Client::deadline).fold(until, Instant::min);
        let wait = deadline.saturating_duration_since(now).max(Duration::ZERO);
        if self.poll.poll(&mut self.events, Some(wait)).is_err() {
            return; // interrupted by a signal: the caller calls again
        }
        for event in self.events.iter() {
            let token = event.token().0;
            if let Some(client) = self.seats.get_mut(token / TOKENS).and_then(Option::as_mut) {
                client.ready(token % TOKENS, &mut self.buffer);
            }
        }
        let now = Instant::now();
        for client in self.seats.iter_mut().flatten().filter(|client| client.deadline() <= now) {
            client.tick(now);
        }
    }
}
