"""A province for the access matrix. The same objects exist in five places, and one place has people of every role.

The places, as seen from the caller's own unit: `own`, `below`, `sibling` (beside it), `above` (the province), `foreign`
(another province).
"""

from __future__ import annotations

import json
import shutil
import sqlite3
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount

from rooms.accounts import clients, signing
from rooms.booking.changes import creation, deciding, ending
from rooms.booking.changes import dates as booking_dates
from rooms.booking.planning import requests
from rooms.exchange import imports, sheets
from rooms.identifiers import digest
from rooms.meetings.letters.fields import sample
from rooms.org.names import plain
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.accounts import Client, RoleGrant, SignIn
from rooms.store.tables.booking import Pool, PrecedenceAsk
from rooms.store.tables.columns import Row
from rooms.store.tables.meetings import (
    Attendee,
    AttendeeList,
    Letter,
    LetterTemplate,
    MeetingType,
    Occurrence,
    Template,
)
from rooms.store.tables.org import Deputy, Holding, Person, Post, RecipientRule, RecipientSet, Unit
from rooms.store.tables.records import Delivery, Feed, Webhook
from rooms.store.tables.sites import DeviceCheck, Hall, Network, Site, Terminal
from signaling.access.refusals import STATUS
from signaling.api.application import application
from signaling.api.ground.doorway import InstantMeetings, Probes, ServerFacts, Starting
from signaling.api.ground.invitations import Invitations
from signaling.api.ground.numbers import Numbers
from signaling.front.guard import Guard
from signaling.host.settings import Settings
from signaling.host.tokens import Authenticator
from signaling.meetings.secretariat import Secretariat
from signaling.orders.doorway import Doorway
from tests.rooms.people import add_account
from tests.signaling.api.checks import FIGURES
from tests.signaling.api.office import BASE, SECRET, Quiet

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
SINCE = date(2020, 1, 1)
PLACES = {"above": None, "own": "above", "sibling": "above", "below": "own", "foreign": None}
"""The parent place, by place."""
REACH = {"own": {"own", "below"}, "above": {"above", "own", "sibling", "below"}, "foreign": {"foreign"}, "": set()}
"""The places where a role counts, by the place of the role."""
TITLE = "Cuộc họp kín của"
KEY = "dck_" + "k" * 32


@dataclass(frozen=True)
class Caller:
    """A caller. `place` is the unit of its role. `kind` is account, client, or out (not signed in)."""

    name: str
    role: str = ""
    place: str = "own"
    factors: int = 2
    kind: str = "account"

    def holds(self, roles: tuple[str, ...]) -> bool:
        return self.role in roles


CALLERS = (
    Caller("out", place="", kind="out"),
    Caller("nobody", place=""),
    *(Caller(role, role) for role in ("requester", "secretary", "approver", "operator", "admin", "auditor")),
    Caller("operator-1", "operator", factors=1),
    Caller("admin-1", "admin", factors=1),
    Caller("client", "secretary", kind="client"),
    Caller("chief", "admin", "above"),
    Caller("center", "operator", "above"),
    Caller("leader", "approver", "above"),
    Caller("other-chief", "admin", "foreign"),
    Caller("other-center", "operator", "foreign"),
)


