//! The streams that a member of a meeting receives, and the cameras that it asks for.
//!
//! A member works as the page of a meeting does. It subscribes to all tracks, and switches off the tracks that are not on its
//! screen. One camera is large, and a few are small. Each member shows other cameras, so that at least one member watches every
//! camera.

use crate::participant::wire::{ParticipantInfo, TrackSettings};
use crate::streams::sink::{Arrival, Sink};
use crate::streams::source::Kind;
use std::collections::{HashMap, HashSet};
use std::time::Instant;

const LOW: i32 = 0;
const HIGH: i32 = 2;

pub struct Audience {
    own: usize,
    members: usize,
    tiles: usize,
    sinks: HashMap<u32, Sink>,
    asked: HashSet<String>,
}

impl Audience {
    /// The audience of member number `own`. The member shows `tiles` cameras, the first one large.
    pub fn new(own: usize, members: usize, tiles: usize) -> Audience {
        Audience { own, members, tiles: tiles.min(members - 1), sinks: HashMap::new(), asked: HashSet::new() }
    }

    /// Returns the track settings that the member sends when the server reports these participants.
    pub fn meet(&mut self, participants: &[ParticipantInfo]) -> Vec<TrackSettings> {
        let (mut low, mut high, mut off) = (Vec::new(), Vec::new(), Vec::new());
        for one in participants {
            let Some(number) = number_of(&one.identity).filter(|number| *number != self.own) else { continue };
            let place = (number + self.members - self.own) % self.members;
            for track in one.tracks.iter().filter(|track| track.kind == 1) {
                if self.asked.insert(track.sid.clone()) {
                    let list = match place {
                        1 => &mut high,
                        place if place <= self.tiles => &mut low,
                        _ => &mut off,
                    };
                    list.push(track.sid.clone());
                }
            }
        }
        let settings = |track_sids: Vec<String>, quality, disabled| TrackSettings { track_sids, disabled, quality };
        let wishes = [settings(high, HIGH, false), settings(low, LOW, false), settings(off, LOW, true)];
        wishes.into_iter().filter(|wish| !wish.track_sids.is_empty()).collect()
    }

    pub fn take(&mut self, ssrc: u32, video: bool, arrival: &Arrival<'_>) {
        let kind = if video { Kind::Video } else { Kind::Voice };
        self.sinks.entry(ssrc).or_insert_with(|| Sink::new(kind)).take(arrival);
    }

    /// Returns the streams whose decoder would ask for a key frame now.
    pub fn want_keys(&mut self, now: Instant) -> Vec<u32> {
        self.sinks.iter_mut().filter_map(|(ssrc, sink)| sink.wants_key(now).then_some(*ssrc)).collect()
    }

    pub fn packets(&self) -> u64 {
        self.sinks.values().map(|sink| sink.packets).sum()
    }

    pub fn lost(&self) -> u64 {
        self.sinks.values().map(|sink| sink.lost).sum()
    }

    pub fn sinks(&self) -> impl Iterator<Item = &Sink> {
        self.sinks.values()
    }

    /// Begins to measure the delay of video packets.
    pub fn measure_delays(&mut self) {
        self.sinks.values_mut().filter(|sink| sink.is_video()).for_each(Sink::measure_delays);
    }

    /// True when the member receives all cameras that it shows.
    pub fn is_served(&self) -> bool {
        let seen = self.sinks.values().filter(|sink| sink.is_video() && sink.is_served()).count();
        seen >= self.tiles
    }
}

/// Returns 17 for "member-17".
fn number_of(identity: &str) -> Option<usize> {
    identity.strip_prefix("member-")?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::participant::wire::TrackInfo;

    fn member(number: usize) -> ParticipantInfo {
        let track = |kind, sid: &str| TrackInfo { sid: format!("{sid}{number}"), kind };
        ParticipantInfo { identity: format!("member-{number}"), tracks: vec![track(0, "A"), track(1, "V")] }
    }

    #[test]
    fn the_next_ones_are_shown_and_the_others_switched_off_once() {
        let everybody: Vec<ParticipantInfo> = (0..6).map(member).collect();
        let mut audience = Audience::new(4, 6, 3);
        let wishes = audience.meet(&everybody);
        assert_eq!((wishes[0].quality, &wishes[0].track_sids), (HIGH, &vec!["V5".to_string()]));
        assert_eq!((wishes[1].quality, &wishes[1].track_sids), (LOW, &vec!["V0".to_string(), "V1".to_string()]));
        assert_eq!((wishes[2].disabled, &wishes[2].track_sids), (true, &vec!["V2".to_string(), "V3".to_string()]));
        assert!(audience.meet(&everybody).is_empty());
    }
}
