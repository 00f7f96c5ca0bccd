"""The test participants of one command. A few join at a time, one line shows their status, and all leave together."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TextIO

from conference import Grants
from signaling.bot import limits, scene, voice
from signaling.bot.link import Ended
from signaling.bot.participant import Participant
from signaling.bot.tracks import Picture, Voice
from signaling.bot.voice import Turns
from signaling.host.tokens import Authenticator

TOKEN_TTL_S = 600


async def run(
    target: str,
    api_key: str,
    api_secret: str,
    conference: str,
    *,
    count: int = 1,
    duration_s: float | None = None,
    watch: bool = False,
    authority: Path | None = None,
    now: Callable[[], float] = time.time,
    output: TextIO = sys.stdout,
) -> int:
    """Join `conference` at `target` (ws, wss, http or https) with `count` participants, until cancelled or for `duration_s`.

    `watch`: also receive and decode the other participants' tracks, which is expensive. `authority`: the server's own CA.
    Returns the number of participants that could not join or were lost. SIGTERM ends the command as Ctrl+C does. Raises
    ValueError for a count out of 1..COUNT.
    """
    if not 1 <= count <= limits.COUNT:
        raise ValueError(f"count must be in 1..{limits.COUNT}")
    logging.getLogger("aiortc").setLevel(logging.ERROR)  # an undecodable picture is not worth a message on a terminal
    loop = asyncio.get_running_loop()
    group = Group(
        target, Authenticator({api_key: api_secret}), conference, watch, authority, now, Turns(count), loop.time()
    )
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(duration_s) as life:
            with _stopped_by_sigterm(life):
                await group.live(output)
    return sum(group.lost.values())


@dataclass
class Group:
    target: str
    authenticator: Authenticator
    conference: str
    watch: bool
    authority: Path | None
    now: Callable[[], float]
    turns: Turns
    origin_s: float
    """The loop's time at which the first turn began."""
    present: dict[int, Participant] = field(default_factory=dict)
    lost: Counter[str] = field(default_factory=Counter)
    """The number of lost participants, by the reason."""
    _mark: str = field(default_factory=lambda: secrets.token_hex(2))
    """Part of the identities, so that those of two commands differ."""
    _gate: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(limits.JOINS_AT_ONCE))

    async def live(self, output: TextIO) -> None:
        """Run until all participants are lost, or until cancelled. Then write the losses."""
        try:
            async with asyncio.TaskGroup() as tasks:
                status = tasks.create_task(self._tell(output))
                members = [tasks.create_task(self._attend(index)) for index in range(self.turns.count)]
                await asyncio.wait(members)
                status.cancel()
        finally:
            self._tell_losses(output)

    async def _attend(self, index: int) -> None:
        participant: Participant | None = None
        try:
            async with self._gate:
                participant = await self._prepare(index)
                await participant.join(self.target, self._token(index), self.authority)
            self.present[index] = participant
            await participant.stay()
        except Ended as error:
            self.lost[str(error)] += 1
        finally:
            self.present.pop(index, None)
            if participant is not None:
                await participant.leave()

    async def _prepare(self, index: int) -> Participant:
        loop_of_pictures = await asyncio.to_thread(scene.encode, index + 1)
        await asyncio.to_thread(voice.phrase, index % voice.VOICES)
        phase_s = index / self.turns.count / limits.PICTURES_PER_SECOND
        return Participant(
            Picture(loop_of_pictures, phase_s), Voice(index, self.turns, self.origin_s), watch=self.watch
        )

    def _token(self, index: int) -> str:
        grants = Grants(
            identity=f"bot-{self._mark}-{index + 1}",
            name=f"Người thử {index + 1}",
            conference=self.conference,
            join=True,
            can_subscribe=self.watch,
        )
        return self.authenticator.sign(grants, TOKEN_TTL_S, self.now())

    async def _tell(self, output: TextIO) -> None:
        """Write the status line. A terminal gets one line that is rewritten. Other outputs get a line when the number of
        participants changes.

        "in 12 × 180/s" means: twelve tracks of other participants are decoded, in total 180 pictures and audio packets a
        second.
        """
        before = self._sums()
        told = -1
        while True:
            await asyncio.sleep(1)
            sums = self._sums()
            line = self._line(sums[0] - before[0], sums[1] - before[1])
            if output.isatty():
                output.write(f"\r\x1b[K{line[: shutil.get_terminal_size().columns - 1]}")
            elif len(self.present) != told:
                output.write(f"{line}\n")
            output.flush()
            before, told = sums, len(self.present)

    def _sums(self) -> tuple[int, int]:
        members = self.present.values()
        return (
            sum(member.picture.sent_bytes + member.voice.sent_bytes for member in members),
            sum(member.received_frames for member in members),
        )

    def _line(self, sent_bytes: int, received_frames: int) -> str:
        tick = int((asyncio.get_running_loop().time() - self.origin_s) / voice.TICK_S)
        parts = [
            f"{self.conference}: {len(self.present)}/{self.turns.count} bot",
            f"nói/talks {self.turns.speaker(tick) + 1}",
            f"gửi/out {max(sent_bytes, 0) // 125} kbit/s",
        ]
        if self.lost:
            parts.insert(1, f"mất/lost {sum(self.lost.values())}")
        if self.watch:
            tracks = sum(len(member.receiving) for member in self.present.values())
            parts.append(f"nhận/in {tracks} × {max(received_frames, 0)}/s")
        return " · ".join(parts)

    def _tell_losses(self, output: TextIO) -> None:
        for reason, number in self.lost.most_common(5):
            output.write(f"\n{number} × {reason}")
        output.write("\n")
        output.flush()


@contextlib.contextmanager
def _stopped_by_sigterm(life: asyncio.Timeout) -> Iterator[None]:
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, lambda: life.reschedule(loop.time()))
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)
