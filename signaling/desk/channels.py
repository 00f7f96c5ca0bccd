"""The channels of this process: opening, resuming and ending them, their orders, and the checks whether a right has ended.

A participant's right ends with the participant, which the conference reports at once. All other rights are checked every LOOK_S
in memory, and every HOSTS_LOOKED_S in the database.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, Final

from sqlalchemy.exc import SQLAlchemyError

import conference
from conference import events
from conference.ground.lifecycle import Happening, What
from conference.ports.time import Clock
from rooms.errors import Refusal
from signaling.desk import limits
from signaling.desk.channel import ENDED, OVER, RESUMED, TOO_MANY, Channel
from signaling.desk.reading import Order, Resume
from signaling.host import limits as bounds
from signaling.host.throttle import network
from signaling.orders import authority, table
from signaling.orders.authority import Bearer
from signaling.orders.doorway import Doorway

log = logging.getLogger(__name__)
GOING_AWAY: Final = 1001
TEXTS: Final = {
    "too_many_channels": (
        "Có quá nhiều bàn điều khiển đang mở từ mạng này.",
        "too many desks are open from this network: close some",
    ),
    "failed": ("Máy chủ gặp lỗi khi thực hiện lệnh.", "the server failed to perform the order"),
    "busy": ("Cơ sở dữ liệu chưa trả lời. Hãy thử lại sau giây lát.", "the database does not answer: try again"),
    "over": ("Cuộc họp đã kết thúc.", "the meeting is over"),
}
About = Callable[[str], Awaitable[tuple[str, float | None]]]
"""Returns the title of a conference (empty: none), and its booked end in Unix seconds."""


class Channels:
    """`suffix` returns a random text of at least 128 bits. Implements `conference.ports.watchers.Observer`."""

    def __init__(self, around: Doorway, clock: Clock, suffix: Callable[[], str], about: About) -> None:
        self.around, self._clock, self._suffix, self._about = around, clock, suffix, about
        self._channels: dict[str, Channel] = {}
        """By session, the oldest first."""
        self._networks: Counter[str] = Counter()
        self._working: dict[str, asyncio.Task[None]] = {}
        """The tasks that perform orders, by the session that the channel had at their start."""
        self._described: set[str] = set()
        """The conferences whose booked facts were read."""

    def __len__(self) -> int:
        return len(self._channels)

    # -- opening

    async def welcome(self, grants: conference.Grants, resume: Resume | None, address: str) -> tuple[Channel, bool]:
        """Return the channel of a verified token, and whether it was resumed. Raise Refusal."""
        bearer = await authority.bearer(self.around, grants)
        old = self._resumable(bearer, resume)
        if old is not None and resume is not None:
            return old, old.resume(resume.seq)
        channel = self._open(bearer, network(address))
        if bearer.token.conference not in self._described:
            await self._describe(bearer.token.conference)
        return channel, False

    def _resumable(self, bearer: Bearer, resume: Resume | None) -> Channel | None:
        """Return the channel that this bearer may resume. It gets a new session, so that a session resumes once."""
        found = self._channels.get(resume.session) if resume is not None else None
        if found is None or not _same_bearer(found.bearer, bearer):
            return None
        del self._channels[found.session]
        found.session = self._suffix()
        self._channels[found.session] = found
        found.supersede(RESUMED)
        found.judge(bearer)
        return found

    def _open(self, bearer: Bearer, network_: str) -> Channel:
        """Make a channel. Raise Refusal `too_many_channels`. The oldest channel of an identity with too many ends."""
        own = [one for one in self._channels.values() if _same_bearer(one.bearer, bearer)]
        if len(own) >= limits.CHANNELS_OF_IDENTITY:
            self._end(own[0], TOO_MANY)
        if self._networks[network_] >= limits.CHANNELS_OF_NETWORK or len(self._channels) >= limits.CHANNELS:
            raise refused("too_many_channels")
        document = authority.meeting(self.around, bearer.token.conference).document
        channel = Channel(self._suffix(), bearer, document, network_, self._clock.monotonic())
        self._channels[channel.session] = channel
        self._networks[network_] += 1
        return channel

    async def _describe(self, name: str) -> None:
        """Put the booked facts into the document. Without the database the document has none."""
        self._described.add(name)
        try:
            title, ends_at = await self._about(name)
            authority.meeting(self.around, name).sections.describe(title, ends_at)
        except Refusal:
            return  # the meeting is over
        except (OSError, SQLAlchemyError) as error:
            log.warning("the booked facts of a meeting could not be read: %s", error)

    def key(self, bearer: Bearer) -> str:
        """Return a token for the next hello. Empty for a bearer of a key, who has one."""
        if not bearer.token.join:
            return ""
        return self.around.authenticator.sign(authority.key(bearer), bounds.MODERATION_TTL_S, self.around.now())

    # -- orders

    def work(self, channel: Channel, address: str) -> None:
        """Perform the orders of a channel, one after another. They go on when the socket is lost."""
        name = channel.session
        if channel.orders and not channel.working:
            channel.working = True
            task = asyncio.get_running_loop().create_task(self._perform_all(channel, address))
            self._working[name] = task
            task.add_done_callback(lambda _: self._working.pop(name, None))

    async def _perform_all(self, channel: Channel, address: str) -> None:
        try:
            while channel.orders:
                order = channel.orders[0]
                channel.answer(order, await self._perform(channel, order, address))
        finally:
            channel.working = False

    async def _perform(self, channel: Channel, order: Order, address: str) -> dict[str, Any] | Refusal:
        try:
            fields = table.read(order.name, order.fields)
            bearer = await authority.bearer(self.around, channel.bearer.token)
            made = await table.perform(self.around, bearer, order.name, fields, address)
            return made.model_dump(mode="json")
        except Refusal as refusal:
            return refusal
        except (OSError, SQLAlchemyError) as error:
            log.warning("an order could not be stored: %s", error)
            return refused("busy")
        except Exception:
            log.exception("an order failed")
            return refused("failed")

    # -- the end of rights

    def happened(self, happening: Happening) -> None:
        """End the channels of a participant who left, and of a conference that ended."""
        name = happening.conference.name
        if happening.what is What.FINISHED:
            self._described.discard(name)
            stops = happening.reason is events.Reason.SERVER_SHUTDOWN
            for channel in self._of(name):
                self._end(channel, GOING_AWAY if stops else OVER, None if stops else refused("over"))
        elif happening.what in (What.LEFT, What.ABORTED) and happening.participant is not None:
            identity = happening.participant.identity
            # At the end of the turn: a participant who connects again leaves and comes in one turn.
            asyncio.get_running_loop().call_soon(self._look_at, name, identity)

    def _look_at(self, name: str, identity: str) -> None:
        for channel in self._of(name):
            if channel.bearer.token.identity == identity:
                self._look(channel)

    def _look(self, channel: Channel) -> None:
        """End a channel whose right has ended."""
        try:
            channel.judge(authority.check(self.around, channel.bearer.token))
        except Refusal as refusal:
            self._end(channel, ENDED, refusal)

    async def run(self) -> None:
        """Look at the channels until cancelled. A slow database delays no check in memory."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._watch())
            group.create_task(self._watch_in_database())

    async def _watch(self) -> None:
        clocks_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(limits.LOOK_S)
            now = self._clock.monotonic()
            self._tick(now)
            if now - clocks_at >= limits.CLOCK_S:
                clocks_at = now
                self._tell_clocks()

    async def _watch_in_database(self) -> None:
        looked_at = self._clock.monotonic()
        while True:
            await asyncio.sleep(limits.LOOK_S)
            if self._clock.monotonic() - looked_at >= bounds.HOSTS_LOOKED_S:
                looked_at = self._clock.monotonic()
                await self.look_in_database()

    def _tick(self, now: float) -> None:
        for channel in tuple(self._channels.values()):
            if channel.dropped_at is not None and now - channel.dropped_at >= limits.KEPT_S:
                self._end(channel, GOING_AWAY)
            else:
                self._look(channel)

    def clock_ms(self) -> int:
        return round(self._clock.time() * 1000)

    def _tell_clocks(self) -> None:
        for channel in tuple(self._channels.values()):
            if channel.wake is not None:
                channel.say({"clock": self.clock_ms()})

    async def look_in_database(self) -> None:
        """Check the hosts, and read the booked facts again."""
        self._described = {one.bearer.token.conference for one in self._channels.values()}
        for name in tuple(self._described):
            await self._describe(name)
        for channel in tuple(self._channels.values()):
            if channel.code is None and channel.bearer.leads:
                try:
                    await authority.bearer(self.around, channel.bearer.token, patient=True)
                    # The roles may have changed while the database answered.
                    channel.judge(authority.check(self.around, channel.bearer.token))
                except Refusal as refusal:
                    self._end(channel, ENDED, refusal)

    def drop(self, channel: Channel) -> None:
        """Note that a socket is gone. The channel is kept for a resume, unless it has ended."""
        if channel.code is None:
            channel.detach(self._clock.monotonic())

    def _of(self, name: str) -> list[Channel]:
        return [one for one in self._channels.values() if one.bearer.token.conference == name]

    def _end(self, channel: Channel, code: int, why: Refusal | None = None) -> None:
        channel.end(code, why)
        self.forget(channel)

    def forget(self, channel: Channel) -> None:
        """Remove a channel that has ended."""
        if self._channels.get(channel.session) is channel:
            del self._channels[channel.session]
            self._networks[channel.network] -= 1
            if not self._networks[channel.network]:
                del self._networks[channel.network]


def _same_bearer(one: Bearer, other: Bearer) -> bool:
    return (one.token.conference, one.token.identity) == (other.token.conference, other.token.identity)


def refused(code: str) -> Refusal:
    return Refusal(code, *TEXTS[code])
