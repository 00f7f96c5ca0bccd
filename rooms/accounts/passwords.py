"""The rules for a password, and its argon2id hash (RFC 9106). Threads compute hashes outside the event loop, behind a bounded
queue.

One hash takes 19 MiB and tens of milliseconds, so an attacker who asks for many hashes could block all other users. Two queues
share the threads: one for browsers that signed in here before, one for strangers. In each queue the networks take turns, and
one network has few waiting hashes.
"""

from __future__ import annotations

import asyncio
import unicodedata
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError

from rooms.accounts import limits
from rooms.accounts.common_passwords import COMMON, RUNS
from rooms.errors import Refusal
from rooms.org.names import plain

T = TypeVar("T")
Stored = str | Callable[[], Awaitable[str]]
DISTINCT = 5
KNOWN_TURNS = 3
"""Password hashes are computed for browsers that signed in before (known) and for strangers in turn. This is the number for
known browsers between two for strangers. Chosen. More: strangers wait longer to sign in. Fewer: an attack by strangers delays
users of known browsers.
"""
NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdCBvZiBub2JvZHkh$2kjnTjrXr5DgYAGnbxPAGDt8WMU3nJdSgMSUZ5BqHBE"
"""The hash that is compared when the account does not exist. No password matches this hash."""


def normalised(password: str) -> str:
    """Return the password as RFC 8265 section 4.2 prepares it: every blank becomes a space, then NFC (keyboards write "ế" in
    several ways).
    """
    return unicodedata.normalize("NFC", "".join(" " if one.isspace() else one for one in password))


def check(password: str, *, names: tuple[str, ...] = (), totp: bool = False) -> None:
    """Check that a password is long enough and not easy to guess. Only these two count (NIST SP 800-63B 3.1.1.2).

    `names`: words that an attacker tries first, such as the name of the account. Raise Refusal `password_…`.
    """
    text = normalised(password)
    least = limits.PASSWORD_LEAST_WITH_TOTP if totp else limits.PASSWORD_LEAST
    if len(text) < least:
        raise Refusal(
            "password_short",
            f"Mật khẩu cần ít nhất {least} ký tự. Một câu ngắn dễ nhớ là tốt nhất.",
            f"a password needs at least {least} characters; a short sentence is best",
        )
    if len(text) > limits.PASSWORD_CHARACTERS:
        raise Refusal(
            "password_long",
            "Mật khẩu quá dài.",
            f"the password is too long: use at most {limits.PASSWORD_CHARACTERS} characters",
        )
    if _is_guessable(text.casefold(), names):
        raise Refusal(
            "password_common",
            "Mật khẩu này dễ đoán. Hãy chọn một câu chỉ riêng mình biết.",
            "this password is easy to guess: choose a sentence that only you know",
        )


def _is_guessable(text: str, names: tuple[str, ...]) -> bool:
    joined = plain(text).replace(" ", "")
    bare = joined.strip("0123456789!@#$%^&*().,-_=+")
    if len(set(text)) < DISTINCT or any(joined in run for run in RUNS):
        return True
    return any(one in COMMON for one in (text, joined, bare)) or bare in {
        plain(name).replace(" ", "") for name in names
    }


def busy() -> Refusal:
    return Refusal(
        "busy",
        "Máy chủ đang có quá nhiều lượt đăng nhập. Hãy thử lại sau vài giây.",
        "too many sign-ins at the moment: try again in a few seconds",
    )


class _Lane:
    """A queue of waiting hashes, by source. The sources take turns."""

    def __init__(self) -> None:
        self.sources: OrderedDict[str, deque[asyncio.Future[None]]] = OrderedDict()
        self.waiting = 0

    def push(self, source: str, ticket: asyncio.Future[None]) -> None:
        """Add a ticket. In a full lane, the source with the most tickets loses its last ticket if it has at least two more than
        this source. Raise Refusal `busy` if the lane stays full, or if this source has too many tickets.
        """
        own = len(self.sources.get(source, ()))
        if own >= limits.HASH_WAITING_OF_ONE or (self.waiting >= limits.HASH_WAITING and not self._displace(own)):
            raise busy()
        self.sources.setdefault(source, deque()).append(ticket)
        self.waiting += 1

    def pop(self) -> asyncio.Future[None] | None:
        """Return the next ticket that still waits."""
        while self.sources:
            source, tickets = next(iter(self.sources.items()))
            ticket = tickets.popleft()
            self.waiting -= 1
            del self.sources[source]
            if tickets:
                self.sources[source] = tickets  # to the end of the round
            if not ticket.done():
                return ticket
        return None

    def _displace(self, own: int) -> bool:
        source, tickets = max(self.sources.items(), key=lambda item: len(item[1]))
        if len(tickets) <= own + 1:
            return False
        ticket = tickets.pop()
        self.waiting -= 1
        if not tickets:
            del self.sources[source]
        if not ticket.done():
            ticket.set_exception(busy())
        return True


