//! Sending of many messages in one call (sendmmsg), with runs of equal datagrams as one message (UDP_SEGMENT).
//!
//! The module also has the fallback: if the kernel or the network card refuses a run, its datagrams are sent one by one.

use crate::address::{self, Storage};
use crate::control::{self, Control};
use crate::counters::{BATCH_PLACES, Counters, RUN_PLACES};
use crate::udp::UdpSocket;
use plane_core::path::Path;
use plane_core::seam::outbox::Message;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};

/// True while runs are sent as runs. The flag is for the whole process, because a refusal concerns the machine, not one socket.
static GSO: AtomicBool = AtomicBool::new(true);

pub fn gso_in_use() -> bool {
    GSO.load(Ordering::Relaxed)
}

pub fn refuse_gso() {
    GSO.store(false, Ordering::Relaxed);
}

#[cfg(test)]
pub fn allow_gso() {
    GSO.store(true, Ordering::Relaxed);
}

/// A function that gives the error code for a message.
#[cfg(test)]
pub type Refusal = Box<dyn FnMut(&Message) -> Option<i32>>;

/// Messages of one call of the kernel (`sendmmsg`). Chosen. Larger: more memory for each thread. Smaller: more calls for
/// the same load.
const BATCH: usize = 64;

/// The messages that wait for the next call, all for one socket.
pub struct Sender {
    waiting: Vec<Message>,
    /// These arrays are filled for each call. They are kept here because 64 entries are large.
    names: Box<[Storage; BATCH]>,
    controls: Box<[Control; BATCH]>,
    /// A test double for a kernel or card that refuses a message which this machine accepts.
    #[cfg(test)]
    pub refusal: Option<Refusal>,
}

impl Sender {
    pub fn new() -> Self {
        Sender {
            waiting: Vec::with_capacity(BATCH),
            names: Box::new([address::empty(); BATCH]),
            controls: Box::new([Control::EMPTY; BATCH]),
            #[cfg(test)]
            refusal: None,
        }
    }

    /// Send those of `messages` that leave through `socket`, which has number `index`.
    pub fn send(
        &mut self,
        socket: &UdpSocket,
        index: u16,
        arena: &[u8],
        messages: &[Message],
        counters: &mut Counters,
    ) {
        for message in messages {
            if !matches!(message.path, Path::Udp { socket, .. } if socket == index) {
                continue;
            }
            if is_run(message) && !gso_in_use() {
                for piece in pieces(message) {
                    self.push(socket, arena, piece, counters);
                }
            } else {
                self.push(socket, arena, *message, counters);
            }
        }
        self.flush(socket, arena, counters);
    }

    fn push(&mut self, socket: &UdpSocket, arena: &[u8], message: Message, counters: &mut Counters) {
        self.waiting.push(message);
        if self.waiting.len() == BATCH {
            self.flush(socket, arena, counters);
        }
    }

    fn flush(&mut self, socket: &UdpSocket, arena: &[u8], counters: &mut Counters) {
        let (mut done, mut full) = (0, false);
        while done < self.waiting.len() {
            match self.call(socket, arena, done, counters) {
                Ok(count) => {
                    self.waiting[done..done + count].iter().for_each(|message| count_sent(message, counters));
                    counters.batches[place(count as u64, BATCH_PLACES)] += 1;
                    done += count;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // The rest gets one more try without the video. Messages that still do not fit are lost.
                    let keep = if full { 0 } else { self.without_video(done, counters) };
                    if keep == 0 {
                        self.waiting[done..].iter().for_each(|message| count_dropped(message, counters));
                        break;
                    }
                    full = true;
                }
                Err(error) => {
                    self.refused(socket, arena, done, &error, counters);
                    done += 1;
                }
            }
        }
        self.waiting.clear();
    }

    /// Drop the video among the messages from `done` on, and return how many messages remain.
    fn without_video(&mut self, done: usize, counters: &mut Counters) -> usize {
        let mut at = 0;
        self.waiting.retain(|message| {
            let keep = at < done || !message.video;
            at += 1;
            if !keep {
                count_dropped(message, counters);
            }
            keep
        });
        self.waiting.len() - done
    }

    /// Handle `error` for the first message from `done` on. A run is sent again in pieces. Any other message is skipped (no
    /// route, a firewall, an address that no longer exists).
    fn refused(&mut self, socket: &UdpSocket, arena: &[u8], done: usize, error: &io::Error, counters: &mut Counters) {
        let message = self.waiting[done];
        let code = error.raw_os_error().unwrap_or(0);
        // EMSGSIZE concerns this path (its MTU is less than the segment). The other codes concern the machine.
        if !is_run(&message) || !matches!(code, libc::EIO | libc::EINVAL | libc::EMSGSIZE) {
            return count_dropped(&message, counters);
        }
        let mut any = false;
        for piece in pieces(&message) {
            match self.single(socket, arena, &piece, counters) {
                Ok(()) => {
                    any = true;
                    count_sent(&piece, counters);
                }
                Err(_) => count_dropped(&piece, counters),
            }
        }
        // If the destination were the cause, the pieces would have failed too. Older kernels return EINVAL instead of EMSGSIZE
        // when the MTU of a path is less than the segment. So EINVAL does not count after a run was sent.
        if any && (code == libc::EIO || code == libc::EINVAL && counters.sent_runs == 0) {
            refuse_gso();
        }
    }

