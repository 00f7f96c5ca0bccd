//! The tests build whole packets and compute the checksums again after each translation.

use super::*;

const CLIENT: [u8; 4] = [198, 51, 100, 2];
const SERVER: [u8; 4] = [198, 51, 100, 1];

fn ipv4(from: ([u8; 4], u16), to: ([u8; 4], u16), payload: &[u8]) -> Vec<u8> {
    let length = (28 + payload.len()) as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, UDP, 0, 0];
    packet[2..4].copy_from_slice(&length.to_be_bytes());
    packet.extend(from.0);
    packet.extend(to.0);
    udp(&mut packet, from.1, to.1, payload);
    let checksum = checksum(&packet, 12);
    packet[26..28].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn ipv6(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0, 0, 0, UDP, 64];
    packet[4..6].copy_from_slice(&((8 + payload.len()) as u16).to_be_bytes());
    packet.extend([0xFD, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
    packet.extend([0xFD, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
    udp(&mut packet, from, to, payload);
    let checksum = checksum(&packet, 8);
    packet[46..48].copy_from_slice(&checksum.to_be_bytes());
    packet
}

fn udp(packet: &mut Vec<u8>, from: u16, to: u16, payload: &[u8]) {
    packet.extend(from.to_be_bytes());
    packet.extend(to.to_be_bytes());
    packet.extend(((8 + payload.len()) as u16).to_be_bytes());
    packet.extend([0, 0]);
    packet.extend(payload);
}

/// Return the RFC 768 checksum over the packet and its checksum field: 0 for a correct packet. If the field is 0, return the
/// value for the field. The addresses begin at `addresses`, and the UDP header follows them.
fn checksum(packet: &[u8], addresses: usize) -> u16 {
    let header = if addresses == 12 { 20 } else { 40 };
    let mut bytes = packet[addresses..].to_vec();
    bytes.extend([0, UDP]);
    bytes.extend(((packet.len() - header) as u16).to_be_bytes());
    if bytes.len() % 2 == 1 {
        // The odd byte of the payload is padded before the pseudo-header, which was appended.
        let tail = bytes.split_off(bytes.len() - 4);
        bytes.push(0);
        bytes.extend(tail);
    }
    let mut sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !(sum as u16)
}

fn out(translator: &mut Translator, port: u16) -> Vec<u8> {
    let mut packet = ipv4((CLIENT, port), (SERVER, 7881), b"media");
    assert!(translator.leave(&mut packet));
    packet
}

fn source(packet: &[u8]) -> u16 {
    read(packet, 20)
}

#[test]
fn a_flow_keeps_its_port_and_finds_back() {
    let mut translator = Translator::new(true);
    let (first, other, again) = (out(&mut translator, 5000), out(&mut translator, 5001), out(&mut translator, 5000));
    assert_eq!(source(&first), source(&again));
    assert_ne!(source(&first), source(&other));
    assert!(PORTS.contains(&source(&first)));
    let mut answer = ipv4((SERVER, 7881), (CLIENT, source(&other)), b"media");
    assert!(translator.enter(&mut answer));
    assert_eq!(read(&answer, 22), 5001);
    assert_eq!(answer, ipv4((SERVER, 7881), (CLIENT, 5001), b"media"));
}

#[test]
fn checksums_stay_right() {
    let mut translator = Translator::new(true);
    for port in (1024..65_000).step_by(501) {
        for length in 0..3 {
            let mut four = ipv4((CLIENT, port), (SERVER, 7881), &vec![port as u8; length]);
            let mut six = ipv6(port, 7881, &vec![port as u8; length]);
            assert!(translator.leave(&mut four) && translator.leave(&mut six));
            assert_eq!((checksum(&four, 12), checksum(&six, 8)), (0, 0));
        }
    }
    let mut without = ipv4((CLIENT, 5000), (SERVER, 7881), b"media");
    without[26..28].fill(0);
    translator.leave(&mut without);
    assert_eq!(without[26..28], [0, 0]);
}

#[test]
fn after_a_rebinding_the_port_is_another_and_the_old_one_dead() {
    let mut translator = Translator::new(true);
    let before = source(&out(&mut translator, 5000));
    translator.rebind();
    let mut late = ipv4((SERVER, 7881), (CLIENT, before), b"media");
    assert!(!translator.enter(&mut late), "nobody has sent since");
    let after = source(&out(&mut translator, 5000));
    assert_ne!(before, after);
    assert!(!translator.enter(&mut late), "the port of before");
    assert!(translator.enter(&mut ipv4((SERVER, 7881), (CLIENT, after), b"media")));
    assert_eq!((translator.rebindings, translator.unknown), (1, 2));
}

#[test]
fn flows_are_bounded() {
    let mut translator = Translator::new(true);
    for port in 0..FLOWS_MAX as u16 {
        out(&mut translator, 1024 + port);
    }
    assert!(!translator.leave(&mut ipv4((CLIENT, 60_000), (SERVER, 7881), b"media")));
    translator.rebind();
    out(&mut translator, 60_000);
}

#[test]
fn ports_come_round_without_hurting_a_living_flow() {
    let mut translator = Translator::new(true);
    let lasting = source(&out(&mut translator, 5000));
    translator.given = u32::from(PORTS.end - PORTS.start);
    assert_ne!(source(&out(&mut translator, 5001)), lasting);
    assert_eq!(source(&out(&mut translator, 5000)), lasting);
}

#[test]
fn what_is_not_udp_passes_as_it_is() {
    let whole = ipv4((CLIENT, 5000), (SERVER, 7881), b"media");
    let mut fragment = whole.clone();
    fragment[7] = 1;
    let mut tcp = whole.clone();
    tcp[9] = 6;
    let mut short_header = whole.clone();
    short_header[0] = 0x41;
    let cases =
        [fragment, tcp, short_header, whole[..27].to_vec(), whole[..10].to_vec(), vec![], vec![0x60], vec![0xFF]];
    let mut translator = Translator::new(true);
    for case in cases {
        let mut packet = case.clone();
        assert!(translator.leave(&mut packet) && translator.enter(&mut packet));
        assert_eq!(packet, case);
    }
    assert_eq!(translator.unknown, 0);
}

#[test]
fn without_translation_ports_stay() {
    let whole = ipv4((CLIENT, 5000), (SERVER, 7881), b"media");
    let (mut packet, mut translator) = (whole.clone(), Translator::new(false));
    assert!(translator.leave(&mut packet) && translator.enter(&mut packet));
    assert_eq!(packet, whole);
    assert!(Udp::of(&packet).is_some());
}
