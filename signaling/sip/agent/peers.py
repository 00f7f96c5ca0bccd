"""Addresses with a call or a subscription. Their messages are read from every network."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import partial

from signaling.sip.dialog.core import Core


class Peers:
    """The number of calls and subscriptions of each address."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._counts: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._counts)

    def __contains__(self, host: object) -> bool:
        """Report whether an address has a call, a subscription or a transaction."""
        return host in self._counts or host in self._core.transactions.per_source

    def count(self, host: str) -> int:
        return self._counts[host]

    def add(self, hosts: Iterable[str]) -> None:
        for host in hosts:
            self._counts[host] += 1

    def remove(self, host: str) -> None:
        self._counts[host] -= 1
        if self._counts[host] <= 0:
            del self._counts[host]

    def remove_later(self, hosts: Iterable[str]) -> None:
        """Remove addresses after a delay, because last answers and retransmissions of a call still arrive."""
        for host in hosts:
            self._core.timers.after(self._core.config.timing.whole, partial(self.remove, host))
