"""All limits of the calls of halls, of their board and of the caller. The suffix `_S` means seconds. A figure without a source
is chosen.

The limits of the SIP core are in `signaling/sip/ground/limits.py`, those of a conference in `conference/ground/limits.py`.
"""

LEG_LEASE_S = 20.0
"""Seconds for which a call to a hall (meeting room with a SIP terminal) belongs to one server process; it renews this lease.
Source: `dial/CALLER.md`. Longer: after a server died, other servers call its halls later. Shorter: with a slow database a
server loses the lease, and calls that work are ended.
"""
KEPT_S = 0.2
"""Seconds between two writes of terminals' registrations and of ended calls to the database. Longer: when the server is killed,
more of both is lost. Shorter: more transactions.
"""
KEEP_DIALOG_S = 2.0
"""An answered call is saved before its ACK, so that another process can end it if this one dies. Seconds at most for saving.
Until the ACK the terminal repeats its answer, after 0.5 s and 1 s more. Longer: with a slow database the hall gets its media
late. Shorter: the call is not saved, and after a crash the hall stays in it.
"""
DIALOGS_OVER = 8192
"""Ended calls whose rows wait to be deleted in the database; further ones are forgotten. More than two thousand calls run at
once. More: memory, only while the database is away. Fewer: rows of ended calls stay, and the next server tries to end these
calls again.
"""
PLACES_SEEN = 2000
"""Halls (SIP terminals) without registration for which the address of their last call is kept; the oldest is removed. More:
memory. Fewer: more such halls cannot be called back.
"""
UNHEARD_S = 2.0
"""A terminal registered at a new address while a call to its old address was not answered. Seconds that the server still waits
there. Longer: the call to the new address starts later. Shorter: a call that the terminal is about to answer is ended.
"""
CALLER_TICK_S = 1.0
"""Seconds between two rounds in which the server starts and ends its calls to halls, while it has some. Chosen. Longer: halls
are called and ended later. Shorter: more queries.
"""
CALLER_PLAN_S = 15.0
"""Seconds between two searches for meetings whose halls must be called, and for calls of servers that died. Chosen. Longer:
halls of a meeting that was booked just now are called late. Shorter: more queries.
"""
GOODBYE_S = 0.3
"""Seconds at most that a stopping server waits for the answers of terminals to BYE and CANCEL; without open calls it does not
wait. Over UDP a lost BYE is repeated after 0.5 s (T1, RFC 3261), so not in this time. The terminal then stays in a dead call
until its own timer ends it. Longer: the stop takes longer, but only if a terminal does not answer; above 0.5 s, a lost BYE is
repeated once. Shorter: a terminal that was just dialled may get no CANCEL, and rings on.
"""
GOODBYE_LOOKS = 15
"""Checks within GOODBYE_S (0.3 s) whether all terminals have answered; the server then stops earlier. More: more wake-ups.
Fewer: the server waits longer than necessary.
"""
REGISTER_REFRESH_S = 30.0
"""Seconds between two readings of the terminals' accounts, networks and profiles from the database. Chosen. Longer: a terminal
whose data was changed is called with the old data. Shorter: more queries.
"""
CALLS_OF_A_TERMINAL = 3
"""Calls from one terminal at the same time; a further call is refused. More: a faulty terminal takes places of others. Fewer: a
terminal that lost its call and dials again is refused, because the server has not noticed the loss yet.
"""
TEST_ROOMS = 6
"""Test rooms (a hall sees and hears itself) at the same time. Each has its own mixer. A further hall hears "busy". More: less
processor time for meetings. Fewer: halls must wait for their test.
"""
LAST_WORDS_S = 6.0
"""Seconds from the start of the last announcement to a hall (for example "wrong PIN") until the call ends. Chosen. Longer: the
hall hears silence. Shorter: the announcement is cut off.
"""
REFUSAL_WORDS_MOST_S = 20.0
"""Seconds at most until a call is refused whose announcement has not ended, because the mixer starts late on a busy machine. As
long as `PROMPT_S`, after which an announcement counts as finished. Longer: a caller rings for long, if the mixer does not start.
Shorter: the caller hears no reason.
"""
REFUSAL_TICK_S = 0.2
"""Seconds between two looks at whether the announcement has ended. Chosen. Longer: the hall hears silence before the refusal.
Shorter: more work.
"""
HALL_WITHOUT_MEETING_S = 600.0
"""Seconds that a hall may stay in the voice menu, in a test room or in the wait for the operator; then its call ends. Each
test room has a mixer, and the other such halls share one. Longer: forgotten halls use up the processor. The wait in a lobby
does not count. Shorter: a hall that waits for the operator is ended.
"""
SECOND_OFFER_S = 1.0
"""When a terminal's answer leaves out some media (for example slides), the server offers them again after this time. A Polycom
terminal sends its own offer within it. Longer: slides start later. Shorter: both offers collide (491).
"""
FULL_AGAIN_S = 60
"""Seconds in the Retry-After (RFC 3261 section 20.33) of a call that is refused because the server is full. Longer: a hall
stays out although there is room again. Shorter: more calls to a full server.
"""
TOKEN_PORTS_TRIED = 64
"""Floor control (BFCP, the right to present) needs a port. This many ports, from the end of the halls' range, are tried; then
the start fails. More: a start that must fail takes longer. Fewer: the start fails although a free port exists.
"""
KEYS_AHEAD = 40
"""Keys that a hall types while the server checks its meeting number and PIN; later keys are lost. Enough for a number, a PIN
and a `#` after each. More: memory. Fewer: users must type again.
"""
OPERATOR_CALLS = 100
"""Halls that wait for the operator at the same time. A further hall that dials the operator's number hears "busy"; from the
voice menu it gets no operator. All share the mixer of the reception. More: less processor time for meetings. Fewer: more halls
hear "busy".
"""
PROBE_SLOW_S = 2.0
"""Seconds. Before a meeting each terminal is asked whether it answers (SIP OPTIONS). A later answer shows its hall as "slow"
(amber). Chosen. Longer: a hall on a bad network looks ready. Shorter: halls on normal networks look slow.
"""
TRACES = 2000
"""Calls whose SIP messages are kept for operators; above it, the oldest call is removed. TRACES_CHARACTERS (32 Mi characters of
all calls) also removes whole calls, the oldest first. With 2000 calls this begins at 16,777 characters a call on average, with
4000 calls at half of that. More: more memory, at most TRACES_CHARACTERS. Fewer: the messages of a failed call are gone when an
operator looks for them.
"""
TRACES_CHARACTERS = 32 * 1024 * 1024
"""Characters of all SIP messages that are kept for operators; those of the oldest call are removed first. TRACES (2000) also
removes calls. More: memory. Fewer: the messages of a failed call are gone when an operator looks for them.
"""
TRACE_MESSAGES = 400
"""SIP messages of one call that are kept for operators; the oldest is removed first. Chosen. More: fewer calls fit into
TRACES_CHARACTERS (32 Mi). Fewer: the start of a long call cannot be seen.
"""
TRACE_CHARACTERS = 4000
"""Characters of one SIP message that are kept for operators; the rest is cut. More: fewer calls fit into TRACES_CHARACTERS (32
Mi). Fewer: long session descriptions are cut off.
"""
BOARD_WATCHERS = 50
"""Clients that watch the operators' board of one meeting at the same time; a further one is refused. More: more queries every 2
s (BOARD_S). Fewer: some operators cannot see the board.
"""
BOARD_S = 2.0
"""Seconds between two updates of the operators' board (the states of the halls of a meeting), if no news arrives earlier.
Chosen. Longer: bit rates on the board are old. Shorter: more queries for each operator.
"""
BOARD_PACE_S = 1.0
"""Seconds at least between two events of one operators' board. Chosen: a page draws 240 halls once a second. Longer: the
operator sees the effect of a command late. Shorter: more queries, more bytes, and a page that is always busy.
"""
BOARD_FIGURES_S = 5.0
"""Seconds between two new bit rates of one hall on the operators' board, unless packets are lost. Chosen. Longer: rates on the
board are old. Shorter: with 240 halls the board takes more than 1 MB a minute.
"""
BOARD_POOR = 0.03
"""Share of lost packets from which a hall's figures are new in each event. Chosen, as LOSS_HEARD of the page. Larger: the board
shows a bad line late. Smaller: more bytes.
"""
BOARD_LINES = 4096
"""RTP streams of calls to halls for which the operators' board remembers the last counters; the oldest is removed. Chosen.
More: memory. Fewer than the streams of the watched halls: the board shows the bit rates of some halls as 0.
"""
ROSTER_S = 5.0
"""Seconds between two SIP messages (NOTIFY) to a terminal about the people in its conference. Source: RFC 4575 §3.4. Longer:
terminals show an old list. Shorter: more messages than the standard allows.
"""
UNDO_S = 120.0
"""Seconds in which an operator can undo a command, for example the disconnection of several halls. Chosen. Longer: an undo
changes halls after the meeting has gone on. Shorter: a mistake is noticed too late.
"""
UNDOS = 500
"""Commands of operators that can be undone, over all meetings; the oldest is removed first. Chosen. More: memory. Fewer: an
operator cannot undo although the 120 s (UNDO_S) are not over.
"""
LEG_EVENTS = 32
"""Events of one call to a hall that wait for the database; above it, the second oldest is lost, and an error is logged. Equal
events replace each other, so the 17 kinds of one try fit. Source: `dial/CALLER.md`. More: memory while the database is away.
Fewer: the operators' board shows wrong states.
"""
NEWS_AGAIN_S = 1.0
"""Seconds until registrations and ended calls are written again after the database did not answer. Events of calls wait so
only while the server stops, and before that for CALLER_TICK_S. Chosen. Longer: they wait longer after the database is back.
Shorter: more tries and log lines while it is away.
"""
NEWS_LAST_S = 5.0
"""Seconds at most for writing the last events of calls when the server stops; the rest is lost. `docker stop` kills after 10
s. Longer: with a dead database, the server is killed before it has finished. Shorter: the next server calls a hall that an
operator disconnected.
"""
TROUBLES_S = 60.0
"""Seconds between two log lines about halls that still cannot be called; the first line comes at once. Longer: an operator
learns later that a fault goes on. Shorter: a longer log.
"""
