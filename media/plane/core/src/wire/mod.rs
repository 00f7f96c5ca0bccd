//! Bytes of the standards, read in place and written: RTP, RTCP, SRTP, STUN, framing. No state of a connection but keys and replay windows.

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
