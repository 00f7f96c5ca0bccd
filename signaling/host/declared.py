"""What each REST route asks for, declared on the route itself, so that the whole access matrix can be generated from them.

Owns only the words. The route still has to ask `rooms.policy.roles`: `tests/security/matrix/test_matrix.py` calls every route as
every role on things of its own unit, below it, beside it and far from it, and compares what happens with what is declared here.
"""

from __future__ import annotations

from typing import Any, Final

from rooms.policy import roles

PUBLIC: Final = "public"
"""Nobody needs to be signed in."""
OWN: Final = "own"
"""Whoever is signed in, and only about himself: his sessions, his meetings, what he is invited to."""
SECRET: Final = "secret"  # noqa: S105
"""A secret in the address or the body is the right: a personal link, a feed, a number with its PIN."""
WORDS: Final = (PUBLIC, OWN, SECRET)


def needs(action: str, of: str = "") -> dict[str, Any]:
    """For `openapi_extra` of a route. `action`: a row of `rooms.policy.roles.ACTIONS`, or one of WORDS.

    `of`: the kind of the one thing that the address or the body names, whose unit decides: `unit`, `person`, `site`, `hall`,
    `terminal`, `meeting`, `occurrence`, `account`, `client`, … Without it the route is a list, which shows only what its
    reader may see. An action that the table lacks is our bug and stops the import.
    """
    if action not in WORDS and action not in roles.ACTIONS:
        raise ValueError(f"no such action: {action}")
    return {"x-action": action} | ({"x-object": of} if of else {})
