//! Connections over loopback, with a clock that the tests set: trust, bounds, framing, and a peer that does not read.

use crate::{Bounds, Found, Listener, Network, Poller, Source, Tcp};
use plane_core::path::Path;
use plane_core::seam::outbox::Outbox;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::rc::Rc;
use std::time::Duration;

struct Station {
    poller: Rc<Poller>,
    outbox: Outbox<Network>,
    address: SocketAddr,
    buffer: Vec<u8>,
    frames: Vec<(Path, Vec<u8>)>,
}

const BOUNDS: Bounds = Bounds { strangers: 16, first_answer_us: 10 * SECOND_US, proved: 20 };
const STUN: [u8; 20] = [0; 20];
const SECOND_US: u64 = 1_000_000;

impl Station {
    fn new(address: &str) -> Self {
        let listener = Listener::open(address.parse().unwrap()).unwrap();
        let (poller, address) = (Rc::new(Poller::new().unwrap()), listener.address());
        let tcp = Tcp::new(poller.clone(), vec![listener], BOUNDS).unwrap();
        let outbox = Outbox::new(Network::new(Vec::new().into(), tcp));
        Station { poller, outbox, address, buffer: vec![0; 1 << 16], frames: Vec::new() }
    }

    fn numbers(&mut self) -> Vec<u32> {
        self.tcp().numbers()
    }

    fn tcp(&mut self) -> &mut Tcp {
        &mut self.outbox.sink.tcp
    }

    /// Serve the sockets until `done` returns true.
    fn until(&mut self, done: impl Fn(&mut Station) -> bool) {
        let mut found = Found::nothing();
        for _ in 0..1000 {
            if done(self) {
                return;
            }
            self.poller.wait(Some(SECOND_US / 50), &mut found).unwrap();
            for ready in found.iter() {
                match ready.source {
                    Source::Listener(index) => self.tcp().accept(index),
                    Source::Connection(number) => self.serve(number, ready.readable, ready.writable),
                    _ => unreachable!(),
                }
            }
        }
        panic!("it does not come to an end");
    }

    fn serve(&mut self, number: u32, readable: bool, writable: bool) {
        if writable {
            self.tcp().write(number);
        }
        if !readable {
            return;
        }
        let Some(mut intake) = self.outbox.sink.tcp.read(number, &mut self.buffer) else { return };
        let frames = &mut self.frames;
        let whole = intake.frames(&mut self.buffer, |path, frame| frames.push((path, frame.to_vec())));
        self.tcp().give_back(intake, whole);
    }

    fn connect(&mut self) -> TcpStream {
        let (before, stream) = (self.tcp().len(), TcpStream::connect(self.address).unwrap());
        stream.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        self.until(|station| station.tcp().len() > before);
        stream
    }

    fn connect_from(&mut self, address: &str) -> TcpStream {
        use socket2::{Domain, Socket, Type};
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::new(address.parse().unwrap(), 0).into()).unwrap();
        socket.connect(&self.address.into()).unwrap();
        let before = self.tcp().len();
        self.until(|station| station.tcp().len() > before);
        socket.into()
    }

    /// Return a peer whose first check arrived and was answered.
    fn proved(&mut self) -> (TcpStream, Path) {
        let (mut stream, before) = (self.connect(), self.frames.len());
        stream.write_all(&framed(&STUN)).unwrap();
        self.until(|station| station.frames.len() > before);
        let path = self.frames[before].0;
        self.outbox.put(path, &STUN);
        self.outbox.flush();
        assert_eq!(take(&mut stream), STUN);
        (stream, path)
    }

    fn is_closed(&mut self, path: Path) -> bool {
        self.tcp().closed() == Some(number_of(path))
    }
}

fn number_of(path: Path) -> u32 {
    let Path::Tcp { connection, .. } = path else { panic!("{path:?}") };
    connection
}

fn framed(datagram: &[u8]) -> Vec<u8> {
    [&(datagram.len() as u16).to_be_bytes(), datagram].concat()
}

fn take(stream: &mut TcpStream) -> Vec<u8> {
    let mut prefix = [0; 2];
    stream.read_exact(&mut prefix).unwrap();
    let mut frame = vec![0; u16::from_be_bytes(prefix).into()];
    stream.read_exact(&mut frame).unwrap();
    frame
}

fn is_ended(stream: &mut TcpStream) -> bool {
    match stream.read(&mut [0; 16]) {
        Ok(count) => count == 0,
        Err(error) => error.kind() == ErrorKind::ConnectionReset,
    }
}

