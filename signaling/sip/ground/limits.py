"""Every limit of the SIP core. Names with `_S` are in seconds."""

MESSAGE_BYTES = 64 * 1024
"""Bytes of one SIP message. A longer one cannot be a datagram; on a connection it closes the connection. Chosen: the longest
datagram. Larger: a connection that never ends a message costs more memory. Smaller: long session descriptions and lists of
participants are lost.
"""
HEADER_COUNT = 100
"""Header fields of one SIP message; with more, a datagram is dropped without an answer, and a connection is closed. Chosen.
Larger: a hostile message takes longer to parse. Smaller: messages through many proxies are lost.
"""
LINE_BYTES = 8 * 1024
"""Bytes of a SIP header field with its folded lines, or of the start line. With a longer one, a datagram is dropped without an
answer, and a connection is closed. Chosen. Larger: one message takes longer to parse. Smaller: messages with long fields are
lost.
"""
PARAMETERS = 64
"""Parameters in one field value or URI of a SIP message; a request with more is refused (400). Chosen. Larger: a hostile field
takes longer to parse. Smaller: real Contacts and digests are refused.
"""
VALUES = 70
"""Comma-separated values of one field name in a SIP message; a request with more is refused (400). A request with more Vias
than Max-Forwards (70) has passed a loop of proxies. Larger: such a request is accepted up to that number of Vias. Smaller: a
request through many proxies is refused.
"""
LEADING_BLANK_BYTES = 16
"""Empty lines (CR LF) before the start line of a SIP datagram are skipped up to this number of bytes (RFC 3261 section 7.5).
On a connection all are skipped, and a keep-alive is a datagram of its own. Larger: useless bytes are read. Smaller: a datagram
that begins with some empty lines is dropped.
"""

UDP_REQUEST_BYTES = 1300
"""Bytes. Longer SIP requests are sent over TCP, and over UDP if TCP fails (RFC 3261 section 18.1.1). Larger: IP fragments get
lost, so calls fail. Smaller: more requests need TCP.
"""

TRANSACTIONS = 4096
"""SIP transactions (requests with their answers) of the server at the same time; further requests get 503, and our own
requests fail. Chosen. Larger: more memory under attack. Smaller: calls fail in a rush.
"""
TRANSACTIONS_PER_SOURCE = 512
"""SIP transactions with one IP address at the same time; above, requests get 503, and our own requests to it fail. Chosen: a
whole province may share one address. Larger: one source can fill all 4096 TRANSACTIONS. Smaller: halls behind one address get
503.
"""
DIALOGS = 2048
"""Calls of the server at the same time. Chosen. Larger: more memory and CPU time than one process has. Smaller: further
incoming calls get 503, and further outgoing calls fail.
"""
DIALOGS_PER_SOURCE = 256
"""Calls with one IP address at the same time; above, incoming calls from it get 503. Outgoing calls are counted, but never
refused by this limit. Subscriptions outside of a call, and calls that ended in the last 32 s, are counted too. Chosen. Larger:
one address can take a larger part of the 2048 DIALOGS (now an eighth), and then halls at other addresses get 503. Smaller:
halls behind one address get 503.
"""
SUBSCRIPTIONS = 1024
"""SIP subscriptions of terminals to the participant lists of conferences, at the same time. Further ones get 503. Chosen.
Larger: each change of a list causes more messages. Smaller: further terminals show no list.
"""
SUBSCRIPTIONS_PER_SOURCE = 256
"""SIP subscriptions of one IP address to participant lists at the same time; further ones get 503. Chosen. Larger: one source
can take most of the 1024 SUBSCRIPTIONS. Smaller: terminals behind one address show no list.
"""
TIMERS = 65_536
"""Timers of the SIP code at the same time; a further timer is an error. Chosen: more than all calls and transactions can set.
Larger: a defect of ours is noticed later. Smaller: calls fail although there is room for them.
"""
HOPS = 8
"""Addresses of one SIP target that a call tries, one after another; then the call fails. An IP address counts once for each of
its transports (up to three: TLS, TCP, UDP). Chosen. Larger: a call to a dead target with more addresses fails later, up to 32 s
for each. Smaller: a working address is not tried.
"""
ROUTES = 16
"""Record-Route entries (proxies on the way) of one SIP call; a call with more is refused. Chosen. Larger: later requests of the
call grow. Smaller: calls through many proxies fail.
"""

