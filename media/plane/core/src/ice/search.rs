//! The search for a peer whose selected path is silent, or whose media arrives from another path. The table shows which events
//! move the peer.
//!
//! | event | `Calm` | `Found` |
//! |---|---|---|
//! | `AnsweredHere` | `Calm` | `Calm` |
//! | `AnsweredAtItsMedia` | `Calm`, move there | `Calm`, move there |
//! | `AnsweredElsewhere` | `Found` there | stays as it is |
//! | `Waited`, too short | `Calm` | stays as it is |
//! | `Waited`, long enough | `Calm` | `Calm`, move to what was found |
//! | `Chose` | `Calm` | `Calm` |

use crate::path::Path;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Search {
    #[default]
    Calm,
    /// The selected path was silent. The peer first answered at this path and at this time.
    Found { path: Path, at_us: u64 },
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Event {
    /// The peer answered at its selected path.
    AnsweredHere,
    /// The peer answered at a path from which its media arrived.
    AnsweredAtItsMedia(Path),
    /// The peer answered at another path. The question was about a silence that goes on.
    AnsweredElsewhere(Path),
    /// Time passed. The selected path has `patience_us` to answer after another path did.
    Waited { patience_us: u64 },
    /// The peer chose a path by a nomination, or got new credentials.
    Chose,
}

impl Search {
    /// Return the next state, and the path to which the peer moves.
    pub fn after(self, event: Event, now_us: u64) -> (Search, Option<Path>) {
        match (self, event) {
            (_, Event::AnsweredHere | Event::Chose) => (Search::Calm, None),
            (_, Event::AnsweredAtItsMedia(path)) => (Search::Calm, Some(path)),
            (Search::Calm, Event::AnsweredElsewhere(path)) => (Search::Found { path, at_us: now_us }, None),
            (Search::Found { path, at_us }, Event::Waited { patience_us }) if now_us >= at_us + patience_us => {
                (Search::Calm, Some(path))
            }
            (state, Event::AnsweredElsewhere(_) | Event::Waited { .. }) => (state, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(port: u16) -> Path {
        Path::Udp { socket: 0, remote: ([192, 0, 2, 1], port).into(), local: None }
    }

    /// Each event in each state gives the result of the table above.
    #[test]
    fn each_event_in_each_state() {
        let (found, now_us, patience_us) = (Search::Found { path: path(2), at_us: 1_000 }, 2_000, 1_000);
        let calm = Search::Calm;
        let table = [
            (Event::AnsweredHere, (calm, None), (calm, None)),
            (Event::AnsweredAtItsMedia(path(3)), (calm, Some(path(3))), (calm, Some(path(3)))),
            (Event::AnsweredElsewhere(path(3)), (Search::Found { path: path(3), at_us: now_us }, None), (found, None)),
            (Event::Waited { patience_us: patience_us + 1 }, (calm, None), (found, None)),
            (Event::Waited { patience_us }, (calm, None), (calm, Some(path(2)))),
            (Event::Chose, (calm, None), (calm, None)),
        ];
        for (event, from_calm, from_found) in table {
            assert_eq!(calm.after(event, now_us), from_calm, "{event:?}");
            assert_eq!(found.after(event, now_us), from_found, "{event:?}");
        }
    }
}