#[test]
fn frames_come_whole_however_they_are_cut() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let mut station = Station::new(address);
        let mut stream = station.connect();
        stream.set_nodelay(true).unwrap();
        let frames = [STUN.to_vec(), vec![22; 1500], vec![128; 1], vec![200; 700]];
        let bytes = frames.iter().flat_map(|frame| framed(frame)).collect::<Vec<_>>();
        let (first, rest) = bytes.split_at(41);
        for byte in first {
            stream.write_all(&[*byte]).unwrap();
        }
        stream.write_all(rest).unwrap();
        station.until(|station| station.frames.len() == 4);
        let got = station.frames.iter().map(|(_, frame)| frame.clone()).collect::<Vec<_>>();
        assert_eq!(got, frames);
        assert_eq!(station.frames[0].0.remote(), stream.local_addr().unwrap());
    }
}

#[test]
fn a_run_is_framed_piece_by_piece() {
    let mut station = Station::new("127.0.0.1:0");
    let (mut stream, path) = station.proved();
    station.outbox.reserve(25)[..25].copy_from_slice(&[7; 25]);
    station.outbox.push(path, 25, 10, true);
    station.outbox.put(path, b"last");
    station.outbox.flush();
    let sizes: Vec<_> = (0..4).map(|_| take(&mut stream).len()).collect();
    assert_eq!(sizes, [10, 10, 5, 4]);
    assert_eq!(station.outbox.sink.counters().send_calls, 2);
    assert_eq!(station.outbox.sink.counters().sent_packets, 5);
}

#[test]
fn a_stranger_must_begin_with_stun() {
    let mut station = Station::new("127.0.0.1:0");
    let mut stream = station.connect();
    stream.write_all(&framed(&[22; 50])).unwrap();
    station.until(|station| station.tcp().is_empty());
    assert!(is_ended(&mut stream));
    assert!(station.frames.is_empty());
}

#[test]
fn a_frame_too_long_ends_the_connection() {
    let mut station = Station::new("127.0.0.1:0");
    let (mut stream, path) = station.proved();
    stream.write_all(&framed(&[128; 1501])).unwrap();
    station.until(|station| station.tcp().is_empty());
    assert!(station.is_closed(path));
    assert_eq!(station.tcp().closed(), None);
}

#[test]
fn one_stranger_more_ends_the_oldest_of_the_fullest_network() {
    let mut station = Station::new("127.0.0.1:0");
    let (_proved, _) = station.proved();
    let mut other = station.connect_from("127.0.0.2");
    let mut strangers: Vec<_> = (1..BOUNDS.strangers).map(|_| station.connect()).collect();
    assert_eq!(station.tcp().len(), BOUNDS.strangers + 1);
    // The address with many connections loses its oldest connection. The single stranger of the other address stays, and the
    // proved peer stays.
    let last = TcpStream::connect(station.address).unwrap();
    station.until(|station| station.tcp().closed().is_some());
    assert!(is_ended(&mut strangers[0]));
    assert_eq!(station.tcp().len(), BOUNDS.strangers + 1);
    other.write_all(&framed(&STUN)).unwrap();
    station.until(|station| station.frames.len() == 2);
    drop(last);
}

#[test]
fn proved_connections_are_bounded_and_end_with_their_path() {
    let mut station = Station::new("127.0.0.1:0");
    let peers: Vec<_> = (0..BOUNDS.proved).map(|_| station.proved()).collect();
    let mut refused = TcpStream::connect(station.address).unwrap();
    let mut found = Found::nothing();
    station.poller.wait(Some(5 * SECOND_US), &mut found).unwrap();
    station.tcp().accept(0);
    assert!(is_ended(&mut refused));
    let kept = peers[3].1;
    station.tcp().set_now(SECOND_US);
    station.tcp().timeout(|path| path == kept);
    assert_eq!(station.numbers(), [number_of(kept)]);
}

#[test]
fn a_stranger_has_a_short_life() {
    let mut station = Station::new("127.0.0.1:0");
    let at = |station: &mut Station, second: u64| {
        station.tcp().set_now(second * SECOND_US);
        station.tcp().timeout(|_| true);
        station.tcp().len()
    };
    assert_eq!(station.tcp().deadline(), u64::MAX);
    let (_silent, mut asking) = (station.connect(), station.connect());
    asking.write_all(&framed(&STUN)).unwrap();
    station.until(|station| station.frames.len() == 1);
    let (_proved, path) = station.proved();
    assert_eq!(at(&mut station, 9), 3);
    // Bytes that look like STUN but get no answer give no more time.
    assert_eq!(at(&mut station, 10), 1);
    station.outbox.put(path, b"still here");
    station.outbox.flush();
    assert_eq!(at(&mut station, 69), 1);
    assert_eq!(at(&mut station, 70), 0);
    assert_eq!(station.tcp().deadline(), u64::MAX);
    assert_eq!(std::iter::from_fn(|| station.tcp().closed()).count(), 3);
}

