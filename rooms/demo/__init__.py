"""A month of meetings of an invented province (`tayninh-2025`), half of it past and half to come, to try everything with.

The same for the same day. `load` puts it into an empty installation in one transaction; `offered` tells whether it may.
"""

from rooms.demo.loading import Loaded, load, offered, unused

__all__ = ["Loaded", "load", "offered", "unused"]
