"""Test participants: programs that join a conference as *clients*, show a moving picture and speak in turns.

They use aiortc and PyAV at the client's end of the browser protocol (single connection, `/rtc/v1`). They know nothing of the
server's inside, so they work against any server of that protocol. The server never imports this package.
"""
