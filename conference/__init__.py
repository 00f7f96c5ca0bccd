"""Live conferences: who is there, what they publish, who receives it, who may do what.

Owns the memory of meetings that are going on; can be rebuilt from nothing but the clients coming back. Does not parse wire bytes,
open sockets or touch packets: SDP passes through as opaque text between `signaling` above and `media` below.
"""

from conference.errors import Refusal
from conference.permissions import Grants, Kind, Source

__all__ = ["Grants", "Kind", "Refusal", "Source"]