    /// Call sendmmsg once for the messages from `done` on, and return how many were sent.
    fn call(&mut self, socket: &UdpSocket, arena: &[u8], done: usize, counters: &mut Counters) -> io::Result<usize> {
        counters.send_calls += 1;
        // SAFETY: these are plain C structures, and zeros are valid values.
        let mut vectors: [libc::iovec; BATCH] = unsafe { std::mem::zeroed() };
        let mut headers: [libc::mmsghdr; BATCH] = unsafe { std::mem::zeroed() };
        let messages = &self.waiting[done..];
        #[cfg(test)]
        let messages = match &mut self.refusal {
            // The kernel does the same: it sends the messages before the refused message, and the next call begins with the
            // refused message.
            Some(refusal) => match messages.iter().enumerate().find_map(|(i, message)| Some((i, refusal(message)?))) {
                Some((0, code)) => return Err(io::Error::from_raw_os_error(code)),
                Some((count, _)) => &messages[..count],
                None => messages,
            },
            None => messages,
        };
        for (i, message) in messages.iter().enumerate() {
            let header = &mut headers[i].msg_hdr;
            fill(header, &mut vectors[i], &mut self.names[i], &mut self.controls[i], arena, message);
        }
        // SAFETY: each header points to memory that lives through the call, with correct lengths. The kernel only reads it.
        let count = unsafe {
            libc::sendmmsg(socket.fd(), headers.as_mut_ptr(), messages.len() as libc::c_uint, libc::MSG_DONTWAIT as _)
        };
        if count < 0 { Err(io::Error::last_os_error()) } else { Ok(count as usize) }
    }

    fn single(
        &mut self,
        socket: &UdpSocket,
        arena: &[u8],
        message: &Message,
        counters: &mut Counters,
    ) -> io::Result<()> {
        counters.send_calls += 1;
        // SAFETY: these are plain C structures, and zeros are valid values.
        let mut vector: libc::iovec = unsafe { std::mem::zeroed() };
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        // No batch call is running, so its first place is free.
        fill(&mut header, &mut vector, &mut self.names[0], &mut self.controls[0], arena, message);
        // SAFETY: as above.
        let sent = unsafe { libc::sendmsg(socket.fd(), &header, libc::MSG_DONTWAIT) };
        if sent < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }
}

#[inline]
fn fill(
    header: &mut libc::msghdr,
    vector: &mut libc::iovec,
    name: &mut Storage,
    control: &mut Control,
    arena: &[u8],
    message: &Message,
) {
    let Path::Udp { remote, local, .. } = message.path else { unreachable!("only UDP messages are pushed") };
    let bytes = &arena[message.start as usize..][..message.len as usize];
    *vector = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    header.msg_namelen = address::encode(&remote, name);
    header.msg_name = (name as *mut Storage).cast();
    header.msg_iov = vector;
    header.msg_iovlen = 1;
    let segment = if is_run(message) { message.segment } else { 0 };
    if segment != 0 || local.is_some() {
        header.msg_controllen = control::write(control, segment, local) as _;
        header.msg_control = control.0.as_mut_ptr().cast();
    }
}

pub fn is_run(message: &Message) -> bool {
    message.segment != 0 && u32::from(message.segment) < message.len
}

/// Return each datagram of a run (or the single datagram) as a message.
pub fn pieces(message: &Message) -> impl Iterator<Item = Message> + use<> {
    let message = *message;
    let step = if is_run(&message) { u32::from(message.segment) } else { message.len.max(1) };
    (0..message.len).step_by(step as usize).map(move |offset| {
        let len = step.min(message.len - offset);
        Message { start: message.start + offset, len, segment: len as u16, ..message }
    })
}

fn datagrams(message: &Message) -> u64 {
    if is_run(message) { u64::from(message.len.div_ceil(u32::from(message.segment))) } else { 1 }
}

fn count_sent(message: &Message, counters: &mut Counters) {
    counters.sent_packets += datagrams(message);
    counters.sent_bytes += u64::from(message.len);
    counters.sent_runs += u64::from(is_run(message));
    counters.runs[place(datagrams(message), RUN_PLACES)] += 1;
}

/// Return the place of a number in a row of counters. Each counter covers a range twice as large as the range before: 1, 2 to
/// 3, 4 to 7 ...
fn place(number: u64, places: usize) -> usize {
    (number.max(1).ilog2() as usize).min(places - 1)
}

pub fn count_dropped(message: &Message, counters: &mut Counters) {
    counters.send_drops += datagrams(message);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(len: u32, segment: u16) -> Message {
        let path = Path::Udp { socket: 0, remote: "127.0.0.1:9".parse().unwrap(), local: None };
        Message { path, start: 100, len, segment, video: true }
    }

    #[test]
    fn a_run_falls_into_its_datagrams() {
        let cut =
            |len, segment| pieces(&message(len, segment)).map(|piece| (piece.start, piece.len)).collect::<Vec<_>>();
        assert_eq!(cut(25, 10), [(100, 10), (110, 10), (120, 5)]);
        assert_eq!(cut(20, 10), [(100, 10), (110, 10)]);
        assert_eq!(cut(10, 10), [(100, 10)]);
        assert_eq!(cut(10, 0), [(100, 10)]);
        assert_eq!(datagrams(&message(25, 10)), 3);
        assert_eq!(datagrams(&message(10, 0)), 1);
        assert!(pieces(&message(25, 10)).all(|piece| !is_run(&piece)));
    }

    #[test]
    fn lengths_are_counted_by_powers_of_two() {
        assert_eq!([1, 2, 3, 4, 31, 32, 64, 1000].map(|number| place(number, RUN_PLACES)), [0, 1, 1, 2, 4, 5, 5, 5]);
        let mut counters = Counters::default();
        count_sent(&message(25, 10), &mut counters);
        count_sent(&message(10, 0), &mut counters);
        assert_eq!(counters.runs, [1, 1, 0, 0, 0, 0]);
    }
}
