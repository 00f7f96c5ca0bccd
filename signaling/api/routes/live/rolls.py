"""The routes of the roll call: the picture of a mark for hosts, and the page of a site's link, which needs no account."""

from typing import Annotated

from fastapi import APIRouter, Path, Request, Response
from pydantic import BaseModel, Field

from conference import Refusal
from conference import limits as bounds
from conference.chair.course.calling import Calling
from conference.chair.course.rollcall import Report
from conference.chair.rights import Act, By, Role
from rooms.policy import classes
from signaling.api.ground import problems
from signaling.api.routes.live.desk_orders import bearer_of
from signaling.api.routes.live.hosts import Bearer, Name, counted
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle
from signaling.orders import authority, roll_links
from signaling.orders.doorway import Doorway

Snapshot = Annotated[str, Path(pattern=r"^roll-\d{1,6}-\d{1,4}$")]
PersonName = Annotated[str, Field(max_length=bounds.ROLL_NAME_CHARACTERS)]


class LinkBearer(Body):
    """The link of a site: the meeting of its path, and the code of its fragment."""

    conference: str = Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")
    code: str = Field(min_length=1, max_length=limits.ROLL_LINK_CHARACTERS)


class LinkReport(LinkBearer):
    """The delegates of the site."""

    delegates: int = Field(ge=0, le=bounds.ROLL_DELEGATES)
    head: str = Field(default="", max_length=bounds.ROLL_NAME_CHARACTERS)
    deputies: list[PersonName] = Field(default_factory=list, max_length=bounds.ROLL_DEPUTIES)


class SiteReport(BaseModel):
    """What the bearer of a link reads. `delegates` null: the site has not reported."""

    title: str
    site: str
    delegates: int | None
    head: str
    deputies: list[str]


def routes(around: Doorway) -> APIRouter:
    router = new_router("desk")
    _pictures(router, around)
    _links(router, around)
    return router


def _pictures(router: APIRouter, around: Doorway) -> None:
    tries = Throttle(around.shared, "tries of hosts", limits.LOBBY_TRIES_PER_MINUTE)

    @router.get("/conferences/{conference}/roll/{snapshot}", openapi_extra=needs(SECRET))
    async def read_snapshot(
        request: Request, conference: Name, snapshot: Snapshot, authorization: Bearer = ""
    ) -> Response:
        """Return the picture of a site at its mark, as JPEG. Only hosts read it. The server keeps it in memory until the end of
        the meeting, or the stop for secret content. Refused with `snapshot_unknown`, and with `class_forbids` for a host outside
        the call of an important meeting.
        """
        found = await bearer_of(around, request, conference, authorization, tries)
        meeting = authority.meeting(around, conference)
        meeting.machines.ask(authority.given_by(around, found, "rest"), Act.ROLL_CALL)
        if around.meetings.is_important(conference) and not found.in_call:
            raise Refusal("class_forbids", *classes.REFUSALS["halls_only"])
        picture = meeting.course.roll.snapshot(snapshot)
        if picture is None:
            raise problems.refused("snapshot_unknown")
        return Response(picture, media_type="image/jpeg", headers={"cache-control": "no-store"})


def _links(router: APIRouter, around: Doorway) -> None:
    tries = Throttle(around.shared, "tries of roll links", limits.LOBBY_TRIES_PER_MINUTE)
    reports = Throttle(around.shared, "reports by roll links", limits.ROLL_LINK_REPORTS_PER_MINUTE)

    def find(request: Request, wanted: LinkBearer) -> tuple[Calling, str, str, str]:
        """Return the roll call, the title of the meeting, the site of a link, and the name of the site. Raise Refusal. The title
        of an important meeting is empty, because any phone may read the link.
        """
        try:
            meeting = authority.meeting(around, wanted.conference)
            roll = meeting.course.roll
            names = {identity: one.grants.name for identity, one in meeting.participants.items()}
            names |= {row.site.id: row.site.name for row in roll.state.rows}
            site = roll_links.read(
                around.authenticator, wanted.conference, roll.state.lists, names, wanted.code, around.now()
            )
            title = "" if around.meetings.is_important(wanted.conference) else meeting.sections.title
            return roll, title, site, names[site]
        except Refusal as refusal:
            raise counted(refusal, around, request, tries) from refusal

    @router.post("/roll-reports/look", openapi_extra=needs(SECRET))
    async def look(request: Request, wanted: LinkBearer) -> SiteReport:
        """Show the site of a link and its report, without an account. Refused with `roll_link_wrong`, `roll_link_over`,
        `conference_not_found`.
        """
        return _shown(*find(request, wanted))

    @router.post("/roll-reports", openapi_extra=needs(SECRET))
    async def report(request: Request, wanted: LinkReport) -> SiteReport:
        """Report the delegates of the site of a link, without an account. A later report replaces an earlier one, until the end
        of the roll call. Refused with `roll_call_over`, `roll_link_wrong`, `roll_link_over`, `too_many_requests`.
        """
        roll, title, site, name = find(request, wanted)
        if not reports.takes_key(f"{wanted.conference} {site}", around.now()):
            raise problems.refused("too_many_requests")
        by = By(site, name, Role.HALL, way="link")
        given = Report(wanted.delegates, wanted.head, tuple(wanted.deputies), site, "link")
        await roll.report(by, site, given)
        return _shown(roll, title, site, name)


def _shown(roll: Calling, title: str, site: str, name: str) -> SiteReport:
    known = roll.reported(site)
    return SiteReport(
        title=title,
        site=name,
        delegates=known.delegates if known is not None else None,
        head=known.head if known is not None else "",
        deputies=list(known.deputies) if known is not None else [],
    )