BINDINGS = 4096
"""Registrations of all terminals at the same time. Chosen. Larger: more memory. Smaller: further terminals cannot register
(503) and are not called.
"""
BINDINGS_PER_ALIAS = 4
"""Registrations of one SIP account (the latest are kept), and answers of several devices to one of our calls. Chosen. Larger:
more addresses of one account are kept. Smaller: an account with several devices loses some of them.
"""
EXPIRES_LEAST_S = 60
"""Seconds. A shorter registration is refused (423). Chosen. Longer: terminals with a fixed short time cannot register; above
300 s (EXPIRES_DEFAULT_S) those without a time are refused too. Shorter: terminals can load the server with registrations.
"""
EXPIRES_DEFAULT_S = 300
"""Seconds of a registration that names no time. Chosen. Longer than EXPIRES_MOST_S (300 s): no effect. Shorter: such terminals
must register more often, or cannot be reached between two registrations.
"""
EXPIRES_MOST_S = 300
"""Seconds of the longest registration of a terminal; a longer one is shortened. Chosen. Longer: a terminal that was switched
off or moved looks reachable for longer. Shorter: terminals register more often.
"""
SUBSCRIPTION_S = 3600
"""Seconds of the longest SIP subscription to a participant list, and the default. A longer one is shortened. Chosen. Longer: a
dead terminal keeps its place. Shorter: terminals refresh more often.
"""

NONCE_S = 30
"""Seconds for which a nonce (the random text of digest authentication) is valid. Chosen. Longer: an attacker can use an
observed answer for longer. Shorter: a slow terminal needs one more try.
"""
NONCE_COUNTS = 8192
"""Nonces of digest authentication whose highest count is stored; the oldest is removed. Chosen: more than the right answers
within NONCE_S (30 s). Larger: more memory under attack. Smaller: an attacker can send an observed answer again.
"""

