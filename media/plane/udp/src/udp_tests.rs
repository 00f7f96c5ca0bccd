//! Datagrams over loopback: runs, the fallback, merged arrivals, addresses.

use crate::address;
use crate::send::{allow_gso, gso_in_use};
use crate::{Bounds, Network, Options, Poller, Receiver, Tcp, UdpSocket};
use plane_core::path::Path;
use plane_core::seam::outbox::Outbox;
use std::net::{IpAddr, SocketAddr, UdpSocket as Plain};
use std::os::fd::AsRawFd;
use std::rc::Rc;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A lock. The GSO flag is for the whole process, so a test that turns GSO off must run alone.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    let guard = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    allow_gso();
    guard
}

fn open(address: &str) -> UdpSocket {
    UdpSocket::open(
        address.parse().unwrap(),
        Options { reuse_port: false, receive_buffer_bytes: 1 << 20, local_only: false },
    )
    .unwrap()
}

fn outbox(addresses: &[&str]) -> Outbox<Network> {
    let sockets = addresses.iter().map(|address| open(address)).collect::<Vec<_>>();
    let tcp = no_tcp();
    Outbox::new(Network::new(sockets.into(), tcp))
}

fn to(socket: u16, remote: SocketAddr) -> Path {
    Path::Udp { socket, remote, local: None }
}

/// Push a run of datagrams. Byte `i` of datagram `n` is `n + i`.
fn run(outbox: &mut Outbox<Network>, path: Path, segment: usize, len: usize, video: bool) {
    let bytes = &mut outbox.reserve(len)[..len];
    for (number, datagram) in bytes.chunks_mut(segment).enumerate() {
        datagram.iter_mut().enumerate().for_each(|(i, byte)| *byte = (number + i) as u8);
    }
    outbox.push(path, len, segment, video);
}

fn check(datagrams: &[Vec<u8>], segment: usize, len: usize) {
    assert_eq!(datagrams.len(), len.div_ceil(segment));
    for (number, datagram) in datagrams.iter().enumerate() {
        assert_eq!(datagram.len(), segment.min(len - number * segment));
        assert!(datagram.iter().enumerate().all(|(i, byte)| *byte == (number + i) as u8));
    }
}

/// Read until `count` datagrams arrived. Loopback delivers at once.
fn read(receiver: &mut Receiver, socket: &UdpSocket, count: usize) -> Vec<(Path, Vec<u8>)> {
    let mut datagrams = Vec::new();
    while datagrams.len() < count {
        let received = receiver.receive(socket, 3, |path, datagram| datagrams.push((path, datagram.to_vec()))).unwrap();
        assert!(received.datagrams > 0, "{} of {count} arrived", datagrams.len());
    }
    datagrams
}

fn bytes(datagrams: Vec<(Path, Vec<u8>)>) -> Vec<Vec<u8>> {
    datagrams.into_iter().map(|(_, bytes)| bytes).collect()
}

fn no_tcp() -> Tcp {
    let bounds = Bounds { strangers: 1, first_answer_us: 1, proved: 1 };
    Tcp::new(Rc::new(Poller::new().unwrap()), Vec::new(), bounds).unwrap()
}

#[test]
fn a_run_arrives_as_its_datagrams() {
    let _alone = alone();
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let (mut outbox, target, mut receiver) = (outbox(&[address]), open(address), Receiver::new());
        run(&mut outbox, to(0, target.address()), 1200, 12 * 1200 + 77, true);
        outbox.flush();
        check(&bytes(read(&mut receiver, &target, 13)), 1200, 12 * 1200 + 77);
        let counters = outbox.sink.counters();
        assert_eq!((counters.send_calls, counters.sent_runs, counters.sent_packets), (1, 1, 13));
        assert_eq!(counters.sent_bytes, 12 * 1200 + 77);
        assert_eq!((counters.runs, counters.batches), ([0, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0, 0]));
    }
}

#[test]
fn a_plain_socket_gets_single_datagrams_of_a_run() {
    let _alone = alone();
    let (mut outbox, target) = (outbox(&["127.0.0.1:0"]), Plain::bind("127.0.0.1:0").unwrap());
    target.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    run(&mut outbox, to(0, target.local_addr().unwrap()), 500, 2100, false);
    outbox.flush();
    let mut buffer = [0; 2000];
    let datagrams: Vec<_> = (0..5)
        .map(|_| {
            let len = target.recv(&mut buffer).unwrap();
            buffer[..len].to_vec()
        })
        .collect();
    check(&datagrams, 500, 2100);
}

