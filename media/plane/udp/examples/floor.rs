//! The lowest possible cost on this machine. One thread receives one video or voice, opens the packets, seals them for each of
//! N viewers and sends them.
//!
//! There is no ICE, no RTP rule, no RTCP, no statistics and no Python. The program uses the plane's own socket calls (recvmmsg,
//! one sendmmsg of GSO runs), a copy and the cipher. Publisher and viewers are as in `tests/bench/generator`: a frame of
//! packets of 1121 bytes leaves at once, and each viewer has its own socket. The program prints the CPU time of the forwarding
//! thread for each packet that the viewers received. The first figure is for plain packets, the second for AEAD_AES_128_GCM. No
//! server made of these parts can cost less.
//!
//!     cargo run --release -p plane-udp --example floor -- [viewers] [seconds] [video|voice]

use plane_core::path::Path;
use plane_core::seam::outbox::Outbox;
use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound, RTP_OVERHEAD_MAX, RocTx};
use plane_core::wire::srtp_profile::Profile;
use plane_udp::{Bounds, Found, Network, Options, Poller, Receiver, Source, Tcp, UdpSocket, sleep_us};
use std::net::{SocketAddr, UdpSocket as Plain};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

const HEADER_BYTES: usize = 12;
const VIDEO: Kind = Kind { packet_bytes: HEADER_BYTES + 1121, packets_per_s: 223, frames_per_s: 30 };
const VOICE: Kind = Kind { packet_bytes: HEADER_BYTES + 83, packets_per_s: 50, frames_per_s: 50 };
const WARM_UP: Duration = Duration::from_secs(2);
const GATHER_US: u64 = 1000;
const PROFILE: Profile = Profile::AeadAes128Gcm;

/// The size and rate of the packets that the publisher sends.
#[derive(Clone, Copy)]
struct Kind {
    packet_bytes: usize,
    packets_per_s: u64,
    frames_per_s: u64,
}

/// The state that the three threads share.
struct Course {
    kind: Kind,
    sealed: bool,
    window: Duration,
    over: AtomicBool,
    arrived: AtomicU64,
}

fn main() {
    let given = |index, usual| std::env::args().nth(index).map_or(usual, |word| word.parse().expect("a number"));
    let (viewers, seconds) = (given(1, 3) as usize, given(2, 12));
    let kind = if std::env::args().nth(3).is_some_and(|word| word == "voice") { VOICE } else { VIDEO };
    for sealed in [false, true] {
        let (over, arrived) = (AtomicBool::new(false), AtomicU64::new(0));
        let course = Course { kind, sealed, window: Duration::from_secs(seconds), over, arrived };
        let (cpu_us, packets) = run(&course, viewers);
        let how = if sealed { "opened and sealed" } else { "in clear" };
        println!("{viewers:>4} viewers, {how}: {:.2} us a packet", cpu_us as f64 / packets.max(1) as f64);
    }
}

fn run(course: &Course, viewers: usize) -> (u64, u64) {
    let sinks = (0..viewers).map(|_| plain()).collect::<Vec<_>>();
    let addresses = sinks.iter().map(|sink| sink.local_addr().expect("bound")).collect::<Vec<_>>();
    let options = Options { reuse_port: false, receive_buffer_bytes: 4 << 20, local_only: false };
    let socket = UdpSocket::open("127.0.0.1:0".parse().expect("an address"), options).expect("a socket");
    let target = socket.address();
    scope(|scope| {
        scope.spawn(|| publish(target, course));
        scope.spawn(|| view(&sinks, course));
        let forwarding = scope.spawn(|| Forwarder::new(socket, &addresses, course).run());
        let result = forwarding.join().expect("no panic");
        course.over.store(true, Ordering::Relaxed);
        result
    })
}

fn plain() -> Plain {
    let socket = Plain::bind("127.0.0.1:0").expect("a socket");
    socket.set_nonblocking(true).expect("set");
    socket
}

fn keys() -> ([u8; 16], [u8; 12]) {
    ([7; 16], [9; 12])
}

fn publish(target: SocketAddr, course: &Course) {
    let (key, salt) = keys();
    let (socket, cipher, mut roc) = (plain(), Outbound::new(PROFILE, &key, &salt).expect("keys"), RocTx::default());
    let (start, mut frames, mut owed, mut sequence) = (Instant::now(), 0u32, 0, 0u16);
    let bytes = course.kind.packet_bytes;
    let mut packet = vec![7u8; bytes + RTP_OVERHEAD_MAX];
    while !course.over.load(Ordering::Relaxed) {
        owed += course.kind.packets_per_s;
        for left in (0..owed / course.kind.frames_per_s).rev() {
            sequence = sequence.wrapping_add(1);
            packet[..2].copy_from_slice(&[0x80, if left == 0 { 0x80 | 96 } else { 96 }]);
            packet[2..4].copy_from_slice(&sequence.to_be_bytes());
            packet[4..HEADER_BYTES].fill(1);
            let mut len = bytes;
            if course.sealed {
                len = cipher.seal_rtp(&mut packet, bytes, HEADER_BYTES, roc.advance(sequence));
            }
            let _ = socket.send_to(&packet[..len], target);
        }
        owed %= course.kind.frames_per_s;
        frames += 1;
        let due = start + Duration::from_secs(1) * frames / course.kind.frames_per_s as u32;
        sleep(due.saturating_duration_since(Instant::now()));
    }
}

