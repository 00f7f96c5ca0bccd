"""The identity of a caller: sign-in, sessions and their cookie, second factors, single sign-on, keys, administration of
accounts.

The package owns cookies, throttles and the routes of all this. `rooms.accounts` and `rooms.policy` decide the rights of an
account.
"""
