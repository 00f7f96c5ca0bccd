"""The server measures the round-trip time to a participant that only publishes. A real library answers the server's timestamp
(RFC 3611).
"""

from __future__ import annotations

import asyncio
import re
import sys
from functools import partial
from pathlib import Path

import pytest

from tests.interop.network import HTTP_PORT, serve
from tests.simulation import impair, scene
from tests.simulation.impair import Way
from tests.simulation.scene import SOURCE, Call

pytestmark = [
    pytest.mark.native,
    pytest.mark.skipif(bool(impair.missing()), reason=impair.missing() or "-"),
]

TOKEN = "m" * 40
WAY = Way(delay_ms=60)
LEAST_S, MOST_S = 0.115, 0.5
"""Seconds. The delay of both directions is 0.12 s. `LEAST_S` is above the 0.06 s that the server assumes before it has
measured. A busy machine adds to the time, so `MOST_S` is much larger. A larger `MOST_S` hides a wrong measurement.
"""
ASK = f"""
import ssl, urllib.request as u
asked = u.Request("https://127.0.0.1:{HTTP_PORT}/metrics", headers={{"Authorization": "Bearer {TOKEN}"}})
print(u.urlopen(asked, context=ssl._create_unverified_context(), timeout=10).read().decode())
"""


def round_trips(call: Call) -> list[float]:
    found = re.findall(r"^diemcau_rtt_seconds\{.*\} (\S+)$", call.center.run(sys.executable, "-c", ASK), re.MULTILINE)
    return [float(value) for value in found]


async def test_the_round_trip_to_a_publish_only_client_is_measured(tmp_path: Path) -> None:
    server = partial(serve, DIEMCAU_METRICS_TOKEN=TOKEN)
    async with scene.line_up(tmp_path, seed=1, server=server) as call:
        call.links[SOURCE].change(down=WAY, up=WAY)
        call.source = await scene.join(call, SOURCE, colour="red", hz=440)
        for _ in range(60):
            if found := round_trips(call):
                break
            await asyncio.sleep(0.5)
        assert found, "nothing is known of it"
        assert all(LEAST_S <= seconds <= MOST_S for seconds in found), found
