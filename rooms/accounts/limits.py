"""Bounds of accounts and sign-ins; a test stands at limit + 1."""

from datetime import timedelta

PASSWORD_LEAST = 12
PASSWORD_LEAST_WITH_TOTP = 10
PASSWORD_CHARACTERS = 256

# argon2id as OWASP's Password Storage Cheat Sheet gives it: 19 MiB, two passes, one lane.
HASH_MEMORY_KIB = 19_456
HASH_PASSES = 2
HASH_LANES = 1
HASH_WORKERS = 2
"""Hashes at the same time, each with its memory."""
HASH_WAITING = 32
"""In each of the two queues; at about 30 ms a hash, the last one waits half a second."""
HASH_WAITING_OF_ONE = 4
"""From one network or browser."""

FREE_FAILURES = 5
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=15)
FORGET_FAILURES = timedelta(hours=24)

SESSION_IDLE = timedelta(hours=4)
SESSION_LIFE = timedelta(hours=14)
"""A working day with an early start and a late meeting."""
SESSIONS = 20
"""Of one account; the longest unseen one ends first."""
LINK_LIFE = timedelta(hours=72)
LINKS = 5
"""Open ones of one account; the oldest ends first."""

TOTP_STEP_S = 30
TOTP_SECRET_BYTES = 20
RECOVERY_CODES = 10

GRANTS = 50
"""Of one account at any time."""
CLIENTS = 200
DEPUTISED = 20
"""Persons for whom one person stands in at a time."""
