use super::*;

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn path(socket: u16, text: &str) -> Path {
    Path::Udp { socket, remote: address(text), local: None }
}

fn line() -> Line {
    let mut line = Line::new((4, Some(5)), true, SILENT_US, "name", 0);
    line.set_remote(Some(address("192.0.2.1:5000")), None, 0);
    line
}

#[test]
fn rtcp_goes_to_the_port_above_unless_another_is_told_or_it_is_shared() {
    let mut line = line();
    assert_eq!(line.rtcp_path(), Some(path(5, "192.0.2.1:5001")));
    line.set_remote(Some(address("192.0.2.1:5000")), Some(address("192.0.2.9:77")), 0);
    assert_eq!(line.rtcp_path(), Some(path(5, "192.0.2.9:77")));
    let mut shared = Line::new((4, None), true, SILENT_US, "name", 0);
    shared.set_remote(Some(address("192.0.2.1:5000")), None, 0);
    assert_eq!(shared.rtcp_path(), Some(path(4, "192.0.2.1:5000")));
    // There is no port above 65535.
    line.set_remote(Some(address("192.0.2.1:65535")), None, 0);
    assert_eq!(line.rtcp_path(), None);
}

/// The test shows which addresses are accepted for each combination of described, latched and secured.
#[test]
fn who_is_admitted() {
    let (named, other_port, elsewhere) =
        (address("192.0.2.1:5000"), address("192.0.2.1:6000"), address("192.0.2.2:5000"));
    let admitted =
        |line: &Line, secured| [named, other_port, elsewhere].map(|from| line.admits(Part::Rtp, from, secured));
    let mut line = Line::new((4, None), true, SILENT_US, "", 0);
    assert_eq!((admitted(&line, false), admitted(&line, true)), ([false; 3], [false; 3]));
    line.set_remote(Some(named), None, 0);
    assert_eq!((admitted(&line, false), admitted(&line, true)), ([true, true, false], [true; 3]));
    line.latch(Part::Rtp, path(4, "192.0.2.1:6000"));
    for secured in [false, true] {
        assert_eq!(admitted(&line, secured), [false, true, false]);
    }
    // The line latches only once.
    line.latch(Part::Rtp, path(4, "192.0.2.2:5000"));
    assert_eq!(line.path(), Some(path(4, "192.0.2.1:6000")));
    line.set_remote(None, None, 0);
    assert_eq!((admitted(&line, true), line.path()), ([false; 3], None));
    let mut strict = Line::new((4, None), false, SILENT_US, "", 0);
    strict.set_remote(Some(named), None, 0);
    assert_eq!((admitted(&strict, false), admitted(&strict, true)), ([true, false, false], [true, false, false]));
}

#[test]
fn the_two_ports_are_latched_apart() {
    let mut line = line();
    line.latch(Part::Rtp, path(4, "192.0.2.1:6000"));
    assert!(line.admits(Part::Rtcp, address("192.0.2.1:9"), false));
    line.latch(Part::Rtcp, path(5, "192.0.2.1:9"));
    assert!(!line.admits(Part::Rtcp, address("192.0.2.1:6001"), false));
    assert_eq!((line.path(), line.rtcp_path()), (Some(path(4, "192.0.2.1:6000")), Some(path(5, "192.0.2.1:9"))));
}

/// The test covers each state of the line with each possible input.
#[test]
fn hearing_and_silence() {
    type Step = (&'static str, u64, Option<LineState>, bool);
    let walk: [Step; 9] = [
        ("rtcp", 1, None, false),
        ("rtp", 2, Some(LineState::First), false),
        ("rtp", 3, None, false),
        ("", 3 + SILENT_US - 1, None, false),
        ("", 3 + SILENT_US, None, true),
        ("", 4 + SILENT_US, None, false),
        ("rtcp", 5 + SILENT_US, Some(LineState::Alive), false),
        ("", 5 + 2 * SILENT_US, None, true),
        ("rtp", 6 + 2 * SILENT_US, Some(LineState::Alive), false),
    ];
    let mut line = line();
    for (what, now_us, state, silent) in walk {
        let heard = if what.is_empty() { None } else { line.hear(what == "rtp", now_us) };
        assert_eq!((heard, line.falls_silent(now_us)), (state, silent), "at {now_us}");
    }
}

#[test]
fn a_limit_is_asked_for_a_bounded_number_of_times() {
    let mut limit = Limit::default();
    assert_eq!(limit.ask(), None);
    limit.set(64_000);
    assert_eq!(std::iter::from_fn(|| limit.ask()).collect::<Vec<_>>(), [64_000; LIMIT_ASKS_MAX as usize]);
    limit.renew();
    assert_eq!(limit.ask(), Some(64_000));
    limit.confirm();
    assert_eq!(limit.ask(), None);
    limit.set(0);
    assert_eq!(limit.ask(), None);
}

/// The test shows RTP Bleed: a line that is wrongly marked as secured accepts any packet and latches its address.
#[test]
fn who_believes_a_source_that_proved_nothing_sends_media_there() {
    let mut line = line();
    let stranger = path(4, "198.51.100.7:666");
    assert!(!line.admits(Part::Rtp, stranger.remote(), false), "as it is without keys");
    assert!(line.admits(Part::Rtp, stranger.remote(), true));
    line.latch(Part::Rtp, stranger);
    assert_eq!(line.path(), Some(stranger));
}
