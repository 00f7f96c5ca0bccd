"""A store of a simulated meeting in memory. It keeps the promises of `conference.ports.proceedings.Proceedings`, with the same
faults as the simulated database, and costs no SQL. Most simulated meetings use it; the others use the real store.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Mapping, Sequence
from typing import Any

from conference import Refusal
from conference.ports.proceedings import NOTHING, ChatLine, Record, State, Turn
from signaling.host import limits


class Ledger:
    """The store of one process. `kept`: what all processes have stored. `mood`, `dead`: as `server.Unsteady`."""

    def __init__(self, kept: dict[str, State], chance: random.Random, slow_s: float) -> None:
        self.mood, self.dead, self._never = "well", False, asyncio.Event()
        self._kept, self._chance, self._slow_s = kept, chance, slow_s
        self._states: dict[str, State] = {}
        self._pending: dict[str, State] = {}

    @property
    def waiting(self) -> int:
        self._drain()
        return len(self._pending)

    async def load(self) -> None:
        self._states = {name: json.loads(json.dumps(state)) for name, state in self._kept.items()}

    async def run(self) -> None:
        await self._never.wait()

    def restored(self, conference: str) -> Mapping[str, State]:
        return dict(self._states)

    async def keep(self, conference: str, machine: str, state: State, records: Sequence[Record] = ()) -> None:
        slow_s = self._chance.uniform(0.0, 2 * self._slow_s) if self.mood == "slow" else 0.0
        lost = self.mood == "lossy" and self._chance.random() < 0.3
        failed = self.mood == "away" or (self.mood == "lossy" and not lost and self._chance.random() < 0.5)
        await asyncio.sleep(min(slow_s, limits.ORDER_STORED_S))
        if self.dead:
            await self._never.wait()
        late = slow_s > limits.ORDER_STORED_S
        if not failed and not late:
            self._kept |= self._pending  # what waits is stored before
            self._pending.clear()
            self._kept[machine] = state
        if lost or failed or late:
            self._pending.setdefault(machine, self._states.get(machine, {}))
            raise Refusal("not_stored")
        self._states[machine] = state

    def note(self, conference: str, machine: str, state: State | None, records: Sequence[Record] = ()) -> None:
        if state is not None:
            self._states[machine] = self._pending[machine] = state
            self._drain()

    def _drain(self) -> None:
        if self.mood == "well" and not self.dead:
            self._kept |= self._pending
            self._pending.clear()

    def turn(self, conference: str, turn: Turn) -> None: ...
    def chat(self, conference: str, line: ChatLine) -> None: ...
    def chatted(self, conference: str) -> Sequence[ChatLine]:
        return ()

    async def forget(self, conference: str, by: Record, kept: Mapping[str, State] = NOTHING) -> None:
        self._pending.clear()
        self._kept.clear()
        self._kept |= kept
        self._states = dict(kept)

    def happened(self, happening: Any) -> None:
        if happening.what.value == "finished" and happening.reason.value != "server_shutdown" and not self.dead:
            for states in (self._kept, self._states, self._pending):
                states.clear()
