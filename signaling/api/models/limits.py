"""The limits of requests to the REST API. A test checks each limit + 1."""

PAGE = 50
PAGE_MOST = 200
CURSOR_BYTES = 400
QUERY_CHARACTERS = 200
SEARCHED = 2000
"""Rows that the database returns for one answer. More: slow answers. Fewer: a long list ends too early."""
FIRST_YEAR = 2000
LAST_YEAR = 2100
KEY_CHARACTERS = 100
"""Characters of an Idempotency-Key. Longer: more to store with each booking. Shorter: keys of other systems are refused."""
ATTENDEES = 600
HALLS = 50
TERMINALS = 300
CALLS = 500
"""Terminals that one booking takes out of its call list. Chosen. More: bigger requests. Fewer: a large meeting cannot take out
terminals.
"""
AGENDA = 100
DOCUMENTS = 50
UPLOAD_BYTES = 5 * 1024 * 1024
DATES = 750
RANGES = 100
SUCCESSORS = 20
SHARED = 1000
"""Units, sites or people that one part of a split names. Chosen. More: bigger requests. Fewer: a large unit cannot be split."""
RULES = 200
EVENTS = 40
LEGS = 500
"""Legs of one command. More: one command takes longer. Fewer: operators of large meetings need several commands."""
