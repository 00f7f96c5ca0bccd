"""The routes of the secretariats' desk, a file for each group of resources.

Each states its right (`signaling.declared.needs`), reads with `visit.read` and changes with `visit.write` in one transaction;
what is allowed and what it means is decided in `rooms`.
"""

from collections.abc import Sequence

from fastapi import APIRouter

from signaling.api.routes import (
    bans,
    boards,
    checks,
    devices,
    exchange,
    inviting,
    joining,
    keeping,
    mailing,
    meetings,
    people,
    planning,
    published,
    recipients,
    records,
    sites,
    units,
)

ROUTERS: Sequence[APIRouter] = (
    meetings.router,
    planning.router,
    inviting.router,
    mailing.router,
    joining.router,
    keeping.router,
    units.router,
    people.router,
    recipients.router,
    sites.router,
    exchange.router,
    records.router,
    published.router,
    boards.router,
    bans.router,
    devices.router,
    checks.router,
)

__all__ = ["ROUTERS"]