#[test]
fn a_refused_run_goes_out_in_pieces_and_turns_runs_off() {
    for code in [libc::EIO, libc::EINVAL] {
        let _alone = alone();
        let (mut outbox, target, mut receiver) = (outbox(&["127.0.0.1:0"]), open("127.0.0.1:0"), Receiver::new());
        outbox.sink.refuse(Box::new(move |message| crate::send::is_run(message).then_some(code)));
        outbox.put(to(0, target.address()), b"before");
        run(&mut outbox, to(0, target.address()), 900, 4000, true);
        run(&mut outbox, to(0, target.address()), 800, 1700, true);
        outbox.put(to(0, target.address()), b"after");
        outbox.flush();
        let datagrams = bytes(read(&mut receiver, &target, 1 + 5 + 3 + 1));
        assert_eq!((datagrams[0].as_slice(), datagrams[9].as_slice()), (&b"before"[..], &b"after"[..]));
        check(&datagrams[1..6], 900, 4000);
        check(&datagrams[6..9], 800, 1700);
        assert!(!gso_in_use());
        assert_eq!(outbox.sink.counters().send_drops, 0);
        // From now on no run is tried.
        outbox.sink.refuse(Box::new(|message| crate::send::is_run(message).then(|| panic!("a run"))));
        let before = outbox.sink.counters().send_calls;
        run(&mut outbox, to(0, target.address()), 700, 2000, true);
        outbox.flush();
        check(&bytes(read(&mut receiver, &target, 3)), 700, 2000);
        assert_eq!(outbox.sink.counters().send_calls, before + 1);
        allow_gso();
    }
}

#[test]
fn a_small_path_or_a_bad_destination_does_not_turn_runs_off() {
    let _alone = alone();
    let (mut outbox, target, mut receiver) = (outbox(&["127.0.0.1:0"]), open("127.0.0.1:0"), Receiver::new());
    // The kernel itself refuses port 0 with EINVAL, the code of a refused run.
    run(&mut outbox, to(0, "127.0.0.1:0".parse().unwrap()), 900, 4000, true);
    outbox.put(to(0, target.address()), b"next");
    outbox.flush();
    assert_eq!(bytes(read(&mut receiver, &target, 1)), [b"next"]);
    assert_eq!(outbox.sink.counters().send_drops, 5);
    run(&mut outbox, to(0, target.address()), 900, 4000, true);
    outbox.flush();
    check(&bytes(read(&mut receiver, &target, 5)), 900, 4000);
    for code in [libc::EMSGSIZE, libc::EINVAL] {
        outbox.sink.refuse(Box::new(move |message| crate::send::is_run(message).then_some(code)));
        run(&mut outbox, to(0, target.address()), 900, 4000, true);
        outbox.flush();
        check(&bytes(read(&mut receiver, &target, 5)), 900, 4000);
    }
    assert!(gso_in_use());
}

#[test]
fn a_full_socket_loses_video_first() {
    let _alone = alone();
    let (mut outbox, target, mut receiver) = (outbox(&["127.0.0.1:0"]), open("127.0.0.1:0"), Receiver::new());
    let mut times = 0;
    outbox.sink.refuse(Box::new(move |_| {
        times += 1;
        (times == 1).then_some(libc::EAGAIN)
    }));
    outbox.put(to(0, target.address()), b"audio");
    run(&mut outbox, to(0, target.address()), 900, 4000, true);
    outbox.put(to(0, target.address()), b"report");
    outbox.flush();
    assert_eq!(bytes(read(&mut receiver, &target, 2)), [&b"audio"[..], b"report"]);
    assert_eq!(outbox.sink.counters().send_drops, 5);
    // The socket is full twice, so the rest is lost too.
    outbox.sink.refuse(Box::new(|_| Some(libc::EAGAIN)));
    outbox.put(to(0, target.address()), b"audio");
    outbox.flush();
    assert_eq!(outbox.sink.counters().send_drops, 6);
}