class Hashing:
    """A bounded number of threads that compute hashes, and the queue before them. It belongs to one event loop."""

    def __init__(self, workers: int = limits.HASH_WORKERS, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher(
            time_cost=limits.HASH_PASSES, memory_cost=limits.HASH_MEMORY_KIB, parallelism=limits.HASH_LANES
        )
        self._workers = workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="argon2")
        self._running = 0
        self._lanes = {True: _Lane(), False: _Lane()}
        self._turns = 0
        self.computed = 0
        """The number of hashes until now."""

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    @property
    def waiting(self) -> int:
        return sum(lane.waiting for lane in self._lanes.values())

    async def hash(self, password: str, source: str = "") -> str:
        """Return the hash of a password. Raise Refusal `busy`."""
        text = normalised(password)

        async def work() -> Callable[[], str]:
            return lambda: self._hasher.hash(text)

        return await self._run(work, source, known=True)

    async def verify(self, stored: Stored, password: str, *, source: str, known: bool) -> bool:
        """Report whether the password matches. An empty `stored` (no account, no password) takes the same time as any other
        hash.

        `stored`: the hash, or a function that reads the hash. The function is called only when the turn comes, so that a crowd
        of strangers does not wait for the database too. `source`: the network or browser that asks. `known`: this browser
        signed in to this account before. Raise Refusal `busy`, and every error of `stored`.
        """
        text = normalised(password)
        hashed = ""

        async def look_up() -> Callable[[], bool]:
            nonlocal hashed
            hashed = stored if isinstance(stored, str) else await stored()
            return lambda: self._matches(hashed or NOBODY, text)

        found = await self._run(look_up, source, known=known)
        return found and bool(hashed)

    def is_old(self, stored: str) -> bool:
        """Report whether the hash has other parameters than the current ones."""
        return self._hasher.check_needs_rehash(stored)

    def _matches(self, stored: str, text: str) -> bool:
        try:
            return self._hasher.verify(stored, text)
        except (Argon2Error, InvalidHashError):
            return False

    async def _run(self, prepare: Callable[[], Awaitable[Callable[[], T]]], source: str, *, known: bool) -> T:
        """Wait for a turn and await `prepare`. Then run the function that it returned in a thread."""
        loop = asyncio.get_running_loop()
        if self._running >= self._workers:
            ticket = loop.create_future()
            self._lanes[known].push(source, ticket)
            await self._turn_of(ticket)
        else:
            self._running += 1
        try:
            work = await prepare()
        except BaseException:
            self._free()
            raise
        self.computed += 1
        running = loop.run_in_executor(self._pool, work)
        # The thread continues when its caller is cancelled. The place becomes free only when the thread ends.
        running.add_done_callback(lambda _: self._free())
        return await asyncio.shield(running)

    async def _turn_of(self, ticket: asyncio.Future[None]) -> None:
        try:
            await ticket
        except asyncio.CancelledError:
            if ticket.done() and not ticket.cancelled() and ticket.exception() is None:
                self._free()  # the place was assigned to this task at the moment of its cancellation
            raise

    def _free(self) -> None:
        """Give the place to the next ticket. If no ticket waits, free the place."""
        self._turns += 1
        strangers_first = self._turns % (KNOWN_TURNS + 1) == 0
        for known in (not strangers_first, strangers_first):
            ticket = self._lanes[known].pop()
            if ticket is not None:
                ticket.set_result(None)
                return
        self._running -= 1
