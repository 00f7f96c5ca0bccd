"""The attendees of a meeting. The recipient sets, units, people and guests of a request become attendees, each once.

A set is expanded once, when the list is booked or edited: a department that is founded later gets only later invitations. This
module does not handle answers (`answers`), letters (`letters`) or notices (`signaling`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from dataclasses import replace as replace_fields
from datetime import date, datetime
from typing import Final, Literal, Protocol

from sqlalchemy import Date, and_, bindparam, delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from rooms import limits
from rooms.errors import Refusal, Trouble
from rooms.identifiers import new_id
from rooms.org import recipients
from rooms.org.fields import today
from rooms.org.names import cleaned
from rooms.policy import roles
from rooms.policy.actors import Actor
from rooms.store import audit, outbox
from rooms.store.tables.meetings import Attendee, DateAnswer, Meeting, Occurrence
from rooms.store.tables.org import Holding, Person, Post, Unit
from rooms.store.tables.sites import Site

ROLES = ("chair", "secretary", "presenter", "delegate", "guest")
Key = tuple[str, str, str]
"""(Unit, person, guest's address): two entries with the same key are the same attendee."""
MAIL = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,8}")


class Wish(Protocol):
    """A line of the secretary's list, as in a booking request: exactly one set, unit, person or guest."""

    @property
    def set_id(self) -> str | None: ...
    @property
    def unit_id(self) -> str | None: ...
    @property
    def person_id(self) -> str | None: ...
    @property
    def guest_name(self) -> str: ...
    @property
    def guest_email(self) -> str: ...
    @property
    def label(self) -> str: ...
    @property
    def role(self) -> str: ...
    @property
    def required(self) -> bool: ...
    @property
    def must_be_head(self) -> bool: ...


@dataclass(frozen=True)
class Standing:
    """An invited unit, with the fields for the official order."""

    id: str
    name: str
    tier: int
    position: int


@dataclass(frozen=True)
class Invited:
    """An attendee before it is stored, with its name in the letter."""

    unit_id: str | None
    person_id: str | None
    guest_name: str
    guest_email: str
    site_id: str | None
    label: str
    role: str
    required: bool
    must_be_head: bool
    agreed: bool = False
    """See `Attendee.agreed`."""
    unit: Standing | None = None
    """The unit, if the unit was just read from the database."""

    @property
    def key(self) -> Key:
        return (self.unit_id or "", self.person_id or "", self.guest_email or self.guest_name.lower())


STORED = tuple(name for name in Invited.__dataclass_fields__ if name != "unit")
"""The fields of `Invited` that the table stores."""


@dataclass(frozen=True)
class Contact:
    """The contact data of an attendee. `email` is empty if no address is known."""

    name: str
    email: str
    phone: str


@dataclass
class Diff:
    """The result of a change of the list."""

    added: list[Attendee] = field(default_factory=list)
    removed: list[Attendee] = field(default_factory=list)
    changed: list[Attendee] = field(default_factory=list)


Why = Literal["no_answer", "declined", "tentative", "substitute_asked", "substitute_refused"]


@dataclass(frozen=True)
class Missing:
    """A required attendee who has not accepted."""

    attendee_id: str
    label: str
    why: Why
    contact: Contact


async def expand(session: AsyncSession, requests: Sequence[Wish], day: date) -> list[Invited]:
    """Return each unit, person and guest once, in the order of the list.

    The first line of an attendee decides its properties. A later line can only add a site, or make the attendee required, the
    chair, or one who must be the head. Raise Refusal `bad_attendees` with every wrong line.
    """
    if len(requests) > limits.ATTENDEE_REQUESTS:
        raise _too_many()
    troubles: list[Trouble] = []
    found: dict[Key, Invited] = {}
    known = await _named(session, requests, day)
    for position, request in enumerate(requests):
        for one in await _of_request(session, request, known, day, f"attendees.{position}", troubles):
            found[one.key] = _joined(found[one.key], one) if one.key in found else one
    if troubles:
        raise Refusal(
            "bad_attendees",
            "Danh sách thành phần có dòng chưa đúng. Hãy sửa các dòng được nêu rồi gửi lại.",
            "some lines of the attendee list are wrong: correct the lines shown",
            troubles[: limits.ATTENDEE_REQUESTS],
        )
    if len(found) > limits.INVITED:
        raise _too_many()
    return list(found.values())


