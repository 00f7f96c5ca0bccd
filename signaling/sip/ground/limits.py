"""Every limit of the SIP core. Names with `_S` are in seconds."""

MESSAGE_BYTES = 64 * 1024
HEADER_COUNT = 100
LINE_BYTES = 8 * 1024
"""Bytes of a header field with its folded lines, or of the start line. Chosen. Larger: one message takes longer to parse.
Smaller: messages with long fields are refused.
"""
PARAMETERS = 64
"""Parameters in one field value or URI. Chosen. Larger: one field takes longer to parse. Smaller: real Contacts and digests are
refused.
"""
VALUES = 70
"""Comma-separated values of one field name. More Vias than Max-Forwards (70) come from a loop. Larger: loops are found later.
Smaller: a request through many proxies is refused.
"""
LEADING_BLANK_BYTES = 16
"""Bytes of CR and LF before a start line, RFC 3261 section 7.5. Larger: useless bytes are read. Smaller: keep-alives before a
message make it unreadable.
"""

UDP_REQUEST_BYTES = 1300
"""Bytes. Longer requests are sent over TCP, RFC 3261 section 18.1.1. Larger: IP fragments get lost. Smaller: more requests need
TCP.
"""

TRANSACTIONS = 4096
TRANSACTIONS_PER_SOURCE = 512
"""Transactions with one address. Chosen: a whole province may share one address. Larger: one source can fill TRANSACTIONS.
Smaller: halls behind one address get 503.
"""
DIALOGS = 2048
DIALOGS_PER_SOURCE = 256
SUBSCRIPTIONS = 1024
SUBSCRIPTIONS_PER_SOURCE = 256
TIMERS = 65_536
HOPS = 8
"""Addresses that one dial tries. Chosen. Larger: a dial to a dead host fails later. Smaller: a working address is not tried."""
ROUTES = 16
"""Record-Route entries of one dialog. Chosen. Larger: requests in the dialog grow. Smaller: calls through many proxies fail."""

BINDINGS = 4096
BINDINGS_PER_ALIAS = 4
EXPIRES_LEAST_S = 60
EXPIRES_DEFAULT_S = 300
EXPIRES_MOST_S = 300
"""The longest registration. Chosen. Longer: a terminal that was switched off or moved looks reachable for longer. Shorter:
terminals register more often.
"""
SUBSCRIPTION_S = 3600
"""The longest subscription, and the default. Chosen. Longer: a dead subscriber keeps its place. Shorter: terminals refresh more
often.
"""

NONCE_S = 30
NONCE_COUNTS = 8192
"""Nonces whose highest count is stored. Chosen: more than the right proofs within NONCE_S. Larger: more memory. Smaller: an
observed proof can be sent again.
"""

FREE_CHALLENGES = 3
"""Unanswered challenges allowed for one address and port. Chosen: a terminal asks with several methods at once. Larger: a scan
runs longer. Smaller: a good terminal counts as a scan.
"""
SHARED_CHALLENGES_MOST = 64
"""The most unanswered challenges for one address with several accounts. Chosen. Larger: a scan from there runs longer. Smaller:
terminals that start together count as a scan.
"""
PING_SPACING_S = 5.0
"""Unproven requests of an address count together if each follows within this time. Chosen. Longer: a slow health check counts
as a scan. Shorter: a slow scan is not seen.
"""
FAILURES_TO_BAN = 5
"""Wrong passwords of one alias from one source, or failures of one source. Chosen. Larger: an attacker guesses more. Smaller: a
few typing errors ban a hall.
"""
BAN_FIRST_S = 60
BAN_MOST_S = 3600
FORGET_FAILURES_S = 3600
SOURCES_REMEMBERED = 4096
"""Half the rows of each table of sources. Chosen. Only allowed networks and aliases of the directory get a row. Larger: more
memory. Smaller: failures are forgotten before they lead to a ban.
"""
BANS = 4096
MESSAGES_PER_SECOND = 200
MESSAGES_AT_ONCE = 400
MESSAGE_WEIGHT_BYTES = 1024
"""Bytes. Chosen. Each full weight of a message counts as one more message, because long messages take longer to read. Larger:
long messages cost too little. Smaller: normal INVITEs use up the rate.
"""

SESSION_EXPIRES_S = 1800
SESSION_LEAST_S = 90
SESSION_MOST_S = 24 * 3600
RING_S = 60
ORPHAN_BYE_S = 8.0
"""The wait for the answer to our BYE in a call of a dead server. Chosen: five retransmissions of a datagram. Longer: the end is
reported later. Shorter: a lossy network makes a call look unreachable.
"""
ORPHAN_CANCEL_S = 5.0
"""The wait for messages of a call that the dead server was still dialling. Chosen: terminals repeat an answer every 4 s (T2).
Longer: the end is reported later. Shorter: a repeated answer comes too late, and the call stays open.
"""
ORPHAN_CSEQ = 2**20
"""The step of CSeq in a call of a dead server. Chosen: more than one request every 50 ms in twelve hours. Larger: CSeq reaches
its bound earlier. Smaller: the terminal refuses our BYE as too old.
"""
ORPHAN_HOPS = 3
CREDENTIAL_TRIES = 2
SESSION_TRIES = 2
GLARE_TRIES = 4
RETRY_AFTER_MOST_S = 24 * 3600
BODY_QUEUE = 8
"""Our re-INVITEs, INFOs or NOTIFYs that wait for an earlier one. Chosen. Larger: a slow terminal gets outdated messages.
Smaller: messages are refused in a short burst.
"""

CONNECTIONS = 1024
CONNECTIONS_PER_SOURCE = 64
FIRST_MESSAGE_S = 15.0
IDLE_S = 1800.0
PING_S = 100.0
"""The time between pings. RFC 5626 section 4.4.1: between 95 and 120 s. Longer: a NAT may forget the connection. Shorter: more
traffic.
"""
CONNECT_S = 5.0
RESOLVE_S = 5.0
STREAM_BYTES_PER_SECOND = 128 * 1024
STREAM_BYTES_AT_ONCE = 512 * 1024
"""Bytes read at once over all connections of one source; then reading pauses. Chosen. Larger: one source takes more time from
others. Smaller: many terminals behind one address are slowed down.
"""
FINISH_S = 5.0
"""The wait for the peer to read the last bytes before an abort. Chosen. Longer: dead connections stay. Shorter: a slow peer
misses the last answer.
"""
WRITE_BYTES = 256 * 1024
"""Unsent bytes of one connection. Chosen. Larger: a peer that does not read costs more memory. Smaller: a slow peer is
disconnected.
"""
