//! This program prints the nanoseconds per packet for opening and sealing: `cargo run --release -p plane-core --example
//! crypto`.

use std::hint::black_box;
use std::time::Instant;

use plane_core::wire::rtp;
use plane_core::wire::srtp::{Inbound, Outbound, RocTx};
use plane_core::wire::srtp_profile::Profile;

const PACKETS: u64 = 300_000;
const PAYLOAD_BYTES: usize = 1200;

fn main() {
    for profile in [Profile::AeadAes128Gcm, Profile::Aes128CmSha1_80] {
        let (key, salt) = ([1; 16], &[2; 14][..profile.salt_bytes()]);
        let outbound = Outbound::new(profile, &key, salt).expect("key");
        let mut inbound = Inbound::new(profile, &key, salt).expect("key");
        let mut roc = RocTx::default();
        let payload = [7; PAYLOAD_BYTES];
        let mut packets = vec![([0; 1400], 0); 64];
        let (mut sealing_ns, mut opening_ns) = (0, 0);
        for batch in 0..PACKETS / 64 {
            let begin = Instant::now();
            for (n, (packet, len)) in (0..).zip(&mut packets) {
                let sequence = (batch * 64 + n) as u16;
                let head = rtp::write_header(packet, false, 96, sequence, 1, 5, &[(3, &[1, 2])]);
                packet[head..head + PAYLOAD_BYTES].copy_from_slice(&payload);
                *len = outbound.seal_rtp(packet, head + PAYLOAD_BYTES, head, roc.advance(sequence));
            }
            sealing_ns += begin.elapsed().as_nanos() as u64;
            let begin = Instant::now();
            for (packet, len) in &mut packets {
                let packet = &mut packet[..*len];
                let header = rtp::parse(packet).expect("header");
                black_box(inbound.open_rtp(packet, &header)).expect("authentic");
            }
            opening_ns += begin.elapsed().as_nanos() as u64;
        }
        println!("{profile:?}: seal {} ns, open {} ns", sealing_ns / PACKETS, opening_ns / PACKETS);
    }
}
