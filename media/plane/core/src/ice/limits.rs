//! Bounds of the ICE agent.

use crate::wire::stun;

/// Paths remembered per transport.
pub const PATHS_MAX: usize = 8;

/// Questions about a silence that a path has not answered: then it is checked again, or never asked again.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// An answer pays for so much; nothing more is kept.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;
