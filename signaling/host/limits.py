"""Bounds of the server process and of HTTP: connections, requests, tokens, throttles.

The bounds of a browser session are in `signaling/rtc/wire/limits.py`, those of a field of the REST API in
`signaling/api/models/limits.py`, those of uploads there too.
"""

REQUEST_LINE_BYTES = 16 * 1024
"""A browser's join request travels in the query string: 2.5 KB and a token today."""
HEADER_BYTES = 32 * 1024
HEADER_COUNT = 100
FIRST_REQUEST_S = 15.0
"""A connection that has not sent a whole request by then is closed."""
KEEP_ALIVE_S = 30
CONNECTIONS = 8192
"""HTTP connections. What lies above `STRANGERS` is for clients that have proved who they are."""

# Connections that have proved nothing yet. They are counted by network: an IPv4 address, or an IPv6 network of 64 bits within
# one of 48 bits. When there are too many, the oldest silent one of the network that holds the most is closed.
STRANGERS = 4096
"""Over HTTP. A page opens up to 6: 600 people behind one address, and as many others."""
TLS_HANDSHAKE_S = 15.0
"""As long as `FIRST_REQUEST_S`: a phone on a slow network needs some seconds."""
STRANGERS_TCP = 1024
"""Over ICE-TCP, in one packet thread, until our first answer; an honest client gets the answer within one round trip."""
STRANGER_TCP_S = 10.0
CONNECTIONS_TCP = 8192
"""Over ICE-TCP, in one packet thread, after our first answer. One peer has at most 8."""

BODY_BYTES = 64 * 1024
"""Of an API request; RoomService has its own."""
DESK_BODY_BYTES = 512 * 1024
"""A booking with its attendees, agenda and documents."""
UPLOAD_BODY_BYTES = 6 * 1024 * 1024
"""A file with its envelope."""
WEBSOCKET_MESSAGE_BYTES = 4 * 1024 * 1024
"""An SDP of hundreds of tracks has 3 MiB."""
WEBSOCKET_QUEUE, WEBSOCKET_SHORT_BYTES = 32, 1024
"""Messages of one client that may wait, and how long one may be that does not stop the reading of others behind it."""
WEBSOCKET_PIECES = 1024
"""Frames of one message: browsers make one of some 64 KiB or more."""
WEBSOCKET_PIECE_S = 30.0
"""Between two of them; a piece may wait for a slow way."""
WEBSOCKET_UNREAD_BYTES = 8 * 1024 * 1024
"""Beyond this a client that asks for signs of life and reads none is cut off. A session cuts at 4 MiB of its own."""
PONG_STEPS = 20
"""In so many steps the time for a sign of life passes: one in which this process did not run is as long as any other."""
OWN_ADDRESSES = 4
"""Of this machine, on which a server for it alone takes media beside loopback: each is a candidate more to check."""
HANDED_SOCKETS = 16
"""Of a supervisor: one for each address on which pages are served."""
SHUTDOWN_S = 5.0
REST_AFTER_S = 5.0
"""After the start the REST API is built, where nobody asked for it before: browsers that lost a server come back by then."""

SHARDS = 4
"""Packet threads when the settings name no number: one forwards some 300,000 packets a second."""

TRACED_ARRIVALS = 4096
"""Spans of people who come in that may be open; the oldest ends then."""
TRACES_SEND_S, TRACES_CLOSE_S = 5.0, 3.0
"""For one batch of spans, and for what is left at the stop."""
ENDING_S = 2.0
"""Of tasks that were cancelled, when the server stops."""
TRACES_TOLD_S = 300.0
"""Between two lines of the log that say that spans are lost."""

TOKEN_BYTES = 8 * 1024
TOKEN_TTL_S = 600
BODY_TOKEN_TTL_S = 300
"""Of the signature of one webhook."""
TOKEN_TTL_MOST_S = 7 * 24 * 3600
LEEWAY_S = 10
SECRET_CHARACTERS = 32
"""Least length of an API secret: 256 bits when it is random hex, RFC 7518 section 3.2."""

