"""The limits of the server process and of HTTP: connections, requests, tokens, throttles. The suffix `_S` means seconds. A
figure without a source is chosen.

The limits of a browser session are in `signaling/rtc/wire/limits.py`. The limits of fields and uploads of the REST API are in
`signaling/api/models/limits.py`.
"""

REQUEST_LINE_BYTES = 16 * 1024
"""Limit of the request line. A browser's join request travels in the query: 2.5 KB and a token today. More: memory for unknown
clients. Less: joins with many tracks are refused.
"""
HEADER_BYTES = 32 * 1024
"""Bytes of all headers of one HTTP request. Chosen. More: memory for unknown clients. Less: requests with many cookies are
refused (431).
"""
HEADER_COUNT = 100
"""Headers of one HTTP request. Chosen. More: a hostile request costs more time. Fewer: requests through many proxies are
refused (431).
"""
FIRST_REQUEST_S = 15.0
"""Limit for the arrival of a whole request; then the connection is closed. Longer: silent connections hold their places.
Shorter: phones on slow networks are cut.
"""
KEEP_ALIVE_S = 30
"""Seconds for which an idle HTTP connection stays open. Chosen. Longer: idle connections hold their places. Shorter: browsers
must connect again more often.
"""
CONNECTIONS = 8192
"""HTTP connections. The places above `STRANGERS` are for clients that have proved their identity. More: memory and descriptors.
Fewer: clients get 503 in a crowded hour.
"""

# Limits of unproved connections. They are counted by network: an IPv4 address, or an IPv6 network of 64 bits within one of 48
# bits. Above the limit, the oldest silent connection of the largest network is closed.
STRANGERS = 4096
"""Unproved connections over HTTP. A page opens up to 6, so 600 people behind one address fit. More: memory for attackers.
Fewer: people behind one address lose connections.
"""
TLS_HANDSHAKE_S = 15.0
"""Limit of the TLS handshake, equal to `FIRST_REQUEST_S`. A phone on a slow network needs some seconds. Longer: silent
connections hold their places. Shorter: such phones are cut.
"""
STRANGERS_TCP = 1024
"""Unproved connections over ICE-TCP of one packet thread, until our first answer. An honest client gets the answer within one
round trip. More: memory for attackers. Fewer: a crowd that joins at once loses connections.
"""
STRANGER_TCP_S = 10.0
"""Seconds of an ICE-TCP connection without our first answer; then it is closed. Chosen. Longer: silent connections hold their
places. Shorter: clients on slow networks are cut.
"""
CONNECTIONS_TCP = 8192
"""ICE-TCP connections of one packet thread after our first answer. One peer has at most 8. More: memory. Fewer: participants
behind firewalls get no media.
"""

BODY_BYTES = 64 * 1024
"""Limit of the body of an API request; RoomService has its own. More: reading costs more. Less: long texts are refused."""
DESK_BODY_BYTES = 512 * 1024
"""Limit of a booking with its attendees, agenda and documents. More: reading costs more. Less: large meetings cannot be booked.
"""
UPLOAD_BODY_BYTES = 6 * 1024 * 1024
"""Limit of a file with its envelope. More: memory for each upload. Less: large files are refused."""
WEBSOCKET_MESSAGE_BYTES = 4 * 1024 * 1024
"""Limit of a WebSocket message. An SDP of hundreds of tracks has 3 MiB. More: memory. Less: large conferences cannot be joined.
"""
WEBSOCKET_QUEUE, WEBSOCKET_SHORT_BYTES = 32, 1024
"""Messages of one client that may wait, and the length up to which a message does not pause reading. More: memory. Less:
reading pauses more often, which costs more than a short message.
"""
WEBSOCKET_PIECES = 1024
"""Frames of one message. Browsers make one frame of 64 KiB or more. More: memory for tiny frames. Fewer: clients that send
small frames are cut.
"""
WEBSOCKET_PIECE_S = 30.0
"""Limit between two frames of one message; a slow network may delay a frame. Longer: unfinished messages hold memory. Shorter:
slow clients are cut.
"""
WEBSOCKET_UNREAD_BYTES = 8 * 1024 * 1024
"""Limit of unread answers to pings; a client above it is cut. A session cuts at 4 MiB of its own messages. More: memory. Less:
a slow reader is cut.
"""
PONG_STEPS = 20
"""Steps of the wait for a sign of life. A step counts once, even if the process was stopped during it. More: more timers.
Fewer: after a stop of the process, honest clients are cut.
"""
OWN_ADDRESSES = 4
"""Other addresses of this machine that take media in a server on loopback. Each is one more candidate to check. More: slower
connecting. Fewer: on a machine with many networks Firefox may find none.
"""
HANDED_SOCKETS = 16
"""Sockets that a supervisor hands over: one for each address of the pages. More: a wrong count is noticed later. Fewer: the
server refuses to start.
"""
SHUTDOWN_S = 5.0
"""Seconds for the stop of the HTTP server: half for goodbyes to clients, half for open requests. Chosen. Longer: a restart
takes longer. Shorter: clients get no goodbye, or answers are cut off.
"""
REST_AFTER_S = 5.0
"""Wait after the start before the REST API is built, if no request needs it earlier. By then browsers that lost a server are
back. Longer: the first request may wait. Shorter: the build slows these browsers.
"""

