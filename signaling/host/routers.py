"""The router for routes of the REST API. Each route is complete when it is declared: its errors and its name in the description.

So the application takes the routes as they are. FastAPI's `include_router` would make each route a second time. That work
would run in the event loop at the first request, and all calls would wait.
"""

from __future__ import annotations

import re
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute

MEDIA_TYPE = "application/problem+json"


def new_router(*tags: str, prefix: str = "", **more: Any) -> APIRouter:
    """Return an empty router under `/api/v1`. `more`: further arguments of APIRouter."""
    errors: dict[int | str, dict[str, Any]] = {"4XX": problem(), "5XX": problem()}
    return APIRouter(tags=[*tags], prefix=prefix, responses=errors, generate_unique_id_function=_name, **more)


def problem() -> dict[str, Any]:
    reference = {"schema": {"$ref": "#/components/schemas/Problem"}}
    return {"description": "Problem (RFC 9457)", "content": {MEDIA_TYPE: reference}}


def _name(route: APIRoute) -> str:
    """Return the name of an operation in the description: unique and readable."""
    return re.sub(r"[^a-z0-9_]+", "_", f"{sorted(route.methods or ())[0].lower()}{route.path_format}").strip("_")
