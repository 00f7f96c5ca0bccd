"""The padding that a viewer gets before its first key frame. The padding shows the viewer's library that the stream exists."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from livekit import rtc
from livekit.rtc._proto.stats_pb2 import RtcStats

from signaling.bot.group import run
from tests.conftest import LiveServer
from tests.interop.golang import FPS, GoPerson, film
from tests.interop.person import Person
from tests.waiting import until

pytestmark = [pytest.mark.native, pytest.mark.slow]

FILM = 180
"""Pictures of the film. Only the first picture is a key frame, so a key frame arrives every 12 s."""
TOO_OLD = 45
"""Pictures (3 s) after which the server no longer sends the cached key frame to new viewers."""


@pytest.mark.timeout(900)  # the first build of the Go client on a machine takes minutes
async def test_padding_comes_before_the_first_key_frame(
    go: Callable[..., GoPerson], person: Callable[..., Person], live_server: LiveServer, tmp_path: Path
) -> None:
    """The viewers' libraries learn of the stream at once and decode every picture from the next key frame on. The publisher
    makes no key frame on request.
    """
    async with person("an", "early") as an, go("gopher", "early", single=False) as gopher:
        gopher.tell(f"video {film(tmp_path / 'film', 'red', FILM, FILM)}")
        await until(lambda: TOO_OLD <= an.view("gopher").counter < TOO_OLD + FPS, "the fourth second of the film")
        async with (
            _strict_decoder(live_server, "early") as told,
            person("late", "early") as late,
            go("listener", "early", single=True) as listener,
        ):
            await listener.happens("subscribed", identity="gopher", kind="video")
            await until(lambda: late.saw("subscribed", "gopher KIND_VIDEO"), "the film")
            before = await _received(late)
            while before is None or not before.received.packets_received:
                before = await _received(late)
            assert not listener.frames("gopher", "video"), (
                "the Go client was told of the track before its first picture"
            )
            assert (before.inbound.frames_decoded, len(late.view("gopher").sights)) == (0, 0), "padding"
            await until(lambda: "early: 1/1 bot" in told.getvalue(), "the viewer with the strict decoder is in")
            assert not late.view("gopher").sights, "the strict decoder came before the key frame"
            assert "/in 1 ×" not in told.getvalue(), "the strict decoder has met only padding"
            await _goes_on_from_the_key_frame(late, listener)
            await until(lambda: "/in 1 ×" in told.getvalue(), "the film decoded after padding")


async def _goes_on_from_the_key_frame(late: Person, listener: GoPerson) -> None:
    await late.view("gopher").goes_on(2 * FPS)
    after = await _received(late)
    assert after is not None
    assert late.view("gopher").sights[0].counter == 1, "the key frame"
    assert (after.inbound.key_frames_decoded, late.view("gopher").damaged) == (1, 0)
    assert (after.received.packets_lost, after.inbound.nack_count) == (0, 0)
    await until(lambda: listener.frames("gopher", "video"), "pictures at the Go client")
    assert listener.sights("gopher")[0].counter == 1


async def _received(person: Person) -> RtcStats.InboundRtp | None:
    """Return the statistics of the stream, or None before the client has any."""
    track = person.published("gopher", rtc.TrackKind.KIND_VIDEO).track
    assert track is not None
    return next((one.inbound_rtp for one in await track.get_stats() if one.HasField("inbound_rtp")), None)


@asynccontextmanager
async def _strict_decoder(server: LiveServer, conference: str) -> AsyncIterator[io.StringIO]:
    """Run a viewer whose decoder stops at a frame without bytes and needs a key frame then. The receiver of aiortc gives its
    decoder a frame for each timestamp. Give the text that tells what it decodes.
    """
    output = io.StringIO()
    output.isatty = lambda: True  # type: ignore[method-assign]
    watching = asyncio.create_task(
        run(server.ws_url, server.api_key, server.api_secret, conference, watch=True, output=output)
    )
    try:
        yield output
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
