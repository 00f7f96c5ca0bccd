"""A server without media for tests: the real routes behind the real guard, a clock that tests set, and people by role."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.routing import Mount

from conference import Refusal
from rooms.store.database import Database
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
from tests.rooms.people import signed_in
from tests.rooms.province import Province

SECRET = "0123456789abcdef0123456789abcdef"
BASE = "https://hop.vn"


@dataclass
class Quiet:
    """An empty registry."""

    kicked: list[str] = field(default_factory=list)

    def get(self, name: str) -> Any:
        raise Refusal("conference_not_found")

    def all(self) -> tuple[()]:
        return ()

    def delete(self, name: str) -> None:
        """Raise Refusal: there is no conference to delete."""
        self.get(name)


class Office:
    """A test server. `client(role, unit, person)` returns the browser of a signed-in user. Times are absolute."""

    def __init__(
        self, database: Database, url: str, province: Province, now: datetime, folder: Path, **settings: Any
    ) -> None:
        self.database, self.province, self.now = database, province, now
        self.authenticator = Authenticator({"office": SECRET})
        known = Settings(data_dir=folder / "data", database=url, public_url=BASE, **settings)
        self.secretariat = Secretariat(known, self.authenticator, lambda: self.now.timestamp())
        self.secretariat.live.registry = Quiet()  # type: ignore[assignment]
        desk, starting = self.secretariat, Starting(everybody=True)
        probes = Probes(lambda: True, lambda: False, desk.ready)
        doorway = Doorway(
            self.authenticator, desk.lobbies, desk.shared, desk.live, desk.hosts, lambda: self.now.timestamp()
        )
        numbers = Numbers(desk.shared)
        instant = InstantMeetings(doorway, starting, Invitations(SECRET), numbers, lambda n: b"\x07" * n, BASE)
        facts = ServerFacts("1.2.3", starting, lambda: None, probes)
        self.rest = application(instant, facts, desk.parts, desk.routers, STATUS)
        self.app = Guard(
            Starlette(routes=[Mount("/api/v1", self.rest)]), names={"hop.vn"}, now=lambda: self.now.timestamp()
        )
        self._clients: list[httpx.AsyncClient] = []

    def pass_minutes(self, minutes: float) -> None:
        self.now += timedelta(minutes=minutes)

    def at(self, text: str) -> str:
        """Return the instant of a local time in Việt Nam, such as "2026-03-04 14:00"."""
        return datetime.fromisoformat(text + ":00+07:00").astimezone(UTC).isoformat()

    async def client(self, role: str = "", unit: str = "tinh", person: str = "", factors: int = 2) -> httpx.AsyncClient:
        unit_id = self.province.units[unit] if role else ""
        who = self.province.people[person] if person else None
        signed = await signed_in(self.database, role, unit_id, self.now, person_id=who, factors=factors)
        made = self.stranger()
        made.cookies.update(signed.cookies)
        return made

    def stranger(self, address: str = "192.168.1.9") -> httpx.AsyncClient:
        made = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, raise_app_exceptions=True, client=(address, 5000)),
            base_url=BASE + "/api/v1",
            headers={"origin": BASE},
        )
        self._clients.append(made)
        return made

    async def close(self) -> None:
        for one in self._clients:
            await one.aclose()
        await self.secretariat.close()
