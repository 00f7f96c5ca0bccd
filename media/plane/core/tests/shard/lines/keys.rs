//! Keys of a line that change during its call.

use std::net::SocketAddr;

use crate::peer::Stage;
use plane_core::path::Path;
use plane_core::seam::command::Command;
use plane_core::shard::tables::line::SILENT_US;
use plane_core::wire::srtp::Inbound;
use plane_core::wire::srtp_profile::Profile;

#[test]
fn a_terminal_that_changes_its_key_alone_gets_no_index_twice() {
    let mut stage = Stage::new();
    stage.command(Command::OpenLine {
        router: 1,
        transport: 1,
        rtp_socket: 4,
        rtcp_socket: Some(5),
        latch: true,
        silent_us: SILENT_US,
        cname: "bridge".into(),
    });
    let keys = |stage: &mut Stage, byte: u8| {
        stage.command(Command::SetKeys {
            transport: 1,
            profile: Profile::AeadAes128Gcm,
            receive_key: vec![byte; 16],
            receive_salt: vec![byte; 12],
            send_key: vec![50; 16],
            send_salt: vec![51; 12],
        });
    };
    let remote = |port: u16| SocketAddr::from(([192, 0, 2, 1], port));
    let mut heard = Inbound::new(Profile::AeadAes128Gcm, &[50; 16], &[51; 12]).unwrap();
    let mut reports = 0;
    keys(&mut stage, 1);
    stage.command(Command::SetLineRemote { transport: 1, rtp: Some(remote(5_000)), rtcp: None });
    for byte in 2..6 {
        stage.advance(6_000_000);
        for mut compound in stage.take_to(Path::Udp { socket: 5, remote: remote(5_001), local: None }) {
            heard.open_rtcp(&mut compound).expect("an index of ours that was not there before");
            reports += 1;
        }
        keys(&mut stage, byte);
    }
    assert!(reports >= 4, "{reports}");
}
