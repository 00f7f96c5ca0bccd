"""The limits of `/desk`. The suffix `_S` means seconds. A figure without a source is chosen."""

HELLO_S = 10.0
"""Seconds for the hello after the socket opened; then the socket is closed. Longer: silent clients hold sockets, until STRANGERS
(4096) closes the oldest. Shorter: phones on slow networks are cut.
"""
MESSAGE_BYTES = 16 * 1024
"""Bytes of one message of the client; a longer one closes the socket. The longest order admits 300 people (LOBBY_WAITING) by
identifiers of 32 characters, and a token has at most 8 KiB (TOKEN_BYTES). More: memory for unknown clients. Less: a host cannot
admit a full lobby at once, or a long token is refused.
"""
NESTING = 16
"""Levels of objects and lists in one message of the client; with more, the socket is closed. Orders have three. More: a hostile
message costs more time. Fewer than four: orders are refused.
"""
MESSAGES_PER_S, MESSAGES_BURST = 20.0, 100.0
"""Messages of one channel in a second, beyond MESSAGES_BURST at once. With a higher rate the socket is closed. A person presses a
few keys in a second. More: one client takes CPU time from the calls. Fewer: a client that sends its orders again after a
lost connection is closed.
"""
EVENTS, EVENT_BYTES = 1000, 256 * 1024
"""Events, and their bytes, that a channel keeps: those that wait for a slow reader, and the last ones for a resume. When more
would wait, all are dropped, and the client gets the whole document. Issue 21 names both figures. More: memory for each client.
Fewer: clients on slow networks get the whole document often, which is longer than the events.
"""
ANSWERS = 64
"""Answers of one channel that are kept, so that no order is performed twice when the client sends it again. More: memory. Fewer:
after a lost connection the client gets `order_old` for an order that was performed.
"""
ORDERS_WAITING = 16
"""Orders of one channel that wait for the order before them; a further one is refused. More: orders are performed long after they
were given. Fewer: a quick person is refused.
"""
UNSENT_MESSAGES = 128
"""Answers and clocks that wait for a slow reader; with more, the socket is closed. The orders of MESSAGES_BURST (100) fit. More:
memory. Fewer: a client that sends many orders at once is closed.
"""
KEPT_S = 60.0
"""Seconds for which a channel without a socket is kept for a resume. Longer: memory. Shorter: a client that changes its network
gets the whole document again.
"""
CLOCK_S = 10.0
"""Seconds between two `clock` messages. Clients reconnect after 25 s of silence. Longer: clients notice a dead connection later.
Shorter: more messages to idle clients.
"""
LOOK_S = 0.5
"""Seconds between two checks of all channels, for rights that ended and channels that are no longer kept. By issue 21 an ended
right acts within 1 s. Longer: a removed person reads and orders longer. Shorter: more CPU time.
"""
CHANNELS_OF_IDENTITY = 4
"""Open channels of one identity; a further one closes the oldest. A person has a few windows. More: memory. Fewer: the windows of
a person close each other's channels.
"""
CHANNELS_OF_NETWORK = 1000
"""Open channels from one network address; a further one is refused. A whole province may share one address, and a meeting has
500 people (PARTICIPANTS). More: one client takes more of CHANNELS. Fewer: people behind one address get no desk.
"""
CHANNELS = 8000
"""Open and resumable channels of the server; a further one is refused. Each keeps up to EVENT_BYTES, but channels of one meeting
share the texts of its patches. More: memory. Fewer: people of the largest meetings get no desk.
"""
TRIES_PER_MINUTE = 60
"""Hellos with a wrong token from one network each minute; further ones are refused. More: a flood costs more time. Fewer: an
office with old pages must wait.
"""
CLOSING_S = 5.0
"""Seconds for the last messages to a client whose channel ends; then the socket is closed without them. Longer: a client that
does not read holds its socket longer. Shorter: clients on slow networks do not learn why the channel ended.
"""
