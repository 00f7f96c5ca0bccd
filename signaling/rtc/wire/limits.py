"""The limits of one browser session. The suffix `_S` means seconds. A figure without a source is chosen."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""Limit of one signalling message. An SDP of hundreds of tracks has 3 MiB, and a resume sends two descriptions. More: memory.
Less: large conferences cannot be resumed.
"""
OTHER_MESSAGE_BYTES = 256 * 1024
"""Limit of a message without a description. The longest hold metadata with attributes, or permissions for a thousand
subscribers. More: reading costs more. Less: such messages close their socket.
"""
JSON_TOKENS = 8192
"""Objects, lists and commas of one text message. Each costs microseconds to read, and a description has few. More: one message
blocks the event loop. Fewer: long honest messages close their socket.
"""
JSON_TOKEN_BYTES = 128
"""Bytes that each object, list or comma counts in the rate of bytes. More: clients with JSON are closed earlier. Less: JSON
costs the server more than it counts.
"""
BYTES_PER_S = 2 * 1024 * 1024
"""Bytes per second of all messages of a participant. With a higher rate the socket is closed. Chosen. More: one client takes
the event loop from others. Less: the descriptions of large conferences close their socket.
"""
BYTES_BURST = 8 * 1024 * 1024
"""Bytes of all messages of a participant. A participant with a description of 3 MiB can renew it every 2 s at most. More: one
client takes the event loop from others. Less: the descriptions of large conferences close their socket.
"""
SMALL_PARTS = 4
"""Factor for the bytes of messages without a description. They may consist of parts of two bytes, and each part becomes an
object. Larger: honest clients are closed earlier. Smaller: small parts cost the server more than they count.
"""
LONG_MESSAGE_BYTES = 16 * 1024
"""Limit from which messages take turns. An SDP of this size blocks the event loop for a good part of a millisecond. More: new
clients wait longer. Less: more messages wait for their turn.
"""
MESSAGES_PER_S = 50.0
"""Messages per second of a participant, beyond MESSAGES_BURST. With a higher rate the socket is closed. Chosen. More: one
client takes more CPU time. Fewer: honest clients with many tracks are closed.
"""
MESSAGES_BURST = 1000.0
"""Messages that a participant may send at once after a pause. A native client sends each candidate of each address for its
first seven sections, over 200 at once with few addresses. A page with a full grid sends a setting for each tile. More: a
flood takes longer to stop. Fewer: such clients are closed.
"""
UNKNOWN_SESSION_SYNC_S = 1.0
"""Limit for the `sync_state` of a browser that cannot resume; the browser sends one at once. Longer: a client without
`sync_state` joins later. Shorter: `leave` arrives during the resume, and the client waits for its backoff.
"""
UNKNOWN_SESSION_LEFT_S = 5.0
"""Time from `leave` to the close of that socket. The browser closes the socket within half a second. Longer: a dead client
keeps its socket. Shorter: the server closes first, and the browser waits once more.
"""
RESUME_MESSAGES = 50
"""Messages that a resume counts as, because its answer describes all participants. More: a client with a bad network is closed
sooner. Fewer: repeated resumes cost the server more.
"""
WAITING_BYTES = 4 * 1024 * 1024
"""Bytes that wait to be written to one socket; a slower reader is cut and may resume. More: memory. Fewer: a phone on a slow
network is cut.
"""
WAITING_MESSAGES = 4096
"""Messages that wait to be written to one socket; a slower reader is cut and may resume. Chosen. More: memory. Fewer: a phone
on a slow network is cut in a large conference.
"""
JOIN_REQUEST_BYTES = 1024 * 1024
"""Limit of a join request after decompression. More: memory for unknown clients. Less: offers with many tracks are refused."""
QUERY_VALUE_BYTES = 16 * 1024
"""Characters of one query parameter of a join. Chosen: the request line has the same limit. More: no effect. Fewer: joins with
many tracks are refused.
"""
ATTRIBUTES = 64
"""Attributes of a participant in a join request. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the
participant. Fewer: applications with many attributes cannot join.
"""
CLIENT_BYTES = 4096
"""Limit of a client's data about itself, which go to all participants. More: larger updates. Less: honest clients are refused.
"""
FACTS_BYTES = 8192
"""Limit of a client's description of a track, which goes to all participants. More: larger updates. Less: tracks with many
simulcast layers are refused.
"""
METADATA_BYTES_PER_S = 16 * 1024
"""Bytes per second of changes of a participant's name, metadata and attributes, beyond METADATA_BYTES_BURST. Chosen. More: one
client causes more traffic to all. Fewer: a page that changes its attributes often is refused.
"""
METADATA_BYTES_BURST = 256 * 1024
"""Bytes of changes of name, metadata and attributes of one participant; each change goes to all. More: one client causes more
traffic to all. Fewer: a page that changes its attributes often is refused.
"""
TRACK_SIDS = 1024
"""Track ids in one message. The rest is ignored, but a longer `sync_state` ends in a new join. More: reading costs more. Fewer:
large conferences are not subscribed whole.
"""
LAYERS = 8
"""Layers, and audio features, of one announced track that are read; the rest are ignored. Chosen. More: larger updates to all
participants. Fewer: some layers of a client are not described.
"""
CODECS = 8
"""Simulcast codecs of one announced track that are read; the rest are ignored. Chosen: the server uses two. More: no effect.
Fewer than two: clients have no backup codec.
"""
ADD_TRACKS = 16
"""Tracks announced in one join request. More: work before a client is admitted. Fewer: the join is refused."""
OFFER_WAITS_S = 0.1
"""Limit for the wait of an early offer for the first candidate of a client that applies the offer late. The candidate comes
within milliseconds of that. Longer: a client without candidates gets its answer later. Shorter: the answer arrives too
early, and the join fails.
"""
PERMISSIONS = 1024
"""Subscriber entries in one publisher's subscription permission; later entries are ignored. More: memory. Fewer: subscribers
beyond the limit do not get the tracks.
"""
PERMITTED_SIDS = 4096
"""Track ids in all entries of one publisher's subscription permission together; further ids are ignored. Chosen. More: memory
for one client. Fewer: some subscribers do not get the tracks that the publisher permitted.
"""
ADMIN_BODY_BYTES = 256 * 1024
"""Bytes of a request to the server API (RoomService). Chosen. More: reading costs more. Less: requests with long metadata are
refused.
"""
SEND_DATA_BYTES = 60 * 1024
"""Payload of one packet that the server API sends. With its envelope it fits into a data channel message. More: clients cannot
receive the packet. Less: callers must split their data.
"""