_UNIT, _SITE, _POST, _HOLDING, _PERSON = (one.__table__ for one in (Unit, Site, Post, Holding, Person))
"""Rows of these tables cost half as much without the ORM. A meeting of a province reads hundreds of them."""
PLACES: Final = (
    select(_SITE.c.id, _UNIT.c.id, _UNIT.c.path)
    .join(_UNIT, _UNIT.c.id == _SITE.c.unit_id)
    .where(_SITE.c.id.in_(bindparam("sites", expanding=True)))
)
"""Each of some sites, with its unit and the path of the unit."""


async def require_sites(
    session: AsyncSession, requests: Sequence[Wish], invited: Sequence[Invited], actor: Actor
) -> None:
    """Check the sites of the attendees. `invited` is the result of `requests`. Raise Refusal `bad_attendees`.

    An attendee sits at a site of the attendee's own unit, unless the actor operates the halls of the chosen site. Without this
    check, an actor could make the server call any hall of the province.
    """
    site_ids = {site_id for site_id in map(_site_of, requests) if site_id}
    if not site_ids:
        return  # every attendee sits at the site of its own unit
    rows = await session.execute(PLACES, {"sites": sorted(site_ids)})
    places = {site: (unit, path) for site, unit, path in rows.all()}
    people = [one.person_id for one in invited if one.person_id]
    units: dict[str, str] = {}
    if people:
        units = dict((await session.execute(select(Person.id, Person.unit_id).where(Person.id.in_(people)))).all())
    troubles = []
    for position, one in enumerate(invited):
        if one.site_id not in site_ids:
            continue
        unit, path = places.get(one.site_id, ("", ""))
        own = one.unit_id or units.get(one.person_id or "")
        if unit != own and not (path and roles.allows(actor, "halls.operate", path)):
            vietnamese = f"{one.label or one.guest_name}: điểm cầu này không thuộc đơn vị của người dự"
            troubles.append(_trouble("site_elsewhere", vietnamese, f"attendees.{position}"))
    if troubles:
        raise Refusal(
            "bad_attendees",
            "Chỉ chọn được điểm cầu của chính đơn vị người dự. Điểm cầu khác do người điều hành điểm cầu đó chọn.",
            "choose a site of the attendee's own unit: only an operator of another site may choose that site",
            troubles[: limits.ATTENDEE_REQUESTS],
        )


async def replace(
    session: AsyncSession, meeting: Meeting, invited: Iterable[Invited], actor: Actor, now: datetime
) -> Diff:
    """Replace the list of `meeting`. Attendees who stay keep their answers and links. Removed attendees lose them."""
    before = {key_of(one): one for one in await listed(session, meeting.id)}
    wanted = {one.key: one for one in invited}
    diff = Diff(removed=[one for key, one in before.items() if key not in wanted])
    for key, one in wanted.items():
        if key not in before:
            diff.added.append(_row(meeting.id, one))
        elif _update(before[key], one):
            diff.changed.append(before[key])
    await _write(session, meeting, diff, actor, now)
    return diff


async def are_agreed(session: AsyncSession, meeting: Meeting, requests: Sequence[Wish], day: date) -> bool:
    """Report whether the list of `meeting` is already this list, and all of it is approved. The order does not count. Raise
    Refusal `bad_attendees`.
    """
    rows = await listed(session, meeting.id)
    wanted = {one.key: _told(one) for one in await expand(session, requests, day)}
    return all(one.agreed for one in rows) and {key_of(one): _told(one) for one in rows} == wanted


