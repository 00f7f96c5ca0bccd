"""All limits of the calls of halls, of their board and of the caller. The suffix `_S` means seconds. A figure without a source
is chosen.

The limits of the SIP core are in `signaling/sip/ground/limits.py`, those of a conference in `conference/ground/limits.py`.
"""

LEG_LEASE_S = 20.0
"""Lease of a worker on a leg. Source: `dial/CALLER.md`. Longer: the halls of a killed server elsewhere wait longer for their
next call. Shorter: a slow database loses leases, and calls that work are ended.
"""
KEPT_S = 0.2
"""Pause between two writes of registrations and ended calls. Longer: a killed server loses more of both. Shorter: more
transactions.
"""
KEEP_DIALOG_S = 2.0
"""Limit for saving an answered call before its ACK. Until the ACK the terminal repeats its answer, after 0.5 s and 1 s more.
Longer: with a slow database the hall gets its media late. Shorter: the call is not saved, and the next server cannot end it.
"""
DIALOGS_OVER = 8192
"""Ended calls that wait for the database; more than two thousand calls run at once. More: memory. Fewer: rows of ended calls
stay, and the next server tries to end these calls again.
"""
PLACES_SEEN = 2000
"""Halls whose last calling address is kept. More: memory. Fewer: a hall that dialled in without registration cannot be called
back.
"""
UNHEARD_S = 2.0
"""Limit for an answer from the old address after a terminal registers at another address. Longer: the call to the new address
starts later. Shorter: a call that the terminal is about to answer is ended.
"""
CALLER_TICK_S = 1.0
"""Seconds between two rounds of the caller while it holds legs or has news to write. Chosen. Longer: halls are called and ended
later. Shorter: more queries.
"""
CALLER_PLAN_S = 15.0
"""Seconds between two plans of the caller: legs of new dates, and free legs of other workers. Chosen. Longer: a meeting that
was booked just now is called late. Shorter: more queries.
"""
GOODBYE_S = 0.3
"""Limit for the answers to BYE when the server stops. Longer: the server stops later. Shorter: the server closes its sockets
before slow terminals answer.
"""
GOODBYE_LOOKS = 15
"""Checks within `GOODBYE_S` whether all terminals have answered. More: more wake-ups. Fewer: the server waits longer than
necessary.
"""
REGISTER_REFRESH_S = 30.0
"""Seconds between two readings of the terminals' register (accounts, networks, profiles). Chosen. Longer: a changed terminal is
called with old data. Shorter: more queries.
"""
CALLS_OF_A_TERMINAL = 3
"""Calls from one terminal at once. More: a faulty terminal takes places of others. Fewer: a terminal that lost its call and
dials again is refused, because the server has not noticed the loss yet.
"""
TEST_ROOMS = 6
"""Test rooms at once. Each test room has its own mixer. More: less processor time for meetings. Fewer: halls that test hear
"busy".
"""
LAST_WORDS_S = 6.0
"""Seconds from the start of a last announcement to the end of the call. Chosen. Longer: the hall hears silence. Shorter: the
announcement is cut off.
"""
HALL_WITHOUT_MEETING_S = 600.0
"""Longest stay in the menu, in a test room or at the operator; each place there has a mixer. Longer: forgotten halls use up the
processor. Shorter: a hall that waits for the operator is ended.
"""
SECOND_OFFER_S = 1.0
"""Delay from the answer of a call to our offer of the media that the first answer left out. A Polycom sends its own offer
within this time. Longer: slides start later. Shorter: both offers collide (491).
"""
FULL_AGAIN_S = 60
"""Retry-After of a call that finds the server full (RFC 3261 section 20.33). Longer: a hall stays out although there is room
again. Shorter: more calls to a full server.
"""
TOKEN_PORTS_TRIED = 64
"""Ports, from the end of the halls' range, that are tried for the channel of content tokens (BFCP). More: a start that must
fail takes longer. Fewer: the start fails although a free port exists.
"""
KEYS_AHEAD = 40
"""Keys kept while the server checks number and PIN. Enough for a number, a PIN and a `#` after each. More: memory. Fewer: keys
that a user typed ahead are lost.
"""
OPERATOR_CALLS = 100
"""Halls that wait for the operator at once. More: more mixer places. Fewer: halls hear "busy"."""
PROBE_SLOW_S = 2.0
"""Seconds. A probe (SIP OPTIONS) with a later answer shows the hall as amber, "slow". Chosen. Longer: a hall on a bad network
looks ready. Shorter: halls on normal networks look slow.
"""
TRACES = 2000
"""Calls whose SIP messages are kept; the oldest is removed first. More: memory. Fewer: the trace of a call is gone when an
operator looks for it.
"""
TRACES_CHARACTERS = 32 * 1024 * 1024
"""Characters of all traces together. More: memory. Fewer: old traces are gone sooner."""
TRACE_MESSAGES = 400
"""SIP messages of one call that are kept for operators; the oldest is removed first. Chosen. More: memory. Fewer: the start of
a long call cannot be seen.
"""
TRACE_CHARACTERS = 4000
"""Characters of one message. More: fewer calls fit. Fewer: long descriptions are cut off."""
BOARD_WATCHERS = 50
"""Clients that watch one board at the same time. More: more queries each `BOARD_S`. Fewer: an operator is refused."""
BOARD_S = 2.0
"""Seconds between two updates of an operator's board, if no news arrives earlier. Chosen. Longer: bit rates on the board are
old. Shorter: more queries for each operator.
"""
BOARD_LINES = 4096
"""Lines (audio and video of halls) whose last counters the board remembers. Chosen. More: memory. Fewer: the bit rates of some
halls are computed over too short a time.
"""
ROSTER_S = 5.0
"""Pause between two NOTIFYs of the changes in a conference (RFC 4575 §3.4). Longer: terminals show an old roster. Shorter: more
messages than the standard allows.
"""
UNDO_S = 120.0
"""Seconds in which an operator can undo an order, for example a drop of several halls. Chosen. Longer: an undo changes halls
after the meeting has gone on. Shorter: a mistake is noticed too late.
"""
UNDOS = 500
"""Orders of operators that can be undone, over all meetings; the oldest is removed first. Chosen. More: memory. Fewer: an
operator cannot undo although UNDO_S has not passed.
"""
LEG_EVENTS = 32
"""Events of one leg that wait for the database. Equal events replace each other, so the 17 kinds of one try fit. Source:
`dial/CALLER.md`. More: memory while the database is away. Fewer: events are lost.
"""
NEWS_AGAIN_S = 1.0
"""Seconds until news are written again after the database was away. Chosen. Longer: news wait longer after the database is
back. Shorter: more tries and log lines while it is away.
"""
NEWS_LAST_S = 5.0
"""Limit for writing the last events when the server stops. `docker stop` kills after 10 s. Longer: the server is killed before
it has finished. Shorter: the next server calls a hall that an operator put out.
"""
TROUBLES_S = 60.0
"""Pause between two log lines about halls that still cannot be called. Longer: a fault is noticed later. Shorter: a longer log.
"""
