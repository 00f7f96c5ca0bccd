//! A crowd that comes back whenever it loses its server. Half of it publishes a camera, and each of the others shows one
//! camera.
//!
//! A line on standard input asks for a report. Once all clients are served, the crowd prints how long each client that lost the
//! server since the previous line took to come back. A client comes back as the page does: after a random time within `SPREAD`,
//! then every `PAUSE` until the server accepts it. It joins at once, without the resume that a browser tries first.

use crate::participant::audience::Audience;
use crate::participant::client::{Role, Seat};
use crate::participant::crowd::Crowd;
use crate::scenarios::scenario::{Options, gather, seat};
use crate::streams::source::{Kind, Source};
use serde_json::{Value, json};
use std::io::BufRead;
use std::sync::mpsc::{Receiver, TryRecvError, channel};
use std::time::{Duration, Instant};

const SPREAD: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_millis(300);
const TURN: Duration = Duration::from_millis(5);
/// Time until all clients must be served again. Larger: a failed row ends later. Smaller: a slow return counts as a failure.
const LIMIT: Duration = Duration::from_secs(60);

/// A client of the crowd: its seat while it is connected, or the time of its next attempt.
struct Member {
    seat: Option<usize>,
    try_at: Instant,
    lost_at: Option<Instant>,
}

#[derive(Default)]
struct Back {
    viewers: Vec<f64>,
    publishers: Vec<f64>,
    /// Attempts that failed.
    refused: usize,
}

pub fn again(options: &Options) -> Result<Value, String> {
    let (count, seat) = (options.viewers.max(2), seat(options));
    let mut crowd = Crowd::new()?;
    gather(&mut crowd, &seat, "member", count, |number| role(number, count))?;
    let now = Instant::now();
    let mut members: Vec<Member> =
        (0..count).map(|seat| Member { seat: Some(seat), try_at: now, lost_at: None }).collect();
    let (lines, mut back) = (lines(), Back::default());
    loop {
        let wanted = match lines.try_recv() {
            Ok(()) => true,
            Err(TryRecvError::Empty) => false,
            Err(TryRecvError::Disconnected) => break,
        };
        let until = Instant::now() + LIMIT;
        loop {
            crowd.turn(Instant::now() + TURN);
            members
                .iter_mut()
                .enumerate()
                .for_each(|(number, one)| one.turn(number, count, &mut crowd, &seat, &mut back));
            let all = members.iter().all(|one| one.seat.is_some() && one.lost_at.is_none());
            if !wanted || all {
                break;
            }
            if Instant::now() > until {
                return Err("some did not come back".into());
            }
        }
        if wanted {
            let told = std::mem::take(&mut back);
            println!("{}", json!({"viewers": told.viewers, "publishers": told.publishers, "refused": told.refused}));
        }
    }
    crowd.leave_all();
    Ok(json!({"members": count}))
}

/// Members with odd numbers publish. Members with even numbers show the next member's camera.
fn role(number: usize, count: usize) -> Role {
    match number % 2 {
        1 => Role::Publisher(Source::new(Kind::Layered)),
        _ => Role::Member(Vec::new(), Audience::new(number, count, 1)),
    }
}

impl Member {
    fn turn(&mut self, number: usize, count: usize, crowd: &mut Crowd, seat: &Seat, back: &mut Back) {
        let now = Instant::now();
        let Some(index) = self.seat else {
            if now >= self.try_at {
                match crowd.join(seat, &format!("member-{number}"), role(number, count)) {
                    Ok(index) => self.seat = Some(index),
                    Err(_) => self.wait(PAUSE, back),
                }
            }
            return;
        };
        let Some(client) = crowd.client(index) else { return };
        if client.failure.is_some() {
            crowd.leave(index);
            self.seat = None;
            match self.lost_at {
                Some(_) => self.wait(PAUSE, back),
                None => {
                    self.lost_at = Some(now);
                    self.try_at = now + SPREAD * number as u32 / count as u32;
                }
            }
        } else if let Some(lost_at) = self.lost_at.filter(|_| client.is_served()) {
            let list = if number % 2 == 1 { &mut back.publishers } else { &mut back.viewers };
            list.push(lost_at.elapsed().as_secs_f64());
            self.lost_at = None;
        }
    }

    fn wait(&mut self, pause: Duration, back: &mut Back) {
        back.refused += 1;
        self.try_at = Instant::now() + pause;
    }
}

/// Sends one message for each line of standard input. The channel closes at the end of the input.
fn lines() -> Receiver<()> {
    let (send, receive) = channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            if line.is_err() || send.send(()).is_err() {
                return;
            }
        }
    });
    receive
}
