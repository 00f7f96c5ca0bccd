"""The data that the server sends to an OpenTelemetry collector, and the data that it must not send."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExportResult
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from conference.ground.events import Reason
from signaling import server
from signaling.host import limits, sources
from signaling.host.settings import SettingsError
from signaling.ops import traces
from tests.conference.doubles import Time, World, peer_of
from tests.conference.parties import Party
from tests.conftest import LiveServer
from tests.interop.person import Person, token
from tests.waiting import until

SECRET = "ten-khong-ai-duoc-biet"
SOON = {"OTEL_BSP_SCHEDULE_DELAY": "200"}


@dataclass
class Collector:
    """A collector that receives spans as OTLP over HTTP."""

    url: str = ""
    bodies: list[bytes] = field(default_factory=list)

    @property
    def spans(self) -> list[Span]:
        requests = [ExportTraceServiceRequest.FromString(body) for body in self.bodies]
        scopes = [
            scope for request in requests for resource in request.resource_spans for scope in resource.scope_spans
        ]
        return [span for scope in scopes for span in scope.spans]

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def collector() -> Iterator[Collector]:
    found = Collector()

    class Desk(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            found.bodies.append(self.rfile.read(int(self.headers["content-length"])))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Desk) as server:
        found.url = f"http://127.0.0.1:{server.server_port}/v1/traces"
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield found
        server.shutdown()
        thread.join()


def told(span: Span) -> dict[str, str]:
    return {one.key: one.value.string_value or str(one.value.int_value) for one in span.attributes}


@pytest.mark.native
async def test_traces_of_joins_and_requests_hold_no_names(
    own_server: Callable[..., LiveServer], collector: Collector
) -> None:
    live = own_server(DIEMCAU_TRACES_URL=collector.url, **SOON)
    jwt = token(live.api_key, live.api_secret, SECRET, SECRET)
    async with Person(live.ws_url, jwt) as an:
        await until(lambda: collector.named("join"), "the join")
        assert an.room.isconnected()
    (whole,), (signalling,), (media,) = (collector.named(name) for name in ("join", "join signalling", "join media"))
    assert {signalling.parent_span_id, media.parent_span_id} == {whole.span_id}
    times = (whole.start_time_unix_nano, signalling.end_time_unix_nano, media.end_time_unix_nano)
    assert times[0] == signalling.start_time_unix_nano < times[1] == media.start_time_unix_nano < times[2]
    assert whole.end_time_unix_nano == media.end_time_unix_nano
    assert told(whole) == {"diemcau.client": "PYTHON"}
    headers = {"user-agent": SECRET, "traceparent": f"00-{'5e' * 16}-{'5e' * 8}-01", "baggage": f"name={SECRET}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for path in (f"/rtc/validate?access_token={jwt}", f"/api/v1/meetings/{SECRET}?{SECRET}", "/", "/metrics"):
            async with http.get(live.url + path):
                pass
        async with http.request(SECRET.upper(), f"{live.url}/api/v1/nowhere/{SECRET}") as answer:
            assert answer.status in (400, 404, 405)
    await until(lambda: collector.named("GET /rtc/validate"), "the request")
    (request,) = collector.named("GET /rtc/validate")
    found = told(request)
    assert (found["http.route"], found["http.response.status_code"]) == ("/rtc/validate", "200")
    assert request.trace_id != bytes.fromhex("5e" * 16)
    live.stop()  # the stop sends the waiting spans
    paths = {told(span)["http.route"] for span in collector.spans if "http.route" in told(span)}
    assert any(path.startswith("/api/v1/meetings/{") for path in paths), paths
    assert all(path.startswith(traces.TRACED) for path in paths), paths
    everything = b"".join(collector.bodies)
    for word in (SECRET, SECRET.upper(), jwt, "127.0.0.1"):
        assert word.encode() not in everything


@pytest.mark.native
async def test_a_collector_that_is_not_there_harms_no_call(own_server: Callable[..., LiveServer]) -> None:
    """Show that a missing collector is reported once, however many batches are lost."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/traces"
    live = own_server(DIEMCAU_TRACES_URL=url, **SOON)
    jwt = token(live.api_key, live.api_secret, "an", "c")
    async with Person(live.ws_url, jwt) as an, aiohttp.ClientSession() as http:
        await until(lambda: an.room.isconnected(), "the call")
        for _ in range(3):
            async with http.get(f"{live.url}/rtc/validate?access_token={jwt}"):
                await asyncio.sleep(1)
        await until(lambda: "does not accept traces" in "".join(live.output), "a line of the log")
    assert live.stop() == -signal.SIGTERM, "in time"
    said = [line for line in live.output if "traces" in line or ("127.0.0.1:" in line and "http" not in line)]
    assert len(said) == 1, said


