"""The limits of accounts and sign-ins. A test checks each limit at limit + 1."""

from datetime import timedelta

PASSWORD_LEAST = 12
PASSWORD_LEAST_WITH_TOTP = 10
PASSWORD_CHARACTERS = 256

# argon2id with the parameters of OWASP's Password Storage Cheat Sheet: 19 MiB, two passes, one lane. Larger values: each
# sign-in takes more time and memory. Smaller values: a stolen hash is cheaper to guess.
HASH_MEMORY_KIB = 19_456
HASH_PASSES = 2
HASH_LANES = 1
HASH_WORKERS = 2
"""Threads that compute hashes, each with the memory of one hash. Chosen. More: hashes take CPU time from media. Fewer: a
sign-in waits longer.
"""
HASH_WAITING = 32
"""Waiting hashes in each of the two queues. Chosen: one hash takes about 30 ms, so the last one waits half a second. More:
sign-ins wait longer in a rush. Fewer: a rush of sign-ins gets `busy`.
"""
HASH_WAITING_OF_ONE = 4
"""Waiting hashes of one network or browser. Chosen. More: one network fills the queue. Fewer: users behind one address get
`busy`.
"""

FREE_FAILURES = 5
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
FORGET_FAILURES = timedelta(hours=24)

SESSION_IDLE = timedelta(hours=4)
SESSION_LIFE = timedelta(hours=14)
"""A working day with an early start and a late meeting. Longer: a stolen session stays usable for a longer time. Shorter: a
user must sign in twice on one day.
"""
SESSIONS = 20
"""Sessions of one account. Chosen. More: more old sessions stay valid. Fewer: a user of several devices is signed out. At the
limit, a new sign-in ends the session that was unused for the longest time.
"""
LINK_LIFE = timedelta(hours=72)
LINKS = 5
"""Open links of one account. Chosen. More: more unused links stay valid. Fewer: a link expires before the user opens it. At the
limit, a new link deletes the oldest link.
"""

TOTP_STEP_S = 30
TOTP_SECRET_BYTES = 20
RECOVERY_CODES = 10

GRANTS = 50
"""Grants of one account that are in force now or later. Chosen. More: each request of the account reads more rows. Fewer: a
person with roles in many units cannot get all of them.
"""
CLIENTS = 200
DEPUTISED = 20
"""Persons whom one deputy represents at the same time. Chosen. More: each request of the deputy reads more roles. Fewer: the
roles of the other persons are silently ignored.
"""
