"""Who is asking: sign-in, sessions and their cookie, second factors, single sign-on, keys, administration of accounts.

Owns cookies, throttles and the routes of all this; what an account may do is decided in `rooms.accounts` and `rooms.policy`.
"""

from signaling.access.access import Access, Issuer, Options, session_id
from signaling.access.refusals import STATUS
from signaling.access.routing import router
from signaling.addresses import sign_in_link as link_url
