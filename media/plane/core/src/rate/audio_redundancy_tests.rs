//! Tests of `decide`: its finding, and whether copies are left out.

use super::*;

const S: u64 = 1_000_000;
/// Bit/s of a voice. Chosen. `plain_bps`: without copies. `whole_bps`: with the publisher's own copies; here the publisher
/// makes none. `sent_bps`: with three copies from the server. Each copy has 80 bytes and 4 of header, 50 times a second, so
/// three have 101 kbit/s. The tests use paths just below and just above these values. Larger: paths that should carry the voice
/// do not, and the tests fail. Smaller: paths that should be too narrow carry it.
const AUDIO: AudioRates = AudioRates { plain_bps: 48_000, whole_bps: 48_000, sent_bps: 149_000 };
const PLAIN: AudioRates = AudioRates { sent_bps: 48_000, ..AUDIO };
const PATH: PathState = PathState {
    available_bps: 200_000,
    narrow_us: None,
    cut_us: None,
    has_audio_alone: true,
    trial_windows: None,
    loss: 0.0,
    last_loss: 0.0,
    own_loss: 0.2,
};

fn lossy(loss: f64) -> PathState {
    PathState { loss, last_loss: loss, ..PATH }
}

/// Return the path after a cut to 60 kbit/s for this loss.
fn cut(loss: f64, at_us: u64) -> PathState {
    PathState { available_bps: 60_000, cut_us: Some(at_us), trial_windows: Some(0), ..lossy(loss) }
}

/// Return the time at which copies are sent again on `path`.
fn back_us(state: &mut AudioRedundancy, path: PathState, from_us: u64) -> u64 {
    let times = (from_us..from_us + 100 * S).step_by(200_000);
    let mut found = times.skip_while(|now_us| {
        state.decide(AUDIO, path, *now_us);
        state.is_left_out()
    });
    found.next().expect("within 100 s")
}

#[test]
fn copies_of_the_publisher_are_left_out_where_they_take_much_of_a_path_without_loss() {
    let audio = AudioRates { plain_bps: 58_000, whole_bps: 116_000, sent_bps: 116_000 };
    let mut state = AudioRedundancy::default();
    let mut is_left_out = |available_bps, own_loss| {
        let finding = state.decide(audio, PathState { available_bps, own_loss, ..PATH }, S);
        assert_eq!(finding, Finding::Nothing);
        state.is_left_out()
    };
    let share = |share: f64| (58_000.0 / share) as u64;
    assert!(!is_left_out(share(0.139), 0.0));
    assert!(!is_left_out(share(0.2), 0.02), "the path loses some of itself");
    assert!(is_left_out(share(0.141), 0.019));
    assert!(is_left_out(share(0.071), 0.0));
    assert!(!is_left_out(share(0.069), 0.0));
    assert!(!is_left_out(share(0.139), 0.0));
}

#[test]
fn copies_stop_for_three_seconds_after_a_cut_of_audio_alone() {
    let mut state = AudioRedundancy::default();
    state.decide(AUDIO, lossy(0.3), S);
    assert_eq!(state.decide(AUDIO, cut(0.4, 2 * S), 2 * S), Finding::Suspected);
    assert!(state.is_left_out());
    assert_eq!(state.decide(AUDIO, cut(0.0, 2 * S), 3 * S), Finding::Nothing, "once");
    let eased = PathState { trial_windows: None, ..cut(0.0, 2 * S) };
    assert_eq!(back_us(&mut state, eased, 3 * S), 5 * S);
}

#[test]
fn a_cut_of_pictures_or_of_audio_that_fits_stops_no_copies() {
    let pictures = PathState { has_audio_alone: false, ..cut(0.4, 2 * S) };
    let wide = PathState { available_bps: 149_000, ..cut(0.4, 2 * S) };
    for (audio, path) in [(AUDIO, pictures), (AUDIO, wide), (PLAIN, cut(0.4, 2 * S)), (AUDIO, lossy(0.4))] {
        let mut state = AudioRedundancy::default();
        assert_eq!(state.decide(audio, path, 2 * S), Finding::Nothing);
        assert!(!state.is_left_out(), "{audio:?} {path:?}");
    }
}

#[test]
fn copies_stop_for_ten_seconds_where_the_path_does_not_carry_audio_without_them() {
    for (narrow_us, cut_us) in [(Some(2 * S), None), (None, Some(2 * S)), (Some(2 * S), Some(S))] {
        let path = PathState { available_bps: 47_999, narrow_us, cut_us, has_audio_alone: false, ..PATH };
        let mut state = AudioRedundancy::default();
        assert_eq!(state.decide(AUDIO, path, 2 * S), Finding::Suspected);
        assert_eq!(back_us(&mut state, path, 3 * S), 12 * S);
        assert_eq!(state.decide(AUDIO, path, 13 * S), Finding::Nothing, "an old queue says nothing now");
    }
    let path = PathState { available_bps: 48_000, narrow_us: Some(2 * S), ..PATH };
    assert_eq!(AudioRedundancy::default().decide(AUDIO, path, 2 * S), Finding::Nothing, "audio fits");
}

