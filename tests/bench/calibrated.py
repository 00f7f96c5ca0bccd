"""Calls over bad networks beside the same calls without a server. Two Chromiums call each other directly first, and then by
this server, over the same networks with the same seed. On a busy machine the direct call shows the best possible result. A
server repairs each leg separately, so it should not freeze or conceal more than the direct call. `python -m
tests.bench.calibrated --rows loss-10,burst-10 --seeds 5 --seconds 120`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from playwright.async_api import Page, async_playwright

from tests.bench.quality import QUICK, ROWS, SETTLE_S, Row, busy_since, jiffies
from tests.interop.canvas import CLIENT, PAINTED
from tests.interop.network import HTTP_PORT, Namespace
from tests.interop.person import token
from tests.simulation import impair, scene
from tests.simulation.scene import SINK, SOURCE, Call, Picture

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    "--disable-background-timer-throttling",
)
KINDS = "direct", "server"

TRACKS = """([width, height, fps]) => {
  const sound = new AudioContext(), tone = sound.createOscillator(), voice = sound.createMediaStreamDestination();
  tone.connect(voice);
  tone.start();
  window.picture = (PAINTED)(width, height, fps);
  window.voice = voice.stream.getAudioTracks()[0];
}""".replace("PAINTED", PAINTED)
HELPERS = """() => {
  window.receivers = [];
  window.gathered = (way) => new Promise((done) => {
    const look = () => way.iceGatheringState === 'complete' && done(way.localDescription.sdp);
    way.addEventListener('icegatheringstatechange', look);
    look();
  });
  window.play = (track) => {
    const one = document.createElement(track.kind);
    one.muted = track.kind === 'video';
    one.srcObject = new MediaStream([track]);
    document.body.append(one);
    return one.play();
  };
}"""
OFFER = """async ([bitrate, fps]) => {
  const way = window.way = new RTCPeerConnection();
  const sendEncodings = [{ maxBitrate: bitrate, maxFramerate: fps }];
  window.sender = way.addTransceiver(picture, { direction: 'sendonly', sendEncodings }).sender;
  way.addTransceiver(voice, { direction: 'sendonly' });
  await way.setLocalDescription();
  return gathered(way);
}"""
ANSWER = """async (sdp) => {
  const way = window.way = new RTCPeerConnection();
  way.ontrack = ({ receiver }) => { receivers.push(receiver); play(receiver.track); };
  await way.setRemoteDescription({ type: 'offer', sdp });
  await way.setLocalDescription();
  return gathered(way);
}"""
TAKE = "(sdp) => way.setRemoteDescription({ type: 'answer', sdp })"
PUBLISH = """async ([url, jwt, bitrate, fps]) => {
  const room = new LivekitClient.Room({ dynacast: true });
  await room.connect(url, jwt);
  const videoEncoding = { maxBitrate: bitrate, maxFramerate: fps };
  const camera = { source: 'camera', videoCodec: 'vp8', simulcast: true, videoEncoding };
  const published = await room.localParticipant.publishTrack(picture, camera);
  await room.localParticipant.publishTrack(voice, { source: 'microphone', dtx: false });
  window.sender = published.track.sender;
}"""
WATCH = """async ([url, jwt]) => {
  const room = new LivekitClient.Room();
  room.on('trackSubscribed', (track) => { receivers.push(track.receiver); play(track.mediaStreamTrack); });
  await room.connect(url, jwt);
}"""
SENT = """async () => {
  let sent = 0;
  for (const [, one] of await sender.getStats()) if (one.type === 'outbound-rtp') sent = Math.max(sent, one.framesSent ?? 0);
  return sent;
}"""
SEEN = """async () => {
  const seen = {};
  for (const receiver of receivers)
    for (const [, one] of await receiver.getStats()) if (one.type === 'inbound-rtp') seen[one.kind] = one;
  return seen;
}"""


@dataclass
class Figures:
    """The figures of one call. `concealed` is the share of the sound that the receiver invented. `frozen` is the share of the
    time in which the picture did not move. `pictures` is the share of the sent pictures that the receiver decoded.
    """

    row: str
    seed: int
    kind: str
    concealed: float
    frozen: float
    pictures: float
    fps: float
    height: int
    busy: float


@asynccontextmanager
async def browser(place: Namespace, folder: Path, url: str) -> AsyncIterator[Page]:
    """Open a page of the server in a separate Chromium in this namespace."""
    program = folder / f"chromium-{place.keeper}"
    program.write_text(f'#!/bin/sh\nexec {" ".join(place.prefix)} {CHROMIUM} "$@"\n')
    program.chmod(0o755)
    async with async_playwright() as playwright:
        opened = await playwright.chromium.launch(executable_path=program, args=list(FLAGS))
        page = await (await opened.new_context(ignore_https_errors=True, bypass_csp=True)).new_page()
        await page.goto(f"{url}/healthz")
        await page.evaluate(CLIENT.read_text())
        await page.evaluate(HELPERS)
        yield page
        await opened.close()


async def join_directly(call: Call, source: Page, sink: Page, shows: Picture) -> None:
    """Connect the two pages directly. In this case the server's namespace is only a router."""
    call.center.run("sh", "-c", "echo 1 > /proc/sys/net/ipv4/ip_forward")
    offer = await source.evaluate(OFFER, [shows.bitrate_bps, shows.fps])
    await source.evaluate(TAKE, await sink.evaluate(ANSWER, offer))


