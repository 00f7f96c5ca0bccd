//! Bounds and times of the ICE agent.

use crate::wire::stun;

/// Paths remembered for each transport. A browser has two or three (IPv4, IPv6, a second network); the rest is room for changes.
pub const PATHS_MAX: usize = 8;

/// Consent: peers check every 5 s or so, and it expires after 30 s (RFC 7675 §5.1); libwebrtc checks every 2.5 s. A third of
/// that time without a check is reported as a trouble.
pub const DISCONNECTED_US: u64 = 10_000_000;
pub(crate) const FAILED_US: u64 = 30_000_000;

/// An answer proves its path for this time, and the peer is asked again after half of it. Longer than the pause of 25 s between two
/// checks of a browser at a path that it does not use (libwebrtc).
pub(crate) const PROVED_US: u64 = 60_000_000;

/// Questions that a path pays for in advance: one is asked, and two more follow in case it was lost. After them the path must be
/// checked again.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// Bytes that an answer pays. An account or a purse keeps no more.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;

/// Bytes that all paths of a peer together borrow before the peer nominates one: one question of 128 bytes for each path.
pub(crate) const WELCOME_MAX: usize = PATHS_MAX * 128;

/// Questions that others help to pay at one path until the peer answers there: one may be lost. A browser checks a path that it does
/// not use once, and again after 25 s (libwebrtc). A listener's report is smaller than a question, and the next comes 1 s later.
pub(crate) const LENT_MAX: usize = 2;

/// Checks remembered against a replay from elsewhere. A browser checks every 2.5 s (libwebrtc): these are 20 minutes.
pub(crate) const REMEMBERED_MAX: usize = 512;

/// Pause before a question is asked again. RFC 8445 §14.2 spaces the checks of an agent by 50 ms.
pub(crate) const ASK_AGAIN_US: u64 = 50_000;

/// Time in which an asked question can be answered. It is the aim for a peer that moved (`make bench-quality`, `rebind`).
pub(crate) const QUESTION_US: u64 = 2_000_000;

/// Time in which a question that is not paid yet keeps what came. The reports of a listener come up to 7.5 s apart (RFC 3550 §6.2: 5 s
/// times 1.5), and one of them is smaller than a question.
pub(crate) const SAVED_US: u64 = 10_000_000;

/// Open questions: one for each checked path, and as many where media came from.
pub(crate) const QUESTIONS_MAX: usize = 2 * PATHS_MAX;

/// Bytes that go where the peer never answered: some ten seconds of pictures at 2.5 Mbit/s. The consent would allow three times that.
pub(crate) const CREDIT_BYTES: u64 = 3_000_000;

/// Bytes that go to a path between two questions that nothing pays for: more than 20 questions with the longest name.
pub(crate) const ASKED_BYTES: u64 = 20_000;

/// Pause between two such questions: the plane looks at it ten times a second.
pub(crate) const ASKED_US: u64 = 200_000;

/// Bytes to which a user name of a peer is cut (RFC 8445 §5.3: at most 256 characters).
pub(crate) const UFRAG_MAX: usize = 256;
