"""The HTTP side: `/api/v1` (REST, described by OpenAPI 3.1), the built pages and the authority's certificate.

Owns requests and responses, the invitation secret and the rate limit. What a token allows is decided in `conference`.
"""

from signaling.api.conferences import Surroundings, application
from signaling.api.invitations import Invitations, new_number
from signaling.api.pages import Pages

__all__ = ["Invitations", "Pages", "Surroundings", "application", "new_number"]
