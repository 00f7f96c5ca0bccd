"""The limits of signing in over HTTP; a test checks limit + 1. The limits of accounts are in `rooms.accounts.limits`. The
suffix `_S` means seconds. A figure without a source is chosen.
"""

PASSWORD_CHARACTERS = 256
"""Limit of a typed password, checked before hashing. More: hashing costs more. Fewer: users with long passwords cannot sign in.
"""
PAGE = 50
"""Accounts on one page of the list, if the request names no number. Chosen. More: slower answers. Fewer: clients need more
requests.
"""
PAGE_MOST = 200
"""The most accounts on one page that a request can ask for. Chosen. More: slower answers. Fewer: clients need more requests."""
SEEN_EVERY_S = 60.0
"""Precision of the last use of a session; each note is a write. Longer: users see old times. Shorter: more writes."""
COOKIE_BYTES = 200
"""Characters of a session's or browser's cookie; a longer cookie is not used. Chosen: our own cookies are shorter. More: longer
hostile input. Fewer: users are signed out.
"""
KEY_BYTES = 200
"""Characters of a key for the REST API that are read. Chosen: our own keys are shorter. More: longer hostile input. Fewer: no
key works.
"""
AGENT_CHARACTERS = 200
"""Characters of a browser's name that are stored with its session. Chosen. More: larger rows. Fewer: users cannot tell their
sessions apart.
"""
FAILURES_PER_MINUTE = 30
"""Wrong passwords from one network; after a pause as many at once. More: guessing is easier. Fewer: an office where many
mistype must wait.
"""
NOTES = 200
"""Entries about guessing that wait to be written; further entries are dropped. More: memory. Fewer: the trail lacks guesses."""
NOTE_AFTER_S = 0.5
"""Seconds from a wrong password to its entry in the audit trail. Chosen. Longer: a crash loses more entries. Shorter: the time
of the answer can reveal whether the name exists.
"""
NETWORKS_REMEMBERED = 16_384
"""Networks whose wrong passwords, or departures to the single sign-on, are counted. Chosen. More: memory. Fewer: an attacker
with many addresses resets counts.
"""
NAMES_REMEMBERED = 16_384
"""Typed names (and browsers of known users) whose wrong passwords are counted. Chosen. More: memory. Fewer: an attacker who
tries many names resets the count of one.
"""
DEVICE_S = 365 * 24 * 3600
"""Time for which a browser counts as known for an account. Longer: a sold computer keeps its own throttle. Shorter: an attack
locks out owners that return rarely.
"""

FLOWS_PER_MINUTE = 120
"""Departures to the single sign-on from one network; each may cause a request to the issuer. More: a flood reaches the issuer.
Fewer: a large office must wait.
"""
ISSUER_BYTES = 256 * 1024
"""Limit of one answer of the issuer. More: memory. Less: an issuer with many keys is refused."""
ISSUER_S = 10.0
"""Timeout for an answer of the issuer. Longer: users wait for a dead issuer. Shorter: a slow issuer cannot be used."""
ISSUER_REMEMBERED_S = 3600.0
"""Seconds for which the discovery document and keys of the single sign-on's issuer are used again. Chosen. Longer: a key that
the issuer has withdrawn is accepted for longer. Shorter: more requests to the issuer.
"""
FLOW_S = 600.0
"""Time from the departure to the return. Longer: a stolen cookie works longer. Shorter: slow users must begin again."""
NEXT_CHARACTERS = 500
"""Characters of the page to which a single sign-on returns. Chosen. More: a longer cookie. Fewer: links with long queries lose
their page.
"""
ID_TOKEN_BYTES = 32 * 1024
"""Characters of an ID token of the issuer. Chosen. More: checking a hostile token costs more time. Fewer: users with many
groups cannot sign in.
"""
LEEWAY_S = 60
"""Allowed difference between the clocks of the issuer and of this server. More: expired tokens are accepted longer. Less: a
small error of a clock stops all sign-ins.
"""
