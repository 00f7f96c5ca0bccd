"""Bounds of signing in over HTTP; a test stands at limit + 1. Those of accounts themselves stand in `rooms.accounts.limits`."""

PASSWORD_CHARACTERS = 256
"""Longer ones are refused before they are hashed."""
PAGE = 50
PAGE_MOST = 200
SEEN_EVERY_S = 60.0
"""How exactly the last use of a session is known; each note of it is a write."""
COOKIE_BYTES = 200
KEY_BYTES = 200
AGENT_CHARACTERS = 200
FAILURES_PER_MINUTE = 30
"""Wrong passwords from one network, as many at once after a pause."""
NOTES = 200
"""Entries about guessing that wait to be written."""
NOTE_AFTER_S = 0.5
NETWORKS_REMEMBERED = 16_384
NAMES_REMEMBERED = 16_384
DEVICE_S = 365 * 24 * 3600
"""How long a browser is known to have signed in before."""

FLOWS_PER_MINUTE = 120
"""Departures to the single sign-on from one network: each asks something of the issuer."""
ISSUER_BYTES = 256 * 1024
"""Of one answer of the single sign-on's server."""
ISSUER_S = 10.0
"""Longest wait for it."""
ISSUER_REMEMBERED_S = 3600.0
FLOW_S = 600.0
"""From leaving for the single sign-on to coming back."""
NEXT_CHARACTERS = 500
ID_TOKEN_BYTES = 32 * 1024
LEEWAY_S = 60
"""How far the clocks of the single sign-on and of this server may differ."""
