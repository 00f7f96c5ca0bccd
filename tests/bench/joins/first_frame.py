"""Time from `connect()` to the first decoded frame with the Python SDK (real libwebrtc at both ends).

One process publishes. This process joins repeatedly and prints one line of JSON. The script works with any server of the
protocol: `python tests/bench/joins/first_frame.py --url ws://127.0.0.1:7880 --key KEY --secret SECRET`
"""

import argparse
import asyncio
import json
import statistics
import subprocess
import sys
import time

import jwt
from livekit import rtc

CONFERENCE = "bench-first-frame"
WIDTH, HEIGHT, FRAMES_PER_S = 1280, 720, 30
PICTURES = 50  # frames until the picture repeats
JOIN_LIMIT_S = 15.0


def token(key: str, secret: str, identity: str) -> str:
    now = int(time.time())
    grant = {"room": CONFERENCE, "roomJoin": True, "canPublish": True, "canSubscribe": True}
    claims = {"iss": key, "sub": identity, "name": identity, "nbf": now - 10, "exp": now + 3600, "video": grant}
    return jwt.encode(claims, secret, algorithm="HS256")


def picture(index: int) -> rtc.VideoFrame:
    """Return an I420 picture whose grey moves with `index`, so that every frame has a cost for the encoder."""
    luma = bytes((index * 4 + row) % (PICTURES * 4) + 20 for row in range(HEIGHT))
    data = b"".join(bytes([value]) * WIDTH for value in luma) + b"\x80" * (WIDTH * HEIGHT // 2)
    return rtc.VideoFrame(WIDTH, HEIGHT, rtc.VideoBufferType.I420, data)


async def publish(url: str, access: str) -> None:
    """Publish until the standard input is closed. Print "ready" once the track is published."""
    room = rtc.Room()
    await room.connect(url, access)
    source = rtc.VideoSource(WIDTH, HEIGHT)
    track = rtc.LocalVideoTrack.create_video_track("camera", source)
    options = rtc.TrackPublishOptions(
        source=rtc.TrackSource.SOURCE_CAMERA
    )  # all else is the SDK's default: VP8, simulcast
    await room.local_participant.publish_track(track, options)
    print("ready", flush=True)
    closed = asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    pictures = [picture(index) for index in range(PICTURES)]
    index, start = 0, time.monotonic()
    while not closed.done():
        source.capture_frame(pictures[index % PICTURES])
        index += 1
        await asyncio.sleep(max(0.0, start + index / FRAMES_PER_S - time.monotonic()))
    await room.disconnect()


async def join_once(url: str, access: str) -> tuple[float, float]:
    """Return the milliseconds until the connection and until the first decoded frame."""
    room = rtc.Room()
    arrived: asyncio.Future[rtc.RemoteVideoTrack] = asyncio.get_running_loop().create_future()

    def subscribed(track: rtc.Track, *_: object) -> None:
        if isinstance(track, rtc.RemoteVideoTrack) and not arrived.done():
            arrived.set_result(track)

    room.on("track_subscribed", subscribed)
    start = time.monotonic()
    await room.connect(url, access)
    connected = time.monotonic()
    stream = rtc.VideoStream(await arrived)
    await anext(aiter(stream))
    framed = time.monotonic()
    await stream.aclose()
    await room.disconnect()
    return (connected - start) * 1e3, (framed - start) * 1e3


async def measure(url: str, key: str, secret: str, tries: int, pause_s: float) -> dict[str, object]:
    connect_ms: list[float] = []
    frame_ms: list[float] = []
    failures = 0
    for index in range(tries + 1):
        try:
            connected, framed = await asyncio.wait_for(
                join_once(url, token(key, secret, f"viewer-{index}")), JOIN_LIMIT_S
            )
        except (TimeoutError, rtc.ConnectError):
            failures += 1
            continue
        if index > 0:  # the first join loads the library
            connect_ms.append(connected)
            frame_ms.append(framed)
        await asyncio.sleep(pause_s + index % 5 * 0.007)
    return {"connect_ms": summary(connect_ms), "first_frame_ms": summary(frame_ms), "failures": failures}


def summary(values: list[float]) -> dict[str, float | None]:
    if not values:
        return {"p50": None, "p95": None, "count": 0}
    ordered = sorted(values)
    p95 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))]
    return {"p50": statistics.median(ordered), "p95": p95, "count": len(ordered)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--tries", type=int, default=10)
    parser.add_argument(
        "--pause", type=float, default=1.3, help="seconds between two joins (1.3: no throttle of key frames)"
    )
    parser.add_argument("--publish", action="store_true", help="be the publisher (used by the measuring process)")
    given = parser.parse_args()
    if given.publish:
        asyncio.run(publish(given.url, token(given.key, given.secret, "publisher")))
        return
    words = [sys.executable, __file__, "--publish", "--url", given.url, "--key", given.key, "--secret", given.secret]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as publisher:
        assert publisher.stdin is not None
        assert publisher.stdout is not None
        if publisher.stdout.readline().strip() != "ready":
            raise SystemExit("the publisher could not publish")
        result = asyncio.run(measure(given.url, given.key, given.secret, given.tries, given.pause))
        publisher.stdin.close()
    print(json.dumps(result))


if __name__ == "__main__":
    main()
