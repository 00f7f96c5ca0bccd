//! One WebRTC connection of a client: str0m with its own UDP socket, as every real client has. Handles ICE, SDP and datagrams,
//! but not signalling or the content of media.

use crate::participant::sections::Sections;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpApi, SdpOffer, SdpPendingOffer};
use str0m::media::Mid;
use str0m::net::{Protocol, Receive};
use str0m::rtp::Ssrc;
use str0m::{Candidate, Event, Input, Output, Rtc, RtcConfig};

/// Bytes of receive buffer requested. Smaller: a key frame sent at once does not fit, and the row counts loss that the server
/// did not cause. Larger: only more memory of the kernel.
const RECEIVE_BUFFER_BYTES: libc::c_int = 2 << 20;

pub struct Peer {
    pub rtc: Rtc,
    socket: UdpSocket,
    local: SocketAddr,
    /// The address of the last datagram sent.
    remote: Option<SocketAddr>,
    deadline: Instant,
    pending: Option<SdpPendingOffer>,
    /// The last offer that str0m made. `sections` are the sections offered beyond it.
    offered: String,
    sections: Option<Sections>,
    more_pending: bool,
}

impl Peer {
    pub fn new(registry: &Registry, token: Token, config: RtcConfig) -> Result<Peer, String> {
        let mut socket = UdpSocket::bind("127.0.0.1:0".parse().expect("an address")).map_err(|e| e.to_string())?;
        enlarge(&socket);
        registry.register(&mut socket, token, Interest::READABLE).map_err(|e| e.to_string())?;
        let local = socket.local_addr().map_err(|e| e.to_string())?;
        let now = Instant::now();
        let mut rtc = config.build(now);
        rtc.add_local_candidate(Candidate::host(local, "udp").map_err(|e| e.to_string())?);
        let (offered, sections) = (String::new(), None);
        let (remote, pending) = (None, None);
        Ok(Peer { rtc, socket, local, remote, deadline: now, pending, offered, sections, more_pending: false })
    }

