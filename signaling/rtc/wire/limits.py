"""The limits of one browser session. The suffix `_S` means seconds. A figure without a source is chosen."""

MESSAGE_BYTES = 4 * 1024 * 1024
"""Bytes of one signalling message; a longer one closes the socket. A session description with hundreds of tracks has 3 MiB,
and the message for a resume holds two descriptions. More: no effect above WEBSOCKET_MESSAGE_BYTES (4 MiB), which closes the
socket first. Less: participants of large conferences cannot resume.
"""
OTHER_MESSAGE_BYTES = 256 * 1024
"""Bytes of a signalling message without a session description; a longer one closes the socket. The longest hold metadata with
attributes, or permissions for a thousand subscribers. More: reading costs more. Less: clients with such messages lose their
call.
"""
JSON_TOKENS = 8192
"""Objects, lists and commas of one text message; with more, the socket is closed. Each costs microseconds to read, and a
session description has few. More: one message blocks the event loop, and all other clients wait. Fewer: clients with long
honest messages lose their call.
"""
JSON_TOKEN_BYTES = 128
"""Bytes that each object, list or comma of a JSON message counts in BYTES_PER_S (2 MiB/s), because it costs time to read.
More: honest clients that write JSON reach the rate and are closed. Less: a hostile client costs more time than it is charged.
"""
BYTES_PER_S = 2 * 1024 * 1024
"""Bytes per second of all messages of a participant, beyond the 8 MiB at once of BYTES_BURST. JSON and small parts cost more
than their bytes (JSON_TOKEN_BYTES, SMALL_PARTS). With a higher rate the socket is closed. Chosen. More: one client takes the
event loop from others. Less: participants of large conferences are closed for their session descriptions.
"""
BYTES_BURST = 8 * 1024 * 1024
"""Bytes of all messages that a participant may send at once; 2 MiB a second (BYTES_PER_S) are added again. Above it the
participant's socket is closed. JSON and small parts cost more than their bytes (JSON_TOKEN_BYTES, SMALL_PARTS). A session
description of 3 MiB can be sent every 1.5 s without end. More: one client takes the event loop from others. Less: participants
of large conferences are closed for their descriptions.
"""
SMALL_PARTS = 4
"""Each byte of a binary message without a session description counts this many times in BYTES_PER_S (2 MiB/s). Such a message
may consist of parts of two bytes, and each part becomes an object. Larger: honest clients are closed earlier. Smaller: a
hostile client costs more time than it is charged.
"""
LONG_MESSAGE_BYTES = 16 * 1024
"""Bytes. Longer messages of all clients are handled one after another. A session description of this size blocks the event loop
for a good part of a millisecond. More: when many people join, several blocks follow each other, and all clients wait. Less:
more messages wait for their turn.
"""
MESSAGES_PER_S = 50.0
"""Messages per second of a participant, beyond the 1000 at once of MESSAGES_BURST. With a higher rate the socket is closed.
Chosen. More: one client takes more CPU time. Fewer: honest clients with many tracks are closed.
"""
MESSAGES_BURST = 1000.0
"""Messages that a participant may send at once; 50 a second (MESSAGES_PER_S) are added again. Above it the socket is closed. A
native client sends each candidate of each address for its first seven sections, over 200 at once. A page with a full grid sends
a setting for each tile. More: a flood is stopped later. Fewer: such clients are closed.
"""
UNKNOWN_SESSION_SYNC_S = 1.0
"""A browser that cannot resume must send `sync_state` before it gets `leave`, so that it joins again at once. Seconds that the
server waits at most for `sync_state`. Longer: a client that never sends it joins later. Shorter: `leave` arrives too early,
and the browser pauses before its next join.
"""
UNKNOWN_SESSION_LEFT_S = 5.0
"""Seconds from `leave` to a client that cannot resume until the server closes the socket. The browser closes it within half a
second. Longer: only a client that does not close keeps its socket longer. Shorter: the server closes first, and the browser
pauses before its next join.
"""
RESUME_MESSAGES = 50
"""A resume counts as this many messages in MESSAGES_BURST (1000), because its answer describes all participants. More: a
client with a bad network, which resumes often, is closed sooner; above 1000 no client can resume. Fewer: repeated resumes take
CPU time from others.
"""
CHUNK_BYTES = 15_000
"""Bytes of a text in one chunk of a text stream. Source: the client libraries cut at the same length. More: with its header, a
chunk is longer than the 16 KiB that every browser receives as one message. Fewer: more packets.
"""
WAITING_BYTES = 4 * 1024 * 1024
"""Bytes that wait to be written to one socket; a slower reader is disconnected and may resume. More: memory. Fewer: a phone on
a slow network is disconnected.
"""
WAITING_MESSAGES = 4096
"""Messages that wait to be written to one socket; a slower reader is disconnected and may resume. Chosen. More: memory. Fewer:
a phone on a slow network is disconnected in a large conference.
"""
JOIN_REQUEST_BYTES = 1024 * 1024
"""Bytes of a join request after decompression; a longer one is refused. The token was checked before. More: memory for clients
with a token. Less: joins with many tracks are refused.
"""
QUERY_VALUE_BYTES = 16 * 1024
"""Characters of one query parameter of a join; a longer one is refused. Chosen: the whole request line has the same limit.
More: no effect. Fewer: joins with many tracks are refused.
"""
ATTRIBUTES = 64
"""Attributes of a participant in a join request. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the
participant. Fewer: applications with many attributes cannot join.
"""
CLIENT_BYTES = 4096
"""Bytes of a client's data about itself (browser, system), which go to all participants; a join with a longer one is refused.
More: larger updates to all participants. Less: honest clients cannot join.
"""
FACTS_BYTES = 8192
"""Bytes of a client's description of one track, which goes to all participants; the announcement of a track with a longer one
is refused. More: larger updates to all participants. Less: tracks with many simulcast layers cannot be published.
"""
METADATA_BYTES_PER_S = 16 * 1024
"""Bytes per second of changes of a participant's name, metadata and attributes, beyond the 256 KiB at once of
METADATA_BYTES_BURST. Further changes are refused. Chosen. More: one client causes more traffic to all. Fewer: a page that
changes its attributes often is refused.
"""
METADATA_BYTES_BURST = 256 * 1024
"""Bytes of changes of name, metadata and attributes that a participant may send at once; 16 KiB a second
(METADATA_BYTES_PER_S) are added again. Further changes are refused. One message has at most 256 KiB (OTHER_MESSAGE_BYTES).
Each change goes to all. More: one client causes more traffic to all. Fewer: a page that changes its attributes often is
refused.
"""
TRACK_SIDS = 1024
"""Track ids in one message; the rest is ignored. A client whose `sync_state` names more of its own tracks would join again,
but it has at most 16. More: reading costs more. Fewer: clients in large conferences do not receive all tracks.
"""
LAYERS = 8
"""Layers, and audio features, of one announced track that are read; the rest are ignored. Chosen: there are three qualities of
layers. More: no effect on layers; a hostile list of audio features is longer. Fewer than three: some layers of a client are
not described.
"""
CODECS = 8
"""Simulcast codecs of one announced track that are read; the rest are ignored. Chosen: the server uses two. More: no effect.
Fewer than two: clients have no second codec, so some subscribers see no picture.
"""
ADD_TRACKS = 16
"""Tracks announced in one join request; a request with more is refused. More: no effect on the tracks, because the conference
refuses more than 16 (TRACKS_PER_PARTICIPANT); longer requests are read. Fewer: clients with many tracks cannot join.
"""
OFFER_WAITS_S = 0.1
"""Some clients join with an offer, but apply it themselves a moment later. The server then waits for their first ICE candidate,
which comes within milliseconds, before it answers. Seconds of the longest wait. Longer: a client without candidates gets its
answer later. Shorter: the answer arrives too early, and the join fails.
"""
PERMISSIONS = 1024
"""A publisher can permit only some subscribers to receive its tracks. Entries for subscribers in one such message; later
entries are ignored. More: memory. Fewer: subscribers beyond the limit do not get the tracks.
"""
PERMITTED_SIDS = 4096
"""A publisher can permit each subscriber only some of its tracks. Track ids in one such message; further ids are ignored.
Chosen. More: memory for one client. Fewer: some subscribers do not get tracks that the publisher permitted.
"""
ADMIN_BODY_BYTES = 256 * 1024
"""Bytes of a request to the server API (RoomService); a longer one is refused. Chosen. More: reading costs more. Less: requests
with long metadata are refused.
"""
SEND_DATA_BYTES = 60 * 1024
"""Bytes of one packet that the server API sends to clients; a longer one is refused. With its envelope it fits into a data
channel message (65,535 bytes). More: clients cannot receive the packet. Less: callers must split their data.
"""

