"""Bounds of what the REST API takes; a test stands at limit + 1."""

PAGE = 50
PAGE_MOST = 200
CURSOR_BYTES = 400
QUERY_CHARACTERS = 200
SEARCHED = 2000
"""Rows looked at for one answer."""
FIRST_YEAR = 2000
LAST_YEAR = 2100
KEY_CHARACTERS = 100
"""Of an Idempotency-Key."""
ATTENDEES = 600
HALLS = 50
TERMINALS = 300
CALLS = 500
"""Terminals that are taken out of a call list."""
AGENDA = 100
DOCUMENTS = 50
UPLOAD_BYTES = 5 * 1024 * 1024
DATES = 750
RANGES = 100
SUCCESSORS = 20
SHARED = 1000
"""Units, sites or people that one part of a split takes by name."""
RULES = 200
EVENTS = 40
LEGS = 500
"""Of one command."""