async def test_a_silent_collector_does_not_delay_the_stop(
    own_server: Callable[..., LiveServer],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1/traces"
        live = own_server(DIEMCAU_TRACES_URL=url, **SOON)
        async with aiohttp.ClientSession() as http, http.get(f"{live.url}/rtc/validate") as answer:
            assert answer.status == 401
        assert live.stop() == -signal.SIGTERM


class Counted:
    """An observer that counts beside the traces."""

    def __init__(self) -> None:
        self.said: list[object] = []

    def joined(self, sid: str, since: float, client: str) -> None:
        self.said.append(sid)

    def resumed(self) -> None:
        self.said.append("resumed")

    def refused(self, code: str) -> None:
        self.said.append(code)


Place = tuple[World, Time, traces.Arrivals, Callable[[], Sequence[ReadableSpan]]]


@pytest.fixture
def place() -> Iterator[Place]:
    """Yield a world, its clock, the arrivals, and a function that returns the sent spans."""
    clock, kept, counted = Time(), InMemorySpanExporter(), Counted()
    made = traces.Traces(kept, 100, "1", clock)
    arrivals = made.arrivals(counted)

    def sent() -> Sequence[ReadableSpan]:
        made.flush()
        return kept.get_finished_spans()

    yield World(observers=[arrivals]), clock, arrivals, sent
    arrivals.resumed()
    arrivals.refused("full")
    assert counted.said[-2:] == ["resumed", "full"]
    made.close()


def test_a_span_lasts_from_the_socket_until_media_flow(place: Place) -> None:
    world, clock, arrivals, sent = place
    ann = Party(world, "ann", offer=False)
    clock.advance(2)
    arrivals.joined(ann.participant.sid, since=clock.now - 0.5, client="JS")
    clock.advance(3)
    assert [span.name for span in sent()] == ["join signalling"], "she is on the way"
    peer_of(ann.participant).connect()
    lasted = {span.name: ((span.end_time or 0) - (span.start_time or 0)) / 1e9 for span in sent()}
    assert lasted == pytest.approx({"join signalling": 0.5, "join media": 3.0, "join": 3.5})
    assert {span.status.status_code for span in sent()} == {StatusCode.UNSET}
    world.registry.get("c").remove(ann.participant, Reason.CLIENT_INITIATED)
    assert len(sent()) == 3, "once"


def test_a_client_that_leaves_before_media_is_an_error_span(place: Place) -> None:
    world, clock, arrivals, sent = place
    ann = Party(world, "ann", offer=False)
    arrivals.joined(ann.participant.sid, since=clock.now, client="JS")
    ann.participant.detach(ann.client)
    failed = [span.name for span in sent() if span.status.status_code is StatusCode.ERROR]
    assert failed == ["join media", "join"]
    assert {(span.attributes or {}).get("error.type") for span in sent() if span.name == "join"} == {
        Reason.SIGNAL_CLOSE.value
    }


def test_the_number_of_traced_joins_is_bounded(place: Place) -> None:
    _, clock, arrivals, sent = place
    for number in range(limits.TRACED_ARRIVALS + 1):
        arrivals.joined(f"PA_{number}", since=clock.now, client="JS")
        if number % 500 == 0:
            sent()
    (oldest,) = [span for span in sent() if span.name == "join"]
    assert (oldest.attributes or {})["error.type"] == "forgotten"


async def test_what_a_fault_says_stays_here() -> None:
    """Show that a span names the type of a fault only. The text of the fault may hold a user's data."""
    kept = InMemorySpanExporter()
    made = traces.Traces(kept, 100, "1", Time())

    async def fails(*_: object) -> None:
        raise ValueError(SECRET)

    application = made.around(fails)
    scope = {
        "type": "http",
        "method": "GET",
        "path": f"/api/{SECRET}",
        "headers": [],
        "query_string": b"",
        "server": ("a", 1),
    }

    async def nothing(*_: object) -> Any: ...

    with pytest.raises(ValueError, match=SECRET):
        await application(scope, nothing, nothing)
    made.close()
    (span,) = kept.get_finished_spans()
    assert (span.attributes or {})["error.type"] == "ValueError"
    assert [dict(event.attributes or {}) for event in span.events] == [{"exception.type": "ValueError"}]
    assert SECRET not in span.to_json()


def test_a_collector_that_never_answers_does_not_delay_the_end() -> None:
    answers = threading.Event()

    class Stuck(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            answers.wait()
            return super().export(spans)

    made = traces.Traces(Stuck(), 100, "1", Time())
    made.arrivals(Counted()).joined("PA_1", since=0.0, client="JS")
    made.close()
    answers.set()


def test_lost_spans_are_logged_at_intervals(caplog: pytest.LogCaptureFixture) -> None:
    clock, took = Time(), [False]

    class Far(InMemorySpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            return super().export(spans) if took[0] else SpanExportResult.FAILURE

    caplog.set_level("INFO", "signaling.ops.traces")
    made = traces.Traces(Far(), 100, "1", clock)
    arrivals = made.arrivals(Counted())
    for number in range(8):
        took[0] = number == 6
        arrivals.joined(f"PA_{number}", since=clock.now, client="JS")
        made.flush()
        clock.advance(limits.TRACES_TOLD_S / 3)
    made.close()
    said = [record.getMessage().split(": ")[-1] for record in caplog.records]
    again = "the collector (traces_url) accepts traces again"
    assert said == ["1 spans are lost so far", "4 spans are lost so far", again, "7 spans are lost so far"]


def test_of_a_hundred_traces_none() -> None:
    kept = InMemorySpanExporter()
    made = traces.Traces(kept, 0, "1", Time())
    made.arrivals(Counted()).joined("PA_1", since=0.0, client="JS")
    made.close()
    assert kept.get_finished_spans() == ()


def test_without_the_traces_library_the_error_names_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "signaling.ops.traces", None)
    settings = sources.load(
        "dev", overrides={"traces_url": "http://a/v1/traces", "data_dir": tmp_path}, environ={}
    ).settings
    with pytest.raises(SettingsError, match=r"diemcau\[traces\]"):
        server.build(server.with_credentials(settings, "dev"))