RPC_PAYLOAD_BYTES = 15 * 1024
"""Bytes of the arguments in a remote procedure call of the server API to a participant; a longer call is refused. Source: the
client libraries refuse to send more, but they receive more. More: longer calls work, up to the size of a data channel message
(65,535 bytes). Less: calls that clients allow are refused.
"""
RPC_METHOD_BYTES = 64
"""Bytes of the method's name in a remote procedure call of the server API to a participant; a longer one is refused. Chosen.
More: longer names reach the clients, which only look for a method with that name. Less: methods with long names cannot be
called.
"""
RPC_ERROR_CHARACTERS = 1000
"""Characters of a participant's error that the server API returns; the rest is cut. Chosen. More: longer answers. Fewer: the
cause of an error is cut off.
"""
RPC_S = 15.0
"""Seconds from the acknowledgement of a remote procedure call to its result, if the request names no time. Chosen. The
acknowledgement may take RPC_ACK_S (7 s) before. Longer: callers wait longer for a client that does not answer. Shorter: slow
methods fail.
"""
RPC_MOST_S = 60.0
"""Seconds. A longer time in a request for a remote procedure call to a participant is shortened to this time. Chosen. Longer:
calls to methods that do not end hold the 256 places (CALLS) for longer. Shorter: slow methods fail.
"""
RPC_ACK_S = 7.0
"""Seconds for the acknowledgement of a remote procedure call; then it has failed. If the call's own time is shorter, that time
counts. A connected client acknowledges at once. Longer: the caller of a dead client waits longer. Shorter: calls over slow
networks fail.
"""
CALLS = 256
"""Remote procedure calls of the server API to participants that wait for an answer. A further call is refused (`calls_limit`).
More: memory. Fewer: more calls are refused.
"""
SIMULATED_SPEECH_LEAST_S, SIMULATED_SPEECH_S = 1, 30
"""A client can simulate speaking, to test its display. The shortest and the longest time in seconds; a request outside is
moved into the range. Chosen. Longer maximum: a client that asks for it is shown to all as the speaker for longer. Shorter
minimum: the user cannot see the mark of the speaker.
"""
SIMULATED_LEVEL = 0.9
"""The level of a simulated speech, 0 to 1, with which a client tests its display. Chosen. Larger than 1: clients get an
impossible level. Smaller: the mark of the speaker is weak.
"""
CUT_RESUMES = 256
"""Participants for whom a simulated fault waits: their client asked that its next resume fails, to test itself. At the limit
the oldest entry is dropped. More: memory. Fewer: the oldest client resumes without the fault that it asked for.
"""
BLOB_KEY_BYTES = 1024
"""Bytes of the key of a participant's blob (for example the schema of a data track); a longer one is refused. Chosen. More:
memory for each blob of a client. Less: blobs with long names are refused.
"""

