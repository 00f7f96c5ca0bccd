"""SIP for hall terminals (RFC 3261): registration, calls in and out, and the bodies that they carry.

Owns the wire format, transactions, dialogs, digest and bans; sans-IO but for one asyncio driver. Decides nothing about
who may be in which meeting, touches no packets: bodies are opaque to the core.
"""
