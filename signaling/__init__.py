"""The connections to the outside: browsers, HTTP, SIP, mail, and later H.323.

This package owns the objects that live as long as one connection, the settings, the identities (tokens) and the composition of
the whole server. It does not decide the rights of participants in a meeting (`conference`), and it does not touch packets
(`media`). The parts `rtc` and `api` do not import each other; `server` connects them.
"""