SHARDS = 4
"""Packet threads at most when the setting is 0. One thread forwards some 300,000 packets a second. More: threads take cores
from the event loop. Fewer: less media capacity.
"""

TRACED_ARRIVALS = 4096
"""Open spans of joining participants; above the limit the oldest ends. More: memory. Fewer: slow joins have cut spans."""
TRACES_SEND_S, TRACES_CLOSE_S = 5.0, 3.0
"""Limits for sending one batch of spans, and for the last batch at the stop. Longer: a dead collector delays. Shorter: spans of
a slow collector are lost.
"""
ENDING_S = 2.0
"""Wait for cancelled tasks at the stop of the server. Longer: a hanging task delays the stop. Shorter: a task cannot finish its
clean-up.
"""
TRACES_TOLD_S = 300.0
"""Interval between two log lines about lost spans. Longer: an operator learns of the loss later. Shorter: a dead collector
fills the log.
"""

TOKEN_BYTES = 8 * 1024
"""Bytes of a token. Chosen. More: checking a hostile token costs more time. Less: participants with long metadata cannot join
or resume.
"""
TOKEN_TTL_S = 600
"""Seconds from the issue of a pass to its last use for a join. Chosen. Longer: a stolen pass works for longer. Shorter: users
who test their camera for long must ask again.
"""
BODY_TOKEN_TTL_S = 300
"""Life of the signature of one webhook. Longer: a stolen webhook can be replayed longer. Shorter: a receiver with a wrong clock
refuses it.
"""
TOKEN_TTL_MOST_S = 7 * 24 * 3600
"""Seconds. The longest life of a token that the command line signs. Chosen: one week. Longer: a lost token works for longer.
Shorter: tests over many days need new tokens.
"""
LEEWAY_S = 10
"""Seconds by which the clock of another signer of tokens may differ. Chosen. More: expired tokens are accepted for longer.
Less: a small error of a clock refuses all its tokens.
"""
SECRET_CHARACTERS = 32
"""Least length of an API secret: 32 characters are the 256 bits that HS256 demands. Source: RFC 7518 section 3.2. Longer:
shorter secrets in use are refused. Shorter: tokens are easier to forge.
"""