FREE_CHALLENGES = 3
"""Requests without a right password over TCP or TLS from one address and port. Each further one counts as a failure, and 5
failures (FAILURES_TO_BAN) ban the source. Chosen: a terminal begins with several requests at once. Larger: a scan for accounts
runs longer. Smaller: good terminals are banned.
"""
SHARED_CHALLENGES_MOST = 64
"""As FREE_CHALLENGES (3), but for one IP address: as many as the accounts that may be behind it, up to this number. Chosen.
Larger: a scan for accounts from there runs longer. Smaller: terminals behind one address that start together are banned.
"""
PING_SPACING_S = 5.0
"""Requests of an unknown sender that get an answer without a password count together if each follows within this time. After
the third (FREE_CHALLENGES), each is dropped over UDP, and over TCP it counts as a failure, which leads to a ban. Chosen.
Longer: a slow health check is banned. Shorter: a slow scan is not seen.
"""
FAILURES_TO_BAN = 5
"""Wrong passwords of one account from one source, or failures of one source. Then the source or account is banned, for 60 s
(BAN_FIRST_S) at first. Chosen. Larger: an attacker guesses more. Smaller: a few typing errors ban a hall.
"""
BAN_FIRST_S = 60
"""Seconds for which a source or account is banned after its failures (FAILURES_TO_BAN, 5). A terminal of the source that is
registered or in a call is still read. Each further ban in a row is twice as long, up to BAN_MOST_S (3600). Chosen. Longer: a
hall with a wrong password waits longer after the correction. Shorter: an attacker guesses more.
"""
BAN_MOST_S = 3600
"""Seconds of the longest ban of a source or SIP account. Chosen. Longer: from the seventh ban in a row on, a hall with a wrong
password waits longer after the correction. Shorter: an attacker guesses more each day.
"""
FORGET_FAILURES_S = 3600
"""Seconds without a failure after which failures and bans of a source are forgotten. Chosen. Longer: single mistakes of a hall
add up to a ban. Shorter: a slow attacker is never banned.
"""
SOURCES_REMEMBERED = 4096
"""Half of the rows in each table of failures, of open challenges and of message rates. The row that changed least recently is
removed. Chosen. Only allowed networks and known accounts get a row. Larger: more memory. Smaller: failures are forgotten
before they lead to a ban.
"""
BANS = 4096
"""SIP bans and former bans that are stored; the oldest is removed. Chosen. Larger: more memory and a slower start. Smaller: an
attacker with many addresses pushes out the bans of its own addresses.
"""
MESSAGES_PER_SECOND = 200
"""SIP messages of one IP address that are read each second, beyond the 400 of MESSAGES_AT_ONCE; the rest are dropped. Chosen.
Larger: one source takes more CPU time. Smaller: terminals behind one address lose messages.
"""
MESSAGES_AT_ONCE = 400
"""SIP messages of one IP address that are read at once; 200 a second (MESSAGES_PER_SECOND) are added again, and the rest are
dropped. Chosen. Larger: a burst takes more CPU time. Smaller: terminals behind one address that start together lose messages.
"""
MESSAGE_WEIGHT_BYTES = 1024
"""Bytes. Chosen. Each full weight of a SIP message counts as one more message in MESSAGES_PER_SECOND (200), because long
messages take longer to read. Larger: one source with long messages takes more CPU time. Smaller: normal INVITEs use up the
rate, and messages are dropped.
"""

