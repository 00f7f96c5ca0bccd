"""Attributes of a participant that our pages read and that the server alone writes. Their values are times in ms since 1970."""

from typing import Final

HAND: Final = "hand"
"""A hand is up, since then."""
UNMUTE_ASKED: Final = "diemcau.unmuteAsked"
"""A host has asked for the microphone to be switched on, at that time."""
HOST: Final = "diemcau.host"
"""Marks a host. It is made from the token each time and is never stored; its value says nothing."""
RESERVED: Final = frozenset((UNMUTE_ASKED, HOST))
"""A client that may change its own attributes cannot write these."""