IDENTITY_BYTES = 256
ACCOUNT_BYTES = 64
"""Of an account's identifier, and of a session's, in a token."""
ACCOUNTS_LOOKED_S = 5.0
"""How often the accounts of those who are in meetings are looked at: another process may have switched one off."""
HOSTS_LOOKED_S = 30.0
"""How often it is asked whether those who came as hosts are hosts still."""
NAME_BYTES = 256
NAME_CHARACTERS = 100
"""Of a name or a title that a person types."""
CONFERENCE_BYTES = 256
METADATA_BYTES = 64 * 1024
ATTRIBUTES = 64
ATTRIBUTE_BYTES = 64 * 1024

CREATIONS_PER_MINUTE = 60
TOKENS_PER_MINUTE = 600
LOOKS_PER_MINUTE = 600
"""Questions of one network whether a number is one: a browser asks before it opens the camera, and each time it invites."""
NUMBERS_PER_MINUTE = 20
"""Tries of a meeting number with a PIN from one network."""
TRIES_PER_MINUTE = 30
"""At one number, wherever they come from: a PIN of six digits holds for weeks, one of eight (of a series) for years."""
OWN_TRIES_PER_HOUR = 5
"""At one number from one network, beside the tries of all: a thousand addresses need a hundred hours for half of the PINs."""
TERMINAL_TRIES_PER_HOUR = 60
"""Of one terminal that has shown its password: one a minute is more than people type, and needs a year for half of the PINs."""
LINKS_PER_MINUTE = 120
PASSES_PER_MINUTE = 600
"""Of guests from one network: a whole province may come through one address."""
MODERATION_TTL_S = 12 * 3600
"""Of the key by which a host decides who comes in: the longest meeting."""
OPENER_KEPT_S = 7 * 24 * 3600
"""A browser that opened a meeting decides who comes in for so long after it was there last."""
LOBBY_POLL_S = 25.0
"""A question to the lobby is answered at the latest after this time: proxies give up after 30 or 60."""
LOBBY_TRIES_PER_MINUTE = 60
"""Wrong tickets and keys from one network."""
DATABASE_ANSWER_S = 2.0
LAG_EVERY_S = 1.0
"""How often the event loop's lateness is measured."""
BUSY_LAG_S = 0.25
LOAD_EVERY_S = 5.0
BUSY_SHARE = 0.92
"""So late, or a packet thread so near to the whole of its core, the server tells callers that it is busy."""
CHECKS_PER_MINUTE = 6
"""Checks of devices from one network: a few people in one office, or one who tries again."""
CHECKS_OF_A_NETWORK = 4
"""At the same time."""
ALL_CHECKS_PER_MINUTE = 30
"""From everywhere: what was found is kept for so many, the oldest making room."""
CHECK_S = 90.0
"""The longest check; its conference ends then."""
CHECK_EMPTY_S = 10
CHECK_REPORT_S = 15 * 60
"""Until so long after its end its result may be handed in: somebody looks for the speaker's cable first."""
CHECKS_REMEMBERED = 4096
"""Checks whose result was handed in."""
NUMBERS_REMEMBERED = 65_536
"""Meeting numbers that somebody tried: so many that trying others does not make the limit of one forgotten."""
SOURCES_REMEMBERED = 4096
"""Addresses that the rate limit remembers; the longest unseen one is forgotten first."""

PAGE_FILES = 2000
PAGE_BYTES = 64 * 1024 * 1024

LEAF_DAYS = 397
"""The longest life that browsers grant to a server certificate."""
CA_DAYS = 3650
RENEW_DAYS = 30
RENEW_CHECK_S = 3600.0
SUBJECT_NAMES = 100
"""Addresses and names in one certificate."""

FAILURE_CHECK_S = 5.0
"""How often the server looks whether its packet plane still lives; everything else that fails wakes it."""
KEEP_S = 300.0
"""Between two signed checkpoints of the audit trail."""
