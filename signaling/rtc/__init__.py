"""The browser protocol: signalling by WebSocket, and the server API beside it. See PROTOCOL.md.

The package owns the wire format and the life of a connection. It does not decide the rights of participants, and it touches no
packets.
"""
