"""The whole `/api/v1`: every route, its description (OpenAPI 3.1), the size limits of bodies and the form of errors."""

from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import APIRouter, FastAPI
from starlette.middleware.body_limit import RequestBodyLimitMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from signaling.api import docs
from signaling.api.ground import problems, visits
from signaling.api.ground.desk import DeskParts
from signaling.api.ground.doorway import InstantMeetings, ServerFacts
from signaling.api.models.parts import Problem
from signaling.api.routes.calendar import (
    holds,
    inviting,
    joining,
    keeping,
    mailing,
    meetings,
    planning,
    precedences,
    published,
    sending,
)
from signaling.api.routes.control import (
    adding,
    bans,
    boards,
    checks,
    contacts,
    endings,
    proceedings,
    records,
    rehearsals,
)
from signaling.api.routes.control import people as board_people
from signaling.api.routes.live import conferences, desk_orders, hall_pcs, hosting, lobby, notices, qr, rolls, vote_cards
from signaling.api.routes.register import codes, devices, equipping, exchange, pcs, people, recipients, sites, units
from signaling.host import limits

DESCRIPTION = """
Điểm Cầu: đặt lịch, phê duyệt, mời họp và vào họp / booking, approving, inviting, joining.

Use the cookie of `/session`, or the key of another system: `Authorization: Bearer KEY`.
Times are RFC 3339 with a time zone. A list answers with `next`; send it as `cursor` to get the next part. Every error is
`application/problem+json` (RFC 9457) with a stable `code` and a sentence in Vietnamese and in English. An object with a
`version` sends the version as ETag and expects it in If-Match.
"""
ROUTERS: Sequence[APIRouter] = (
    meetings.router,
    planning.router,
    precedences.router,
    holds.router,
    inviting.router,
    mailing.router,
    sending.router,
    joining.router,
    keeping.router,
    units.router,
    people.router,
    recipients.router,
    codes.router,
    equipping.router,
    pcs.router,
    sites.router,
    exchange.router,
    records.router,
    published.router,
    boards.router,
    endings.router,
    bans.router,
    contacts.router,
    proceedings.router,
    rehearsals.router,
    adding.router,
    board_people.router,
    devices.router,
    checks.router,
    notices.router,
    hall_pcs.router,
)


def application(
    instant: InstantMeetings,
    server: ServerFacts,
    parts: DeskParts | None = None,
    routers: Sequence[APIRouter] = (),
    statuses: Mapping[str, int] | None = None,
) -> FastAPI:
    """Return the REST application for the path `/api/v1`. Its description is at `/api/v1/openapi.json`.

    `parts`: adds the routes of the desk. `routers`: the routes of other parts of signaling, with the `statuses` of their
    refusals.
    """
    app = FastAPI(
        title="Điểm Cầu",
        version=server.version,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        openapi_url="/openapi.json",
        servers=[{"url": "/api/v1"}],
        root_path_in_servers=False,
        strict_content_type=True,
    )
    visits.install(app, parts, server.starting)
    desk_orders.install(app, instant.doorway)
    problems.include(statuses or {})
    own = (
        conferences.routes(instant),
        conferences.server_routes(server),
        qr.routes(instant.doorway, instant.public_url),
        lobby.routes(instant.doorway),
        hosting.routes(instant.doorway),
        desk_orders.router,
        rolls.routes(instant.doorway),
        vote_cards.routes(instant.doorway),
    )
    for router in (*own, *routers, *(ROUTERS if parts else ()), docs.routes(app)):
        app.router.routes.extend(router.routes)
    app.add_middleware(BoundedBodies)
    problems.install(app)
    _describe(app)
    return app


class BoundedBodies:
    """A middleware that limits the size of each body while it is received. There are three limits: for files, for bookings, and
    for all other bodies.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await RequestBodyLimitMiddleware(self._app, _most(scope.get("path", "")))(scope, receive, send)


def _most(path: str) -> int:
    if "/imports/" in path or path.endswith("/letter-templates"):
        return limits.UPLOAD_BODY_BYTES
    if any(part in path for part in ("/meetings", "/preview", "/templates", "/attendee-lists", "/recipient-sets")):
        return limits.DESK_BODY_BYTES
    return limits.BODY_BYTES


def _describe(app: FastAPI) -> None:
    """Remove the framework's own form of validation errors from the description, because this API answers with problems."""
    made = app.openapi

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            schema = made()
            schemas = schema.setdefault("components", {}).setdefault("schemas", {})
            schemas["Problem"] = Problem.model_json_schema(
                ref_template="#/components/schemas/{model}", mode="serialization"
            )
            schemas |= schemas["Problem"].pop("$defs", {})
            for unused in ("HTTPValidationError", "ValidationError"):
                schemas.pop(unused, None)
            for path in schema["paths"].values():
                for operation in path.values():
                    operation["responses"].pop("422", None)
            app.openapi_schema = schema
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]
