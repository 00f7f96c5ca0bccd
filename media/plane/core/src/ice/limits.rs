//! The limits and times of the ICE agent.

use crate::wire::stun;

/// Paths remembered for each transport. Chosen. A browser has two or three (IPv4, IPv6, a second network); the rest is room for
/// changes. Larger: more memory. Smaller: a peer that moves loses a path.
pub const PATHS_MAX: usize = 8;

/// Microseconds without a check until the peer counts as disconnected. Chosen. Peers check about every 5 s, and libwebrtc every
/// 2.5 s. A peer holds its path for the same time. Longer: a lost peer is reported late. Shorter: after a few lost checks, a
/// present peer is reported as disconnected.
pub const DISCONNECTED_US: u64 = 10_000_000;
/// Microseconds without a check until the peer has failed: the server forgets its paths and sends nothing. Consent expires
/// after 30 s (RFC 7675 §5.1). Longer: a lost peer keeps its place, and media goes out without consent. Shorter: a few lost
/// checks end a call.
pub(crate) const FAILED_US: u64 = 30_000_000;

/// An answer proves its path for this time. The peer is asked again after half of it. It is longer than the 25 s between two
/// checks of a browser at an unused path (libwebrtc). Longer: a forged path is trusted for longer. Shorter: more questions.
pub(crate) const PROVED_US: u64 = 60_000_000;

/// Questions that a path pays for in advance: one, and two more in case it is lost. After them the path must be checked again.
/// Larger: a forged address gets more packets. Smaller: a lost question ends the search.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// Bytes that an answer pays. An account or a purse keeps no more. Larger: a forged address gets more packets. Smaller: a peer
/// that moved is not found.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;

/// Bytes that all paths of a peer together borrow before the peer nominates one: one question of 128 bytes for each path.
/// Larger: a forged address gets more packets. Smaller: some paths are not asked.
pub(crate) const WELCOME_MAX: usize = PATHS_MAX * 128;

/// Questions that purses help to pay at one path until the peer answers there: one may be lost. A browser checks an unused path
/// once, and again after 25 s (libwebrtc). A listener's report is smaller than a question, and the next arrives 1 s later.
/// Larger: a forged address gets more packets. Smaller: a lost question delays the search.
pub(crate) const LENT_MAX: usize = 2;

/// Checks remembered to refuse a replay by another path: 20 minutes of a browser that checks every 2.5 s (libwebrtc). Larger:
/// more memory. Smaller: an old captured check moves media.
pub(crate) const REMEMBERED_MAX: usize = 512;

/// Pause before a question is sent again. RFC 8445 §14.2 spaces the checks of an agent by 50 ms. Longer: a peer that moved is
/// found late. Shorter: questions are spent before an answer can arrive.
pub(crate) const ASK_AGAIN_US: u64 = 50_000;

/// Time in which a sent question can be answered: the aim for a peer that moved (`make bench-quality`, `rebind`). Longer: old
/// answers move the peer. Shorter: a slow peer is never found.
pub(crate) const QUESTION_US: u64 = 2_000_000;

/// Time in which an unpaid question keeps the bytes that arrived. The reports of a listener are up to 7.5 s apart (RFC 3550
/// §6.2: 5 s times 1.5), and one report is smaller than a question. Longer: old bytes pay. Shorter: a listener that moved is
/// not found.
pub(crate) const SAVED_US: u64 = 10_000_000;

/// Open questions: one for each checked path, and the same number for paths where media arrived. Larger: more memory. Smaller:
/// new questions push out open ones.
pub(crate) const QUESTIONS_MAX: usize = 2 * PATHS_MAX;

/// Bytes sent to paths where the peer never answered: about 10 s of pictures at 2.5 Mbit/s. Consent would permit three times
/// this. Larger: a forged address gets more media. Smaller: a slow peer loses its picture.
pub(crate) const CREDIT_BYTES: u64 = 3_000_000;

/// Bytes sent to a path between two questions that no account pays for: more than 20 questions with the longest name. Larger:
/// fewer questions before the credit ends. Smaller: questions add more than 5 % to the traffic.
pub(crate) const ASKED_BYTES: u64 = 20_000;

/// Pause between two such questions. The plane checks it ten times a second. Longer: fewer questions before the credit ends.
/// Shorter: a slow answer causes needless questions.
pub(crate) const ASKED_US: u64 = 200_000;

/// Bytes to which a peer's user name is cut (RFC 8445 §5.3: at most 256 characters). Larger: questions exceed their buffer.
/// Smaller: a valid name is refused.
pub(crate) const UFRAG_MAX: usize = 256;
