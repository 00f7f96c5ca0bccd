"""The limits of accounts and sign-ins. A test checks each limit at limit + 1."""

from datetime import timedelta

PASSWORD_LEAST = 12
"""Characters of the shortest password of an account without a second factor. Chosen. More: people write passwords down. Fewer:
passwords are easier to guess.
"""
PASSWORD_LEAST_WITH_TOTP = 10
"""Characters of the shortest password of an account with a second factor. Chosen. More: people write passwords down. Fewer:
after the loss of the second factor, passwords are easier to guess.
"""
PASSWORD_CHARACTERS = 256
"""Characters of the longest new password; a longer one is refused. Chosen. The HTTP model refuses more than 256 characters
first (`signaling/access/limits.py`), also at a sign-in. More: no effect. Fewer: long sentences and passwords of password
managers are refused.
"""

HASH_MEMORY_KIB = 19_456
"""KiB of memory of one argon2id hash. Source: OWASP's Password Storage Cheat Sheet, 19 MiB. The hash for unknown names in
`passwords.py` holds the same value and must change too, or unknown names are answered in another time. Larger: each sign-in
takes more time and memory. Smaller: a stolen hash is cheaper to guess.
"""
HASH_PASSES = 2
"""Passes over the memory of one argon2id hash. Source: OWASP's Password Storage Cheat Sheet. The hash for unknown names in
`passwords.py` must change too. More: each sign-in takes more time. Fewer: a stolen hash is cheaper to guess.
"""
HASH_LANES = 1
"""Lanes (threads) of one argon2id hash. Source: OWASP's Password Storage Cheat Sheet. The hash for unknown names in
`passwords.py` must change too. More: one sign-in takes CPU time from media on several cores. Fewer than one: not possible.
"""
HASH_WORKERS = 2
"""Threads that compute password hashes, each with 19 MiB of memory (HASH_MEMORY_KIB). Chosen. More: hashes take CPU time from
media. Fewer: a sign-in waits longer.
"""
HASH_WAITING = 32
"""Sign-ins that wait for their password check (an argon2id hash). There are two queues of this length: for browsers that are
known for the account, and for all others. In a full queue, the network with the most waiting sign-ins loses its last one to a
network with fewer. Otherwise the new sign-in is refused (`busy`). Chosen: 32 hashes of 30 ms on two threads are half a second.
More: sign-ins wait longer in a rush. Fewer: more sign-ins get `busy` in a rush.
"""
HASH_WAITING_OF_ONE = 4
"""Password checks of one network or browser that wait at the same time; a further sign-in is refused (`busy`). Chosen. More:
one network fills the queue. Fewer: users behind one address get `busy`.
"""

FREE_FAILURES = 5
"""Wrong passwords for one typed name without a pause; after each further one the name must wait, 2 s at first, then longer.
Chosen. More: an attacker guesses more without a pause. Fewer: a user who mistypes must wait.
"""
FIRST_PAUSE = timedelta(seconds=2)
"""The pause after the first wrong password beyond FREE_FAILURES; it doubles with each further one. Chosen. Longer: a user who
mistypes waits longer. Shorter: an attacker guesses faster.
"""
LONGEST_PAUSE = timedelta(minutes=15)
"""The longest pause between two attempts to sign in. Chosen. Longer: an attacker locks a user out for longer. Shorter: an
attacker guesses faster over days.
"""
FORGET_FAILURES = timedelta(hours=24)
"""The time without an attempt after which wrong passwords are forgotten. Chosen. Longer: old typing errors cause pauses.
Shorter: an attacker who waits gets new free attempts.
"""

SESSION_IDLE = timedelta(hours=4)
"""The time without a request after which a session ends. Chosen. Longer: a session on an abandoned computer stays usable for
longer. Shorter: users must sign in again after a meeting.
"""
SESSION_LIFE = timedelta(hours=14)
"""The time after a sign-in after which a session ends. Chosen: a working day with an early start and a late meeting. Longer: a
stolen session stays usable for longer. Shorter: a user must sign in twice on one day.
"""
SESSIONS = 20
"""Sessions (sign-ins on devices) of one account. At the limit, a new sign-in ends the session that was unused for the longest
time. Chosen. More: more old sessions stay valid. Fewer: a user of several devices is signed out.
"""
LINK_LIFE = timedelta(hours=72)
"""The time for which a link works that opens one session to set a new password. Chosen: three days. Longer: a stolen link works
for longer. Shorter: users must ask for a new link.
"""
LINKS = 5
"""Unused sign-in links of one account (for a first or lost password). At the limit, a new link deletes the oldest link. Chosen.
More: more unused links stay valid. Fewer: a link stops working before the user opens it.
"""

TOTP_STEP_S = 30
"""Seconds for which one code of an authenticator application is valid. Source: the default of RFC 6238, which all applications
use. Longer or shorter: the codes of all applications that are set up already are refused. So are those of new ones that ignore
the period in the QR code.
"""
TOTP_SECRET_BYTES = 20
"""Bytes of the secret of an authenticator application. Source: RFC 4226 §4 recommends 20. More: some applications refuse the
secret. Fewer: the secret is easier to compute from some codes. Below 16: the library raises an error, and no application can be
set up.
"""
RECOVERY_CODES = 10
"""Codes on paper of one account for the loss of the authenticator application; each works once. Chosen. More: more codes that
can be stolen. Fewer: users run out of codes.
"""

GRANTS = 50
"""Roles of one account, each in one unit, that are in force now or later; a further one is refused. Chosen. More: each request
of the account reads more rows. Fewer: a person with roles in many units cannot get all of them.
"""
CLIENTS = 200
"""Other systems with a key for the REST API, also those whose key was revoked; a further one is refused. Chosen. More: a longer
list of keys that can leak. Fewer: a new system gets no key.
"""
DEPUTISED = 20
"""Persons for whom one deputy acts at the same time. Chosen. More: each request of the deputy reads more roles. Fewer: the
roles of the other persons are ignored without a message.
"""
