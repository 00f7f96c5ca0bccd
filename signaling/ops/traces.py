"""Traces of the times that people wait for, by OpenTelemetry (OTLP over HTTP, protobuf), sent to the collector in `traces_url`.

There are two kinds. One is each HTTP request of the interfaces (`/api`, `/twirp`, `/rtc`). The other is each join of a
conference, from the opening of the socket until media flows. The module is imported only if traces are on, because the SDK is
an extra (`diemcau[traces]`).

This module decides what leaves the server: the attributes in `KEPT`, types of errors and patterns of paths. No address, token,
query, name or number of a person or conference leaves it. The trace of a caller is ignored, because any client may send one.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import Event, ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ParentBasedTraceIdRatio
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue
from starlette.middleware.opentelemetry import OpenTelemetryMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from conference.ground.lifecycle import Happening, What
from conference.ports.time import Clock
from signaling.host import limits

log = logging.getLogger(__name__)

KEPT = frozenset(
    (
        "http.request.method",
        "http.response.status_code",
        "http.route",
        "url.scheme",
        "network.protocol.version",
        "error.type",
        "exception.type",
        "diemcau.client",
    )
)
"""The attributes that may leave the server: OpenTelemetry's own, and the kind of a client's library."""
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
TRACED = ("/api/", "/twirp/", "/rtc")
"""The beginnings of traced paths. Pages and figures are not traced."""
_OF_CALLER = frozenset((b"traceparent", b"tracestate", b"baggage"))


class Counter(Protocol):
    """The next counter of joins: the Tally of `signaling.rtc`."""

    def joined(self, sid: str, since: float, client: str) -> None: ...
    def resumed(self) -> None: ...
    def refused(self, code: str) -> None: ...


class Traces:
    """The spans of one server. `close` waits a little for unsent spans."""

    def __init__(self, exporter: SpanExporter, percent: int, version: str, clock: Clock) -> None:
        """`percent` of the traces go to `exporter`, in a separate thread. Spans that it does not accept in time are dropped."""
        resource = Resource.create({"service.name": "diemcau", "service.version": version})
        self._provider = TracerProvider(ParentBasedTraceIdRatio(percent / 100), resource, shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(Bare(exporter, clock)))
        self._clock = clock

    @classmethod
    def open(cls, url: str, percent: int, version: str, clock: Clock) -> Traces:
        """Return the traces for a collector. `url`: its `/v1/traces`. OTEL_EXPORTER_OTLP_HEADERS gives additional headers, as
        in OpenTelemetry.
        """
        logging.getLogger(OTLPSpanExporter.__module__).setLevel(
            logging.CRITICAL
        )  # three lines for each try; `Bare` logs the failure
        return cls(OTLPSpanExporter(url, timeout=limits.TRACES_SEND_S), percent, version, clock)

    def around(self, app: ASGIApp) -> ASGIApp:
        """Return the application with a span for each request of `TRACED`."""
        return _Requests(app, self._provider)

    def arrivals(self, counter: Counter) -> Arrivals:
        return Arrivals(self._provider.get_tracer("diemcau"), self._clock, counter)

    def flush(self) -> None:
        """Send the spans that have ended. The SDK waits without a limit."""
        self._provider.force_flush()

    def close(self) -> None:
        """Send the last spans. Blocks for TRACES_CLOSE_S at most."""
        last = threading.Thread(target=self._finish, daemon=True)
        last.start()
        last.join(limits.TRACES_CLOSE_S)

    def _finish(self) -> None:
        self.flush()
        self._provider.shutdown()


@dataclass(frozen=True, slots=True)
class _Coming:
    whole: Span
    media: Span


class Arrivals:
    """The joins of conferences as spans. This class is the Tally of `signaling.rtc` and a `conference.Observer`.

    - `join`: the whole join
    - `join signalling`: from the opening of the socket until the client was notified of its join
    - `join media`: from there until its media flows
    """

    def __init__(self, tracer: Tracer, clock: Clock, counter: Counter) -> None:
        self._tracer = tracer
        self._clock = clock
        self._counter = counter
        self._coming: OrderedDict[str, _Coming] = OrderedDict()

    # -- the Tally

    def joined(self, sid: str, since: float, client: str) -> None:
        self._counter.joined(sid, since, client)
        now = self._clock.time()
        began, told = _ns(now - max(0.0, self._clock.monotonic() - since)), _ns(now)
        whole = self._tracer.start_span(
            "join", kind=SpanKind.SERVER, attributes={"diemcau.client": client}, start_time=began
        )
        within = trace.set_span_in_context(whole)
        self._tracer.start_span("join signalling", within, start_time=began).end(told)
        media = self._tracer.start_span("join media", within, start_time=told)
        if len(self._coming) >= limits.TRACED_ARRIVALS:
            self._end(next(iter(self._coming)), "forgotten")
        self._coming[sid] = _Coming(whole, media)

    def resumed(self) -> None:
        self._counter.resumed()

    def refused(self, code: str) -> None:
        self._counter.refused(code)

    # -- the Observer

    def happened(self, happening: Happening) -> None:
        if happening.participant is None:
            return
        if happening.what is What.JOINED:
            self._end(happening.participant.sid)
        elif happening.what in (What.ABORTED, What.LEFT):
            self._end(happening.participant.sid, str(happening.reason.value))

    def _end(self, sid: str, error: str = "") -> None:
        coming = self._coming.pop(sid, None)
        if coming is None:
            return
        now = _ns(self._clock.time())
        for span in (coming.media, coming.whole):
            if error:
                span.set_attribute("error.type", error)
                span.set_status(Status(StatusCode.ERROR))
            span.end(now)


class _Requests:
    """Starlette's own middleware, but only for traced requests and without the caller's trace."""

    def __init__(self, app: ASGIApp, provider: TracerProvider) -> None:
        self._plain = app
        self._traced = OpenTelemetryMiddleware(app, tracer_provider=provider)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(TRACED):
            await self._plain(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _OF_CALLER]
        await self._traced({**scope, "headers": headers}, receive, send)


class Bare(SpanExporter):
    """An exporter that passes on only permitted data, and from time to time logs lost spans."""

    def __init__(self, exporter: SpanExporter, clock: Clock) -> None:
        self._exporter = exporter
        self._clock = clock
        self._lost = 0
        self._told_at = float("-inf")

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._exporter.export([_bare(span) for span in spans])
        if result is not SpanExportResult.SUCCESS:
            self._lost += len(spans)
            now = self._clock.monotonic()
            if now - self._told_at >= limits.TRACES_TOLD_S:
                self._told_at = now
                log.warning("the collector (traces_url) does not accept traces: %d spans are lost so far", self._lost)
        elif self._told_at > float("-inf"):
            self._told_at = float("-inf")
            log.info("the collector (traces_url) accepts traces again")
        return result

    def shutdown(self) -> None:
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        return self._exporter.force_flush(timeout_millis)


def _bare(span: ReadableSpan) -> ReadableSpan:
    attributes = _attributes(span.attributes)
    method = attributes.get("http.request.method")
    name = span.name
    if method is not None and method not in METHODS:  # may be any text from an unknown client
        attributes["http.request.method"] = "_OTHER"
        name = name.replace(str(method), "_OTHER", 1)
    return ReadableSpan(
        name=name,
        context=span.context,
        parent=span.parent,
        resource=span.resource,
        attributes=attributes,
        events=[Event(event.name, _attributes(event.attributes), event.timestamp) for event in span.events],
        kind=span.kind,
        status=Status(span.status.status_code),
        start_time=span.start_time,
        end_time=span.end_time,
        instrumentation_scope=span.instrumentation_scope,
    )


def _attributes(given: Mapping[str, AttributeValue] | None) -> dict[str, AttributeValue]:
    return {name: value for name, value in (given or {}).items() if name in KEPT}


def _ns(unix_s: float) -> int:
    return int(unix_s * 1e9)
