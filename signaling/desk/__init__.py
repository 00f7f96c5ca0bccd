"""The channel of the chair: the WebSocket `/desk`, by which a client reads the desk document of a meeting and gives orders.

`PROTOCOL.md` describes the messages. `feed` and `reading` have no sockets and no clock. `channels` owns the open and the
resumable channels of this process. `sockets` owns one WebSocket.
"""
