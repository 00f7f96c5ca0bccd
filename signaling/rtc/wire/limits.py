"""Bounds of one browser session, in one place."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""One signalling message: an SDP of hundreds of tracks has 3 MiB, and who resumes sends our last one beside its own."""
OTHER_MESSAGE_BYTES = 256 * 1024
"""One that holds no description: the longest are metadata with attributes, and permissions for a thousand subscribers."""
JSON_TOKENS = 8192
"""Objects, lists and commas of one text message: each costs its reader microseconds, and a description has few."""
JSON_TOKEN_BYTES = 128
"""As which each of them counts."""
BYTES_PER_S = 2 * 1024 * 1024
BYTES_BURST = 8 * 1024 * 1024
"""Of all messages of a participant: one whose description has 3 MiB makes a new one every 2 s at most."""
SMALL_PARTS = 4
"""So many times what is no description counts: it may consist of parts of two bytes, each read into an object."""
LONG_MESSAGE_BYTES = 16 * 1024
"""An SDP of so many tracks that its reading holds up others by a good part of a millisecond, and more."""
MESSAGES_PER_S = 50.0
MESSAGES_BURST = 1000.0
"""A native client sends each candidate of each address for each of its first seven sections, over 200 at once with few
addresses; a page that lays out a full grid sends a setting for each tile."""
UNKNOWN_SESSION_SYNC_S = 1.0
"""For the `sync_state` of a browser that cannot resume; it sends one at once."""
UNKNOWN_SESSION_LEFT_S = 5.0
"""Until its socket is closed. It closes the socket itself within half a second."""
RESUME_MESSAGES = 50
"""As so many counts a resume, which is told of everybody who is there."""
WAITING_BYTES = 4 * 1024 * 1024
"""Bytes waiting to be written to one socket; a reader slower than that is cut and may resume."""
WAITING_MESSAGES = 4096
JOIN_REQUEST_BYTES = 1024 * 1024
"""A join request after decompression."""
QUERY_VALUE_BYTES = 16 * 1024
ATTRIBUTES = 64
CLIENT_BYTES = 4096
"""What a client says of itself: kept, and told to everybody."""
FACTS_BYTES = 8192
"""What a client says of a track: kept, and told to everybody."""
METADATA_BYTES_PER_S = 16 * 1024
METADATA_BYTES_BURST = 256 * 1024
"""Changes of name, metadata and attributes of one participant: each goes to everybody."""
TRACK_SIDS = 1024
"""Track ids in one message."""
LAYERS = 8
CODECS = 8
ADD_TRACKS = 16
"""Tracks announced in one join request."""
OFFER_WAITS_S = 0.1
"""So long at most an offer of a join request waits for the first candidate of a client that applies the offer late. The candidate
comes within milliseconds of that."""
PERMISSIONS = 1024
"""Subscriber entries in one publisher's subscription permission."""
PERMITTED_SIDS = 4096
"""Track ids in all of them together."""
ADMIN_BODY_BYTES = 256 * 1024
SEND_DATA_BYTES = 60 * 1024
"""Payload of one packet that the server API sends; with its envelope it fits a data channel message."""

RPC_PAYLOAD_BYTES = 15 * 1024
"""As the clients have it among themselves."""
RPC_METHOD_BYTES = 64
RPC_ERROR_CHARACTERS = 1000
RPC_S = 15.0
RPC_MOST_S = 60.0
RPC_ACK_S = 7.0
"""A client that is there acknowledges a call at once."""
CALLS = 256
"""Of the server API that wait for an answer."""
SIMULATED_SPEECH_LEAST_S, SIMULATED_SPEECH_S = 1, 30
SIMULATED_LEVEL = 0.9
CUT_RESUMES = 256
"""Participants who have asked that their next resume fails."""
BLOB_KEY_BYTES = 1024

REFRESH_S = 300.0
TOKEN_TTL_S = 600.0
TOKEN_BYTES = 8 * 1024
"""As long as the door takes it: what makes one for the next socket longer is kept here instead."""
KEPT_FACTS_S = 660.0
"""A token's life and a little: clocks of the same machine."""
KEPT_FACTS_CHARACTERS = 32 * 1024 * 1024
"""Of all participants together; those who are there have them anyway."""
PING_INTERVAL_S = 10
PING_TIMEOUT_S = 20
"""Clients ping; the Go one never does, so the server ends nobody for being silent here."""
CID_BYTES = 256
TRACK_NAME_BYTES = 256
