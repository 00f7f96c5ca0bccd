"""The HTTP side: `/api/v1` (REST, described by OpenAPI 3.1), the built pages and the authority's certificate.

Owns requests and responses, the invitation secret and the rate limit. What a token allows is decided in `conference`.
"""

from signaling.api.application import application
from signaling.api.conferences import Surroundings
from signaling.api.cursors import Cursors
from signaling.api.invitations import Invitations, new_number
from signaling.api.pages import Pages
from signaling.api.visits import Desk, DeviceProfiles, HallDesk, Present

__all__ = [
    "Cursors",
    "Desk",
    "DeviceProfiles",
    "HallDesk",
    "Invitations",
    "Pages",
    "Present",
    "Surroundings",
    "application",
    "new_number",
]