#[test]
fn one_unreachable_peer_does_not_cost_the_others() {
    let _alone = alone();
    let (mut outbox, target, mut receiver) = (outbox(&["127.0.0.1:0"]), open("127.0.0.1:0"), Receiver::new());
    for number in 0..200u8 {
        // A socket that is bound to loopback has no route to this address.
        let gone = number % 50 == 7;
        let remote = if gone { "192.0.2.1:9".parse().unwrap() } else { target.address() };
        outbox.put(to(0, remote), &[number]);
    }
    outbox.flush();
    let arrived = bytes(read(&mut receiver, &target, 196));
    let sent: Vec<_> = (0..200u8).filter(|number| number % 50 != 7).map(|number| vec![number]).collect();
    assert_eq!(arrived, sent);
    assert_eq!((outbox.sink.counters().send_drops, outbox.sink.counters().sent_packets), (4, 196));
}

#[test]
fn each_message_leaves_by_its_socket() {
    let _alone = alone();
    let mut outbox = outbox(&["127.0.0.1:0", "[::1]:0", "127.0.0.1:0"]);
    let (v4, v6, mut receiver) = (open("127.0.0.1:0"), open("[::1]:0"), Receiver::new());
    for socket in [2, 0, 2] {
        outbox.put(to(socket, v4.address()), &[socket as u8]);
        outbox.put(to(1, v6.address()), &[1]);
    }
    outbox.flush();
    let from_v4 = read(&mut receiver, &v4, 3);
    assert_eq!(from_v4[1].0, from_v4[2].0.clone());
    assert_ne!(from_v4[0].0, from_v4[1].0);
    assert_eq!(bytes(read(&mut receiver, &v6, 3)), [[1], [1], [1]]);
}

#[test]
fn what_a_line_sends_leaves_by_its_own_socket_until_that_closes() {
    let _alone = alone();
    let mut outbox = outbox(&["127.0.0.1:0"]);
    let (target, mut receiver) = (open("127.0.0.1:0"), Receiver::new());
    let plain = [Plain::bind("127.0.0.1:0").unwrap(), Plain::bind("127.0.0.1:0").unwrap()];
    let adopted = plain.each_ref().map(|socket| UdpSocket::adopt(socket.as_raw_fd(), 1 << 16).unwrap());
    let numbers = adopted.map(|socket| outbox.sink.open_line(socket).unwrap());
    assert_eq!(numbers, [1, 2]);
    for socket in [1, 0, 2, 1, 1] {
        outbox.put(to(socket, target.address()), &[socket as u8]);
    }
    run(&mut outbox, to(2, target.address()), 100, 250, true);
    outbox.flush();
    let arrived = read(&mut receiver, &target, 8);
    let ports = plain.each_ref().map(|socket| socket.local_addr().unwrap().port());
    for (path, datagram) in &arrived {
        let port = path.remote().port();
        assert_eq!(ports.contains(&port), !(datagram.len() == 1 && datagram[0] == 0), "{datagram:?} from {port}");
    }
    let of = |port: u16| arrived.iter().filter(|(path, _)| path.remote().port() == port).count();
    assert_eq!(ports.map(of), [3, 4]);
    outbox.sink.close_line(1);
    outbox.sink.close_line(1);
    outbox.put(to(1, target.address()), &[9]);
    outbox.put(to(2, target.address()), &[8]);
    outbox.flush();
    assert_eq!(bytes(read(&mut receiver, &target, 1)), [[8]]);
    // The next socket gets the number that was released, and only one socket gets it.
    let again = [(), ()].map(|()| outbox.sink.open_line(open("127.0.0.1:0")).unwrap());
    assert_eq!(again, [1, 3]);
    assert!(outbox.sink.line(0).is_none(), "a shared socket is no line's");
}

#[test]
fn only_a_bound_udp_socket_is_adopted() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    assert!(UdpSocket::adopt(listener.as_raw_fd(), 1 << 16).is_err());
    assert!(UdpSocket::adopt(999_999, 1 << 16).is_err());
    let unbound = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::DGRAM, None).unwrap();
    assert!(UdpSocket::adopt(unbound.as_raw_fd(), 1 << 16).is_err());
    let plain = Plain::bind("127.0.0.1:0").unwrap();
    let adopted = UdpSocket::adopt(plain.as_raw_fd(), 1 << 16).unwrap();
    assert!(!adopted.is_connected());
    plain.connect("127.0.0.1:9").unwrap();
    assert!(adopted.is_connected(), "it is the same socket");
}

