"""The whole server over bad networks, with unmodified clients (libwebrtc).

These tests measure no times. `tests/bench/quality.py` prints the figures of all conditions.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from tests.running.runs import LONG_RUN
from tests.simulation import impair, scene
from tests.simulation.call import Side
from tests.simulation.impair import Way
from tests.simulation.scene import SINK, SOURCE

pytestmark = [
    pytest.mark.native,
    pytest.mark.slow,
    pytest.mark.skipif(bool(impair.missing()), reason=impair.missing() or "-"),
]

FPS = scene.SMALL.fps
BOUND_S = 120.0
SHOWN = {"random": 0.8, "bursts": 0.8, "disorder": 0.7}
"""The minimum share of the taken pictures that the watcher sees. The rest is a margin for encoders on busy processors.

The margin also covers a link whose delay varies a lot. On such a link the server sometimes probes whether the link has become
narrow. During a probe of one or two seconds, only every second picture passes.
"""


def _heard(sink: Side, since: int) -> float:
    chunks = [heard for _, heard in sink.heard[since:]]
    return sum(chunks) / len(chunks)


def _forward(sink: Side) -> None:
    """Check that no picture is late or repeated.

    A new layer, and a layer that continues after a pause, begin with a key frame, which must be shown. This key frame may show
    the same moment as the last picture, or a slightly older one after a retransmission.
    """
    again = 0
    for (before, _, height), (counter, _, now) in pairwise(sink.sights):
        again += counter == before and height == now
        assert counter >= before or (height != now and counter > before - FPS // 2), (before, counter)
    assert again <= 2, "so often a stream may have been stopped and gone on"


def _stayed(*sides: Side) -> None:
    for side in sides:
        lost = {"reconnecting", "disconnected", "participant_disconnected"} & {name for name, _ in side.events}
        assert not lost, side.events


NETWORKS = {
    "random": (Way(loss=0.1, delay_ms=25, udp_only=True), 0.03),
    "bursts": (Way(loss=0.1, burst=5, delay_ms=25, udp_only=True), 0.05),
    "disorder": (Way(delay_ms=60, jitter_ms=30, reorder=0.2, duplicate=0.01), 0.05),
}
"""The network of each kind, and the share of the sound that may be invented. Without any repair, this share would be the loss.
"""


@pytest.mark.whole_machine
@pytest.mark.parametrize(
    "pair",
    [
        pytest.param((("random", SINK), ("random", SOURCE)), marks=pytest.mark.sim),
        (("bursts", SINK), ("disorder", SINK)),
    ],
    ids=["random", "unsteady"],
)
async def test_pictures_and_sound_go_on(tmp_path: Path, pair: tuple[tuple[str, str], ...]) -> None:
    await _beside_each_other({f"{kind}-{leg}": _go_on(tmp_path / f"{kind}-{leg}", kind, leg) for kind, leg in pair})


async def _beside_each_other(calls: dict[str, Coroutine[Any, Any, None]]) -> None:
    """Run calls at the same time. One call fills two thirds of a processor, and these tests mostly wait."""

    async def named(name: str, call: Coroutine[Any, Any, None]) -> None:
        try:
            await call
        except BaseException as error:
            error.add_note(name)
            raise

    async with asyncio.TaskGroup() as group:
        for name, call in calls.items():
            group.create_task(named(name, call))


async def _go_on(folder: Path, kind: str, leg: str) -> None:
    folder.mkdir()
    way, invented = NETWORKS[kind]
    async with scene.line_up(folder, seed=1) as call:
        source, sink = await scene.enter(call, shows=scene.SMALL)
        link = call.links[leg]
        good = len(sink.sights) - 1
        link.change(down=way, up=Way(delay_ms=25)) if leg == SINK else link.change(down=Way(delay_ms=25), up=way)
        await sink.until(lambda now: len(now.samples) > 20, "it has settled")
        seen, chunks, first = len(sink.sights), len(sink.heard), sink.samples[-1]
        await source.look()
        made = source.samples[-1].frames_sent
        await sink.until(lambda now: len(now.sights) > seen + 8 * FPS, "eight seconds of pictures", BOUND_S)
        await source.look()
        last = sink.samples[-1]
        passed = link.counters().down if leg == SINK else link.counters().up
        assert (passed.lost if way.loss else passed.reordered) > 20
        _forward(sink)
        counters = [counter for counter, _, _ in sink.sights[seen:]]
        # On a bad uplink, the publishing library decides how many pictures it makes, not our server.
        offered = counters[-1] - counters[0] if leg == SINK else source.samples[-1].frames_sent - made
        assert offered > FPS
        assert len(set(counters)) > SHOWN[kind] * offered, (len(set(counters)), offered, counters[-1] - counters[0])
        assert max(b - a for a, b in pairwise(counters)) <= FPS, "no second without a picture"
        sudden = [counter for counter, _, _ in sink.sights[good:seen]]
        assert leg == SOURCE or max(b - a for a, b in pairwise(sudden)) <= 3 * FPS, (
            "a way that turns bad at once is no narrow one"
        )
        assert sink.damaged == []
        assert _heard(sink, chunks) > 0.9
        assert (last.concealed - first.concealed) / (last.samples - first.samples) < invented
        _stayed(source, sink)


@pytest.mark.heavy
async def test_people_join_over_a_bad_network(tmp_path: Path) -> None:
    """Clients join although the signalling has a long delay too and loses a tenth of its packets."""
    async with scene.line_up(tmp_path, seed=2) as call:
        for link in call.links.values():
            link.change(down=Way(loss=0.1, delay_ms=100), up=Way(loss=0.1, delay_ms=100))
        source, sink = await scene.enter(call, shows=scene.SMALL)
        await _sees_what_is_taken_now(source, sink)
        assert all(link.counters().down.lost and link.counters().up.lost for link in call.links.values())


@pytest.mark.heavy
@pytest.mark.longer
async def test_media_follows_an_address_translation_that_forgets(tmp_path: Path) -> None:
    """First the address of the watcher changes some times, then the address of the sender."""
    async with scene.line_up(tmp_path, seed=3, translated=True) as call:
        source, sink = await scene.enter(call, shows=scene.SMALL)
        for leg in (SINK, SOURCE):
            for turn in range(3 if LONG_RUN else 2):
                call.links[leg].rebind()
                await _sees_what_is_taken_now(source, sink)
                assert call.links[leg].counters().rebindings == turn + 1, leg
        _stayed(source, sink)


@pytest.mark.heavy
@pytest.mark.sim
async def test_media_follows_to_another_network(tmp_path: Path) -> None:
    """Media continues after a change from Wi-Fi to a mobile network, which ends the address and the signalling connection.

    The client itself takes 3 to 6 s to use a network that was present before. The server sends a check over that network before
    the client looks, even if the client has checked that network only once.
    """
    async with scene.line_up(tmp_path, seed=4, roams=SINK) as call:
        source, sink = await scene.enter(call, shows=scene.SMALL)
        await _sees_what_is_taken_now(source, sink)
        for turn in range(2):
            seen = len(sink.sights) - 1
            scene.switch(call, turn)
            await _sees_what_is_taken_now(source, sink)
            missed = max(b - a for (a, *_), (b, *_) in pairwise(sink.sights[seen:]))
            assert missed < 3 * FPS, (turn, missed)  # counted in taken pictures
        assert call.spare is not None
        assert call.spare.counters().down.delivered > 20
        assert not {"disconnected", "participant_disconnected"} & {name for name, _ in (*sink.events, *source.events)}


async def _sees_what_is_taken_now(source: Side, sink: Side) -> None:
    await source.look()
    now, chunks = len(source.taken), len(sink.heard)
    await sink.until(lambda it: it.sights[-1][0] > now + FPS, "pictures taken since")
    await sink.until(lambda it: any(heard for _, heard in it.heard[chunks:]), "sound")