async def join_by_server(call: Call, source: Page, sink: Page, shows: Picture) -> None:
    """Let both pages join on the server. The source publishes with simulcast, and so with temporal layers, as our pages do."""

    def entry(identity: str) -> list[Any]:
        server, link = call.server, call.links[identity]
        jwt = token(server.api_key, server.api_secret, identity, scene.CONFERENCE)
        return [f"{server.scheme}://{link.server_address}:{HTTP_PORT}", jwt]

    await sink.evaluate(WATCH, entry(SINK))
    await source.evaluate(PUBLISH, [*entry(SOURCE), shows.bitrate_bps, shows.fps])


async def measure(row: Row, seed: int, kind: str, seconds: float) -> Figures:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="calibrated-")))
        call = await stack.enter_async_context(scene.line_up(folder, seed=seed))
        pages = []
        for name in (SOURCE, SINK):
            link = call.links[name]
            url = f"https://{link.server_address}:{HTTP_PORT}"
            pages.append(await stack.enter_async_context(browser(link.client, folder, url)))
        source, sink = pages
        await source.evaluate(TRACKS, [*row.shows.size, row.shows.fps])
        await (join_directly if kind == "direct" else join_by_server)(call, source, sink, row.shows)
        await _until_it_is_seen(sink)
        down, up = (row.way, row.back) if row.leg == SINK else (row.back, row.way)
        call.links[row.leg].change(down=down, up=up)
        await asyncio.sleep(SETTLE_S)
        busy, before, sent = jiffies(), await sink.evaluate(SEEN), await source.evaluate(SENT)
        await asyncio.sleep(seconds)
        after, sent = await sink.evaluate(SEEN), await source.evaluate(SENT) - sent
        return _figures(row, seed, kind, before, after, sent, busy_since(busy))


async def _until_it_is_seen(sink: Page, bound_s: float = 60) -> None:
    for _ in range(round(bound_s / 0.25)):
        seen = await sink.evaluate(SEEN)
        if seen.get("video", {}).get("framesDecoded", 0) > 10 and seen.get("audio", {}).get("totalSamplesReceived"):
            return
        await asyncio.sleep(0.25)
    raise AssertionError(f"nothing is seen: {seen}")


def _figures(row: Row, seed: int, kind: str, before: Any, after: Any, sent: int, busy: float) -> Figures:
    def more(media: str, name: str) -> float:
        return float(after[media].get(name, 0) - before[media].get(name, 0))

    seconds = (after["video"]["timestamp"] - before["video"]["timestamp"]) / 1000
    invented = more("audio", "concealedSamples") - more("audio", "silentConcealedSamples")
    return Figures(
        row.name,
        seed,
        kind,
        concealed=invented / max(1.0, more("audio", "totalSamplesReceived")),
        frozen=more("video", "totalFreezesDuration") / seconds,
        pictures=more("video", "framesDecoded") / max(1, sent),
        fps=more("video", "framesDecoded") / seconds,
        height=after["video"].get("frameHeight", 0),
        busy=busy,
    )


def tell(found: list[Figures]) -> str:
    """Return the table: medians of the seeds, direct / by the server."""
    lines = ["row | seeds | concealed % | frozen % | pictures % | fps | height | busy % | not worse"]
    for name in dict.fromkeys(one.row for one in found):
        middle = [_middle([one for one in found if one.row == name and one.kind == kind]) for kind in KINDS]
        direct, server = middle
        shown = [f"{direct[key] * 100:.2f} / {server[key] * 100:.2f}" for key in ("concealed", "frozen", "pictures")]
        shown += [f"{direct[key]:.0f} / {server[key]:.0f}" for key in ("fps", "height")]
        worse = [key for key in ("concealed", "frozen") if server[key] > direct[key]]
        seeds = len({one.seed for one in found if one.row == name})
        busy = f"{direct['busy'] * 100:.0f} / {server['busy'] * 100:.0f}"
        lines.append(" | ".join([name, str(seeds), *shown, busy, ", ".join(worse) + " is worse" if worse else "met"]))
    return "\n".join(lines)


def _middle(found: list[Figures]) -> dict[str, float]:
    names = "concealed", "frozen", "pictures", "fps", "height", "busy"
    return {name: statistics.median(getattr(one, name) for one in found) for name in names}


async def main(given: argparse.Namespace) -> list[Figures]:
    found: list[Figures] = []
    for name in given.rows.split(","):
        for seed in range(1, given.seeds + 1):
            for kind in KINDS:
                found.append(await measure(ROWS[name], seed, kind, given.seconds))
                print(json.dumps(asdict(found[-1])), file=sys.stderr, flush=True)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", default=",".join(QUICK), help=f"of {', '.join(ROWS)}")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=30, help="that are counted of each call")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if why := impair.missing():
        raise SystemExit(why)
    results = asyncio.run(main(options))
    print(tell(results))
    if options.json:
        options.json.write_text(json.dumps([asdict(one) for one in results], indent=1))
