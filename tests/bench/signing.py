"""Sign-ins while strangers guess passwords: reliability study, row W12 (1,000 wrong sign-ins a second; a right one within 0.5
s).

    python tests/bench/signing.py [--seconds 20] [--per-second 1000] [--guessers 250] [--tree CHECKOUT]

The server is fresh, on SQLite. Guessers are connections that stay open. Each has its own loopback address, so that the limit
for one network does not stop them. Half of the names that they try exist. Owners signed in before in the browser that they use,
as on a working day. The bench first measures the same owners without guessers. The script prints a table in Markdown, and
checks no budget.
"""

import argparse
import asyncio
import itertools
import json
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import uvloop

from rooms.accounts.passwords import Hashing
from rooms.identifiers import new_id
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.accounts import Account
from tests.bench import peers

PASSWORD = "mưa rơi trên mái ngói đỏ"
OWNERS = 20
OWNER_PAUSE_S = 1.0
BUDGET_MS = 500
DEVICE = "diemcau-local-device="


@dataclass
class Found:
    """The result. `statuses` are the answers to guessers. `wrong` are answers that an owner should not have received."""

    owners_ms: list[float] = field(default_factory=list)
    statuses: Counter[int] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Browser:
    """A connection from `source` that stays open, and the cookie of its known browser."""

    def __init__(self, port: int, source: str) -> None:
        self.port, self.source, self.cookie = port, source, ""

    async def open(self) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port, local_addr=(self.source, 0))

    async def sign_in(self, name: str, password: str) -> tuple[int, bytes]:
        """Sign in, and return the status with the head and body of the answer."""
        body = json.dumps({"name": name, "password": password}, ensure_ascii=False).encode()
        address = f"127.0.0.1:{self.port}"
        head = (
            f"POST /api/v1/session HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\n"
            f"sec-fetch-site: same-origin\r\ncookie: {self.cookie}\r\ncontent-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n"
        )
        self._writer.write(head.encode() + body)
        told = await self._reader.readuntil(b"\r\n\r\n")
        length = int(told.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await self._reader.readexactly(length)
        for line in told.decode().split("\r\n"):
            if line.lower().startswith("set-cookie: ") and DEVICE in line:
                self.cookie = line.split(": ", 1)[1].split(";")[0]
        return int(told[9:12]), body

    def close(self) -> None:
        self._writer.close()


async def accounts(url: str) -> None:
    """Add owners whose passwords are hashed with the parameters of production."""
    await steps.upgrade(url)
    database, hashing = Database.open(url), Hashing()
    hashed = await hashing.hash(PASSWORD)
    now = datetime.now(UTC)

    async def add(session: object) -> None:
        rows = [Account(id=new_id(), name=f"chu.{n}", created_at=now, password=hashed) for n in range(OWNERS)]
        session.add_all(rows)  # type: ignore[attr-defined]

    await database.transact(add)
    hashing.close()
    await database.close()


async def owner(browser: Browser, name: str, stop: float, found: Found) -> None:
    while time.monotonic() < stop:
        begin = time.perf_counter()
        status, body = await browser.sign_in(name, PASSWORD)
        found.owners_ms.append((time.perf_counter() - begin) * 1000)
        if status != 200:
            found.wrong.append(f"{status} {body[:200]!r}")
        await asyncio.sleep(OWNER_PAUSE_S)


async def guess(port: int, number: int, pause_s: float, stop: float, found: Found) -> None:
    browser = Browser(port, f"127.1.{number // 250}.{number % 250 + 1}")
    await browser.open()
    for place in itertools.count():
        if time.monotonic() >= stop:
            break
        begin = time.monotonic()
        name = f"chu.{(number + place) % OWNERS}" if place % 2 else f"ai.{number}.{place}"
        status, _ = await browser.sign_in(name, "sai bét nhè rồi đó")
        found.statuses[status] += 1
        await asyncio.sleep(max(0.0, pause_s - (time.monotonic() - begin)))
    browser.close()


async def measure(port: int, seconds: float, per_second: int, guessers: int) -> tuple[Found, Found]:
    """Return the results (without guessers, with guessers)."""
    browsers = [Browser(port, f"127.2.0.{n + 1}") for n in range(OWNERS)]
    for n, browser in enumerate(browsers):
        await browser.open()
        status, body = await browser.sign_in(f"chu.{n}", PASSWORD)
        assert status == 200, body
        assert browser.cookie, body
    both = Found(), Found()
    for found, crowd in zip(both, (0, guessers), strict=True):
        stop = time.monotonic() + seconds
        pause_s = guessers / per_second
        await asyncio.gather(
            *(owner(one, f"chu.{n}", stop, found) for n, one in enumerate(browsers)),
            *(guess(port, n, pause_s, stop, found) for n in range(crowd)),
        )
    return both


def said(title: str, found: Found, seconds: float) -> str:
    ms = sorted(found.owners_ms)
    p50, p99 = ms[len(ms) // 2], ms[min(len(ms) - 1, int(len(ms) * 0.99))]
    guessed = sum(found.statuses.values())
    kinds = ", ".join(f"{status}: {count}" for status, count in sorted(found.statuses.items()))
    refused = f", {len(found.wrong)} refused" if found.wrong else ""
    return f"| {title} | {guessed / seconds:.0f}/s ({kinds}) | {p50:.0f} / {p99:.0f} ms of {len(ms)}{refused} |"


def main() -> None:
    words = argparse.ArgumentParser()
    words.add_argument("--seconds", type=float, default=20.0)
    words.add_argument("--per-second", type=int, default=1000)
    words.add_argument("--guessers", type=int, default=250)
    words.add_argument("--tree", type=Path, default=peers.ROOT, help="the checkout whose server is asked")
    options = words.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-signing-") as folder:
        url = f"sqlite:///{folder}/signing.db"
        asyncio.run(accounts(url))
        with peers.diemcau(tree=options.tree, DATABASE=url, HALLS="false") as server:
            given = (server.port, options.seconds, options.per_second, options.guessers)
            before, during = uvloop.run(measure(*given))
    print(f"| | wrong ones | right ones, p50 / p99 (aim {BUDGET_MS} ms) |\n|---|---|---|")
    print(said("nobody guesses", before, options.seconds))
    print(said(f"{options.per_second}/s asked for", during, options.seconds))
    for one in dict.fromkeys(during.wrong[:3]):
        print(f"refused: {one}")


if __name__ == "__main__":
    main()