#[test]
fn each_new_congestion_lengthens_the_hold() {
    let mut state = AudioRedundancy::default();
    for at_s in 2..8 {
        let path = PathState { available_bps: 40_000, narrow_us: Some(at_s * S), ..PATH };
        state.decide(AUDIO, path, at_s * S);
    }
    let path = PathState { available_bps: 60_000, narrow_us: Some(7 * S), ..PATH };
    assert_eq!(back_us(&mut state, path, 8 * S), 17 * S);
}

#[test]
fn copies_come_back_as_soon_as_the_path_carries_them() {
    let mut state = AudioRedundancy::default();
    state.decide(AUDIO, cut(0.4, 2 * S), 2 * S);
    let path = |available_bps| PathState { available_bps, ..cut(0.0, 2 * S) };
    for (audio, available_bps, is_left_out) in [(AUDIO, 148_999, true), (PLAIN, 148_999, true), (PLAIN, 149_000, false)]
    {
        state.decide(audio, path(available_bps), 3 * S);
        assert_eq!(state.is_left_out(), is_left_out, "{audio:?} {available_bps}");
    }
}

#[test]
fn copies_come_back_if_as_much_is_lost_without_them() {
    let windows = |loss, last_loss, count| PathState { loss, last_loss, trial_windows: Some(count), ..cut(0.0, 2 * S) };
    let mut state = AudioRedundancy::default();
    state.decide(AUDIO, PathState { last_loss: 0.5, ..cut(0.4, 2 * S) }, 2 * S);
    for path in [windows(0.5, 0.5, 3), windows(0.5, 0.29, 4), windows(0.29, 0.5, 4)] {
        assert_eq!(state.decide(AUDIO, path, 3 * S), Finding::Nothing, "{path:?}");
    }
    let pictures = PathState { has_audio_alone: false, ..windows(0.5, 0.5, 4) };
    assert_eq!(state.decide(AUDIO, pictures, 3 * S), Finding::Nothing, "pictures were lost");
    assert_eq!(state.decide(AUDIO, windows(0.3, 0.3, 4), 3 * S), Finding::Cleared);
    assert!(!state.is_left_out());
    assert_eq!(state.decide(AUDIO, windows(0.3, 0.3, 4), 3 * S + 1), Finding::Nothing, "the same cut counts once");
    assert_eq!(state.decide(AUDIO, cut(0.5, 3 * S + 1), 4 * S), Finding::Suspected, "a later one counts");
}

#[test]
fn copies_come_back_if_the_estimator_withdraws_the_congestion() {
    for (narrow_us, finding) in [(None, Finding::Cleared), (Some(S), Finding::Nothing)] {
        let mut state = AudioRedundancy::default();
        state.decide(AUDIO, PathState { narrow_us, ..cut(0.4, 2 * S) }, 2 * S);
        let path = PathState { narrow_us, available_bps: 60_000, ..PATH };
        assert_eq!(state.decide(AUDIO, path, 3 * S), finding);
        assert_eq!(state.is_left_out(), narrow_us.is_some());
    }
}

#[test]
fn copies_that_are_too_much_again_stay_away_twice_as_long_up_to_a_bound() {
    // Each row: the loss before copies are sent, the seconds until the next cut, the holds in seconds.
    for (before, after_s, holds) in [
        (0.0, 2, [3, 6, 12, 24, 40, 40]),
        (0.29, 2, [3, 6, 12, 24, 40, 40]),
        (0.31, 2, [3, 3, 3, 3, 3, 3]),
        (0.0, 41, [3, 3, 3, 3, 3, 3]),
    ] {
        let (mut state, mut now_us, mut found) = (AudioRedundancy::default(), 100 * S, Vec::new());
        for _ in 0..holds.len() {
            state.decide(AUDIO, lossy(before), now_us);
            let cut_us = now_us + after_s * S;
            assert_eq!(state.decide(AUDIO, cut(0.5, cut_us), cut_us), Finding::Suspected);
            let eased = PathState { trial_windows: None, ..cut(before, cut_us) };
            now_us = back_us(&mut state, eased, cut_us + 200_000);
            found.push((now_us - cut_us) / S);
            now_us += S;
            state.decide(PLAIN, PATH, now_us);
        }
        assert_eq!(found, holds, "{before} {after_s}");
    }
}
