"""Plain RTP and SRTP between two addresses, for hall terminals and the mixer process."""