#[test]
fn a_peer_that_does_not_read_loses_video_then_the_connection() {
    let mut station = Station::new("127.0.0.1:0");
    let (mut stream, path) = station.proved();
    let mut pieces = 0;
    while station.outbox.sink.counters().send_drops == 0 {
        station.outbox.reserve(10_000)[..10_000].fill(9);
        station.outbox.push(path, 10_000, 1000, true);
        station.outbox.flush();
        pieces += 10;
        assert!(pieces < 100_000);
    }
    assert_eq!((station.outbox.sink.counters().send_drops, station.tcp().len()), (10, 1));
    station.outbox.put(path, b"audio passes");
    station.outbox.flush();
    // The waiting bytes are complete frames, so the stream continues where it stopped.
    let reader = std::thread::spawn(move || {
        let sizes: Vec<_> = (0..pieces - 10).map(|_| take(&mut stream).len()).collect();
        assert!(sizes.iter().all(|size| *size == 1000));
        assert_eq!(take(&mut stream), b"audio passes");
        stream
    });
    station.until(|_| reader.is_finished());
    let _stream = reader.join().unwrap();
    for _ in 0..100_000 {
        station.outbox.put(path, &[1; 1000]);
        station.outbox.flush();
        if station.tcp().is_empty() {
            break;
        }
    }
    assert!(station.is_closed(path));
}

#[test]
fn a_connection_goes_on_in_another_thread_with_what_it_brought() {
    let (mut here, mut there) = (Station::new("127.0.0.1:0"), Station::new("127.0.0.1:0"));
    let mut stream = here.connect();
    // The stream holds a check, another frame, and the beginning of a third frame.
    stream.write_all(&[framed(&STUN), framed(b"second"), framed(b"third")[..4].to_vec()].concat()).unwrap();
    let number = *here.numbers().first().unwrap();
    let intake = loop {
        if let Some(intake) = here.outbox.sink.tcp.read(number, &mut here.buffer) {
            break intake;
        }
    };
    let (mut intake, mut frames) = (intake, Vec::new());
    assert!(intake.is_first());
    assert!(intake.frames(&mut here.buffer, |_, frame| frames.extend(framed(frame))));
    let leaving = here.tcp().let_go(intake, frames).unwrap();
    assert!(here.tcp().is_empty() && here.tcp().closed().is_none());
    let (mut intake, mut bytes) = there.tcp().take_over(leaving).unwrap();
    let taken = &mut there.frames;
    assert!(intake.frames(&mut bytes, |path, frame| taken.push((path, frame.to_vec()))));
    there.tcp().give_back(intake, true);
    stream.write_all(&framed(b"third")[4..]).unwrap();
    there.until(|station| station.frames.len() == 3);
    let words: Vec<_> = there.frames.iter().map(|(_, frame)| frame.clone()).collect();
    assert_eq!(words, [STUN.to_vec(), b"second".to_vec(), b"third".to_vec()]);
    // The connection is a stranger in the other thread, with little time until its answer.
    let path = there.frames[0].0;
    there.outbox.put(path, b"answer");
    there.outbox.flush();
    assert_eq!(take(&mut stream), b"answer");
    // No frame can arrive in the first thread any more.
    here.until(|station| station.tcp().is_empty());
}

#[test]
fn a_thread_takes_over_no_more_strangers_than_it_would_accept() {
    let (mut here, mut there) = (Station::new("127.0.0.1:0"), Station::new("127.0.0.1:0"));
    let mut streams = Vec::new();
    for taken in 0..=BOUNDS.strangers {
        let mut stream = here.connect();
        stream.write_all(&framed(&STUN)).unwrap();
        let number = *here.numbers().first().unwrap();
        let mut intake = loop {
            if let Some(intake) = here.outbox.sink.tcp.read(number, &mut here.buffer) {
                break intake;
            }
        };
        assert!(intake.frames(&mut here.buffer, |_, _| {}));
        let leaving = here.tcp().let_go(intake, framed(&STUN)).unwrap();
        assert!(there.tcp().take_over(leaving).is_some());
        assert_eq!(there.tcp().len(), (taken + 1).min(BOUNDS.strangers));
        streams.push(stream);
    }
}

#[test]
fn a_message_to_a_connection_that_is_gone_is_a_drop() {
    let mut station = Station::new("127.0.0.1:0");
    let (stream, path) = station.proved();
    drop(stream);
    station.until(|station| station.tcp().is_empty());
    assert!(station.is_closed(path));
    station.outbox.put(path, b"late");
    station.outbox.flush();
    assert_eq!(station.outbox.sink.counters().send_drops, 1);
}