RPC_PAYLOAD_BYTES = 15 * 1024
"""Payload of a call. Source: the client libraries have the same limit. More: a client refuses the call. Less: calls that
clients allow are refused.
"""
RPC_METHOD_BYTES = 64
"""Bytes of the method's name in a call of the server API to a participant. Source: the client libraries have the same limit.
More: a client refuses the call. Less: calls that clients allow are refused.
"""
RPC_ERROR_CHARACTERS = 1000
"""Characters of a participant's error that the server API returns; the rest is cut. Chosen. More: longer answers. Fewer: the
cause of an error is cut off.
"""
RPC_S = 15.0
"""Seconds for the result of a call to a participant, if the request names no time. Chosen. Longer: callers wait longer for a
client that does not answer. Shorter: slow methods fail.
"""
RPC_MOST_S = 60.0
"""Seconds. A longer time in a request for a call to a participant is shortened to this time. Chosen. Longer: open requests hold
CALLS for longer. Shorter: slow methods fail.
"""
RPC_ACK_S = 7.0
"""Limit for the acknowledgement of a call; a connected client acknowledges at once. Longer: the caller of a dead client waits
longer. Shorter: calls over slow networks fail.
"""
CALLS = 256
"""Calls of the server API that wait for an answer. More: memory. Fewer: callers get `calls_limit`."""
SIMULATED_SPEECH_LEAST_S, SIMULATED_SPEECH_S = 1, 30
"""The range, in seconds, of a speech that a client simulates for a test of its display. Chosen. Larger: one client is shown to
all as the speaker for longer. Smaller: the client cannot see the mark of the speaker.
"""
SIMULATED_LEVEL = 0.9
"""The level of a simulated speech, 0 to 1. Chosen. Larger than 1: clients get an impossible level. Smaller: the mark of the
speaker is weak.
"""
CUT_RESUMES = 256
"""Participants whose next resume the server will cut; the oldest entry is dropped. More: memory. Fewer: the oldest request has
no effect.
"""
BLOB_KEY_BYTES = 1024
"""Bytes of the key of a participant's blob. Chosen. More: memory for one client. Less: blobs with long names are refused."""

REFRESH_S = 300.0
"""Seconds until a participant gets its next token for a resume. Chosen: half of TOKEN_TTL_S. Longer than TOKEN_TTL_S: a
participant cannot resume. Shorter: more signatures and messages.
"""
TOKEN_TTL_S = 600.0
"""Seconds for which a participant's token for a resume is valid. Chosen. Longer: a stolen token works for longer. Shorter than
REFRESH_S: a participant cannot resume.
"""
TOKEN_BYTES = 8 * 1024
"""Limit of a token. The door has the same limit (`signaling/host/limits.py`). Facts that make a token longer are kept on the
server. More than the door's limit: the next resume is refused. Less: more facts are kept.
"""
KEPT_FACTS_S = 660.0
"""Time for which facts are kept: the life of a token and one minute more. Longer: memory. Shorter: a participant that resumes
with a valid token loses its metadata.
"""
KEPT_FACTS_CHARACTERS = 32 * 1024 * 1024
"""Characters of all kept facts together; connected participants hold the same texts anyway. More: memory. Fewer: the oldest
facts are forgotten, and their participants return without metadata.
"""
PING_INTERVAL_S = 10
"""Seconds between two pings of a client; the number is sent to clients. Chosen. Longer: a client notices a dead server later.
Shorter: more messages, and phones use more power.
"""
PING_TIMEOUT_S = 20
"""Wait of a client for the answer to its ping; both figures are sent to clients. The Go client never pings, so the server
closes no silent socket. Longer: a client notices a dead server later. Shorter: slow networks cause needless resumes.
"""
CID_BYTES = 256
"""Characters of the client's own id of a track. Chosen. More: longer messages. Fewer: tracks of clients with long ids are
refused.
"""
TRACK_NAME_BYTES = 256
"""Characters of a track's name, and of its stream's name. Chosen. More: larger updates to all participants. Fewer: tracks with
long names are refused.
"""