REFRESH_S = 300.0
"""Seconds until a participant gets its next token for a resume. Chosen: half of TOKEN_TTL_S (600 s). Longer: beyond 600 s a
participant cannot resume for some of the time. Shorter: more signatures and messages.
"""
TOKEN_TTL_S = 600.0
"""Seconds for which a participant's token for a resume is valid. Chosen. Longer: a stolen token works for longer; above
KEPT_FACTS_S (660 s) long metadata are lost at a late resume. Shorter than REFRESH_S (300 s): a participant cannot resume.
"""
TOKEN_BYTES = 8 * 1024
"""Bytes of a participant's token for a resume, as the limit at its return (`signaling/host/limits.py`). If metadata and
attributes make it longer, they are kept on the server instead. More than that limit: the next resume is refused. Less: more
data is kept on the server.
"""
KEPT_FACTS_S = 660.0
"""Metadata and attributes that do not fit into a token are kept on the server for these seconds. Chosen: the 600 s of a token
and one minute more. Longer: more memory, up to KEPT_FACTS_CHARACTERS (32 Mi). Shorter: a participant that resumes with a valid
token loses its metadata.
"""
KEPT_FACTS_CHARACTERS = 32 * 1024 * 1024
"""Characters of all metadata and attributes that are kept on the server because they do not fit into a token. The oldest are
forgotten first. Connected participants hold the same texts anyway. More: memory. Fewer: participants resume without their
metadata.
"""
PING_INTERVAL_S = 10
"""Seconds between two pings of a client; the number is sent to clients. Chosen. Longer: a client notices a dead server later.
Shorter: more messages, and phones use more power.
"""
PING_TIMEOUT_S = 20
"""Seconds that a client waits for the answer to its ping; then it resumes. The value is sent to clients, as PING_INTERVAL_S.
The Go client never pings, so the server closes no silent socket. Longer: a client notices a dead server later, if the socket
is not closed. Shorter: slow networks cause needless resumes.
"""
CID_BYTES = 256
"""Characters of the client's own id of a track; a track with a longer id is refused. Chosen. More: longer messages, up to
FACTS_BYTES (8192). Fewer: tracks of clients with long ids are refused.
"""
TRACK_NAME_BYTES = 256
"""Characters (Unicode code points, not bytes as the name says) of a track's name, and of its stream's name. A track with a
longer name is refused, and a longer stream's name is cut. Chosen. More: larger updates to all participants, up to FACTS_BYTES
(8192 bytes) for each track. Fewer: tracks with long names are refused.
"""
