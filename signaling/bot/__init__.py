"""Test participants: programs that join a conference as *clients*, show a moving picture and take turns to speak.

Uses aiortc and PyAV at the client's end of the browser protocol (single connection, `/rtc/v1`) and knows nothing of the
server's inside: it works against any server of that protocol. Never imported by the server.
"""
