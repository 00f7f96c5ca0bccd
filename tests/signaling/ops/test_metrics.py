"""The counters of the server, as Prometheus reads them."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest
from livekit import rtc
from prometheus_client.parser import text_string_to_metric_families

from signaling.ops import metrics
from tests.conference.doubles import World
from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.waiting import until

TOKEN = "metrics-token-of-thirty-two-characters"


Values = dict[tuple[str, str], float]
"""The number, by name and by the values of the labels."""
Scrape = tuple[LiveServer, Callable[[], Awaitable[Values]]]


@pytest.fixture
async def scrape(own_server: Callable[..., LiveServer]) -> AsyncIterator[Scrape]:
    server = own_server(DIEMCAU_METRICS_TOKEN=TOKEN)
    async with aiohttp.ClientSession() as http:

        async def read() -> Values:
            headers = {"authorization": f"Bearer {TOKEN}"}
            async with http.get(f"{server.url}/metrics", headers=headers) as answer:
                assert answer.status == 200
                assert answer.content_type == "text/plain"
                return values(await answer.text())

        yield server, read


def values(text: str) -> Values:
    return {
        (sample.name, " ".join(value for _, value in sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.parametrize(("given", "status"), [("", 401), ("Bearer nonsense", 401), (f"Basic {TOKEN}", 401)])
async def test_only_the_bearer_of_the_token_reads(
    own_server: Callable[..., LiveServer], given: str, status: int
) -> None:
    server = own_server(DIEMCAU_METRICS_TOKEN=TOKEN)
    headers = {"authorization": given} if given else {}
    async with aiohttp.ClientSession() as http, http.get(f"{server.url}/metrics", headers=headers) as answer:
        assert answer.status == status


async def test_without_a_token_there_is_no_such_address(live_server: LiveServer) -> None:
    async with aiohttp.ClientSession() as http:
        for headers in ({}, {"authorization": "Bearer "}):
            async with http.get(f"{live_server.url}/metrics", headers=headers) as answer:
                assert answer.status == 404


@pytest.mark.native
async def test_a_call_is_counted(scrape: Scrape) -> None:
    server, read = scrape
    key, secret = server.api_key, server.api_secret
    before = await read()
    assert before["diemcau_conferences", ""] == 0
    async with (
        Person(server.ws_url, token(key, secret, "an", "counted")) as an,
        Person(server.ws_url, token(key, secret, "binh", "counted")) as binh,
    ):
        await an.speak(500)
        await until(lambda: binh.ear("an").hears(500), "the tone")
        headers = {"authorization": "Bearer nonsense"}
        async with aiohttp.ClientSession() as http, http.get(f"{server.url}/rtc/validate", headers=headers):
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await http.ws_connect(f"{server.url}/rtc", headers=headers)
        found = await read()
        while not found["diemcau_media_packets_total", "out"] > before["diemcau_media_packets_total", "out"] + 50:
            await asyncio.sleep(0.2)
            found = await read()
        assert found["diemcau_conferences", ""] == 1
        assert found["diemcau_participants", "standard"] == 2
        assert (found["diemcau_tracks", "audio"], found["diemcau_subscriptions", "audio"]) == (1, 1)
        assert found["diemcau_joins_total", ""] == 2
        assert found["diemcau_refusals_total", "token_malformed"] == 1
        assert found["diemcau_media_bytes_total", "in"] > before["diemcau_media_bytes_total", "in"]
        assert found["diemcau_plane_cpu_seconds_total", "plane-0"] >= 0
        assert found["diemcau_event_loop_lag_seconds_count", ""] > 0
        assert found["diemcau_queue_depth", "webhooks"] == 0
        assert found["diemcau_queue_depth", "jobs"] >= 0
        assert found["process_resident_memory_bytes", ""] > 1e6
        await an.room.simulate_scenario(rtc.SimulateScenarioKind.SIMULATE_SIGNAL_RECONNECT)
        await until(lambda: an.saw("reconnected", ""), "the client is back")
        assert (await read())["diemcau_resumes_total", ""] == 1


def test_threads_of_the_plane_are_found_by_name(tmp_path: Path) -> None:
    for number, name in ((11, "plane-0"), (12, "odd ) name"), (13, "plane-1")):
        (tmp_path / str(number)).mkdir()
        fields = ["R", *["0"] * 10, "150", "50", *["0"] * 20]
        (tmp_path / str(number) / "stat").write_text(f"{number} ({name}) {' '.join(fields)}\n")
    (tmp_path / "14").mkdir()
    (family,) = metrics.plane_cpu(tmp_path)
    assert [(sample.labels["thread"], sample.value) for sample in family.samples] == [
        ("plane-0", 2.0),
        ("plane-1", 2.0),
    ]
    assert next(iter(metrics.plane_cpu(tmp_path / "none"))).samples == []


def test_the_server_is_busy_when_a_packet_thread_has_no_rest(tmp_path: Path) -> None:
    stat = tmp_path / "9" / "stat"
    stat.parent.mkdir()
    tick, load = os.sysconf("SC_CLK_TCK"), metrics.Load(tmp_path)

    def used(seconds: float) -> None:
        stat.write_text(f"9 (plane-0) R {'0 ' * 10}{int(seconds * tick)} 0 0 0")

    used(50.0)
    load.look(100.0)
    assert load.most == 0.0
    used(54.9)
    load.look(102.0)
    assert load.most == 0.0, "looked at too soon"
    load.look(105.0)
    assert load.most == pytest.approx(0.98)
    counted = metrics.Metrics("1")
    counted._load = load
    found = [counted.busy]
    used(55.0)
    load.look(110.0)
    assert [*found, counted.busy] == [True, False]


def test_data_that_went_no_further_are_counted() -> None:
    registry = World().registry
    registry.around.data_drops["lossy"] += 3
    (family,) = [one for one in metrics.conferences(registry) if one.name == "diemcau_dropped_data"]
    assert [(sample.labels["kind"], sample.value) for sample in family.samples] == [("lossy", 3.0)]


def test_lengths_become_a_histogram() -> None:
    found = metrics.lengths("x", "words", {"runs_1": 5, "runs_4": 2, "runs_2": 1, "batches_1": 9}, "runs_")
    assert [(sample.labels["le"], sample.value) for sample in found.samples] == [("1", 5), ("3", 6), ("+Inf", 8)]
