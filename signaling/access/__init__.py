"""Who is asking: sign-in, sessions and their cookie, second factors, single sign-on, keys, administration of accounts.

Owns cookies, throttles and the routes of all this; what an account may do is decided in `rooms.accounts` and `rooms.policy`.
"""
