"""SIP for hall terminals (RFC 3261): registration, calls in and out, and the bodies of their messages.

The layers, from the bottom up:
- `wire`: messages and bodies
- `transaction`
- `dialog`: dialogs, requests with their retries, digest
- `call`: one call from INVITE to BYE
- `agent`: the user agent with its registrations, subscriptions and bans
- `driver`: the sockets on asyncio; no other module here does input or output

`media` reads what a call agrees on. `floor` is the floor channel (BFCP). `ground` holds the limits.

This package does not decide who may join which meeting. It handles no media packets, and the layers below `media` do not read
bodies.
"""