IDENTITY_BYTES = 256
"""Bytes of the identity in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the participant.
Less: long identities are refused.
"""
ACCOUNT_BYTES = 64
"""Limit of an account's identifier, and of a session's, in a token. Longer: longer tokens. Shorter: tokens of long identifiers
are refused.
"""
ACCOUNTS_LOOKED_S = 5.0
"""Interval between checks of the accounts in meetings; another process may have disabled one. Longer: a disabled account stays
longer. Shorter: more queries.
"""
HOSTS_LOOKED_S = 30.0
"""Interval between checks of the hosts' rights. Longer: a person who is host no more keeps the controls longer. Shorter: more
queries.
"""
NAME_BYTES = 256
"""Bytes of the name in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses changes of the name.
Less: long names are refused or cut.
"""
NAME_CHARACTERS = 100
"""Limit of a name or a title that a person types. More: long texts in lists. Less: long names of units are refused."""
CONFERENCE_BYTES = 256
"""Bytes of the conference's name in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses the
join. Less: long names are refused.
"""
METADATA_BYTES = 64 * 1024
"""Bytes of the metadata in a token, of the participant or of the conference. Chosen; TOKEN_BYTES bounds the whole token. More:
no effect. Less than TOKEN_BYTES: applications with long metadata are refused.
"""
ATTRIBUTES = 64
"""Attributes in a token. Chosen, as in `conference/ground/limits.py`. More: the conference refuses changes of the attributes.
Fewer: applications with many attributes are refused.
"""
ATTRIBUTE_BYTES = 64 * 1024
"""Characters of all attributes in a token, as JSON. Chosen; TOKEN_BYTES bounds the whole token. More: no effect. Less than
TOKEN_BYTES: applications with long attributes are refused.
"""

CREATIONS_PER_MINUTE = 60
"""Meetings without a booking that one network may open each minute. Chosen. More: a stranger can fill the server with meetings.
Fewer: a large office must wait.
"""
TOKENS_PER_MINUTE = 600
"""Passes for meetings without a booking that one network may get each minute. Chosen: a whole province may come through one
address. More: joins from one address may flood the server. Fewer: users in a large office must wait.
"""
LOOKS_PER_MINUTE = 600
"""Questions of one network whether a number exists. A browser asks before it opens the camera, and for each invitation. More:
numbers are easier to scan. Fewer: users in a large office must wait.
"""
NUMBERS_PER_MINUTE = 20
"""Tries of meeting numbers with a PIN from one network. More: PINs are easier to guess. Fewer: an office where many mistype
must wait.
"""
TRIES_PER_MINUTE = 30
"""Wrong tries at one number from all networks. A PIN of six digits withstands weeks, and one of eight (of a series) years.
More: a PIN is guessed sooner. Fewer: attackers block a meeting sooner.
"""
OWN_TRIES_PER_HOUR = 5
"""Tries at one number from one network, beside the common tries. A thousand addresses need a hundred hours for half of the
PINs. More: a PIN is guessed sooner. Fewer: users are blocked during an attack.
"""
TERMINAL_TRIES_PER_HOUR = 60
"""Tries of one terminal that has shown its password. People type less than one a minute, and half of the PINs need a year.
More: a PIN is guessed sooner. Fewer: a hall is blocked after some mistakes.
"""
LINKS_PER_MINUTE = 120
"""Wrong personal links of invitations from one network each minute. Chosen. More: links are easier to guess. Fewer: an office
with old links must wait.
"""
PASSES_PER_MINUTE = 600
"""Passes of guests for one network; a whole province may come through one address. More: joins from one address may flood the
server. Fewer: guests must wait.
"""
MODERATION_TTL_S = 12 * 3600
"""Life of the key by which a host decides about the lobby: the longest meeting. Longer: a stolen key works longer. Shorter: in
a long meeting the host loses the lobby.
"""
OPENER_KEPT_S = 7 * 24 * 3600
"""Time for which a browser that opened a meeting keeps the right to decide about its lobby, after its last visit. Longer: a
shared computer keeps the right longer. Shorter: the opener loses the lobby.
"""
LOBBY_POLL_S = 25.0
"""Limit of a request to the lobby; then it is answered without news. Source: proxies give up after 30 or 60 s. Longer: proxies
cut the request. Shorter: more requests.
"""
LOBBY_TRIES_PER_MINUTE = 60
"""Wrong tickets and keys from one network. More: guessing is easier. Fewer: an office with old pages must wait."""
DATABASE_ANSWER_S = 2.0
"""Seconds for the database's answer to a question about its health or to the statistics. Chosen. Longer: a health check of a
dead database takes longer. Shorter: a busy database looks dead.
"""
LAG_EVERY_S = 1.0
"""Interval between measurements of the event loop's lag. Longer: the server notices load later. Shorter: more wake-ups."""
BUSY_LAG_S = 0.25
"""Seconds. With a larger lag of the event loop the server reports that it is busy. Chosen. Larger: callers get no warning.
Smaller: a healthy server seems busy.
"""
LOAD_EVERY_S = 5.0
"""Seconds between two measurements of the packet threads' load. Chosen. Longer: load is noticed later. Shorter: short peaks
make the server seem busy.
"""
BUSY_SHARE = 0.92
"""Share of one core in a packet thread above which the server reports that it is busy; `BUSY_LAG_S` is the same for the event
loop. Higher: callers get no warning. Lower: a healthy server seems busy.
"""
CHECKS_PER_MINUTE = 6
"""Device checks of one network: a few people in one office, or one person who tries again. More: strangers take all places.
Fewer: an office must wait.
"""
CHECKS_OF_A_NETWORK = 4
"""Checks of one network at the same time. More: one network takes all places. Fewer: colleagues must wait."""
ALL_CHECKS_PER_MINUTE = 30
"""Checks from all networks. The store of results is bounded, so each new result removes the oldest. More: a flood removes
honest results sooner. Fewer: users must wait.
"""
CHECK_S = 90.0
"""The longest check; its conference ends then. Longer: abandoned checks hold places. Shorter: a check on a slow network is cut.
"""
CHECK_EMPTY_S = 10
"""Seconds for which the empty conference of a device check stays open. Chosen. Longer: abandoned checks hold places. Shorter: a
browser that reconnects finds its check ended.
"""
CHECK_REPORT_S = 15 * 60
"""Time after the end of a check in which its result may be handed in: a user may first look for the speaker's cable. Longer: a
key works longer. Shorter: slow users lose their result.
"""
CHECKS_REMEMBERED = 4096
"""Checks with a result that the server remembers. More: memory. Fewer: a key may hand in a second result."""
NUMBERS_REMEMBERED = 65_536
"""Meeting numbers with counted tries. With fewer, an attacker tries other numbers until the count of one is forgotten. More:
memory.
"""
SOURCES_REMEMBERED = 4096
"""Addresses in a table of the rate limit; the longest unseen is forgotten first. More: memory. Fewer: an attacker with many
addresses resets counts.
"""

