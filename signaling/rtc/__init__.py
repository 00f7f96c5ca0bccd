"""The browser protocol: signalling by WebSocket, and the server API beside it. See PROTOCOL.md.

Owns the wire format and the life of a connection. Decides nothing about who may do what, touches no packets.
"""