async def add(
    session: AsyncSession, meeting: Meeting, requests: Sequence[Wish], day: date, actor: Actor, now: datetime
) -> Diff:
    """Invite more attendees. Attendees who are already invited do not change."""
    before = {key_of(one) for one in await listed(session, meeting.id)}
    wanted = await expand(session, requests, day)
    await require_sites(session, requests, wanted, actor)
    added = [_row(meeting.id, one) for one in wanted if one.key not in before]
    if len(before) + len(added) > limits.INVITED:
        raise _too_many()
    diff = Diff(added=added)
    await _write(session, meeting, diff, actor, now)
    return diff


async def remove(
    session: AsyncSession, meeting: Meeting, attendee_ids: Sequence[str], actor: Actor, now: datetime
) -> Diff:
    """Remove these attendees. Raise Refusal `unknown_attendee`."""
    before = {one.id: one for one in await listed(session, meeting.id)}
    if not set(attendee_ids) <= before.keys():
        raise Refusal("unknown_attendee", "Không có người dự họp này trong danh sách.", "no such attendee")
    diff = Diff(removed=[before[one] for one in dict.fromkeys(attendee_ids)])
    await _write(session, meeting, diff, actor, now)
    return diff


async def agree(session: AsyncSession, meeting_id: str) -> None:
    """Store that the operator of the system has approved the present attendees: the server may call their terminals."""
    await session.execute(update(Attendee).where(Attendee.meeting_id == meeting_id).values(agreed=True))


def keeping(wanted: Iterable[Invited], before: Iterable[Invited]) -> tuple[Invited, ...]:
    """Return the attendees `wanted`. Those who were approved `before` at the same site stay approved."""
    agreed = {(one.key, one.site_id) for one in before if one.agreed}
    return tuple(replace_fields(one, agreed=(one.key, one.site_id) in agreed) for one in wanted)


async def listed(session: AsyncSession, meeting_id: str) -> list[Attendee]:
    """Return the attendees in official order: by the order of units, then by name."""
    rows = await session.execute(
        select(Attendee, Unit.tier, Unit.position, Unit.name)
        .outerjoin(Unit, Attendee.unit_id == Unit.id)
        .where(Attendee.meeting_id == meeting_id)
    )
    order = sorted(rows, key=lambda row: official(row[1], row[2], row[3], row[0].label))
    return [row[0] for row in order]


def official(tier: int | None, position: int | None, unit: str | None, label: str) -> tuple[bool, int, int, str, str]:
    """Return the key of the official order: units by tier and position, then by name. Attendees without a unit come last."""
    return (tier is None, tier or 0, position or 0, unit or "", label)


async def contacts(session: AsyncSession, attendees: Sequence[Attendee], day: date) -> dict[str, Contact]:
    """Return the contacts by attendee. A person has their own address. A unit without an address has the address of its head."""
    people = await _people(session, {one.person_id for one in attendees if one.person_id})
    unit_ids = {one.unit_id for one in attendees if one.unit_id and not one.person_id}
    units = {one.id: one for one in await session.scalars(select(Unit).where(Unit.id.in_(unit_ids)))}
    heads = await heads_of(session, unit_ids, day)
    return {one.id: _contact(one, people, units, heads) for one in attendees}


async def heads_of(session: AsyncSession, unit_ids: Iterable[str], day: date) -> dict[str, tuple[Person, Post]]:
    """Return the head of each of these units on `day`: the holder of the head's post. If a unit has several such posts, the
    smallest `rank` decides.
    """
    rows = await session.execute(
        select(Person, Post)
        .join(Holding, Holding.person_id == Person.id)
        .join(Post, Holding.post_id == Post.id)
        .where(Post.unit_id.in_(set(unit_ids)), Post.is_head, Person.active)
        .where(Holding.valid_from <= day, or_(Holding.valid_to.is_(None), Holding.valid_to > day))
        .order_by(Post.rank.desc(), Holding.valid_from)
    )
    return {post.unit_id: (person, post) for person, post in rows}


