"""The entrance of `/test`: a user tests network, microphone and camera on this server before a meeting, without an account.

A check is its own conference with two or three connections of one browser, and ends by itself. Strangers use it, so everything
has a limit: the checks at once, the checks of one network, the rights of the tokens, and their lifetime. The conference is made
only when a token arrives at `/rtc`. `rooms.sites.checks` keeps the result, without name or address.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from conference import Grants, Refusal, Source, Terms
from conference.ports.shared import Shared
from signaling.host import limits
from signaling.host.throttle import Throttle, network

PREFIX: Final = "check-"
"""The prefix of the checks' conferences. No meeting number and no booked date has this prefix."""
_NAME: Final = re.compile(r"check-[0-9a-f]{20}")
_TEXTS: Final = {
    "checks_off": ("Máy chủ này không mở trang kiểm tra.", "this server has no check page"),
    "checks_full": (
        "Nhiều người đang kiểm tra cùng lúc. Hãy thử lại sau một phút.",
        "many users are checking their devices now: try again in a minute",
    ),
    "too_many_requests": ("Thử quá nhanh. Hãy chờ một phút.", "too many requests: wait a minute"),
    "check_over": ("Lần kiểm tra này đã hết hạn. Hãy kiểm tra lại.", "this check has expired: check again"),
}


@dataclass(frozen=True)
class Opened:
    """A check. The bearer of `key` may hand in the result once."""

    id: str
    key: str
    sender: str
    receiver: str
    relay: str
    """Tokens of the three connections. `relay` is empty if this server names no TURN server."""
    expires_at: float
    """Unix seconds at which the conference ends."""


class Checks:
    """The checks of this process."""

    def __init__(
        self,
        *,
        shared: Shared,
        most: int,
        sign: Callable[[Grants, float, float], str],
        key: bytes,
        relayed: bool,
        new_id: Callable[[], str],
        end: Callable[[str], None],
    ) -> None:
        """Set up the checks. `most`: checks at the same time; 0: none. `sign`: (grants, seconds, now) -> token. `end`: ends the
        conference of this name if it exists.
        """
        self._most = most
        self._sign = sign
        self._key = hashlib.sha256(b"check\0" + key).digest()
        self._relayed = relayed
        self._new_id = new_id
        self._end = end
        self._begun = Throttle(shared, "checks", limits.CHECKS_PER_MINUTE)
        self._all = Throttle(shared, "all checks", limits.ALL_CHECKS_PER_MINUTE)
        self._under_way: dict[str, tuple[float, str]] = {}
        """The end of each check in Unix seconds, and its network."""
        self._reported: OrderedDict[str, None] = OrderedDict()

    def open(self, address: str, now: float) -> Opened:
        """Begin a check. `now`: Unix seconds. Raise Refusal `checks_off`, `too_many_requests`, `checks_full`."""
        if self._most == 0:
            raise _refused("checks_off")
        if not self._begun.takes(address, now):
            raise _refused("too_many_requests")
        self._under_way = {one: kept for one, kept in self._under_way.items() if kept[0] > now}
        home = network(address)
        if sum(kept[1] == home for kept in self._under_way.values()) >= limits.CHECKS_OF_A_NETWORK:
            raise _refused("checks_full")
        if len(self._under_way) >= self._most or not self._all.takes_key("", now):
            raise _refused("checks_full")
        made, until = self._new_id(), now + limits.CHECK_S
        self._under_way[made] = until, home
        asyncio.get_running_loop().call_later(limits.CHECK_S, self._end, PREFIX + made)
        return Opened(
            id=made,
            key=self._seal(made, int(until)),
            sender=self._token(made, now, "sender", publish=True),
            receiver=self._token(made, now, "receiver", subscribe=True),
            relay=self._token(made, now, "relay") if self._relayed else "",
            expires_at=until,
        )

    def admit(self, conference: str, now: float) -> None:
        """Raise the conference's Refusal `conference_not_found` if the conference belongs to a check that has ended.

        Every join to a conference without a booking calls this method. A connected participant gets its token renewed, but a
        check must end at its time, and no client may open its conference again.
        """
        if is_check(conference):
            until, _ = self._under_way.get(conference.removeprefix(PREFIX), (0.0, ""))
            if until <= now:
                raise Refusal("conference_not_found")

    def close(self, check: str, key: str, now: float) -> None:
        """End a check whose bearer hands in the result, so that its place is free. A key works once. Raise Refusal
        `check_over`.
        """
        until, _, _ = key.partition(".")
        good = until.isdecimal() and len(until) <= 12 and hmac.compare_digest(self._seal(check, int(until)), key)
        if not good or now > int(until) + limits.CHECK_REPORT_S or check in self._reported:
            raise _refused("check_over")
        self._reported[check] = None
        if len(self._reported) > limits.CHECKS_REMEMBERED:
            self._reported.popitem(last=False)
        self._under_way.pop(check, None)
        self._end(PREFIX + check)

    def reopen(self, check: str) -> None:
        """Allow the result to be handed in again, because it could not be stored."""
        self._reported.pop(check, None)

    def _seal(self, check: str, until: int) -> str:
        return f"{until}.{hmac.new(self._key, f'{check}.{until}'.encode(), hashlib.sha256).hexdigest()[:32]}"

    def _token(self, check: str, now: float, who: str, *, publish: bool = False, subscribe: bool = False) -> str:
        grants = Grants(
            identity=who,
            conference=PREFIX + check,
            join=True,
            can_publish=publish,
            can_publish_sources=frozenset((Source.CAMERA, Source.MICROPHONE)),
            can_subscribe=subscribe,
            can_publish_data=False,
            terms=Terms.of("", 3, limits.CHECK_EMPTY_S, limits.CHECK_EMPTY_S),
        )
        return self._sign(grants, limits.CHECK_S, now)


def is_check(conference: str) -> bool:
    return _NAME.fullmatch(conference) is not None


def _refused(code: str) -> Refusal:
    return Refusal(code, *_TEXTS[code])
