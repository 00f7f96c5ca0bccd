//! The byte formats of the standards: RTP, RTCP, SRTP, STUN and framing. The code reads and writes them in place. It keeps no
//! state of a connection except SRTP keys and replay windows.

pub mod demux;
pub mod extensions;
pub mod framing;
pub mod rtcp;
pub mod rtcp_extended;
pub mod rtcp_header;
pub mod rtp;
pub mod srtp;
pub mod srtp_cipher;
pub mod srtp_profile;
pub mod srtp_replay;
pub mod stun;
pub mod transport_feedback;
