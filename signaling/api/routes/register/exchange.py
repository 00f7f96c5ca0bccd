"""The routes of imports and exports (units, posts, people, sites, halls, terminals as CSV and XLSX), and of the demonstration
data.
"""

import asyncio
from typing import Annotated, Literal

from fastapi import File, Form, Path, Response, UploadFile

from rooms.demo import loading
from rooms.exchange import census, exports, imports, sheets
from rooms.policy.actors import COMMAND, Actor
from signaling.api.ground import problems
from signaling.api.ground.doorway import Starting
from signaling.api.ground.sheets import FILE, download
from signaling.api.ground.visits import Anybody, Caller, Visit, WhoStarts, anywhere
from signaling.api.models.booking import DemoAccount, DemoReport, DemoState
from signaling.api.models.org import Census, ImportKind, ImportReport
from signaling.api.models.parts import Trouble
from signaling.api.routes.calendar.inviting import contents
from signaling.api.routes.live.conferences import is_local
from signaling.host.addresses import sign_in_link
from signaling.host.declared import PUBLIC, needs
from signaling.host.routers import new_router

router = new_router("exchange")
Kind = Annotated[ImportKind, Form()]
Upload = Annotated[UploadFile, File(description="CSV (UTF-8) or XLSX, at most 5 MiB.")]
ACTIONS = {"units": "org.write", "posts": "org.write", "people": "people.write"}


@router.post("/imports/preview", openapi_extra=needs("sites.write"))
async def preview_import(visit: Caller, kind: Kind, file: Upload) -> ImportReport:
    """Preview the effect of a file, with every error by row and column. Nothing is written."""
    actor, sheet = _importer(visit, kind), await _sheet(file)
    found = await visit.read(lambda session: imports.preview(session, kind, sheet, actor, visit.now))
    return _report(found)


@router.post("/imports/apply", openapi_extra=needs("sites.write"))
async def apply_import(
    visit: Caller, kind: Kind, file: Upload, digest: Annotated[str, Form(pattern=r"^[0-9a-f]{64}$")]
) -> ImportReport:
    """Write the whole file, or nothing. `digest`: from the preview; refused if the register has changed since then."""
    actor, sheet = _importer(visit, kind), await _sheet(file)
    done = await visit.write(lambda session: imports.apply(session, kind, sheet, actor, visit.now, digest))
    return _report(done)


@router.get(
    "/exports/{kind}.{suffix}",
    openapi_extra=needs("org.read"),
    response_class=Response,
    responses=FILE,
)
async def export(
    visit: Caller, kind: Annotated[ImportKind, Path()], suffix: Annotated[Literal["csv", "xlsx"], Path()]
) -> Response:
    """Return a file that `/imports` can read."""
    actor = anywhere(visit, "org.read")
    content = await visit.read(lambda session: exports.export(session, kind, actor, visit.now, suffix))
    return download(content, kind, suffix)


@router.get("/census", openapi_extra=needs("org.write"))
async def count_register(visit: Caller) -> Census:
    """Count what the register holds in the caller's branches, and what is missing there."""
    actor = anywhere(visit, "org.write")
    return Census(**await visit.read(lambda session: census.counted(session, actor, visit.now)))


@router.get("/demo", openapi_extra=needs(PUBLIC))
async def demo_state(visit: Anybody, starting: WhoStarts) -> DemoState:
    """Report whether the installation is empty, and whether to offer the demonstration to the caller. It is offered to a
    signed-in user, or (with `local_creation`) to a browser on this machine.
    """
    empty = await visit.read(loading.offered)
    return DemoState(offered=empty and _loader(visit, starting) is not None, empty=empty)


@router.post("/demo", status_code=201, openapi_extra=needs("org.write"))
async def load_demo(visit: Anybody, starting: WhoStarts) -> DemoReport:
    """Load an invented province with a month of meetings, and accounts that show the pages of each role. Each link signs in
    once.
    """
    actor = _loader(visit, starting)
    if actor is None:
        raise problems.refused("denied" if visit.somebody else "signed_out")
    done = await visit.write(lambda session: loading.load(session, actor, visit.now))
    accounts = [
        DemoAccount(name=name, role=done.roles[name], url=sign_in_link(visit.base, secret))
        for name, secret in done.links.items()
    ]
    return DemoReport(counts=done.counts, accounts=accounts)


def _loader(visit: Visit, starting: Starting) -> Actor | None:
    """Return the actor that loads the demonstration, or None for a caller who is not signed in and not on this machine."""
    if visit.somebody is not None:
        return visit.somebody
    return COMMAND if starting.local and is_local(visit.request) else None


def _importer(visit: Visit, kind: str) -> Actor:
    return anywhere(visit, ACTIONS.get(kind, "sites.write"))


async def _sheet(file: UploadFile) -> sheets.Sheet:
    content = await contents(file)
    return await asyncio.to_thread(sheets.read, content)


def _report(found: imports.Outcome) -> ImportReport:
    troubles = [
        Trouble(code=one.code, vi=one.vietnamese, en=one.english, where=one.where, detail=dict(one.detail))
        for one in found.troubles[: problems.TROUBLES]
    ]
    return ImportReport(
        kind=found.kind,
        applied=found.applied,
        rows=found.rows,
        created=found.created,
        changed=found.changed,
        unchanged=found.unchanged,
        troubles=troubles,
        digest=found.digest,
    )
