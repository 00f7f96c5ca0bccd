//! The limits and times of the ICE agent.

use crate::wire::stun;

/// Paths (pairs of addresses) remembered for each peer. Chosen. A browser has two or three (IPv4, IPv6, a second network); the
/// rest is room for changes. A new path replaces the path that was checked longest ago, but not the selected path. Larger: more
/// memory for each peer, and more requests to forged addresses (`WELCOME_MAX`). Smaller: a peer that moves to a replaced path
/// is found only at its next check there, and has no media until then.
pub const PATHS_MAX: usize = 8;

/// Microseconds without a valid ICE check or answer until the peer is reported as disconnected. Chosen. Peers check about every
/// 5 s, and libwebrtc every 2.5 s. In this time no other peer can take over the peer's address. Longer: a lost peer is reported
/// later. A lost peer without signalling is removed 15 s (DETACHED_QUIET_S) after that report, 25 s in all. If this constant is
/// 15 s or more, the peer fails first (`FAILED_US`, 30 s), and is removed 30 s after that, 60 s in all. Shorter: after a few
/// lost checks, a present peer is reported as disconnected.
pub const DISCONNECTED_US: u64 = 10_000_000;
/// Microseconds without a valid ICE check or answer until the peer has failed: the server forgets its paths and sends nothing.
/// Consent expires after 30 s (RFC 7675 §5.1). Longer: a lost peer keeps its place, and media goes out without consent.
/// Shorter: a few lost checks stop the media of a present peer until its next nomination. From 10 s (`DISCONNECTED_US`) down, a
/// peer fails without having been disconnected.
pub(crate) const FAILED_US: u64 = 30_000_000;

/// Microseconds for which the peer's answer to a STUN request of ours proves its selected path. At a check after half of this
/// time the peer is asked again. It is longer than the 25 s between two checks of a browser at an unused path (libwebrtc).
/// Longer: other peers cannot take over an address that the peer has left, while checks from there (perhaps forged) arrive.
/// Shorter: more STUN requests to each peer.
pub(crate) const PROVED_US: u64 = 60_000_000;

/// STUN requests of ours that a path may have paid for in advance: one, and two more in case it is lost. The bytes of the
/// peer's checks pay. After that, only a new check pays. Larger: the owner of a forged address gets more packets at once, but
/// never more bytes than arrived in its name. Smaller: one lost request ends the search for a peer that moved, until its next
/// check.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// Bytes that a peer's answer pays for further STUN requests of ours: 3 (`UNANSWERED_MAX`) of at most 608 bytes. No path saves
/// more, and no peer saves more to lend to its other paths. Larger: the owner of a forged address gets more packets from us.
/// Smaller: a peer that moved is asked less often, is found later, and its media is missing until then.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;

/// Bytes of STUN requests to all paths of one peer beyond the bytes that its checks paid, while it has nominated no path. They
/// are one request of 128 bytes for each of 8 paths (`PATHS_MAX`). Larger: the owner of a forged address gets more packets from
/// us, but at most 2 beyond its bytes (`LENT_MAX`). Smaller: some paths are not asked, and pion connects up to 0.2 s later.
pub(crate) const WELCOME_MAX: usize = PATHS_MAX * 128;

/// STUN requests of ours at one path that the peer's bytes on other paths may pay for. One may be lost. The count begins again
/// when the peer answers at this path. A browser checks an unused path once, and again after 25 s (libwebrtc). A listener's
/// report is smaller than a request, and the next arrives 1 s later. Larger: the owner of a forged address gets more packets
/// from us, up to `UNSPENT_MAX`. Smaller: after one lost request, a peer that moved is found later.
pub(crate) const LENT_MAX: usize = 2;

/// ICE checks remembered for each peer, so that a copy of a check cannot count on another path. The oldest is forgotten first.
/// This is 20 minutes of a browser that checks every 2.5 s (libwebrtc). Larger: more memory for each peer, and each check
/// searches a longer list. Smaller: an attacker who sends an old captured check from another address can direct media there.
pub(crate) const REMEMBERED_MAX: usize = 512;

/// Microseconds before our STUN request to a path may be sent again. RFC 8445 §14.2 spaces the checks of an agent by 50 ms.
/// Longer: if a request or its answer is lost, a peer that moved is found later, and its media is missing until then. Shorter:
/// all requests that are paid for are sent before an answer can arrive.
pub(crate) const ASK_AGAIN_US: u64 = 50_000;

/// Microseconds in which a peer can answer our STUN request; a later answer is ignored. It is the aim for a peer that moved
/// (row `rebind` of `make bench-quality`). Longer: an old answer moves media to a path that the peer has left. Shorter than a
/// round trip: a peer that moved is not found, and its media stops until its own nomination.
pub(crate) const QUESTION_US: u64 = 2_000_000;

/// Microseconds without a packet by an unknown path until the bytes that arrived there no longer pay for a STUN request. The
/// reports of a listener are up to 7.5 s apart (RFC 3550 §6.2: 5 s times 1.5). One report is smaller than a request. Longer:
/// bytes that arrive rarely from a forged address add up, and its owner gets a packet. Shorter: a listener that moved is found
/// only by its next check, and its audio is missing until then.
pub(crate) const SAVED_US: u64 = 10_000_000;

/// Open STUN requests of ours to one peer: one for each of 8 checked paths (`PATHS_MAX`), and 8 where its media arrived. A
/// further request replaces the oldest. Larger: more memory for each peer. Smaller: the answer to a replaced request is not
/// accepted, so a peer that moved is found later.
pub(crate) const QUESTIONS_MAX: usize = 2 * PATHS_MAX;

/// Bytes sent to one peer on all paths where it never answered: about 10 s of pictures at 2.5 Mbit/s. Then it gets no media,
/// not even audio, until it answers there. Consent (30 s, RFC 7675) would permit three times this. Larger: the owner of a
/// forged address gets more media. Smaller: a peer whose answers are lost or slow loses its media until an answer arrives.
pub(crate) const CREDIT_BYTES: u64 = 3_000_000;

/// Bytes of media sent to a path without an answer before each STUN request there. Such a request has at most 608 bytes and
/// adds 3 % to the traffic. Above 0.8 Mbit/s, `ASKED_US` (0.2 s) makes the requests rarer still. Larger: fewer requests (150
/// now) before `CREDIT_BYTES` (3 MB) are spent and media stops. Smaller: the requests add more to the traffic, below 12,000
/// more than 5 %.
pub(crate) const ASKED_BYTES: u64 = 20_000;

/// Microseconds between two STUN requests to a path that gets media without an answer. The thread looks ten times a second.
/// Below 0.8 Mbit/s, `ASKED_BYTES` (20 kB) makes the requests rarer still. Longer: fewer requests (50 at 2.5 Mbit/s) before
/// `CREDIT_BYTES` (3 MB) are spent and media stops. Shorter: while an answer is on its way, further requests are useless.
pub(crate) const ASKED_US: u64 = 200_000;

/// Bytes to which a peer's user name is cut (RFC 8445 §5.3: at most 256 characters). Larger: no effect, because Python refuses
/// a description with a longer name. Smaller: a valid name is cut. Then the server refuses the peer's checks, and the peer
/// never connects.
pub(crate) const UFRAG_MAX: usize = 256;