async def answers_on(session: AsyncSession, occurrence: Occurrence) -> dict[str, str]:
    """Return, by attendee, the answers for this date alone at its present time. The other attendees answered for the series."""
    rows = await session.execute(
        select(DateAnswer.attendee_id, DateAnswer.answer).where(
            DateAnswer.occurrence_id == occurrence.id, DateAnswer.starts_at == occurrence.starts_at
        )
    )
    return {one.attendee_id: one.answer for one in rows}


async def coming(session: AsyncSession, meeting_id: str, now: datetime) -> Occurrence | None:
    """Return the running date, otherwise the next date, or None if no date is ahead."""
    found: Occurrence | None = await session.scalar(
        select(Occurrence)
        .where(Occurrence.meeting_id == meeting_id, Occurrence.ends_at > now)
        .where(Occurrence.state.in_(("planned", "running")))
        .order_by(Occurrence.starts_at)
        .limit(1)
    )
    return found


async def missing(session: AsyncSession, meeting_id: str, now: datetime) -> list[Missing]:
    """Return the attendees that the secretary still has to phone for the next date, in official order."""
    date = await coming(session, meeting_id, now)
    alone = await answers_on(session, date) if date is not None else {}
    everybody = await listed(session, meeting_id)
    late = [(one, why) for one in everybody if one.required and (why := _why(one, alone.get(one.id, one.answer)))]
    day = today(now)
    reach = await contacts(session, [one for one, _ in late], day)
    return [Missing(one.id, one.label, why, reach[one.id]) for one, why in late]


def is_address(text: str) -> bool:
    """Report whether the text is a usable mail address: RFC 5321 without quoted names and address literals."""
    return len(text) <= limits.MAIL_ADDRESS_CHARACTERS and MAIL.fullmatch(text) is not None


def key_of(attendee: Attendee) -> Key:
    return (attendee.unit_id or "", attendee.person_id or "", attendee.guest_email or attendee.guest_name.lower())


def _why(attendee: Attendee, answer: str) -> Why | None:
    if attendee.substitute_state == "asked":
        return "substitute_asked"
    if attendee.substitute_state == "refused" and answer != "accepted":
        return "substitute_refused"
    reasons: dict[str, Why] = {"none": "no_answer", "declined": "declined", "tentative": "tentative"}
    return reasons.get(answer)


async def _of_request(
    session: AsyncSession, request: Wish, known: _Named, day: date, where: str, troubles: list[Trouble]
) -> list[Invited]:
    given = (request.set_id, request.unit_id, request.person_id, request.guest_name or request.guest_email)
    if (
        sum(map(bool, given)) != 1
        or request.role not in ROLES
        or max(len(request.label), len(request.guest_name)) > 300
    ):
        troubles.append(_trouble("bad_line", "Mỗi dòng là một nhóm, một đơn vị, một người hoặc một khách mời", where))
        return []
    if request.guest_name or request.guest_email:
        return _guest(request, where, troubles)
    if request.person_id:
        return await _person(session, request, day, where, troubles)
    units = await _units(session, request, known, day)
    if not units:
        troubles.append(_trouble("unknown_unit", "Không tìm thấy đơn vị, hoặc đơn vị không còn hoạt động", where))
    return await _of_units(session, request, units, known, day)


def _guest(request: Wish, where: str, troubles: list[Trouble]) -> list[Invited]:
    name, email = cleaned(request.guest_name), request.guest_email.strip().lower()
    if not name or len(name) > limits.NAME_CHARACTERS or (email and not is_address(email)):
        troubles.append(_trouble("bad_guest", "Khách mời cần họ tên; địa chỉ thư điện tử, nếu có, phải đúng", where))
        return []
    label = cleaned(request.label) or name
    role = "guest" if request.role == "delegate" else request.role
    return [Invited(None, None, name, email, _site_of(request), label, role, request.required, False)]