SESSION_EXPIRES_S = 1800
"""Seconds of the session timer of a call, if the terminal names no time; the call is refreshed after half of it. Source: RFC
4028 §4 recommends 1800. Longer: a call with a dead terminal whose media does not show it is noticed later. Shorter: more
messages during calls.
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
"""Seconds that one of our calls rings; then the call ends with "no answer". Incoming calls ring three times as long
(RING_TURNS). Chosen. Longer: the next try starts later. Shorter: a hall whose people are slow to answer misses the call.
"""
ORPHAN_BYE_S = 8.0
"""Seconds at most for the terminal's answer to our BYE in a call of a server that died. Chosen: five retransmissions of a
datagram. Longer: only if the terminal does not answer, operators learn of the end later. Shorter: on a lossy network the call
counts as unreachable.
"""
ORPHAN_CANCEL_S = 5.0
"""Seconds at most for messages of a call that a server was dialling when it died; then the call counts as ended. Chosen:
terminals repeat an answer every 4 s (T2). Longer: only without a refusal (487), operators learn of the end later. Shorter: a
repeated answer comes too late, and the hall stays in the call.
"""
ORPHAN_CSEQ = 2**20
"""The step by which the sequence number (CSeq) grows in a call of a server that died, because its last number is not known.
Chosen: more than one request every 50 ms in twelve hours. Larger: the number reaches its bound earlier. Smaller: the terminal
refuses our BYE as too old.
"""
ORPHAN_HOPS = 3
"""IP addresses, and devices that answer, that are tried to end a call that a server was dialling when it died. Chosen. Larger:
more messages to addresses without the call. Smaller: a device that answered at another address stays in the call.
"""
CREDENTIAL_TRIES = 2
"""Repetitions of a request with credentials after 401 or 407. Chosen: one for the challenge, one for an expired nonce. A
refused password is not sent again. Larger: only a terminal that always reports an expired nonce gets more requests. Smaller:
an expired nonce ends the call.
"""
SESSION_TRIES = 2
"""Repetitions of an INVITE after 422, each with the longer refresh time that the terminal requires. Chosen. Larger: a faulty
terminal gets more calls. Smaller: a terminal behind a proxy with another minimum cannot be called.
"""
GLARE_TRIES = 4
"""Repetitions of our new offer (re-INVITE or UPDATE) after 491, when both sides offered together; then it is given up. Chosen.
Larger: a terminal that always refuses gets more messages. Smaller: a change of the media, for example the start of slides, is
lost.
"""
RETRY_AFTER_MOST_S = 24 * 3600
"""Seconds. A longer Retry-After of a refusal is shortened to this time when it is read. Chosen: one day. Longer: a wrong number
reaches the operator's board. Shorter: a real waiting time is reported too short.
"""
BODY_QUEUE = 8
"""Our messages in one call (new offers, INFO, NOTIFY) that wait for the answer to an earlier one. At the limit the oldest offer
is dropped, an INFO fails, and a NOTIFY is replaced by a later one. Chosen. Larger: a slow terminal gets outdated messages.
Smaller: in a short burst, changes do not reach the terminal.
"""

CONNECTIONS = 1024
"""SIP connections over TCP and TLS at the same time. Further ones are closed, and our own are not opened. Chosen. Larger: more
memory and descriptors. Smaller: further terminals cannot connect or be called.
"""
CONNECTIONS_PER_SOURCE = 64
"""SIP connections of one IP address at the same time; further ones are closed. Chosen. Larger: one source can take most of the
1024 CONNECTIONS. Smaller: terminals behind one address cannot connect.
"""
FIRST_MESSAGE_S = 15.0
"""Seconds for the TLS handshake, and for the first whole message of an accepted SIP connection; then it is closed. Later only
a connection without a right password is closed for such silence, at a check every 100 s (PING_S). Chosen. Longer: silent
connections hold their places, so other terminals are refused sooner. Shorter: terminals on slow networks are disconnected.
"""
IDLE_S = 1800.0
"""Seconds without a byte from the peer after which a trusted SIP connection, or a connection of ours, is closed. The check
comes every 100 s (PING_S). Chosen. Longer: dead connections hold their places. Shorter: a quiet terminal must connect again,
and a call to it may fail.
"""
PING_S = 100.0
"""Seconds between two keep-alives on a SIP connection that we opened. RFC 5626 section 4.4.1: between 95 and 120 s. Longer: a
NAT may forget the connection, and calls to the terminal fail. Shorter: more traffic.
"""
CONNECT_S = 5.0
"""Seconds for opening a SIP connection, with TLS; then the next address is tried. Chosen. Longer: a call to a dead address is
delayed. Shorter: addresses on slow networks look dead.
"""
RESOLVE_S = 5.0
"""Seconds for a name lookup of a SIP address. Chosen. Longer: only with a dead DNS server, a dial fails later. Shorter: slow
DNS servers make calls fail.
"""
STREAM_BYTES_PER_SECOND = 128 * 1024
"""Bytes read each second over all SIP connections of one IP address, beyond the 512 KiB of STREAM_BYTES_AT_ONCE; then reading
pauses. Chosen. Larger: one source takes more CPU time from others. Smaller: many terminals behind one address are slowed down.
"""
STREAM_BYTES_AT_ONCE = 512 * 1024
"""Bytes read at once over all SIP connections of one IP address; 128 KiB a second (STREAM_BYTES_PER_SECOND) are added again.
Without any left, reading pauses. Chosen. Larger: one source takes more time from others. Smaller: many terminals behind one
address are slowed down.
"""
FINISH_S = 5.0
"""Seconds at most that a closing SIP connection waits for the peer to read the last bytes; then it is cut. Chosen. Longer:
connections to peers that do not read stay. Shorter: a slow peer misses the last answer.
"""
WRITE_BYTES = 256 * 1024
"""Bytes that one SIP connection has not sent yet; with more, it is closed. Chosen. Larger: a peer that does not read costs more
memory. Smaller: a slow peer is disconnected.
"""
