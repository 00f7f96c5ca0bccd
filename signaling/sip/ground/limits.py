"""Every bound of the SIP core, in one place. Seconds are `_S`."""

MESSAGE_BYTES = 64 * 1024
HEADER_COUNT = 100
LINE_BYTES = 8 * 1024
"""Of a header field with its folded lines, and of the start line."""
PARAMETERS = 64
"""In one field value or URI."""
VALUES = 70
"""Comma separated values of one field name: more Vias than Max-Forwards allows come from a loop."""
LEADING_BLANK_BYTES = 16
"""CR and LF before a start line, RFC 3261 section 7.5."""

UDP_REQUEST_BYTES = 1300
"""Longer requests travel by TCP, RFC 3261 section 18.1.1."""

TRANSACTIONS = 4096
TRANSACTIONS_PER_SOURCE = 512
"""A whole province may come through one address."""
DIALOGS = 2048
DIALOGS_PER_SOURCE = 256
SUBSCRIPTIONS = 1024
SUBSCRIPTIONS_PER_SOURCE = 256
TIMERS = 65_536
HOPS = 8
"""Addresses that one dial tries."""
ROUTES = 16
"""Record-Route entries of one dialog."""

BINDINGS = 4096
BINDINGS_PER_ALIAS = 4
EXPIRES_LEAST_S = 60
EXPIRES_DEFAULT_S = 300
EXPIRES_MOST_S = 300
"""Of a registration: who was switched off or has moved is known to be away after minutes."""
SUBSCRIPTION_S = 3600
"""Of a subscription, the most and where none is named."""

NONCE_S = 30
NONCE_COUNTS = 8192
"""Nonces whose highest count is remembered: more than are used rightly while one lives."""

FREE_CHALLENGES = 3
"""Challenges to one address and port that may stand unanswered: a terminal asks with several methods at once."""
SHARED_CHALLENGES_MOST = 64
"""The same for one address behind which several accounts may stand."""
PING_SPACING_S = 5.0
"""OPTIONS of somebody unknown that come faster are counted together."""
FAILURES_TO_BAN = 5
"""Wrong passwords of one alias from one source, or failures of one source."""
BAN_FIRST_S = 60
BAN_MOST_S = 3600
FORGET_FAILURES_S = 3600
SOURCES_REMEMBERED = 4096
"""Sources of allowed networks, and aliases of the directory: nothing is remembered of anybody else."""
BANS = 4096
MESSAGES_PER_SECOND = 200
MESSAGES_AT_ONCE = 400
MESSAGE_WEIGHT_BYTES = 1024
"""Of a longer message each so many count as one more: what is long takes long to read."""

SESSION_EXPIRES_S = 1800
SESSION_LEAST_S = 90
SESSION_MOST_S = 24 * 3600
RING_S = 60
ORPHAN_BYE_S = 8.0
"""For the answer to the BYE of a call that a dead server had: five repetitions of a datagram."""
ORPHAN_CANCEL_S = 5.0
"""For what comes of a call that was on its way then: an answer is repeated each 4 s (T2)."""
ORPHAN_CSEQ = 2**20
"""How far the numbers of such a call go on: more requests than twelve hours have, one each 50 ms."""
ORPHAN_HOPS = 3
CREDENTIAL_TRIES = 2
SESSION_TRIES = 2
GLARE_TRIES = 4
RETRY_AFTER_MOST_S = 24 * 3600
BODY_QUEUE = 8
"""re-INVITEs and INFOs of ours that wait for the one before."""

CONNECTIONS = 1024
CONNECTIONS_PER_SOURCE = 64
FIRST_MESSAGE_S = 15.0
IDLE_S = 1800.0
PING_S = 100.0
"""RFC 5626 section 4.4.1: between 95 and 120 s."""
CONNECT_S = 5.0
RESOLVE_S = 5.0
STREAM_BYTES_PER_SECOND = 128 * 1024
STREAM_BYTES_AT_ONCE = 512 * 1024
"""Over all connections of one source; beyond that they are not read for a while."""
FINISH_S = 5.0
"""For what was written before a connection is closed."""
WRITE_BYTES = 256 * 1024
"""What a connection whose peer does not read may hold back."""