/// Receive for all viewers, in one thread.
fn view(sinks: &[Plain], course: &Course) {
    let poller = Poller::new().expect("epoll");
    for (index, sink) in sinks.iter().enumerate() {
        poller.add(sink.as_raw_fd(), Source::Udp(index as u16)).expect("added");
    }
    let (mut found, mut packet) = (Found::nothing(), [0u8; 2048]);
    while !course.over.load(Ordering::Relaxed) {
        poller.wait(Some(100_000), &mut found).expect("waits");
        for ready in found.iter() {
            let Source::Udp(index) = ready.source else { continue };
            while sinks[usize::from(index)].recv(&mut packet).is_ok() {
                course.arrived.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

struct Viewer {
    address: SocketAddr,
    cipher: Outbound,
    roc: RocTx,
}

struct Forwarder<'a> {
    course: &'a Course,
    poller: Rc<Poller>,
    sockets: Arc<[UdpSocket]>,
    outbox: Outbox<Network>,
    inbound: Inbound,
    viewers: Vec<Viewer>,
    /// Plain packets, one after the other.
    frame: Vec<u8>,
}

impl<'a> Forwarder<'a> {
    fn new(socket: UdpSocket, addresses: &[SocketAddr], course: &'a Course) -> Self {
        let poller = Rc::new(Poller::new().expect("epoll"));
        poller.add(socket.fd(), Source::Udp(0)).expect("added");
        let sockets: Arc<[UdpSocket]> = vec![socket].into();
        let tcp = Tcp::new(poller.clone(), Vec::new(), Bounds { strangers: 1, first_answer_us: 1, proved: 1 })
            .expect("no listeners");
        let (key, salt) = keys();
        let viewer = |address: &SocketAddr| Viewer {
            address: *address,
            cipher: Outbound::new(PROFILE, &key, &salt).expect("keys"),
            roc: RocTx::default(),
        };
        Forwarder {
            course,
            poller,
            outbox: Outbox::new(Network::new(sockets.clone(), tcp)),
            sockets,
            inbound: Inbound::new(PROFILE, &key, &salt).expect("keys"),
            viewers: addresses.iter().map(viewer).collect(),
            frame: Vec::with_capacity(1 << 17),
        }
    }

    /// Return the CPU microseconds of this thread in the window, and the packets that arrived in the window.
    fn run(mut self) -> (u64, u64) {
        let (mut receiver, mut found, mut before) = (Receiver::new(), Found::nothing(), None);
        let began = Instant::now();
        while began.elapsed() < WARM_UP + self.course.window {
            if before.is_none() && began.elapsed() >= WARM_UP {
                before = Some(self.spent());
            }
            self.poller.wait(Some(100_000), &mut found).expect("waits");
            if found.iter().count() > 0 && !self.receive(&mut receiver) {
                sleep_us(GATHER_US);
                self.receive(&mut receiver);
            }
            self.send();
        }
        let (before, after) = (before.expect("the warm-up is over"), self.spent());
        (after.0 - before.0, after.1 - before.1)
    }

    fn spent(&self) -> (u64, u64) {
        (thread_cpu_us(), self.course.arrived.load(Ordering::Relaxed))
    }

    /// Receive packets, and report whether the last packet was the last packet of its frame.
    fn receive(&mut self, receiver: &mut Receiver) -> bool {
        let (frame, inbound, sealed) = (&mut self.frame, &mut self.inbound, self.course.sealed);
        let mut ended = false;
        let take = |_, datagram: &mut [u8]| {
            let header = rtp::parse(datagram).expect("RTP");
            let len = if sealed { inbound.open_rtp(datagram, &header).expect("opened") } else { datagram.len() };
            frame.extend_from_slice(&datagram[..len]);
            ended = header.marker;
        };
        receiver.receive(&self.sockets[0], 0, take).expect("received");
        ended
    }

    fn send(&mut self) {
        let bytes = self.course.kind.packet_bytes;
        for viewer in &mut self.viewers {
            let room = self.outbox.reserve(self.frame.len() * 2);
            let mut at = 0;
            for packet in self.frame.chunks(bytes) {
                room[at..at + bytes].copy_from_slice(packet);
                at += if self.course.sealed {
                    let roc = viewer.roc.advance(u16::from_be_bytes([packet[2], packet[3]]));
                    viewer.cipher.seal_rtp(&mut room[at..], bytes, HEADER_BYTES, roc)
                } else {
                    bytes
                };
            }
            if at > 0 {
                let segment = at / (self.frame.len() / bytes);
                self.outbox.push(Path::Udp { socket: 0, remote: viewer.address, local: None }, at, segment, true);
            }
        }
        self.frame.clear();
        self.outbox.flush();
    }
}

fn thread_cpu_us() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes one `timespec`.
    unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &mut time) };
    time.tv_sec as u64 * 1_000_000 + time.tv_nsec as u64 / 1000
}
