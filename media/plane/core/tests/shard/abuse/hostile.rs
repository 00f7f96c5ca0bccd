//! Every fuzz target on random bytes and on damaged seeds. The run is bounded and needs no fuzzer.

#[path = "../../../../fuzz/src/targets.rs"]
mod targets;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

const CASES: u32 = 10_000;
/// The cases of the targets that drive a whole shard or port. The failures found by longer runs are replayed too.
const CASES_OF_WHOLE: u32 = 2_000;
const WHOLE: [&str; 5] = ["shard", "handover", "line", "mixer", "mirror"];

/// Return a seed with changed bytes and changed length, or random bytes without a seed.
fn damaged(seeds: Vec<Vec<u8>>) -> impl Strategy<Value = Vec<u8>> {
    let change = (any::<prop::sample::Index>(), any::<u8>());
    let changed = (prop::sample::select(seeds), prop::collection::vec(change, 0..6), 0usize..4, any::<u8>());
    let changed = changed.prop_map(|(mut bytes, changes, cut, more)| {
        for (place, byte) in changes {
            let at = place.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.resize(if cut == 0 { usize::from(more) } else { bytes.len() }, more);
        bytes
    });
    prop_oneof![changed, prop::collection::vec(any::<u8>(), 0..300)]
}

fn run(name: &str) {
    let (_, target, seeds) = targets::all().into_iter().find(|(known, ..)| *known == name).unwrap();
    let kept = targets::kept(name);
    assert!(!kept.is_empty(), "fuzz/kept/{name}.bin: what earlier runs found is lost");
    seeds.iter().chain(&kept).for_each(|seed| target(seed));
    attack(target, seeds, if WHOLE.contains(&name) { CASES_OF_WHOLE } else { CASES });
}

fn attack(target: fn(&[u8]), seeds: Vec<Vec<u8>>, cases: u32) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&damaged(seeds), |bytes| {
            target(&bytes);
            Ok(())
        })
        .unwrap();
}

/// The runs find a planted defect. Without this test, a passing run would prove nothing.
#[test]
#[should_panic(expected = "planted")]
fn a_planted_defect_is_told() {
    let trusts_its_length = |packet: &[u8]| {
        if let Ok(header) = plane_core::wire::rtp::parse(packet) {
            assert!(packet[packet.len() - 1] < 200 || header.payload(packet).is_ok(), "planted");
        }
    };
    attack(trusts_its_length, vec![[&[0xa0, 96][..], &[0; 30]].concat()], CASES);
}

macro_rules! tests {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            run(stringify!($name));
        })*

        #[test]
        fn no_target_is_left_out() {
            let named = [$(stringify!($name)),*];
            assert!(targets::all().iter().map(|(name, ..)| *name).eq(named));
        }
    };
}

tests! { stun ice demux rtp rtcp twcc extensions srtp payloads vp9 dependencies red voices shard nal_units presses line mixer handover mirror framing }