async def _person(
    session: AsyncSession, request: Wish, day: date, where: str, troubles: list[Trouble]
) -> list[Invited]:
    person = await session.get(Person, request.person_id)
    if person is None or not person.active:
        troubles.append(_trouble("unknown_person", "Không tìm thấy người này, hoặc người này đã nghỉ", where))
        return []
    label = cleaned(request.label) or await person_label(session, person, day)
    site_id = _site_of(request) or (await _sites(session, {person.unit_id}, day)).get(person.unit_id)
    return [
        Invited(None, person.id, "", "", site_id, label[:300], request.role, request.required, request.must_be_head)
    ]


async def person_label(session: AsyncSession, person: Person, day: date) -> str:
    """Return a name, the first post and its unit: "Nguyễn Văn A - Chủ tịch UBND xã B"."""
    row = (
        await session.execute(
            select(Post.title, Unit.name, Unit.short_name)
            .join(Holding, Holding.post_id == Post.id)
            .join(Unit, Post.unit_id == Unit.id)
            .where(Holding.person_id == person.id, Holding.valid_from <= day)
            .where(or_(Holding.valid_to.is_(None), Holding.valid_to > day))
            .order_by(Post.rank)
            .limit(1)
        )
    ).first()
    return f"{person.name} - {post_of(row[0], row[2] or row[1])}" if row else person.name


def post_of(title: str, unit: str) -> str:
    """Return a post with its unit, without repeated words: "Giám đốc Sở Nội vụ"."""
    if unit.lower() in title.lower():
        return title
    for kind in ("Ủy ban nhân dân", "UBND", "Sở", "Văn phòng", "Ban"):
        if title.lower().endswith(kind.lower()) and unit.lower().startswith(kind.lower()):
            return title[: -len(kind)] + unit
    return f"{title} {unit}"


@dataclass(frozen=True)
class _Named:
    """Units that the list names one by one, with their sites. One query reads them all. Another query reads the titles of the
    heads that must come themselves.
    """

    units: dict[str, Standing]
    sites: dict[str, str]
    heads: dict[str, str]


_DAY = bindparam("day", type_=Date)
_NAMED = (
    select(_UNIT.c.id, _UNIT.c.name, _UNIT.c.tier, _UNIT.c.position, _SITE.c.id, _SITE.c.capability, _SITE.c.code)
    .outerjoin(
        _SITE,
        and_(
            _SITE.c.unit_id == _UNIT.c.id,
            _SITE.c.valid_from <= _DAY,
            or_(_SITE.c.valid_to.is_(None), _SITE.c.valid_to > _DAY),
        ),
    )
    .where(_UNIT.c.id.in_(bindparam("ids", expanding=True)))
    .where(_UNIT.c.valid_from <= _DAY, or_(_UNIT.c.valid_to.is_(None), _UNIT.c.valid_to > _DAY))
)


async def _named(session: AsyncSession, requests: Sequence[Wish], day: date) -> _Named:
    ids = {one.unit_id for one in requests if one.unit_id}
    if not ids:
        return _Named({}, {}, {})
    rows = (await session.execute(_NAMED, {"ids": sorted(ids), "day": day})).all()
    units = {row[0]: Standing(*row[:4]) for row in rows}
    sites = _best([(row[0], *row[4:]) for row in rows if row[4] is not None])
    return _Named(
        units, sites, await _titles(session, {one.unit_id for one in requests if one.unit_id and one.must_be_head}, day)
    )


_TITLES = (
    select(_POST.c.unit_id, _POST.c.title)
    .join(_HOLDING, _HOLDING.c.post_id == _POST.c.id)
    .join(_PERSON, _PERSON.c.id == _HOLDING.c.person_id)
    .where(_POST.c.unit_id.in_(bindparam("ids", expanding=True)), _POST.c.is_head, _PERSON.c.active)
    .where(_HOLDING.c.valid_from <= _DAY, or_(_HOLDING.c.valid_to.is_(None), _HOLDING.c.valid_to > _DAY))
    .order_by(_POST.c.rank.desc(), _HOLDING.c.valid_from)
)
"""The titles of the heads, in the order of `heads_of`: the last row of a unit is its head."""


async def _titles(session: AsyncSession, ids: set[str], day: date) -> dict[str, str]:
    """Return the title of the head of each of these units."""
    if not ids:
        return {}
    return dict((await session.execute(_TITLES, {"ids": sorted(ids), "day": day})).all())


