//! The limits and times of the ICE agent.

use crate::wire::stun;

/// Paths (pairs of addresses) remembered for each peer. Chosen. A browser has two or three (IPv4, IPv6, a second network); the
/// rest is room for changes. Larger: more memory for each peer. Smaller: when a peer changes its network, a path that it needs
/// is forgotten, and its media stops until its next check.
pub const PATHS_MAX: usize = 8;

/// Microseconds without an ICE check until the peer is reported as disconnected. Chosen. Peers check about every 5 s, and
/// libwebrtc every 2.5 s. In this time no other peer can take over the peer's address. Longer: a lost peer is reported late.
/// Shorter: after a few lost checks, a present peer is reported as disconnected.
pub const DISCONNECTED_US: u64 = 10_000_000;
/// Microseconds without an ICE check until the peer has failed: the server forgets its paths and sends nothing. Consent expires
/// after 30 s (RFC 7675 §5.1). Longer: a lost peer keeps its place, and media goes out without consent. Shorter: a few lost
/// checks end the call of a present peer.
pub(crate) const FAILED_US: u64 = 30_000_000;

/// Microseconds for which the peer's answer to a STUN request of ours proves its path. The peer is asked again after half of
/// this time. It is longer than the 25 s between two checks of a browser at an unused path (libwebrtc). Longer: an address that
/// the peer has left, or that was forged, is trusted for longer. Shorter: more STUN requests to each peer.
pub(crate) const PROVED_US: u64 = 60_000_000;

/// STUN requests of ours that a path may have paid for in advance: one, and two more in case it is lost. The bytes of the
/// peer's checks pay. After that, only a new check pays. Larger: the owner of a forged address gets more packets from us.
/// Smaller: one lost request ends the search for a peer that moved, and its media stops.
pub(crate) const UNANSWERED_MAX: usize = 3;

/// Bytes that a peer's answer pays for further STUN requests of ours: 3 (`UNANSWERED_MAX`) of at most 608 bytes. No path saves
/// more. Larger: the owner of a forged address gets more packets from us. Smaller: a peer that moved is not asked, and its
/// media stops.
pub(crate) const UNSPENT_MAX: usize = UNANSWERED_MAX * stun::QUESTION_MAX;

/// Bytes of STUN requests to all paths of a new peer beyond the bytes that its checks paid, until it nominates a path. They are
/// one request of 128 bytes for each of 8 paths (`PATHS_MAX`). Larger: the owner of a forged address gets more packets from us.
/// Smaller: some paths are not asked, and pion connects later.
pub(crate) const WELCOME_MAX: usize = PATHS_MAX * 128;

/// STUN requests of ours at one path that the peer's bytes on other paths may pay for. One may be lost. The count begins again
/// when the peer answers at this path. A browser checks an unused path once, and again after 25 s (libwebrtc). A listener's
/// report is smaller than a request, and the next arrives 1 s later. Larger: the owner of a forged address gets more packets
/// from us. Smaller: after one lost request, a peer that moved is found later.
pub(crate) const LENT_MAX: usize = 2;

/// ICE checks remembered, so that a copy of a check cannot count on another path. This is 20 minutes of a browser that checks
/// every 2.5 s (libwebrtc). Larger: more memory for each peer. Smaller: an attacker who sends an old captured check from
/// another address can direct media there.
pub(crate) const REMEMBERED_MAX: usize = 512;

/// Microseconds before our STUN request to a path is sent again. RFC 8445 §14.2 spaces the checks of an agent by 50 ms. Longer:
/// a peer that moved is found later, and its media is missing until then. Shorter: all requests that are paid for are sent
/// before an answer can arrive.
pub(crate) const ASK_AGAIN_US: u64 = 50_000;

/// Microseconds in which a peer can answer our STUN request: the aim for a peer that moved (row `rebind` of `make
/// bench-quality`). Longer: an old answer moves media to a path that the peer has left. Shorter: a peer with a slow network is
/// never found after a move, and its media stops.
pub(crate) const QUESTION_US: u64 = 2_000_000;

/// Microseconds for which bytes that arrived by an unknown path count as payment for a STUN request there. The reports of a
/// listener are up to 7.5 s apart (RFC 3550 §6.2: 5 s times 1.5). One report is smaller than a request. Longer: a forged
/// address collects more bytes, and its owner gets a packet. Shorter: a listener that moved is not found, and its audio stops.
pub(crate) const SAVED_US: u64 = 10_000_000;

/// Open STUN requests of ours to one peer: one for each of 8 checked paths (`PATHS_MAX`), and 8 where its media arrived.
/// Larger: more memory for each peer. Smaller: new requests replace open ones, so the answer of a peer that moved is not
/// accepted.
pub(crate) const QUESTIONS_MAX: usize = 2 * PATHS_MAX;

/// Bytes of media sent to paths where the peer never answered: about 10 s of pictures at 2.5 Mbit/s. Consent (30 s, RFC 7675)
/// would permit three times this. Larger: the owner of a forged address gets more media. Smaller: a peer that answers slowly
/// loses its picture.
pub(crate) const CREDIT_BYTES: u64 = 3_000_000;

/// Bytes of media sent to a path without an answer before each STUN request there. Such a request has at most 608 bytes and
/// adds 3 % to the traffic. Larger: fewer requests before `CREDIT_BYTES` (3 MB) are spent and media stops. Smaller: the
/// requests add more to the traffic, below 12,000 more than 5 %.
pub(crate) const ASKED_BYTES: u64 = 20_000;

/// Microseconds between two STUN requests to a path that gets media without an answer. The thread looks ten times a second.
/// Longer: fewer requests before `CREDIT_BYTES` (3 MB) are spent and media stops. Shorter: while an answer is on its way,
/// further requests are useless.
pub(crate) const ASKED_US: u64 = 200_000;

/// Bytes to which a peer's user name is cut (RFC 8445 §5.3: at most 256 characters). Larger: our STUN request does not fit into
/// its buffer, and the write panics. Smaller: a valid name is cut, and the peer refuses our requests.
pub(crate) const UFRAG_MAX: usize = 256;