PAGE_FILES = 2000
"""Files of the built pages. Chosen: more than a build has. More: a wrong folder is read into memory. Fewer: the server refuses
its own pages.
"""
PAGE_BYTES = 64 * 1024 * 1024
"""Bytes of all files of the built pages. Chosen: more than a build has. More: a wrong folder is read into memory. Fewer: the
server refuses its own pages.
"""

LEAF_DAYS = 397
"""The longest life that browsers allow for a server certificate. Longer: browsers refuse the certificate. Shorter: more
renewals.
"""
CA_DAYS = 3650
"""Days for which the server's own certificate authority is valid. Chosen: ten years. Longer: a stolen key works for longer.
Shorter: all computers must trust a new authority sooner.
"""
RENEW_DAYS = 30
"""Days before its end at which a certificate is renewed. Chosen. More: more renewals. Fewer: a server that was switched off
starts with an expired certificate.
"""
RENEW_CHECK_S = 3600.0
"""Seconds between two checks whether the certificate must be renewed or its addresses have changed. Chosen. Longer: a new
address has no valid certificate for longer. Shorter: more work without result.
"""
SUBJECT_NAMES = 100
"""Addresses and names in one certificate. More: larger handshakes. Fewer: some names get no valid certificate."""

FAILURE_CHECK_S = 5.0
"""Interval between checks of the packet plane; every other failure wakes the server at once. Longer: a dead plane is noticed
later. Shorter: more wake-ups.
"""
KEEP_S = 300.0
"""Interval between two signed checkpoints of the audit trail. Longer: more entries lack a signature. Shorter: more files."""
