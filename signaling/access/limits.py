"""The limits of signing in over HTTP; a test checks limit + 1. The limits of accounts are in `rooms.accounts.limits`. The
suffix `_S` means seconds. A figure without a source is chosen.
"""

PASSWORD_CHARACTERS = 256
"""Characters of a typed password; a request with a longer one is refused (422) before hashing. More: no effect on new
passwords, which have their own limit of 256 in `rooms.accounts.limits`; a longer typed password is then only wrong. Fewer:
users with long passwords cannot sign in.
"""
PAGE = 50
"""Accounts on one page of the list, if the request names no number. Chosen. More: slower answers. Fewer: clients need more
requests.
"""
PAGE_MOST = 200
"""The most accounts on one page that a request can ask for; a request for more is refused (422). Chosen. More: slower answers
to requests for more. Fewer: clients need more requests.
"""
SEEN_EVERY_S = 60.0
"""The time of a session's last use is stored. It is stored again only after this time, because each time is a write to the
database. Longer: users see old times in their list of sessions. Shorter: more writes. Beyond SESSION_IDLE (4 hours) sessions
in use end.
"""
COOKIE_BYTES = 200
"""Characters of the cookie of a session or browser. A longer session cookie is ignored, and a longer browser's cookie is cut,
so it is not recognised. Chosen: our own cookies are shorter. More: longer hostile input. Fewer than our own: users are signed
out.
"""
KEY_BYTES = 200
"""Characters of a key for the REST API that are read; the rest is ignored. Chosen: our own keys are shorter. More: longer
hostile input, up to HEADER_BYTES (32 KiB). Fewer than our own: no key works.
"""
AGENT_CHARACTERS = 200
"""Characters of a browser's name (User-Agent) that are stored with its session; the rest is cut. Chosen. More: larger rows.
Fewer: users cannot tell their sessions apart.
"""
FAILURES_PER_MINUTE = 30
"""Wrong passwords from one network (IPv4 address or IPv6 /64) each minute, and as many at once after a pause. Above it,
sign-ins from there are refused, except from browsers that are known for the account. More: guessing many names is easier; each
name has its own pauses. Fewer: an office where many mistype must wait.
"""
NOTES = 200
"""Entries about wrong passwords that wait to be written to the audit trail; further entries are dropped. More: memory during
an attack. Fewer: during an attack, wrong passwords are missing in the audit trail.
"""
NOTE_AFTER_S = 0.5
"""Seconds from a wrong password to its entry in the audit trail. Chosen. Longer: a crash loses more entries. Shorter: the entry
slows the answer for existing names only, so an attacker learns which names exist.
"""
NETWORKS_REMEMBERED = 16_384
"""Networks for which wrong passwords are counted, and as many for redirects to the single sign-on. The count that changed
least recently is removed. Chosen. More: memory. Fewer: an attacker with many addresses makes the server forget counts, and can
guess on.
"""
NAMES_REMEMBERED = 16_384
"""Typed names (and browsers of known users) for which wrong passwords are counted. A second table of this size counts wrong
second factors by account. The count that changed least recently is removed. More: memory. Fewer: an attacker who tries many
names makes the server forget the count of one, and can guess on.
"""
DEVICE_S = 365 * 24 * 3600
"""Time for which a browser counts as known for an account. A known browser has its own count of wrong passwords, so attacks
from elsewhere do not block it. Longer: the buyer of a used computer can guess with a separate count. Shorter: an attack locks
out owners that return rarely.
"""

FLOWS_PER_MINUTE = 120
"""Redirects to the single sign-on for one network (IPv4 address or IPv6 /64) each minute, and as many at once after a pause.
Further ones are refused. Each causes a request to the issuer if its discovery document is not stored (ISSUER_REMEMBERED_S).
More: while the issuer fails, an attacker can flood the issuer through us. Fewer: a large office must wait.
"""
ISSUER_BYTES = 256 * 1024
"""Bytes of one answer of the issuer (the server of the single sign-on); a longer answer is refused, and the sign-in fails.
More: a faulty issuer costs more memory. Less: an issuer with many keys cannot be used.
"""
ISSUER_S = 10.0
"""Seconds for each step of a request to the issuer (the server of the single sign-on): to connect, and between two pieces of
an answer. Then the sign-in fails. A sign-in has several requests. Longer: only if the issuer does not answer, users wait
longer. Shorter: a slow issuer cannot be used.
"""
ISSUER_REMEMBERED_S = 3600.0
"""Seconds for which the discovery document and keys of the single sign-on's issuer are used again. Chosen. Longer: a key that
the issuer has withdrawn is accepted for longer. Shorter: more requests to the issuer.
"""
FLOW_S = 600.0
"""Seconds from the redirect to the single sign-on until the return; later the sign-in fails. Longer: a stolen cookie of the
redirect works longer. Shorter: slow users must begin again.
"""
NEXT_CHARACTERS = 500
"""Characters of the address of the page to which a single sign-on returns; a request with a longer one is refused (422).
Chosen. More: a longer cookie; beyond 4096 bytes in all, browsers drop the cookie and the sign-in fails. Fewer: users of links
with long queries cannot use the single sign-on there.
"""
ID_TOKEN_BYTES = 32 * 1024
"""Characters of an ID token of the single sign-on; with a longer one the sign-in fails. Chosen. More: checking a long token
costs more time, up to ISSUER_BYTES (256 KiB). Fewer: users with many groups cannot sign in.
"""
LEEWAY_S = 60
"""Seconds by which the clocks of the issuer (the server of the single sign-on) and of this server may differ. More: expired
tokens are accepted longer. Less: a small error of a clock stops all sign-ins.
"""
