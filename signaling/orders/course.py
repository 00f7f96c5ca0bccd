"""The orders about the course of a meeting: breaks, roll call and pictures. Their fields, and how they are performed.

`table.py` names the orders. `conference.chair.course` checks the right again, and defines the effects.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Literal

from pydantic import Field

from conference import Refusal, limits
from conference.chair.course.course import Course
from conference.chair.course.pictures import Picture
from conference.chair.course.rollcall import Report, Site
from conference.chair.rights import Act
from signaling.host import limits as bounds
from signaling.orders import roll_links
from signaling.orders.performing import Given
from signaling.orders.shapes import Message, Nothing, Whom

Identity = Annotated[str, Field(min_length=1, max_length=limits.IDENTITY_BYTES)]
Word = Annotated[str, Field(max_length=limits.NAME_BYTES)]
Layout = Literal["1", "1+5", "1+7", "2x2", "3x3", "4x4"]


class RecessReturn(Message):
    """The time of return, in ms since 1970. Absent: it was not said."""

    until: int | None = Field(default=None, ge=0, le=2**53 - 1)


class ClosedSession(Message):
    """A closed session. `out`: the identities that wait in the lobby. `item`: the agenda item, which stays secret."""

    out: list[Identity] = Field(min_length=1, max_length=limits.PARTICIPANTS)
    item: str = Field(default="", max_length=limits.NAME_BYTES)


class RollSite(Message):
    """A site of the roll call. `id`: the identity of its hall or participant. `terminal`: the terminal that can be called."""

    id: Identity
    name: Word
    unit: Word = ""
    terminal: str = Field(default="", max_length=64)
    telephone: str = Field(default="", max_length=32)

    def site(self) -> Site:
        return Site(self.id, self.name, self.unit, self.terminal, self.telephone)


class RollList(Message):
    """The list of sites in their order. Empty: the invited sites of the booked date in the order of the unit tree, or the
    participants of a meeting without a booking.
    """

    sites: list[RollSite] = Field(default_factory=list, max_length=limits.ROLL_SITES)


class RollMark(Message):
    """The mark of one site. `why`: the reason of the mark or of its correction. Hosts read the reason in the list."""

    site: Identity
    presence: Literal["present", "absent", "fault"]
    why: str = Field(default="", max_length=limits.ROLL_WHY_CHARACTERS)


class RollCalls(Message):
    """The sites whose terminals are called again. Empty: all sites that were marked as absent."""

    sites: list[Identity] = Field(default_factory=list, max_length=limits.ROLL_SITES)


class RollNotCalled(Message):
    """A site that could not be called, and why."""

    name: str
    vi: str
    en: str


class RollCalled(Message):
    """The result of `roll_call_again`. `called`: the number of called terminals. `refused`: the sites that could not be
    called.
    """

    called: int
    refused: list[RollNotCalled]


class DelegatesReport(Message):
    """The delegates of a site. An empty `site`: the site of the giver."""

    site: str = Field(default="", max_length=limits.IDENTITY_BYTES)
    delegates: int = Field(ge=0, le=limits.ROLL_DELEGATES)
    head: str = Field(default="", max_length=limits.ROLL_NAME_CHARACTERS)
    deputies: list[Annotated[str, Field(max_length=limits.ROLL_NAME_CHARACTERS)]] = Field(
        default_factory=list, max_length=limits.ROLL_DEPUTIES
    )


class RollLinked(Message):
    """The site that a link is for. Empty: the site of the giver."""

    site: str = Field(default="", max_length=limits.IDENTITY_BYTES)


class RollLink(Message):
    """The link of one site: its bearer reports the delegates of this site, without an account. `expires_at` in ms since 1970."""

    path: str
    expires_at: int


class PictureSetting(Message):
    """What all see. `site`: an identity, for all modes except `voice`. `layout` absent: it follows the number of pictures.
    `pins`: identities with fixed places, empty for an automatic place.
    """

    mode: Literal["voice", "pinned", "lecture", "broadcast", "turn"]
    site: str = Field(default="", max_length=limits.IDENTITY_BYTES)
    layout: Layout | None = None
    pins: list[Annotated[str, Field(max_length=limits.IDENTITY_BYTES)]] = Field(
        default_factory=list, max_length=limits.PINS
    )
    hold_s: float = Field(default=limits.HOLD_S, ge=limits.HOLD_LEAST_S, le=limits.HOLD_MOST_S)
    turn_s: float = Field(default=limits.VIEW_LEAST_S, ge=limits.VIEW_LEAST_S, le=limits.VIEW_MOST_S)


class ViewAlone(Message):
    """The site that a hall sees alone. An empty `site`: the picture of all others."""

    hall: Identity
    site: str = Field(default="", max_length=limits.IDENTITY_BYTES)


NOBODY: Final = (
    "Không có điểm cầu vắng nào gọi lại được. Hãy gọi điện thoại.",
    "no absent site has a terminal that can be called: use the telephone",
)
NOT_DIALLED: Final = ("Thiết bị này không có trong danh sách gọi.", "this terminal is not in the call list")


def _course(given: Given) -> Course:
    return given.meeting().course


# -- breaks


async def recess(given: Given, wanted: RecessReturn) -> None:
    _course(given).breaks.begin_recess(given.by, _seconds(wanted.until))


async def recess_until(given: Given, wanted: RecessReturn) -> None:
    _course(given).breaks.change_return(given.by, _seconds(wanted.until))


async def recess_end(given: Given, _wanted: Nothing) -> None:
    _course(given).breaks.end_recess(given.by)


async def closed_session(given: Given, wanted: ClosedSession) -> None:
    for identity in wanted.out:
        given.find(identity)
    _course(given).breaks.begin_closed(given.by, tuple(wanted.out), wanted.item)


async def closed_session_out(given: Given, wanted: Whom) -> None:
    given.find(wanted.identity)
    _course(given).breaks.send_out(given.by, wanted.identity)


async def closed_session_in(given: Given, wanted: Whom) -> None:
    _course(given).breaks.let_in(given.by, wanted.identity)


async def closed_session_end(given: Given, _wanted: Nothing) -> None:
    _course(given).breaks.end_closed(given.by)


async def to_lobby(given: Given, wanted: Whom) -> None:
    given.find(wanted.identity)
    _course(given).breaks.put_apart(given.by, wanted.identity)


async def from_lobby(given: Given, wanted: Whom) -> None:
    _course(given).breaks.readmit(given.by, wanted.identity)


async def secret_stop(given: Given, _wanted: Nothing) -> None:
    """Stop at once, then close the door of the date, and destroy what is stored. Each step is done if an earlier one fails."""
    try:
        await _course(given).stop(given.by)
    finally:
        await given.around.hosts.close_date(given.conference)


def _seconds(at_ms: int | None) -> float | None:
    return None if at_ms is None else at_ms / 1000


# -- roll call


async def roll_prepare(given: Given, wanted: RollList) -> None:
    sites = [one.site() for one in wanted.sites] or await given.around.hosts.roll_sites(given.conference)
    await _course(given).roll.prepare(given.by, sites)


async def roll_add(given: Given, wanted: RollSite) -> None:
    await _course(given).roll.add(given.by, wanted.site())


async def roll_begin(given: Given, _wanted: Nothing) -> None:
    await _course(given).roll.begin(given.by)


async def roll_mark(given: Given, wanted: RollMark) -> None:
    await _course(given).roll.press(given.by, wanted.site, wanted.presence, wanted.why)


async def roll_next(given: Given, _wanted: Nothing) -> None:
    await _course(given).roll.go_on(given.by)


async def roll_pause(given: Given, _wanted: Nothing) -> None:
    await _course(given).roll.pause(given.by)


async def roll_resume(given: Given, _wanted: Nothing) -> None:
    await _course(given).roll.resume(given.by)


async def roll_end(given: Given, _wanted: Nothing) -> None:
    await _course(given).roll.finish(given.by)


async def roll_call_again(given: Given, wanted: RollCalls) -> RollCalled:
    roll = _course(given).roll
    sites = {one.terminal: one for one in roll.callable_sites(given.by, wanted.sites)}
    if not sites:
        raise Refusal("roll_call_nobody", *NOBODY)
    giver = replace(given.giver, conference=given.conference)
    made = await given.around.hosts.call_halls(giver, list(sites), given.address)
    unknown = [one for one in sites if one not in {row.terminal for row in made}]
    refused = [RollNotCalled(name=sites[one].name, vi=NOT_DIALLED[0], en=NOT_DIALLED[1]) for one in unknown]
    refused += [
        RollNotCalled(name=sites[one.terminal].name, vi=one.vietnamese, en=one.english) for one in made if not one.ok
    ]
    return RollCalled(called=sum(one.ok for one in made), refused=refused)


async def report_link(given: Given, wanted: RollLinked) -> RollLink:
    roll = _course(given).roll
    site = roll.linked(given.by, wanted.site)
    expires_at = given.around.now() + bounds.ROLL_LINK_TTL_S
    code = roll_links.code(given.around.authenticator, given.conference, roll.state.lists, site, expires_at)
    return RollLink(path=roll_links.path(given.conference, code), expires_at=round(expires_at * 1000))


async def report_delegates(given: Given, wanted: DelegatesReport) -> None:
    by = given.by
    site = wanted.site or by.identity
    if not site:
        raise Refusal("roll_call_site", "Hãy chọn điểm cầu", "choose a site")
    report = Report(wanted.delegates, wanted.head, tuple(wanted.deputies), by.identity, by.way)
    await _course(given).roll.report(by, site, report)


# -- pictures


async def show(given: Given, wanted: PictureSetting) -> None:
    picture = Picture(wanted.mode, wanted.site, wanted.layout, tuple(wanted.pins), wanted.hold_s, wanted.turn_s)
    _course(given).views.show(given.by, picture)


async def show_undo(given: Given, _wanted: Nothing) -> None:
    _course(given).views.undo(given.by)


async def stop_presenting(given: Given, wanted: Whom) -> None:
    _course(given).views.stop_presenting(given.by, wanted.identity)


async def view_alone(given: Given, wanted: ViewAlone) -> None:
    _course(given).views.view_alone(given.by, wanted.hall, wanted.site)


Perform = Callable[[Given, Any], Awaitable[Message | None]]
ROWS: Final[tuple[tuple[Act, type[Message], Perform, str], ...]] = (
    (
        Act.RECESS,
        RecessReturn,
        recess,
        "Begin a recess (giải lao): all microphones go off, and halls and browsers see a slate with the time of return. "
        "Refused with `recess_until`, `break_state`.",
    ),
    (
        Act.RECESS,
        RecessReturn,
        recess_until,
        "Change the time of return of the running recess. Refused with `break_state`.",
    ),
    (
        Act.RECESS,
        Nothing,
        recess_end,
        "End the recess: the pictures and the microphones from before come back. Refused with `break_state`.",
    ),
    (
        Act.CLOSED_SESSION,
        ClosedSession,
        closed_session,
        "Begin a closed session (họp kín): these participants wait in the lobby, and see and hear nothing. Refused with "
        "`host_stays`, `break_state`.",
    ),
    (Act.CLOSED_SESSION, Whom, closed_session_out, "Send one more participant to the lobby of the closed session."),
    (Act.CLOSED_SESSION, Whom, closed_session_in, "Let one participant return. Refused with `closed_inside`."),
    (Act.CLOSED_SESSION, Nothing, closed_session_end, "End the closed session: all return from the lobby."),
    (
        Act.TO_LOBBY,
        Whom,
        to_lobby,
        "Send one participant back to the lobby. It keeps its connection, and sees and hears nothing. Refused with `host_stays`.",
    ),
    (
        Act.TO_LOBBY,
        Whom,
        from_lobby,
        "Let one participant return from the lobby, also during a closed session. Refused with `closed_inside`.",
    ),
    (
        Act.SECRET_STOP,
        Nothing,
        secret_stop,
        "Stop the meeting because of secret content. All media go off, halls hear a sentence and are hung up, and chat, notes "
        "and small pictures since the start are destroyed. The audit trail keeps who and when. It cannot be undone.",
    ),
    (
        Act.ROLL_CALL,
        RollList,
        roll_prepare,
        "Take the list of the roll call. The server then reads the signals of each site. Refused with `not_stored`, as all "
        "orders of the roll call.",
    ),
    (Act.ROLL_CALL, RollSite, roll_add, "Add a site that was invited late. Refused with `roll_call_twice`."),
    (
        Act.ROLL_CALL,
        Nothing,
        roll_begin,
        "Begin the roll call: the first site is shown to all, and its microphone goes on. "
        "Refused with `in_recess`, `roll_call_waits`.",
    ),
    (
        Act.ROLL_CALL,
        RollMark,
        roll_mark,
        "Mark a site as present, absent or with a fault. A second mark is a correction. Refused with `roll_call_site`.",
    ),
    (
        Act.ROLL_CALL,
        Nothing,
        roll_next,
        "Show the next site at once. Refused with `in_recess`, `roll_call_last`, `roll_call_state`, `roll_call_waits`.",
    ),
    (Act.ROLL_CALL, Nothing, roll_pause, "Pause the roll call, and show the picture from before."),
    (
        Act.ROLL_CALL,
        Nothing,
        roll_resume,
        "Go on with the roll call at the same site. Refused with `in_recess`, `roll_call_waits`.",
    ),
    (Act.ROLL_CALL, Nothing, roll_end, "End the roll call. Sites without a mark stay without one."),
    (
        Act.ROLL_CALL,
        RollCalls,
        roll_call_again,
        "Call the terminals of absent sites again, with one order. Refused with `roll_call_nobody`, `halls_off`.",
    ),
    (
        Act.REPORT_DELEGATES,
        DelegatesReport,
        report_delegates,
        "Report the delegates of a site: their number, and the names of the head and the deputies. Refused with "
        "`roll_call_over`, `roll_call_state`.",
    ),
    (
        Act.REPORT_DELEGATES,
        RollLinked,
        report_link,
        "Make a link for one site of this meeting. Its bearer reports the delegates of the site on a page, without an account. "
        "Only hosts make links for other sites. Refused with `roll_call_site`.",
    ),
    (
        Act.STAGE,
        PictureSetting,
        show,
        "Set what all see: the speaker, one site large, one site alone, a lecturer, or all sites in turn. Refused with "
        "`site_unseen`.",
    ),
    (Act.STAGE, Nothing, show_undo, "Show the setting from before the last `show` again. Refused with `undo_gone`."),
    (
        Act.STAGE,
        Whom,
        stop_presenting,
        "Take the presentation back from a hall or a browser. Refused with `participant_not_found`, `not_presenting`.",
    ),
    (
        Act.LAYOUT,
        ViewAlone,
        view_alone,
        "Show one site to a hall alone; the others see what they saw. Refused with `view_itself`, `views_many`.",
    ),
)
"""The right, the fields, the function, and the description of each order. The name of the function is the name of the order."""
ANSWERS: Final[Mapping[str, type[Message]]] = {"roll_call_again": RollCalled, "report_link": RollLink}
"""The answers of the orders that have a result."""