class World:
    """The application with its own database, and a copy of the first state."""

    def __init__(self, template: Path, folder: Path) -> None:
        path = folder / "world.sqlite"
        shutil.copy(template, path)
        url = f"sqlite:///{path}"
        self._own, self._first = sqlite3.connect(path), sqlite3.connect(":memory:")
        self.database = Database.open(url)
        authenticator = Authenticator({"office": SECRET})
        settings = Settings(data_dir=folder / "data", database=url, public_url=BASE)
        self.secretariat = Secretariat(settings, authenticator, NOW.timestamp)
        self.secretariat.live.registry = Quiet()  # type: ignore[assignment]
        self.secretariat.notices.close()  # the stream of notices then ends at once
        desk, starting = self.secretariat, Starting()
        probes = Probes(lambda: True, lambda: False, desk.ready)
        doorway = Doorway(authenticator, desk.lobbies, desk.shared, desk.live, desk.hosts, NOW.timestamp)
        numbers = Numbers(desk.shared)
        instant = InstantMeetings(doorway, starting, Invitations(SECRET), numbers, lambda n: b"\x07" * n, BASE)
        facts = ServerFacts("1", starting, lambda: None, probes)
        self.rest = application(instant, facts, desk.parts, desk.routers, STATUS)
        app = Guard(Starlette(routes=[Mount("/api/v1", self.rest)]), names={"hop.vn"}, now=NOW.timestamp)
        transport = httpx.ASGITransport(app, raise_app_exceptions=True, client=("192.168.1.9", 5000))
        self._client = httpx.AsyncClient(transport=transport, base_url=BASE + "/api/v1", headers={"origin": BASE})
        self.ids: dict[tuple[str, str], str] = {}
        self._secrets: dict[str, str] = {}
        self._rows: set[str] = set()
        self._commits = 0
        """SQLite's number of the last commit of the application, when the database was in its first state."""

    async def build(self) -> None:
        """Fill the database and keep a copy."""
        await self.database.transact(self._build)
        self._own.backup(self._first)
        self._rows, self._commits = self._dump(), self._last_commit()

    def sheet(self, place: str) -> bytes:
        """Return a file that adds a site to the unit of that place."""
        return f"code,name,unit_code,capability\nnew-{place},Điểm cầu mới,u-{place},none\n".encode()

    async def ask(self, caller: Caller, method: str, path: str, **how: object) -> httpx.Response:
        headers: dict[str, str] = dict(how.pop("headers", None) or {})  # type: ignore[call-overload]
        if caller.kind == "client":
            headers["authorization"] = f"Bearer {KEY}"
        if caller.kind == "account":
            headers["cookie"] = f"__Host-diemcau={self._secrets[caller.name]}"
        return await self._client.request(method, path, headers=headers, **how)  # type: ignore[arg-type]

    async def restore(self) -> None:
        """Restore the state before the requests, if the application committed anything since."""
        await self.secretariat.access.settled()
        if self._last_commit() != self._commits:
            self._first.backup(self._own)
            self._commits = self._last_commit()

    def changed(self) -> list[str]:
        """Return the rows that exist only now or existed only before."""
        return sorted(self._dump() ^ self._rows) if self._last_commit() != self._commits else []

    def _last_commit(self) -> int:
        """Return a number that differs after each commit of another connection to the database."""
        return int(self._own.execute("PRAGMA data_version").fetchone()[0])

    def _dump(self) -> set[str]:
        names = [row[0] for row in self._own.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        return {f"{name} {row!r}" for name in names for row in self._own.execute(f'SELECT * FROM "{name}"')}

    async def close(self) -> None:
        await self._client.aclose()
        await self.secretariat.close()
        await self.database.close()
        self._own.close()
        self._first.close()

    async def _build(self, session: AsyncSession) -> None:
        await _store(session, Pool(code="main", name="Máy chủ họp", legs=4000))
        await _store(session, MeetingType(code="briefing", name="Giao ban", default_class="ordinary", notice_days=0))
        await _store(session, Network(id="m-network", code="tslcd", name="TSLCD", ranges=["10.0.0.0/8"], closed=True))
        await _store(session, DeviceCheck(code="12345678", made_at=NOW, figures=FIGURES))
        paths: dict[str, str] = {}
        for number, (place, parent) in enumerate(PLACES.items()):
            self._note("network", place, "m-network")
            paths[place] = f"{paths.get(parent or '', '/')}m-unit-{place}/"
            for row in self._organisation(place, parent, paths[place]):
                await _store(session, row)
            for row in self._sites(place):
                await _store(session, row)
            await self._accounts(session, place)
            await self._meetings(session, place, number)
            for row in self._kept_things(place):
                await _store(session, row)
        for place in PLACES:
            outcome = await imports.preview(session, "sites", sheets.read(self.sheet(place)), COMMAND, NOW)
            self._note("digest", place, outcome.digest)
        for caller in CALLERS:
            await self._sign_in(session, caller)

    def _note(self, kind: str, place: str, made: str = "") -> str:
        self.ids[kind, place] = made or f"m-{kind}-{place}".replace("_", "-")[:32]
        return self.ids[kind, place]

    def _organisation(self, place: str, parent: str | None, path: str) -> list[Row]:
        unit = self._note("unit", place)
        rows: list[Row] = [
            Unit(
                id=unit,
                code=f"u-{place}",
                name=f"Đơn vị {place}",
                search_name=f"don vi {place}",
                kind="department",
                tier=1,
                block="government",
                parent_id=self.ids["unit", parent] if parent else None,
                path=path,
                top=place == "above",
                email=f"{place}@longan.gov.vn",
                valid_from=SINCE,
            )
        ]
        for kind in ("person", "second", "third"):
            name = f"Người {kind} {place}"
            rows.append(
                Person(
                    id=self._note(kind, place), code=f"{kind}-{place}", name=name, search_name=plain(name), unit_id=unit
                )
            )
        post = self._note("post", place)
        rows.append(Post(id=post, unit_id=unit, title="Giám đốc", rank=1, is_head=True, valid_from=SINCE))
        rows.append(
            Holding(id=f"m-holding-{place}", post_id=post, person_id=self.ids["person", place], valid_from=SINCE)
        )
        rows.append(
            Deputy(
                id=self._note("deputy", place),
                person_id=self.ids["person", place],
                deputy_id=self.ids["second", place],
                starts_at=NOW + timedelta(days=400),
                ends_at=NOW + timedelta(days=401),
                granted_by="test",
            )
        )
        group = self._note("recipient_set", place)
        rows.append(
            RecipientSet(id=group, code=f"set-{place}", name="Các sở", search_name="cac so", owner_unit_id=unit)
        )
        rows.append(RecipientRule(id=f"m-rule-{place}", set_id=group, unit_id=unit, below=True))
        return rows

    def _sites(self, place: str) -> list[Row]:
        site, hall = self._note("site", place), self._note("hall", place)
        unit = self.ids["unit", place]
        return [
            Site(
                id=site,
                code=f"s-{place}",
                name=f"Điểm cầu {place}",
                search_name=f"diem cau {place}",
                unit_id=unit,
                capability="hall",
                network_id="m-network",
                valid_from=SINCE,
            ),
            Hall(
                id=hall,
                code=f"h-{place}",
                name=f"Phòng {place}",
                search_name=f"phong {place}",
                site_id=site,
                seats=40,
                equipment=[],
            ),
            Terminal(
                id=self._note("terminal", place),
                code=f"t-{place}",
                name=f"Thiết bị {place}",
                site_id=site,
                hall_id=hall,
                protocols=["sip"],
                sip_uri=f"sip:{place}@10.0.0.1",
                codecs=["h264"],
                network_id="m-network",
            ),
        ]

    async def _accounts(self, session: AsyncSession, place: str) -> None:
        unit = self.ids["unit", place]
        account = await add_account(session, f"acc-{place}", self.ids["second", place], {"secretary": unit}, NOW)
        self._note("account", place, account.id)
        grant = await session.scalar(select(RoleGrant.id).where(RoleGrant.account_id == account.id))
        self._note("grant", place, grant or "")
        session.add(
            Client(
                id=self._note("client", place),
                name=f"Hệ thống {place}",
                unit_id=unit,
                roles=["requester"],
                key_digest=digest(f"dck_{place}"),
                created_at=NOW,
            )
        )
        session.add(
            Feed(
                id=self._note("feed", place),
                digest=digest(f"feed-{place}"),
                kind="unit",
                target_id=unit,
                account_id=account.id,
                created_at=NOW,
            )
        )
        hook = self._note("webhook", place)
        seal = self.secretariat.seal
        session.add(
            Webhook(
                id=hook,
                unit_id=unit,
                url="https://vanban.longan.gov.vn/hook",
                events=["meeting.approved"],
                secret=seal.seal("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", f"webhook:{hook}"),
                created_at=NOW,
            )
        )
        await session.flush()
        delivery = Delivery(
            id=self._note("delivery", place),
            webhook_id=hook,
            event="meeting.approved",
            body=json.dumps({"type": "meeting.approved"}),
            created_at=NOW,
            tries=[],
        )
        await _store(session, delivery)

    async def _meetings(self, session: AsyncSession, place: str, number: int) -> None:
        for hour, kind in enumerate(("held", "meeting", "approved", "series", "running")):
            request = requests.Request(
                title=f"{TITLE} {place}",
                type_code="briefing",
                host_unit_id=self.ids["unit", place],
                starts_at=NOW
                + (timedelta(minutes=15) if kind == "running" else timedelta(days=1 + number % 3, hours=hour)),
                duration_min=60,
                class_="ordinary",
                rule="FREQ=WEEKLY;COUNT=3" if kind == "series" else "",
                chair_id=self.ids["person", place] if kind == "approved" else None,
                attendees=(requests.AttendeeRequest(unit_id=self.ids["unit", place]),),
                submit=kind != "held",
            )
            made = await creation.create(session, request, COMMAND, NOW)
            if kind in ("approved", "series", "running"):
                for _ in range(2):
                    await deciding.decide(session, made.id, True, "", COMMAND, NOW)
            self._note(kind, place, made.id)
            dates = await session.scalars(
                select(Occurrence).where(Occurrence.meeting_id == made.id).order_by(Occurrence.starts_at)
            )
            found = dates.all()
            self._note(f"occurrence-{kind}", place, found[0].id)
            if kind == "series":
                await booking_dates.cancel(session, made.id, "other", "Hoãn một buổi", COMMAND, NOW, found[1].id)
                self._note("occurrence-off", place, found[1].id)
            if kind == "running":
                await ending.opened(session, found[0].id, NOW)
                found[0].starts_at = NOW - timedelta(minutes=5)
            self._note(f"version-{kind}", place, str(made.version))
        self._note("occurrence", place, self.ids["occurrence-approved", place])
        attendees = await session.scalars(select(Attendee).where(Attendee.meeting_id == self.ids["approved", place]))
        attendee = attendees.one()
        attendee.substitute_name, attendee.substitute_state = "Trần Văn Thay", "asked"
        self._note("attendee", place, attendee.id)

    def _kept_things(self, place: str) -> list[Row]:
        unit = self.ids["unit", place]
        request = {"title": "Giao ban", "type_code": "briefing", "host_unit_id": unit, "duration_min": 60}
        return [
            Template(id=self._note("template", place), unit_id=unit, name="Giao ban", request=request),
            PrecedenceAsk(
                id=self._note("precedence_ask", place),
                unit_id=unit,
                title="Giao ban",
                starts_at=NOW + timedelta(days=30),
                ends_at=NOW + timedelta(days=30, hours=1),
                request=requests.as_json(
                    requests.Request("Giao ban", "briefing", unit, NOW + timedelta(days=30), 60, class_="ordinary")
                ),
                reason="Công điện",
                by="nobody",
                at=NOW,
            ),
            AttendeeList(id=self._note("attendee_list", place), unit_id=unit, name="Các phòng", entries=[]),
            LetterTemplate(
                id=self._note("letter_template", place),
                unit_id=unit,
                kind="invite",
                name="Mẫu",
                docx=b"PK",
                uploaded_at=NOW,
            ),
            Letter(
                id=self._note("letter", place),
                meeting_id=self.ids["approved", place],
                kind="invite",
                dated=NOW.date(),
                fields=sample(),
                created_at=NOW,
                created_by="test",
            ),
        ]

    async def _sign_in(self, session: AsyncSession, caller: Caller) -> None:
        if caller.kind == "client":
            client = Client(
                id="m-caller",
                name="Người gọi",
                unit_id=self.ids["unit", caller.place],
                roles=[caller.role],
                key_digest=digest(KEY),
                created_at=NOW,
            )
            await _store(session, client)
        if caller.kind == "account":
            roles = {caller.role: self.ids["unit", caller.place]} if caller.role else {}
            account = await add_account(session, f"caller-{caller.name}", None, roles, NOW)
            self._secrets[caller.name] = await signing.start(session, account, NOW, factors=caller.factors)


async def _store(session: AsyncSession, row: Row) -> None:
    session.add(row)
    await session.flush()


assert KEY.startswith(clients.PREFIX)
assert SignIn.__tablename__
