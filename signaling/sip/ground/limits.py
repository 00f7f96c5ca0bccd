"""Every limit of the SIP core. Names with `_S` are in seconds."""

MESSAGE_BYTES = 64 * 1024
"""Bytes of one SIP message. Chosen: the longest datagram. Larger: a connection that never ends a message costs more memory.
Smaller: long descriptions and rosters are refused (513).
"""
HEADER_COUNT = 100
"""Header fields of one SIP message. Chosen. Larger: a hostile message takes longer to parse. Smaller: messages through many
proxies are refused.
"""
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
"""SIP transactions of the server at the same time. Chosen. Larger: more memory under attack. Smaller: requests get 503, and
calls fail in a rush.
"""
TRANSACTIONS_PER_SOURCE = 512
"""Transactions with one address. Chosen: a whole province may share one address. Larger: one source can fill TRANSACTIONS.
Smaller: halls behind one address get 503.
"""
DIALOGS = 2048
"""Calls of the server at the same time. Chosen. Larger: more memory and CPU time than one process has. Smaller: further
incoming calls get 503, and further outgoing calls fail.
"""
DIALOGS_PER_SOURCE = 256
"""Calls with one address at the same time. Chosen. Larger: one source can take most of the DIALOGS. Smaller: halls behind one
address get 503.
"""
SUBSCRIPTIONS = 1024
"""SIP subscriptions to rosters of conferences at the same time. Chosen. Larger: each change of a roster causes more messages.
Smaller: further terminals get 503 and show no roster.
"""
SUBSCRIPTIONS_PER_SOURCE = 256
"""SIP subscriptions of one address at the same time. Chosen. Larger: one source can take most of the SUBSCRIPTIONS. Smaller:
terminals behind one address get no roster.
"""
TIMERS = 65_536
"""Timers of the SIP core at the same time. Chosen: more than all dialogs and transactions can set. Larger: a defect of ours is
noticed later. Smaller: calls fail although there is room for them.
"""
HOPS = 8
"""Addresses that one dial tries. Chosen. Larger: a dial to a dead host fails later. Smaller: a working address is not tried."""
ROUTES = 16
"""Record-Route entries of one dialog. Chosen. Larger: requests in the dialog grow. Smaller: calls through many proxies fail."""

BINDINGS = 4096
"""Registrations of all terminals at the same time. Chosen. Larger: more memory. Smaller: further terminals cannot register
(503) and are not called.
"""
BINDINGS_PER_ALIAS = 4
"""Registrations of one account (the latest are kept), and answers of several devices to one of our calls. Chosen. Larger: a
call may try more old addresses. Smaller: an account with several devices loses some of them.
"""
EXPIRES_LEAST_S = 60
"""Seconds. A shorter registration is refused (423). Chosen. Longer: terminals with a fixed short time cannot register. Shorter:
terminals can load the server with registrations.
"""
EXPIRES_DEFAULT_S = 300
"""Seconds of a registration that names no time. Chosen. Longer than EXPIRES_MOST_S: no effect. Shorter: such terminals must
register more often, or cannot be reached between two registrations.
"""
EXPIRES_MOST_S = 300
"""The longest registration. Chosen. Longer: a terminal that was switched off or moved looks reachable for longer. Shorter:
terminals register more often.
"""
SUBSCRIPTION_S = 3600
"""The longest subscription, and the default. Chosen. Longer: a dead subscriber keeps its place. Shorter: terminals refresh more
often.
"""

NONCE_S = 30
"""Seconds for which a nonce of digest authentication is valid. Chosen. Longer: an observed proof can be used for longer.
Shorter: a slow terminal needs one more challenge.
"""
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
"""Seconds of the first ban of a source or account; each further ban in a row is twice as long. Chosen. Longer: a hall with a
wrong password waits longer after the correction. Shorter: an attacker guesses more.
"""
BAN_MOST_S = 3600
"""Seconds of the longest ban. Chosen. Longer: a corrected hall waits longer. Shorter: an attacker guesses more each day."""
FORGET_FAILURES_S = 3600
"""Seconds without a failure after which failures and bans of a source are forgotten. Chosen. Longer: single mistakes of a hall
add up to a ban. Shorter: a slow attacker is never banned.
"""
SOURCES_REMEMBERED = 4096
"""Half the rows of each table of sources. Chosen. Only allowed networks and aliases of the directory get a row. Larger: more
memory. Smaller: failures are forgotten before they lead to a ban.
"""
BANS = 4096
"""Bans and former bans that are stored; the oldest is removed. Chosen. Larger: more memory and a slower start. Smaller: an
attacker with many addresses ends its own bans.
"""
MESSAGES_PER_SECOND = 200
"""SIP messages of one address that are read each second; the rest are dropped. Chosen. Larger: one source takes more CPU time.
Smaller: terminals behind one address lose messages.
"""
MESSAGES_AT_ONCE = 400
"""SIP messages of one address that are read at once after a pause. Chosen. Larger: a burst takes more CPU time. Smaller:
terminals behind one address that start together lose messages.
"""
MESSAGE_WEIGHT_BYTES = 1024
"""Bytes. Chosen. Each full weight of a message counts as one more message, because long messages take longer to read. Larger:
long messages cost too little. Smaller: normal INVITEs use up the rate.
"""

