"""The OpenAPI document of the whole server, for the types of the pages: `python -m tests.web.server.description`."""

import json
import tempfile
from pathlib import Path
from typing import Any

from signaling.access.refusals import STATUS
from signaling.api.application import application
from signaling.api.ground.invitations import Invitations
from signaling.host.settings import Settings
from signaling.host.tokens import Authenticator
from signaling.meetings.secretariat import Secretariat
from tests.signaling.doorways import facts, instant_meetings

SECRET = "0123456789abcdef0123456789abcdef"


def document() -> dict[str, Any]:
    """Return the document with every route of `/api/v1`. The document contains no version of the program."""
    with tempfile.TemporaryDirectory() as folder:
        authenticator = Authenticator({"office": SECRET})
        office = Secretariat(Settings(data_dir=Path(folder)), authenticator, lambda: 0.0)
        instant = instant_meetings(authenticator, Invitations(SECRET), lambda: 0.0)
        return application(instant, facts("0"), office.parts, office.routers, STATUS).openapi()


if __name__ == "__main__":
    print(json.dumps(document()))