async def _units(session: AsyncSession, request: Wish, known: _Named, day: date) -> list[Standing]:
    if request.set_id:
        found = await recipients.expand(session, request.set_id, day)
        return [Standing(one.id, one.name, one.tier, one.position) for one in found]
    unit = known.units.get(request.unit_id or "")
    return [unit] if unit else []


async def _of_units(
    session: AsyncSession, request: Wish, units: list[Standing], known: _Named, day: date
) -> list[Invited]:
    ids = {one.id for one in units}
    sites = await _sites(session, ids, day) if request.set_id else known.sites
    heads = await _titles(session, ids, day) if request.set_id and request.must_be_head else known.heads

    def label(unit: Standing) -> str:
        if request.unit_id and cleaned(request.label):
            return cleaned(request.label)
        title = heads.get(unit.id) if request.must_be_head else None
        return post_of(title, unit.name) if title is not None else unit.name

    return [
        Invited(
            unit_id=unit.id,
            person_id=None,
            guest_name="",
            guest_email="",
            site_id=(_site_of(request) if request.unit_id else None) or sites.get(unit.id),
            label=label(unit)[:300],
            role=request.role,
            required=request.required,
            must_be_head=request.must_be_head,
            unit=unit,
        )
        for unit in units
    ]


def _site_of(request: Wish) -> str | None:
    """Return the site where the attendee sits, if the request names a site."""
    return getattr(request, "site_id", None) or None


async def _sites(session: AsyncSession, unit_ids: set[str], day: date) -> dict[str, str]:
    """Return the best site of each unit: first a site with a hall terminal, then a site with a PC, then any other site."""
    rows = await session.execute(
        select(Site.unit_id, Site.id, Site.capability, Site.code)
        .where(Site.unit_id.in_(unit_ids), Site.valid_from <= day)
        .where(or_(Site.valid_to.is_(None), Site.valid_to > day))
    )
    return _best([(unit_id, id_, capability, code) for unit_id, id_, capability, code in rows])


def _best(sites: Iterable[tuple[str, str, str, str]]) -> dict[str, str]:
    """Return the best site of each unit. `sites` holds (unit, site, capability, code)."""
    worst_first = sorted(sites, key=lambda one: (("hall", "pc", "none").index(one[2]), one[3]), reverse=True)
    return {unit_id: id_ for unit_id, id_, _, _ in worst_first}


async def _people(session: AsyncSession, ids: set[str]) -> dict[str, Person]:
    return {one.id: one for one in await session.scalars(select(Person).where(Person.id.in_(ids)))}


def _contact(
    attendee: Attendee, people: dict[str, Person], units: dict[str, Unit], heads: dict[str, tuple[Person, Post]]
) -> Contact:
    if attendee.person_id in people:
        person = people[attendee.person_id]
        return Contact(person.name, person.email, person.phone)
    if attendee.unit_id in units:
        unit, head = units[attendee.unit_id], heads.get(attendee.unit_id)
        email = unit.email or (head[0].email if head else "")
        return Contact(unit.name, email, unit.phone or (head[0].phone if head else ""))
    return Contact(attendee.guest_name, attendee.guest_email, "")


def _row(meeting_id: str, one: Invited) -> Attendee:
    return Attendee(
        id=new_id(),
        meeting_id=meeting_id,
        unit_id=one.unit_id,
        site_id=one.site_id,
        person_id=one.person_id,
        guest_name=one.guest_name,
        guest_email=one.guest_email,
        label=one.label,
        role=one.role,
        required=one.required,
        must_be_head=one.must_be_head,
        agreed=one.agreed,
        link_round=0,
        notified=-1,
        mail_state="",
        outside_reason="",
        answer="none",
        answered_by="",
        comment="",
        substitute_name="",
        substitute_post="",
        substitute_state="",
    )


