"""Connections to the outside: browsers, HTTP, later SIP, H.323 and mail.

Owns what lives as long as one connection, the settings, the identities (tokens) and the composition of the whole server.
Decides nothing about who may do what in a meeting (`conference`) and touches no packets (`media`). The parts `rtc` and
`api` do not import each other; `server` puts them together.
"""
