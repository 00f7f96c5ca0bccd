"""Every bound of `media` on the Python side of the seam; a test stands at limit + 1 of each.

What the packet plane bounds (packets, caches, command queue) is bounded in `media/plane`.
"""

# Session descriptions
SDP_CHARACTERS = 1 << 20
SDP_SECTIONS = 512
SDP_LINE_CHARACTERS = 4096
SDP_CODEC_LINES = 1024  # rtpmap, fmtp, rtcp-fb and extmap lines of one section
SDP_CODEC_BLOCKS = 64  # different sets of codec lines in one description: browsers use about four
SDP_SOURCES = 64  # a=ssrc values of one section
SDP_FINGERPRINTS = 8
MID_CHARACTERS = 16  # what a one-byte header extension can carry (RFC 8285)
RID_CHARACTERS = 16
LAYERS = 4
TEMPORAL_LAYERS = 8

# Session description caches: one entry a browser build and kind of section
CODEC_CACHE_ENTRIES = 512
CODEC_CACHE_CHARACTERS = 16_384  # a longer block of codec lines is read anew each time

# Negotiation
CONSUMERS = 1000  # of one peer, waiting ones included

ANSWER_SETTLES_S = 0.15
"""A track that joins a running connection starts so long after the answer that names it: a packet that meets libwebrtc just
while it takes the answer in leaves the picture without a viewer for good."""

# DTLS handshake
HANDSHAKE_S = 15.0
HANDSHAKE_BYTES = 65_536  # from the peer before the handshake is complete
DATAGRAMS_WAITING = 256  # DTLS datagrams of one transport not yet taken by the event loop

# SCTP and data channels
CHANNELS = 16
MESSAGE_BYTES = 65_535  # what we say in a=max-message-size, and refuse above
CHUNKS_OF_STREAM = 256  # fragments and early messages kept for one stream
STREAMS = 64  # inbound streams with state
TSNS_OUT_OF_ORDER = 2048
RELIABLE_BUFFER_BYTES = 1 << 20  # waiting to be sent on one channel
LOSSY_BUFFER_BYTES = 65_536

# The event loop
ENDINGS_S = 0.01  # after which closing commands that found the plane busy are given again
EVENTS_A_POLL = 256
EVENTS_A_TURN = 1024  # events of the plane handled before other tasks get their turn