def _told(one: Attendee | Invited) -> tuple[str | None, str, str, bool, bool, str]:
    """Return what may change while the attendee stays."""
    return one.site_id, one.label, one.role, one.required, one.must_be_head, one.guest_name


def _update(row: Attendee, one: Invited) -> bool:
    if _told(row) == _told(one):
        return False
    if row.site_id != one.site_id:
        row.agreed = one.agreed
    row.site_id, row.label, row.role, row.required, row.must_be_head, row.guest_name = _told(one)
    return True


def _joined(first: Invited, later: Invited) -> Invited:
    chair = "chair" in (first.role, later.role)
    return Invited(
        unit_id=first.unit_id,
        person_id=first.person_id,
        guest_name=first.guest_name,
        guest_email=first.guest_email,
        site_id=first.site_id or later.site_id,
        label=first.label,
        role="chair" if chair else first.role,
        required=first.required or later.required,
        must_be_head=first.must_be_head or later.must_be_head,
        unit=first.unit,
    )


async def _write(session: AsyncSession, meeting: Meeting, diff: Diff, actor: Actor, now: datetime) -> None:
    if diff.removed:
        await _tell_removed(session, meeting, diff.removed, now)
        await session.execute(delete(Attendee).where(Attendee.id.in_([one.id for one in diff.removed])))
    session.add_all(diff.added)
    await session.flush()
    if diff.added or diff.removed or diff.changed:
        counts = {"added": len(diff.added), "removed": len(diff.removed), "changed": len(diff.changed)}
        await audit.record(
            session, now, actor, "meeting.attendees", "meeting", meeting.id, meeting.host_unit_id, counts
        )


async def _tell_removed(session: AsyncSession, meeting: Meeting, removed: Sequence[Attendee], now: datetime) -> None:
    """Mail the removed attendees that had a mail before. The job keeps the address, because the row will be deleted."""
    told = [one for one in removed if one.notified >= 0]
    reach = await contacts(session, told, today(now))
    for one in told:
        payload = {"meeting_id": meeting.id, "attendee_id": one.id, "name": reach[one.id].name}
        payload |= {"email": reach[one.id].email, "outside_reason": one.outside_reason}
        await outbox.enqueue(session, "mail.removed", payload, now, now)


async def allow_outside(session: AsyncSession, attendee: Attendee, reason: str, actor: Actor, now: datetime) -> None:
    """Allow mail to this attendee although the domain of the address is not official. Raise Refusal `denied`, `reason_needed`."""
    meeting = await session.get_one(Meeting, attendee.meeting_id)
    host = await session.get_one(Unit, meeting.host_unit_id)
    roles.require(actor, "meetings.answers", host.path)
    why = cleaned(reason)[:300]
    if not why:
        raise Refusal(
            "reason_needed",
            "Hãy nêu lý do gửi thư ra ngoài hệ thống thư công vụ.",
            "write a reason for sending mail to a domain that is not official",
        )
    attendee.outside_reason = why
    await session.flush()
    await audit.record(session, now, actor, "mail.outside", "attendee", attendee.id, host.id, {"reason": why})
    payload = {"meeting_id": meeting.id, "attendee_id": attendee.id, "sequence": meeting.sequence}
    if meeting.state == "approved" and attendee.notified < meeting.sequence:
        await outbox.enqueue(session, "mail.invite", payload, now, now)


def _trouble(code: str, vietnamese: str, where: str) -> Trouble:
    english = {
        "bad_line": "each line must be one set, one unit, one person or one guest",
        "bad_guest": "a guest needs a name and a valid mail address",
        "unknown_person": "no such person, or the person is no longer active",
        "unknown_unit": "no such unit, or the unit no longer exists",
        "site_elsewhere": "this site does not belong to the attendee's unit",
    }[code]
    return Trouble(code, vietnamese, english, where)


def _too_many() -> Refusal:
    return Refusal(
        "too_many_attendees",
        f"Một cuộc họp mời nhiều nhất {limits.INVITED} đơn vị và người. Hãy chia danh sách.",
        f"a meeting can have at most {limits.INVITED} attendees: divide the list",
    )
