"""Bounds and rhythm of the test participants."""

COUNT = 200
"""Participants of one command."""
JOINS_AT_ONCE = 4
JOIN_S = 20.0
"""From the request to a connected media path."""
LEAVE_S = 3.0
GOODBYE_S = 1.0
"""How long the reason may come after the media path has closed."""
MESSAGE_BYTES = 1024 * 1024
REASON_CHARACTERS = 200
"""Of a refusal that is printed."""
CANDIDATES = 20
"""Addresses of the server that are tried from one section."""
REMOTE_SECTIONS = 100
"""Sections of one kind that a watching participant opens for others."""
SILENCE_TOLERATED_S = 30.0
"""Without a word of the server, when it names no time of its own."""

PICTURES_PER_SECOND = 15
LOOP_S = 4
KEY_PICTURE_EVERY_S = 1
"""The loop is encoded once: a request for a key picture is answered by the next one that comes anyway."""
PICTURE_BPS = 300_000
LAG_S = 1.0
"""Media later than this is not sent in a burst; the clock moves on."""
