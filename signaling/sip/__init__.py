"""SIP for hall terminals (RFC 3261): registration, calls in and out, and the bodies that they carry.

The layers, from the bottom up:
- `wire`: messages and bodies
- `transaction`
- `dialog`: dialogs, requests with their retries, digest
- `call`: one call from INVITE to BYE
- `agent`: the user agent with its registrations, subscriptions and bans
- `driver`: the sockets on asyncio, the only input and output here

`media` reads what a call agrees on. `floor` is the floor channel (BFCP). `ground` holds the bounds.

Decides nothing about who may be in which meeting, touches no packets: bodies are opaque to the core.
"""