SESSION_EXPIRES_S = 1800
"""Seconds between two refreshes of a call, if the terminal names no time. Source: RFC 4028 §4 recommends 1800. Longer: a call
with a dead terminal is noticed later. Shorter: more messages during calls.
"""
SESSION_LEAST_S = 90
"""Seconds. A call with a shorter refresh time is refused (422). Source: RFC 4028 §5 requires at least 90. Longer: terminals
with a fixed short time cannot call. Shorter: terminals refuse our requests.
"""
SESSION_MOST_S = 24 * 3600
"""Seconds. A longer refresh time of a call is shortened to this time. Chosen: one day. Longer: a call with a dead terminal may
stay for days. Shorter: terminals with a long minimum cannot be called.
"""
RING_S = 60
"""Seconds that one of our calls rings; then the call ends with "no answer". Incoming calls ring three times as long. Chosen.
Longer: the next try starts later. Shorter: a hall whose people are slow to answer misses the call.
"""
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
"""Addresses, and answering devices, that are tried to end a call that a dead server was dialling. Chosen. Larger: more messages
to addresses without the call. Smaller: a device that answered at another address keeps the call.
"""
CREDENTIAL_TRIES = 2
"""Repetitions of a request with credentials after 401 or 407. Chosen: one for the challenge, one for an expired nonce. Larger:
a wrong password is sent more often, and a terminal may ban us. Smaller: an expired nonce ends the call.
"""
SESSION_TRIES = 2
"""Repetitions of an INVITE after 422, each with the longer refresh time that the terminal requires. Chosen. Larger: a faulty
terminal gets more calls. Smaller: a terminal behind a proxy with another minimum cannot be called.
"""
GLARE_TRIES = 4
"""Repetitions of our re-INVITE or UPDATE after 491 (both sides offered together). Chosen. Larger: a terminal that always
refuses gets more messages. Smaller: a change of the media is lost.
"""
RETRY_AFTER_MOST_S = 24 * 3600
"""Seconds. A longer Retry-After of a refusal is shortened to this time when it is read. Chosen: one day. Longer: a wrong number
reaches the operator's board. Shorter: a real waiting time is reported too short.
"""
BODY_QUEUE = 8
"""Our re-INVITEs, INFOs or NOTIFYs that wait for an earlier one. Chosen. Larger: a slow terminal gets outdated messages.
Smaller: messages are refused in a short burst.
"""

CONNECTIONS = 1024
"""SIP connections over TCP and TLS at the same time. Chosen. Larger: more memory and descriptors. Smaller: further terminals
cannot connect.
"""
CONNECTIONS_PER_SOURCE = 64
"""SIP connections of one address at the same time. Chosen. Larger: one source can take most of the CONNECTIONS. Smaller:
terminals behind one address cannot connect.
"""
FIRST_MESSAGE_S = 15.0
"""Seconds for the TLS handshake, and for the first message of a connection whose peer has proved nothing. Chosen. Longer:
silent connections hold their places. Shorter: terminals on slow networks are disconnected.
"""
IDLE_S = 1800.0
"""Seconds without a byte from the peer after which a trusted SIP connection, or a connection of ours, is closed. Chosen.
Longer: dead connections hold their places. Shorter: a quiet terminal must connect again, and a call to it may fail.
"""
PING_S = 100.0
"""The time between pings. RFC 5626 section 4.4.1: between 95 and 120 s. Longer: a NAT may forget the connection. Shorter: more
traffic.
"""
CONNECT_S = 5.0
"""Seconds for a SIP connection that we open. Chosen. Longer: a dial to a dead address tries its next address later. Shorter:
addresses on slow networks look dead.
"""
RESOLVE_S = 5.0
"""Seconds for a name lookup of a SIP address. Chosen. Longer: a dial with a dead DNS server fails later. Shorter: slow DNS
servers make calls fail.
"""
STREAM_BYTES_PER_SECOND = 128 * 1024
"""Bytes read each second over all SIP connections of one source; then reading pauses. Chosen. Larger: one source takes more CPU
time from others. Smaller: many terminals behind one address are slowed down.
"""
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
