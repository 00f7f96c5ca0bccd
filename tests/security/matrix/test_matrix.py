"""The access matrix, generated from the routes of the running application and the table of roles. No caller succeeds without
the right.

Every role requests every route, for objects of its own unit. A role with the right asks for objects of another province too, and
up to two roles ask for objects below, beside and above their unit. In `make sim`, all callers ask for all objects. A client that
is not signed in asks for objects of the unit.
`signaling.host.declared.needs` declares what a route needs; `rooms.policy.roles.ACTIONS` says what a role may do. A new route
fails without a declaration. A route that changes something also fails without a row in `matrix_rows`.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute

from rooms.policy import roles
from rooms.store.migrations import steps
from signaling.host import declared
from tests.rooms.postgres import nowhere_kept
from tests.running.runs import LONG_RUN
from tests.security.matrix.matrix_rows import FIXED, PARAMETERS, ROWS, Row
from tests.security.matrix.matrix_world import CALLERS, PLACES, REACH, TITLE, Caller, World

READING = {"GET", "HEAD"}
WHOLE = {"network"}
"""The kinds of objects that belong to the whole system and not to a unit. Only a caller with the role in the top unit may
create or change them. The unit of the place `foreign` has no parent either, but it is not the top unit.
"""
SECRETIVE = ("approved", "held", "meeting", "series", "account", "client", "webhook", "delivery", "feed", "letter")
"""The kinds whose identifiers appear in no list of a caller that may not see them."""
REFUSED = {401, 403, 404}


def routes_of(app: Any) -> Iterator[APIRoute]:
    """Yield every route of the API, for every nesting of routers."""
    for route in _flat(app.routes):
        if isinstance(route, APIRoute):
            yield route


def _flat(routes: list[BaseRoute]) -> Iterator[BaseRoute]:
    for route in routes:
        inner = getattr(route, "original_router", None) or getattr(route, "router", None)
        if isinstance(route, APIRoute) or inner is None:
            yield route
        else:
            yield from _flat(inner.routes)


def methods_of(route: APIRoute) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD"})


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("matrix") / "migrated.sqlite"
    asyncio.run(steps.upgrade(f"sqlite:///{path}"))
    return path


@asynccontextmanager
async def built(template: Path) -> AsyncIterator[World]:
    with tempfile.TemporaryDirectory(prefix="matrix-", dir=nowhere_kept()) as folder:
        made = World(template, Path(folder))
        await made.build()
        yield made
        await made.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def province(template: Path) -> AsyncIterator[World]:
    async with built(template) as made:
        yield made


@pytest_asyncio.fixture(loop_scope="module")
async def world(province: World) -> AsyncIterator[World]:
    yield province
    await province.restore()


@pytest.fixture
async def own_world(template: Path) -> AsyncIterator[World]:
    """A world for one test. `restore` restores the database only, and the application keeps more than its database."""
    async with built(template) as made:
        yield made


def expects(caller: Caller, action: str, kind: str, place: str, method: str) -> bool | None:
    """Report whether the caller may, or None if the declaration does not say (for the caller's own objects and public ones)."""
    if action in declared.WORDS:
        return False if action == declared.OWN and caller.kind == "out" else None
    if not _is_entitled(caller, action):
        return False
    if kind in WHOLE or (not kind and method not in READING and action not in roles.READS):
        return caller.place == "above"
    return not kind or place in REACH[caller.place]


def _is_entitled(caller: Caller, action: str) -> bool:
    """Report whether the caller may do the action in some unit."""
    if caller.kind == "out" or not caller.holds(roles.ACTIONS[action]):
        return False
    return caller.role not in roles.SECOND_FACTOR or action in roles.READS or caller.factors >= 2


def places_of(caller: Caller, action: str, kind: str) -> tuple[str, ...]:
    """Return the places at which the caller asks. Of the accounts with the right in the unit, the first and the last role ask at
    all places. The other callers with the right ask in that unit and in another province. Callers without the right ask in
    their own unit. `make sim` sends all requests.
    """
    objects = bool(kind) and kind not in WHOLE
    if LONG_RUN:
        return tuple(PLACES) if objects else ("own",)
    if not objects:
        return ("own",)
    if not _may_ask(caller, action):
        return (caller.place or "own",)
    accounts = (one for one in CALLERS if one.place == "own" and one.kind == "account" and one.factors >= 2)
    asking = [one for one in accounts if _may_ask(one, action)]
    return tuple(PLACES) if caller in asking[:1] + asking[-1:] else ("own", "foreign")


def _may_ask(caller: Caller, action: str) -> bool:
    return action in declared.WORDS or _is_entitled(caller, action)


def test_every_route_declares_its_right_and_has_a_request(world: World) -> None:
    silent, unasked = [], []
    for route in routes_of(world.rest):
        for method in methods_of(route):
            known = (route.openapi_extra or {}).get("x-action")
            if known is None:
                silent.append(f"{method} {route.path}: openapi_extra=needs(...) is missing (signaling.host.declared)")
            if known is not None and method not in READING and (method, route.path) not in ROWS:
                unasked.append(f"{method} {route.path}: has no row in tests/security/matrix/matrix_rows.py")
    assert not silent + unasked, "\n".join(silent + unasked)
    asked = {(method, route.path) for route in routes_of(world.rest) for method in methods_of(route)}
    assert len(asked) > 80
    assert set(ROWS) <= asked, sorted(set(ROWS) - asked)


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(1200)
@pytest.mark.slow
async def test_no_unexpected_success(world: World) -> None:
    wrong: list[str] = []
    for route in routes_of(world.rest):
        declaration = route.openapi_extra or {}
        if "x-action" in declaration:
            for method in methods_of(route):
                wrong += await _walk(world, route, method, declaration["x-action"], declaration.get("x-object", ""))
    assert not wrong, "\n" + "\n".join(wrong)


async def _walk(world: World, route: APIRoute, method: str, action: str, kind: str) -> list[str]:
    """Send the requests of all callers at all places to one route. Callers without the right come first. Then the others
    follow, each on a fresh copy.
    """
    row = ROWS.get((method, route.path), Row())
    kind, way = row.of or kind, "GET" if row.anywhere else method
    asked = [(caller, place) for caller in CALLERS for place in places_of(caller, action, kind)]
    cells = [(caller, place, expects(caller, action, kind, place, way)) for caller, place in asked]
    wrong = []
    for caller, place, _ in (cell for cell in cells if cell[2] is False):
        answer = await _ask(world, route, method, row, caller, place)
        if not _is_refusal(answer, caller, row):
            wrong.append(_told(method, route, caller, place, answer))
    if any(cell[2] is False for cell in cells) and (changed := world.changed()):
        wrong.append(f"{method} {route.path}: those who may not have changed {changed[:3]}")
        await world.restore()
    return wrong + await _those_who_may(world, route, method, row, cells)


def _is_refusal(answer: httpx.Response, caller: Caller, row: Row) -> bool:
    if caller.kind == "out":
        return answer.status_code == 401
    return answer.status_code in REFUSED or (answer.status_code >= 400 and answer.json()["code"] in row.refused)


async def _those_who_may(
    world: World, route: APIRoute, method: str, row: Row, cells: list[tuple[Caller, str, bool | None]]
) -> list[str]:
    wrong, seen = [], []
    for caller, place, may in cells:
        if may is False:
            continue
        answer = await _ask(world, route, method, row, caller, place)
        seen.append(f"{caller.name}@{place}: {answer.status_code} {answer.text[:160]}")
        if may and answer.status_code == 401:
            wrong.append(_told(method, route, caller, place, answer))
        if method in READING:
            wrong += _leaks(world, method, route, caller, answer)
        elif answer.status_code < 400 or may is None:  # the attempt of a caller without rights can change something too
            await world.restore()
    if row.proven and not any(int(one.split(": ")[1].split(" ")[0]) < 400 for one in seen):
        wrong.append(f"{method} {route.path}: nobody succeeds, so its refusals prove nothing: {seen[:3]}")
    return wrong


async def _ask(world: World, route: APIRoute, method: str, row: Row, caller: Caller, place: str) -> httpx.Response:
    path = route.path_format
    for name in route.param_convertors:
        known = row.kinds.get(name) or PARAMETERS.get(name)
        path = path.replace(f"{{{name}}}", world.ids[known, place] if known else {**FIXED, **row.fixed}[name])
    how: dict[str, Any] = {"params": dict(row.query(world, place))}
    if method not in READING:
        version = world.ids.get((f"version-{row.version}", place), row.version)
        how["headers"] = {"if-match": f'"{version}"'}
    if row.body is not None and row.upload is not None:
        file = row.upload(world, place)
        how |= {"data": dict(row.body(world, place)), "files": {"file": (file["name"], file["content"])}}
    elif row.body is not None:
        how["json"] = dict(row.body(world, place))
    return await world.ask(caller, method, path, **how)


def _leaks(world: World, method: str, route: APIRoute, caller: Caller, answer: httpx.Response) -> list[str]:
    """Report the objects in the answer that belong to places outside the caller's reach."""
    shown = answer.text
    hidden = set(PLACES) - REACH[caller.place]
    found = [f"{kind} of {place}" for kind in SECRETIVE for place in hidden if world.ids[kind, place] in shown]
    found += [f"title of {place}" for place in hidden if f"{TITLE} {place}" in shown]
    return [f"{method} {route.path} shows {caller.name} {', '.join(found)}"] if found else []


def _told(method: str, route: APIRoute, caller: Caller, place: str, answer: httpx.Response) -> str:
    return f"{method} {route.path} by {caller.name} at {place}: {answer.status_code} {answer.text[:200]}"


HOLES = (
    ("POST", "/sites"),
    ("DELETE", "/clients/{client_id}"),
    ("PATCH", "/meetings/{meeting_id}"),
    ("GET", "/accounts/{account_id}"),
)


async def test_the_matrix_sees_a_hole(own_world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The matrix reports each of these routes if the policy is switched off. The routes share a world, which takes a second of a
    processor to build.
    """
    monkeypatch.setattr(roles, "allows", lambda *_: True)
    routes = {(method, one.path): one for one in routes_of(own_world.rest) for method in methods_of(one)}
    for method, path in HOLES:
        route = routes[method, path]
        declaration = route.openapi_extra or {}
        wrong = await _walk(own_world, route, method, declaration["x-action"], declaration.get("x-object", ""))
        assert any(" by requester at own" in one for one in wrong), (method, path, wrong)
        # Only callers with the right in their own unit ask at the place `foreign`.
        assert any(one.partition(": ")[0].endswith(" at foreign") for one in wrong), (method, path, wrong)
        await own_world.restore()