#[test]
fn a_wildcard_socket_answers_from_where_it_was_asked() {
    let _alone = alone();
    for (wildcard, client, asked) in [("0.0.0.0:0", "127.0.0.1:0", "127.0.0.9"), ("[::]:0", "[::1]:0", "::1")] {
        let (mut outbox, client) = (outbox(&["127.0.0.1:0"]), Plain::bind(client).unwrap());
        let (server, mut receiver) = (open(wildcard), Receiver::new());
        let asked: IpAddr = asked.parse().unwrap();
        client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
        client.send_to(b"ask", (asked, server.address().port())).unwrap();
        let (path, _) = read(&mut receiver, &server, 1).remove(0);
        let Path::Udp { local, remote, socket } = path else { panic!("{path:?}") };
        assert_eq!((socket, remote, local), (3, client.local_addr().unwrap(), Some(asked)));
        outbox.sink = Network::new(vec![server].into(), no_tcp());
        let path = Path::Udp { socket: 0, remote, local };
        outbox.put(path, b"answer");
        run(&mut outbox, path, 300, 600, true);
        outbox.flush();
        let mut buffer = [0; 400];
        for len in [6, 300, 300] {
            let (got, from) = client.recv_from(&mut buffer).unwrap();
            assert_eq!((got, from.ip()), (len, asked));
        }
        assert_eq!(outbox.sink.counters().sent_runs, 1);
    }
}

#[test]
fn what_no_peer_sends_is_counted_and_not_shown() {
    let (socket, client, mut receiver) = (open("127.0.0.1:0"), Plain::bind("127.0.0.1:0").unwrap(), Receiver::new());
    client.send_to(&[], socket.address()).unwrap();
    client.send_to(&[1; crate::DATAGRAM_MAX + 1], socket.address()).unwrap();
    client.send_to(&[2; crate::DATAGRAM_MAX], socket.address()).unwrap();
    let mut shown = Vec::new();
    let received = receiver.receive(&socket, 0, |_, datagram| shown.push(datagram.len())).unwrap();
    assert_eq!(shown, [crate::DATAGRAM_MAX]);
    assert!(received.drained);
    assert_eq!((received.refused, received.bytes), (2, 2 * crate::DATAGRAM_MAX as u64 + 1));
}

#[test]
fn the_kernels_drops_are_counted() {
    let options = Options { reuse_port: false, receive_buffer_bytes: 4096, local_only: false };
    let socket = UdpSocket::open("127.0.0.1:0".parse().unwrap(), options).unwrap();
    let client = Plain::bind("127.0.0.1:0").unwrap();
    let (address, tcp) = (socket.address(), no_tcp());
    let mut network = Network::new(vec![socket].into(), tcp);
    (0..100).for_each(|_| assert_eq!(client.send_to(&[0; 1000], address).unwrap(), 1000));
    let drops = network.counters().kernel_drops;
    assert!((50..100).contains(&drops), "{drops}");
    assert_eq!(network.counters().kernel_drops, drops);
}

#[test]
fn shards_share_a_port() {
    let options = Options { reuse_port: true, receive_buffer_bytes: 1 << 16, local_only: false };
    let first = UdpSocket::open("127.0.0.1:0".parse().unwrap(), options).unwrap();
    assert_eq!(UdpSocket::open(first.address(), options).unwrap().address(), first.address());
    assert!(UdpSocket::open(first.address(), Options { reuse_port: false, ..options }).is_err());
    assert_eq!(address::network_of(&first.address(), 64), first.address().ip());
}

#[test]
fn local_only_refuses_other_sources() {
    // Loopback sockets are never filtered, so the test attaches the filter as the code does for another address.
    for (own, other) in [("127.0.0.1:0", "127.0.0.2:0"), ("[::1]:0", "127.0.0.1:0")] {
        let Ok(here) = Plain::bind(own) else { continue };
        let address = here.local_addr().unwrap();
        here.set_nonblocking(true).unwrap();
        socket2::SockRef::from(&here).attach_filter(&crate::udp::from_itself(address.ip())).unwrap();
        let send = |from: &str| Plain::bind(from).and_then(|one| one.send_to(b"x", address));
        let mut buffer = [0; 4];
        if address.is_ipv4() {
            send(other).unwrap();
            assert!(here.recv(&mut buffer).is_err());
        }
        send(own).unwrap();
        assert_eq!(here.recv(&mut buffer).unwrap(), 1);
    }
}
