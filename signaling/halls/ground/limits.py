"""Every bound of the calls of halls, of their board and of the caller, in one place. Seconds are `_S`.

The bounds of the SIP core are in `signaling/sip/ground/limits.py`, those of a conference in `conference/ground/limits.py`.
"""

LEG_LEASE_S = 20.0
"""After so long a leg of a server that was killed goes on."""
KEPT_S = 0.2
"""Between two writings of registrations and of calls that have ended."""
KEEP_DIALOG_S = 2.0
"""For a call that stands to be written down before its answer is acknowledged: it is repeated after 0.5 and 1 s more."""
DIALOGS_OVER = 8192
"""Calls that have ended, kept while the database is away: more than two thousand stand at once."""
PLACES_SEEN = 2000
"""Halls of which it is remembered where they dialled in from."""
UNHEARD_S = 2.0
"""A terminal that registers while it is called elsewhere has so long to answer there."""
CALLER_TICK_S = 1.0
CALLER_PLAN_S = 15.0
GOODBYE_S = 0.3
"""For BYEs and their answers when the server stops."""
GOODBYE_LOOKS = 15
"""Looks within this time, each at whether all have answered."""
REGISTER_REFRESH_S = 30.0
CALLS_OF_A_TERMINAL = 3
"""At once: one that lost its call dials again before we know of the loss."""
TEST_ROOMS = 6
"""Each has a mixer of its own."""
LAST_WORDS_S = 6.0
HALL_WITHOUT_MEETING_S = 600.0
"""In the menu or in a test room: each place there has a mixer."""
SECOND_OFFER_S = 1.0
"""After a call stands, until it is offered what it did not take at first: a Polycom's own offer comes before that."""
FULL_AGAIN_S = 60
"""Retry-After of a call that finds no room (RFC 3261 section 20.33)."""
TOKEN_PORTS_TRIED = 64
"""Ports of the halls' range that are tried for the channel of content tokens (BFCP)."""
KEYS_AHEAD = 40
"""Of a keypad, kept while what was typed before is looked up: a number, a PIN and a `#` behind each."""
OPERATOR_CALLS = 100
"""Halls that wait for the operator at once."""
PROBE_SLOW_S = 2.0
TRACES = 2000
"""Calls whose messages are remembered; the oldest is forgotten first."""
TRACES_CHARACTERS = 32 * 1024 * 1024
"""Of all of them together."""
TRACE_MESSAGES = 400
TRACE_CHARACTERS = 4000
"""Of one message."""
BOARD_WATCHERS = 50
"""Who look at one board at the same time."""
BOARD_S = 2.0
BOARD_LINES = 4096
ROSTER_S = 5.0
"""Between two NOTIFYs of what has changed in a conference (RFC 4575 §3.4)."""
UNDO_S = 120.0
UNDOS = 500
LEG_EVENTS = 32
"""Events of one leg that wait for the database. Equal events replace each other, so that 17 kinds for one try fit in."""
NEWS_AGAIN_S = 1.0
NEWS_LAST_S = 5.0
"""For what is not written yet when the server stops."""
TROUBLES_S = 60.0
"""How often it is said that halls still cannot be called."""