    /// Makes the kernel drop RTP at this socket and count it (`process::datagrams_dropped`). ICE, DTLS and RTCP still pass.
    pub fn deafen(&self) -> Result<(), String> {
        // Offsets are from the UDP header of 8 bytes. RTP and RTCP begin with 128..191 (RFC 7983). The second byte of RTCP is
        // 192..223 (RFC 5761).
        let op = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter { code: code as u16, jt, jf, k };
        let load = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
        let less = libc::BPF_JMP | libc::BPF_JGE | libc::BPF_K;
        let mut program = [
            op(load, 0, 0, 8),
            op(less, 0, 5, 128),
            op(less, 4, 0, 192),
            op(load, 0, 0, 9),
            op(less, 0, 1, 192),
            op(less, 0, 1, 224),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
            op(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        ];
        let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
        // SAFETY: the descriptor is open, and the kernel copies the program that the pointer and the length describe.
        let failed = unsafe {
            libc::setsockopt(
                self.socket.as_raw_fd(),
                libc::SOL_SOCKET,
                libc::SO_ATTACH_FILTER,
                (&raw const filter).cast(),
                size_of::<libc::sock_fprog>() as libc::socklen_t,
            ) != 0
        };
        if failed { Err(std::io::Error::last_os_error().to_string()) } else { Ok(()) }
    }

    pub fn port(&self) -> u16 {
        self.local.port()
    }

    /// Returns a copy of the socket, and the address of the last datagram sent.
    pub fn way(&self) -> Option<(std::net::UdpSocket, SocketAddr)> {
        Some((self.socket.as_fd().try_clone_to_owned().ok()?.into(), self.remote?))
    }

    pub fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Makes an offer with the given changes. It replaces an offer that still waits for an answer.
    pub fn offer<T>(&mut self, change: impl FnOnce(&mut SdpApi<'_>) -> T) -> Option<(String, T)> {
        let mut api = self.rtc.sdp_api();
        let outcome = change(&mut api);
        let (offer, pending) = api.apply()?;
        self.pending = Some(pending);
        self.offered = offer.to_sdp_string();
        Some((self.offered.clone(), outcome))
    }

    /// Offers `audios` and `videos` more receiving sections without str0m. After this call str0m makes no offer any more.
    pub fn offer_more(&mut self, audios: u32, videos: u32) -> Option<String> {
        if self.sections.is_none() {
            self.sections = Sections::after(&self.offered);
        }
        let text = self.sections.as_mut()?.offer(audios, videos);
        self.more_pending = true;
        Some(text)
    }

    pub fn awaits_answer(&self) -> bool {
        self.pending.is_some() || self.more_pending
    }

    /// Applies the answer to the latest offer.
    pub fn answered(&mut self, sdp: &str) -> Result<(), String> {
        if std::mem::take(&mut self.more_pending) {
            self.take_streams(sdp);
        }
        let Some(pending) = self.pending.take() else { return Ok(()) };
        let answer = SdpAnswer::from_sdp_string(sdp).map_err(|e| format!("answer: {e}"))?;
        self.rtc.sdp_api().accept_answer(pending, answer).map_err(|e| format!("answer: {e}"))?;
        self.wake();
        Ok(())
    }

    fn take_streams(&mut self, sdp: &str) {
        let found = self.sections.as_mut().map(|sections| sections.answered(sdp)).unwrap_or_default();
        let mut direct = self.rtc.direct_api();
        for stream in found {
            let mid = Mid::from(stream.mid.as_str());
            if !stream.known {
                direct.declare_media(mid, stream.kind);
            }
            direct.expect_stream_rx(stream.ssrc.into(), stream.repair.map(Ssrc::from), mid, None);
        }
        self.wake();
    }

    /// Applies the server's offer and returns the answer.
    ///
    /// With "passive" in place of the server's "actpass", str0m takes the active role in DTLS, as browsers do.
    pub fn accept(&mut self, sdp: &str) -> Result<String, String> {
        let offer = SdpOffer::from_sdp_string(&sdp.replace("a=setup:actpass", "a=setup:passive"))
            .map_err(|e| format!("offer: {e}"))?;
        let answer = self.rtc.sdp_api().accept_offer(offer).map_err(|e| format!("offer: {e}"))?;
        self.wake();
        Ok(answer.to_sdp_string())
    }

    /// Adds a trickled candidate if it is UDP on loopback. All other addresses are ignored.
    pub fn trickle(&mut self, candidate_init: &str) {
        let Ok(json) = serde_json::from_str::<serde_json::Value>(candidate_init) else { return };
        let Some(text) = json["candidate"].as_str().filter(|t| !t.is_empty()) else { return };
        let Ok(candidate) = Candidate::from_sdp_string(text) else { return };
        if candidate.proto() == Protocol::Udp && candidate.addr().ip().is_loopback() {
            self.rtc.add_remote_candidate(candidate);
            self.wake();
        }
    }

    /// Reads one datagram. Returns false when no datagram waits.
    pub fn receive(&mut self, buffer: &mut [u8]) -> Result<bool, String> {
        let (length, source) = match self.socket.recv_from(buffer) {
            Ok(got) => got,
            Err(e) if e.kind() == ErrorKind::WouldBlock => return Ok(false),
            // A closed port answered an earlier datagram (ICMP): this call received no datagram.
            Err(e) if e.kind() == ErrorKind::ConnectionRefused => return Ok(true),
            Err(e) => return Err(e.to_string()),
        };
        let Ok(contents) = (&buffer[..length]).try_into() else { return Ok(true) };
        let receive = Receive { proto: Protocol::Udp, source, destination: self.local, contents };
        self.rtc.handle_input(Input::Receive(Instant::now(), receive)).map_err(|e| e.to_string())?;
        Ok(true)
    }

    /// Gives str0m the time. Call it at the deadline, or after a write.
    pub fn tick(&mut self, now: Instant) -> Result<(), String> {
        self.rtc.handle_input(Input::Timeout(now)).map_err(|e| e.to_string())
    }

    /// Sends waiting datagrams and returns the next event. None means that no event waits and that the deadline is set.
    pub fn next_event(&mut self) -> Result<Option<Event>, String> {
        loop {
            match self.rtc.poll_output().map_err(|e| e.to_string())? {
                Output::Event(event) => return Ok(Some(event)),
                Output::Timeout(at) => {
                    self.deadline = at;
                    return Ok(None);
                }
                Output::Transmit(datagram) => {
                    if datagram.destination.ip().is_loopback() {
                        self.remote = Some(datagram.destination);
                        let _ = self.socket.send_to(&datagram.contents, datagram.destination);
                    }
                }
            }
        }
    }

    pub fn close(&mut self, registry: &Registry) {
        let _ = self.rtc.close();
        while let Ok(Some(_)) = self.next_event() {}
        let _ = registry.deregister(&mut self.socket);
    }

    fn wake(&mut self) {
        self.deadline = Instant::now() - Duration::from_millis(1);
    }
}

fn enlarge(socket: &UdpSocket) {
    let size = RECEIVE_BUFFER_BYTES;
    // SAFETY: the descriptor is open. The pointer and the length describe one int.
    unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_RCVBUF,
            (&raw const size).cast(),
            size_of::<libc::c_int>() as libc::socklen_t,
        );
    }
}
