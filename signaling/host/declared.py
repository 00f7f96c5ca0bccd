"""The declaration of the rights that each REST route needs. It is on the route itself, so that a test can make the access
matrix.

The module owns only the words. The route must still ask `rooms.policy.roles`. `tests/security/matrix/test_matrix.py` calls
every route as every role, for objects of the role's own unit. Some roles also ask for objects of units below, beside, above and
far away. In `make sim` all roles do. The test compares each answer with the declaration.
"""

from __future__ import annotations

from typing import Any, Final

from rooms.policy import roles

PUBLIC: Final = "public"
"""A route that needs no session."""
OWN: Final = "own"
"""A route for any signed-in person about their own data: sessions, meetings, invitations."""
SECRET: Final = "secret"  # noqa: S105
"""A route where a secret in the address or the body gives the right: a personal link, a feed, a number with its PIN."""
WORDS: Final = (PUBLIC, OWN, SECRET)


def needs(action: str, of: str = "") -> dict[str, Any]:
    """Return the declaration for `openapi_extra` of a route. `action`: a row of `rooms.policy.roles.ACTIONS`, or one of WORDS.

    `of`: the kind of the object in the address or the body; the unit of the object decides. Kinds: `unit`, `person`, `site`,
    `hall`, `terminal`, `meeting`, `occurrence`, `account`, `client`, … Without it the route is a list, which shows only the
    objects that its reader may see. An action that the table lacks is our bug and stops the import.
    """
    if action not in WORDS and action not in roles.ACTIONS:
        raise ValueError(f"no such action: {action}")
    return {"x-action": action} | ({"x-object": of} if of else {})
