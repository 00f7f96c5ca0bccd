"""Attributes of a participant that our pages read and that only the server writes. Most values are times in ms since 1970."""

from typing import Final

HAND: Final = "hand"
"""The time at which the participant raised the hand."""
UNMUTE_ASKED: Final = "diemcau.unmuteAsked"
"""The time at which a host asked the participant to switch the microphone on."""
WAITS: Final = "diemcau.waits"
"""The time since which a participant waits in the lobby, or a hall waits, muted, for the chair to open the meeting."""
STOPPED: Final = "diemcau.stopped"
"""The time at which the meeting was stopped because of secret content. The page reads the mark just before it is removed."""
HOST: Final = "diemcau.host"
"""Marks a host. The server sets it from the token each time and never stores it. Its value has no meaning."""
STAGE: Final = "diemcau.stage"
"""The time since which the chair shows the participant large to all."""
ROLE: Final = "diemcau.role"
"""The role of a host in a booked meeting: `chair`, `secretary`, `operator`. The server takes the role from the booking."""
UNIT: Final = "diemcau.unit"
"""The name of the participant's unit. The server takes the name from the register, for pass and hall."""
SITE: Final = "diemcau.site"
"""The name of the site of a hall."""
MOMENTARY: Final = frozenset((UNMUTE_ASKED, WAITS, STAGE, STOPPED))
"""The attributes that belong to the present moment of the call. No token has them."""
RESERVED: Final = frozenset((UNMUTE_ASKED, WAITS, HOST, STAGE, STOPPED, ROLE, UNIT, SITE))
"""The attributes that no client can write, even if it may change its own attributes."""
