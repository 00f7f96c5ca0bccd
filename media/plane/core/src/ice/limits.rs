//! Bounds of the ICE agent.

use crate::wire::stun;

/// Paths remembered per transport.
pub const PATHS_MAX: usize = 8;

/// Questions about a silence that a path has not answered: then it is checked again, or never asked again.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// An answer pays for so much; nothing more is kept.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;

/// Bytes that all paths of a peer together borrow before the peer nominates one: one question for each path.
pub(crate) const WELCOME_MAX: usize = PATHS_MAX * 128;

/// Checks remembered against a replay from elsewhere. A browser checks every 2.5 s (libwebrtc): these are 20 minutes.
pub(crate) const REMEMBERED_MAX: usize = 512;
