"""SIP for hall terminals (RFC 3261): registration, calls in and out, and the bodies of their messages.

The layers, from the bottom up:
- `wire`: messages and bodies
- `transaction`
- `dialog`: dialogs, requests with their retries, digest
- `call`: one call from INVITE to BYE
- `agent`: the user agent with its registrations, subscriptions and bans
- `driver`: the sockets on asyncio; beside it only `floor` opens sockets

`media` reads what a call agrees on. `floor` is the floor channel (BFCP). `ground` holds the limits.

This package does not decide who may join which meeting, and handles no media packets. The layers from `transaction` to `driver`
pass session descriptions on without reading them.
"""
