"""The REST application with sign-in on a real database. Its clients use addresses that the test chooses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import httpx
from argon2 import PasswordHasher
from fastapi import FastAPI
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.applications import Starlette
from starlette.routing import Mount

from conference import ProcessMemory
from rooms.accounts.passwords import Hashing
from rooms.sealing import Seal
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from signaling.access.access import Access, Options
from signaling.access.refusals import STATUS
from signaling.access.routing import router
from signaling.api.application import application
from signaling.api.ground.invitations import Invitations
from signaling.host.tokens import Authenticator
from tests.rooms.people import add_account
from tests.signaling.doorways import facts, instant_meetings

SECRET = "0123456789abcdef0123456789abcdef"
BASE = "https://hop.vn"
PASSWORD = "con gà trống cất tiếng gáy"
CHEAP = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
HASHED = CHEAP.hash(PASSWORD)


@dataclass
class SignInDesk:
    """The application for tests. Tests move `now`."""

    database: Database
    now: datetime
    options: Options = field(default_factory=Options)
    hashing: Hashing = field(default_factory=lambda: Hashing(2, CHEAP))
    base: str = BASE

    def __post_init__(self) -> None:
        seal = Seal(bytes(32))
        self.access = Access(self.database, seal, lambda: self.now, ProcessMemory(), self.options, self.hashing)
        instant = instant_meetings(Authenticator({"office": SECRET}), Invitations(SECRET), lambda: self.now.timestamp())
        self.app: FastAPI = application(instant, facts(), routers=[router(self.access)], statuses=STATUS)
        self.mounted = Starlette(routes=[Mount("/api/v1", self.app)])

    def client(self, address: str = "10.1.1.1", base: str = "", **headers: str) -> httpx.AsyncClient:
        """Return a browser: it keeps cookies and sends Origin."""
        base = base or self.base
        sent = {"origin": base, "user-agent": "Firefox/140"} | headers
        transport = httpx.ASGITransport(self.mounted, raise_app_exceptions=False, client=(address, 5000))
        return httpx.AsyncClient(transport=transport, base_url=f"{base}/api/v1", headers=sent)

    def pass_time(self, **parts: float) -> None:
        self.now += timedelta(**parts)

    async def account(self, name: str, person_id: str | None, password: str = HASHED, **roles: str) -> Account:
        return await self.database.transact(lambda s: add_account(s, name, person_id, roles, self.now, password))

    async def stored(self, account_id: str) -> Account:
        async with self.database.reading() as session:
            return await session.get_one(Account, account_id)

    async def change(self, account_id: str, **values: Any) -> None:
        async def work(session: AsyncSession) -> None:
            row = await session.get_one(Account, account_id)
            for name, value in values.items():
                setattr(row, name, value)

        await self.database.transact(work)


async def sign_in(client: httpx.AsyncClient, name: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await client.post("/session", json={"name": name, "password": password} | more)
