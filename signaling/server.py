"""The composition root: it makes a running server from the settings.

Only this module of signaling opens the media node and knows every part. It owns the order of starting and stopping. Each part
keeps its own rules.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from types import FrameType
from typing import TYPE_CHECKING, Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from conference import Registry
from conference.ports.watchers import Observer
from media import Budget, Node, NodeSettings, StaleLibrary, usable_cores
from signaling.access.refusals import STATUS
from signaling.api.ground import checks
from signaling.api.ground.doorway import InstantMeetings, Probes, ServerFacts, Starting
from signaling.api.ground.invitations import Invitations, new_number
from signaling.api.late import Late
from signaling.api.pages import Pages
from signaling.desk.channels import Channels
from signaling.desk.routing import routes as desk_routes
from signaling.front import sockets, strangers, tls, whereabouts
from signaling.front.certificate import Certificate
from signaling.front.door import Door, Proxies
from signaling.front.guard import Guard
from signaling.front.intake import BoundedHttp, PatientWebSocket
from signaling.halls import listening
from signaling.halls.board.board import board_of
from signaling.halls.board.watchers import Watchers
from signaling.halls.calls.protection import Safety
from signaling.halls.conference_ports import ConferencePorts
from signaling.halls.exchange import HallExchange
from signaling.halls.exchange import Surroundings as HallSurroundings
from signaling.halls.pcs import HallPcs
from signaling.halls.sip.content_tokens import ContentTokens
from signaling.host import limits
from signaling.host.clock import CLOCK, version
from signaling.host.settings import Settings, SettingsError
from signaling.host.sources import Profile
from signaling.host.tasks import Background
from signaling.host.tokens import Authenticator, kept_secret
from signaling.host.turn import Turn
from signaling.meetings.ballot_keys import BallotKeys
from signaling.meetings.secretariat import Secretariat
from signaling.notify.live import LiveWebhooks
from signaling.ops import libraries, memory, metrics
from signaling.orders.doorway import Doorway
from signaling.rtc.routing import routes
from signaling.rtc.webhooks import Reporter
from signaling.rtc.webhooks import body as event_body
from signaling.rtc.wire.messages import Relay
from signaling.sip.dialog.core import Config
from signaling.sip.driver import Driver
from web import DIST

if TYPE_CHECKING:
    from signaling.ops.traces import Traces

log = logging.getLogger(__name__)


def with_credentials(settings: Settings, profile: Profile) -> Settings:
    """Return settings with an API key. `dev` makes a random secret and keeps it; `serve` does not start without an operator's
    key.
    """
    if settings.api_key and settings.api_secret:
        return settings
    if profile == "dev":
        secret = settings.api_secret or kept_secret(settings.data_dir / "devkey.secret", secrets.token_bytes)
        return settings.model_copy(update={"api_key": settings.api_key or "devkey", "api_secret": secret})
    raise SettingsError(
        "Cần api_key và api_secret (DIEMCAU_API_KEY, DIEMCAU_API_SECRET). Tạo bí mật: openssl rand -hex 32.",
        "api_key and api_secret are needed (DIEMCAU_API_KEY, DIEMCAU_API_SECRET). Make a secret: openssl rand -hex 32.",
    )


@dataclass
class Running:
    """The objects that live from start to stop."""

    node: Node
    registry: Registry


class Composition:
    """The whole server as one ASGI application."""

    def __init__(self, settings: Settings, *, certificate: Certificate | None = None, watch: bool = False) -> None:
        """`settings` must hold credentials. `watch`: read the pages again after each new build of the pages."""
        self.settings = settings
        self.authenticator = Authenticator({settings.api_key: settings.api_secret})
        self.invitations = Invitations(settings.api_secret)
        self.running: Running | None = None
        self.secretariat = Secretariat(
            settings, self.authenticator, CLOCK.time, whereabouts.address(settings, settings.http_port)
        )
        self.halls: HallExchange | None = None
        self._around_halls: HallSurroundings | None = None
        self._watchers = Watchers()
        self.metrics = metrics.Metrics(version())
        self.traces = _traces(settings)
        self.arrivals = self.traces.arrivals(self.metrics) if self.traces is not None else None
        self.webhooks = LiveWebhooks(
            settings.webhook_urls, event_body, lambda body: self.authenticator.sign_body(body, CLOCK.time())
        )
        desk = self.secretariat
        self.doorway = Doorway(self.authenticator, desk.lobbies, desk.shared, desk.live, desk.hosts, CLOCK.time)
        self.channels = Channels(self.doorway, CLOCK, lambda: secrets.token_hex(16), desk.about)
        self._prepared = False
        self._certificate = certificate
        self._stopping = False
        self._failed = False
        self.on_failure: Callable[[], None] = lambda: None
        self._pages = Pages(DIST, watch=watch, public_url=settings.public_url)
        self._starlette = Starlette(routes=self._routes(), lifespan=self._lifespan)
        names = {"localhost", *tls.Subject.of_this_machine(settings.own_names).names}
        traced = self.traces.around(self._starlette) if self.traces is not None else self._starlette
        self._guard = Guard(
            traced,
            now=CLOCK.time,
            names=names,
            origins=settings.allowed_origins,
            token_origins=settings.token_origins,
            hsts=settings.hsts,
        )
        self._outermost: Any = self._guard
        if settings.trusted_proxies:
            # Throttles and the audit trail need the address of the person, not the address of the proxy.
            self._outermost = ProxyHeadersMiddleware(self._behind_proxy, trusted_hosts=list(settings.trusted_proxies))  # type: ignore[arg-type]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._outermost(scope, receive, send)

    async def _behind_proxy(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count a request at the client address that a trusted proxy named."""
        stranger, client = scope.get(strangers.KEY), scope.get("client")
        if stranger is not None and client is not None:
            stranger.speak_for(client[0])
        await self._guard(scope, receive, send)

    async def prepare(self) -> None:
        """Prepare once everything that requests need except media. Raises SettingsError."""
        if not self._prepared:
            await self.secretariat.prepare()
            self._prepared = True

    def open(self) -> Running:
        """Open the media node in the running loop, once. Raises StaleLibrary, and OSError when a port is taken."""
        if self.running is None:
            loop = asyncio.get_running_loop()
            node = Node.open(node_settings(self.settings), loop)
            self.running = Running(node, self._registry(node, loop))
            self.secretariat.open(self.running.registry)
            self._watch(self.running)
            tally = self.arrivals or self.metrics
            self._starlette.router.routes[:0] = [
                *routes(self.running.registry, self.authenticator, self._relays(), tally),
                *desk_routes(self.doorway, self.channels),
            ]
        return self.running

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the local authority; users compare it on their phones."""
        return self._certificate.fingerprint if self._certificate else None

    @property
    def uncertified(self) -> tuple[str, ...]:
        """Names in the settings that the certificate in use cannot hold."""
        return self._certificate.outside if self._certificate else ()

    def _registry(self, node: Node, loop: asyncio.AbstractEventLoop) -> Registry:
        desk = self.secretariat
        ports = None
        if self.settings.halls:
            around = self._around_halls = self._surroundings_of_halls()
            ports = ConferencePorts(
                Budget(usable_cores() * self.settings.mixer_percent / 100).open,
                around.tokens,
                around.database,
                around.live,
                around.now,
                around.background.start,
                around.changed,
            )
        observers: list[Observer] = [desk.capacity, desk.proceedings, self.channels]
        if self._around_halls is not None:
            observers.append(self._around_halls.pcs)
        if self.settings.webhook_urls:
            reporter = Reporter(self.webhooks.put, CLOCK.time, lambda: secrets.token_hex(8), checks.is_check)
            observers.append(reporter)
        if self.arrivals is not None:
            observers.append(self.arrivals)
        return Registry(
            node,
            CLOCK,
            loop,
            watcher=desk.live,
            lobbies=desk.lobbies,
            halls=ports,
            observers=observers,
            proceedings=desk.proceedings,
            chair_code=self.invitations.chair_code,
            address=desk.address,
            escrow=BallotKeys.open(self.settings.data_dir, CLOCK.time()),
        )

    def _watch(self, running: Running) -> None:
        """Connect the metrics to the live objects of this run."""
        self.metrics.stored = self.secretariat.stored
        self.metrics.live = metrics.Live(
            registry=running.registry,
            totals=running.node.measurements,
            shards=running.node.shards,
            peers=lambda: running.node.statistics().peers.values(),
            halls=lambda: self.halls.states() if self.halls is not None else {},
            webhooks=lambda: (self.webhooks.waiting, self.webhooks.count),
            proceedings=lambda: (self.secretariat.proceedings.waiting, self.secretariat.proceedings.lost),
        )

    def _relays(self) -> Callable[[str, str], list[Relay]] | None:
        """Return the function that lists TURN servers with credentials for a participant's sid; None without TURN servers. In a
        device check the credentials end with the check.
        """
        settings = self.settings
        if not settings.turn_urls:
            return None
        turn = Turn(settings.turn_urls, settings.turn_secret, settings.turn_ttl_s)
        brief = replace(turn, ttl_s=round(limits.CHECK_S))

        def given(sid: str, conference: str) -> list[Relay]:
            chosen = brief if checks.is_check(conference) else turn
            return [Relay(settings.turn_urls, *chosen.credentials(sid, CLOCK.time()))]

        return given

    def _surroundings_of_halls(self) -> HallSurroundings:
        """Return the dependencies of the halls. SIP over TLS gets a certificate even if the pages have none."""
        desk, settings = self.secretariat, self.settings
        certificate = self._certificate or (Certificate(settings) if settings.sip_tls_port >= 0 else None)
        server_tls = certificate.context if certificate is not None else None
        listens = listening.listens(settings, server_tls is not None)
        trusted = tls.client_context(settings.data_dir / "tls" / "ca.crt")
        told = listening.announced(settings)
        options, background = listening.options(settings), Background("a hall")
        return HallSurroundings(
            database=desk.database,
            seal=desk.seal,
            key=desk.key,
            clock=CLOCK,
            random_bytes=secrets.token_bytes,
            live=desk.live,
            lobbies=desk.lobbies,
            place=listening.place(settings, listens),
            config=Config(
                settings.sip_realm,
                secrets.token_bytes(32),
                loopback=settings.loopback_only,
                packages=("conference",),
            ),
            options=options,
            tokens=ContentTokens(options, CLOCK.monotonic, secrets.token_bytes),
            background=background,
            pcs=HallPcs(desk.database, background.start),
            changed=self._watchers.changed,
            driver=Driver(listens, announced=told, server_tls=server_tls, client_tls=trusted),
            servers=listening.names(settings),
            number_tries=desk.parts.passes.number_tries,
            safety=Safety(cast(Any, settings.hall_encryption), cast(Any, settings.important_encryption)),
        )

    def new_link(self, address: str) -> str:
        """Return a link that opens a new meeting."""
        number = new_number(secrets.token_bytes)
        self.secretariat.numbers.announce(number)
        return self.invitations.link(address, number)

    def say_goodbye(self) -> None:
        """Notify every participant that the server stops. After this call the server admits no new participant."""
        self._stopping = True
        self.secretariat.notices.close()
        if self.running is not None:
            self.running.registry.close()

    @property
    def failed(self) -> bool:
        """Report whether a fault occurred that the running process cannot repair."""
        return self._failed or (self.running is not None and self.running.node.dead)

    def _is_ready(self) -> bool:
        return self.running is not None and not self._stopping and not self.failed

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Stop the server when a background task fails, for example because the packet plane died. A restart is better than a
        server without that task.
        """
        if not task.cancelled() and task.exception() is not None:
            log.critical("a background task failed: the server stops", exc_info=task.exception())
            self._failed = True
            self.on_failure()

    @contextlib.asynccontextmanager
    async def _lifespan(self, _app: Starlette) -> AsyncIterator[None]:
        await self.prepare()
        running = self.open()
        if self._around_halls is not None:
            self.halls = await HallExchange.build(self._around_halls, running.registry)
            self.secretariat.connect(board_of(self.halls, self._watchers))
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(running.registry.run()), loop.create_task(self.secretariat.work())]
        tasks += [loop.create_task(self.webhooks.run()), loop.create_task(self.metrics.watch())]
        tasks += [loop.create_task(self._build_rest()), loop.create_task(self.channels.run())]
        if self._certificate is not None:
            tasks.append(loop.create_task(self._certificate.keep()))
        if self.halls is not None:
            await self.halls.open()
            tasks.append(loop.create_task(self.halls.work()))
        for task in tasks:
            task.add_done_callback(self._ended)
        try:
            yield
        finally:
            self.say_goodbye()
            await self.webhooks.finish()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if self.halls is not None:
                await self.halls.close()
            self.metrics.live = None
            running.node.close()
            self.running = None
            await self.secretariat.close()
            if self.traces is not None:
                await asyncio.to_thread(self.traces.close)

    async def _build_rest(self) -> None:
        """Build the REST API some seconds after the start: browsers that lost the previous server connect first. An earlier
        request builds the API at once.
        """
        await asyncio.sleep(limits.REST_AFTER_S)
        await self._rest.built()

    def _routes(self) -> list[BaseRoute]:
        desk, settings = self.secretariat, self.settings
        starting = Starting(everybody=settings.open_creation, local=settings.local_creation)
        probes = Probes(self._is_ready, lambda: self.metrics.busy, desk.ready)
        facts = ServerFacts(version(), starting, lambda: self.fingerprint, probes)
        instant = InstantMeetings(
            self.doorway, starting, self.invitations, desk.numbers, secrets.token_bytes, settings.public_url
        )

        def build() -> ASGIApp:
            from signaling.api.application import application

            return application(instant, facts, desk.parts, desk.routers, STATUS)

        self._rest = Late(build)

        async def health(_request: Request) -> Response:
            told, status = await probes.health()
            return JSONResponse(told, status)

        return [
            Route("/api/v1/health", health),  # a probe does not wait for the REST API and does not start its build
            Mount("/api/v1", self._rest),
            Route("/ca.crt", self._authority_file),
            Route("/metrics", metrics.Door(self.metrics, self.settings.metrics_token).__call__),
            Route("/{path:path}", self._pages.__call__),
        ]

    async def _authority_file(self, _request: Request) -> Response:
        issued = self._certificate.issued if self._certificate else None
        if issued is None:
            return PlainTextResponse("Không có chứng thư riêng / no local authority\n", 404)
        headers = {"content-disposition": 'attachment; filename="diem-cau-ca.crt"'}
        return Response(issued.authority.read_bytes(), headers=headers, media_type="application/x-x509-ca-cert")


def build(settings: Settings, *, certificate: Certificate | None = None, watch: bool = False) -> Composition:
    """Return the application of `settings` (with credentials). Its lifespan opens the media ports."""
    return Composition(settings, certificate=certificate, watch=watch)


def _traces(settings: Settings) -> "Traces | None":
    """Return the tracer, or None if the settings name no receiver of traces. Raises SettingsError."""
    if not settings.traces_url:
        return None
    try:
        from signaling.ops.traces import Traces
    except ImportError as error:
        raise SettingsError(
            f"traces_url cần thêm thư viện: pip install 'diemcau[traces]' ({error}).",
            f"traces_url needs more libraries: pip install 'diemcau[traces]' ({error}).",
        ) from error
    return Traces.open(settings.traces_url, settings.traces_percent, version(), CLOCK)


def node_settings(settings: Settings) -> NodeSettings:
    addresses = [(host, settings.media_port) for host in sockets.usable(settings.media_addresses)]
    own = sockets.own_addresses(settings)
    return NodeSettings(
        udp=[*addresses, *((host, settings.media_port) for host in own)],
        tcp=list(addresses),
        announced=list(settings.announced),
        shards=settings.shards or min(limits.SHARDS, len(os.sched_getaffinity(0))),
        gather_us=settings.gather_us,
        gso=settings.gso,
        local_only=bool(own),
        voices=settings.loudest_voices,
        tcp_strangers=limits.STRANGERS_TCP,
        tcp_first_answer_ms=int(limits.STRANGER_TCP_S * 1000),
        tcp_proved=limits.CONNECTIONS_TCP,
    )


def run(
    settings: Settings,
    listeners: list[socket.socket],
    *,
    started: Callable[[Composition, str], None],
    watch: bool = False,
) -> None:
    """Serve until a signal arrives or the server fails. `started(composition, address)` is called once, when the server answers
    requests.
    """
    _check_openssl()
    listening.check(settings)
    try:
        certificate = Certificate(settings) if settings.encrypted else None
    except (OSError, ValueError, ssl.SSLError) as error:
        raise SettingsError(
            f"Không dùng được chứng thư: {error}.", f"The certificate cannot be used: {error}."
        ) from error
    composition = build(settings, certificate=certificate, watch=watch)
    everyone = strangers.Strangers(limits.STRANGERS, Proxies(settings.trusted_proxies))
    door = Door(listeners, everyone, (lambda: certificate.context) if certificate else None)
    server = _Server(_uvicorn_config(composition), composition, door)
    port = listeners[0].getsockname()[1]

    def announce() -> None:
        memory.Collector().begin()
        _leave_address(settings, port)
        started(composition, whereabouts.address(settings, port))

    server.announce = announce
    server.run()
    if composition.failed:
        raise SystemExit(1)  # the supervisor of the process starts the server again


def _check_openssl() -> None:
    """Check the version of OpenSSL: with a faulty version one datagram ends calls. Raises SettingsError."""
    text = libraries.openssl()
    if libraries.is_refused(text):
        raise SettingsError(
            f"{text} có lỗ hổng làm đứt cuộc gọi; cần cài gói cryptography mới hơn.",
            f"{text} has a fault that can end calls; install a newer cryptography package.",
        )


def _leave_address(settings: Settings, port: int) -> None:
    """Write the address of this server for commands of other processes. If the folder is not writable, only log a warning."""
    try:
        whereabouts.leave(
            settings.data_dir, whereabouts.Started(whereabouts.address(settings, port), port, settings.media_port)
        )
    except OSError as error:
        log.warning("the address of this server could not be written for the commands: %s", error)


class _Server(uvicorn.Server):
    """A uvicorn server that notifies participants before it closes connections. It gets its connections from `Door`."""

    def __init__(self, config: uvicorn.Config, composition: Composition, door: Door) -> None:
        super().__init__(config)
        self._composition = composition
        self._door = door
        self.announce: Callable[[], None] = lambda: None
        self._stopping = asyncio.Event()
        self._loop: asyncio.AbstractEventLoop | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        try:
            await self._composition.prepare()
            self._composition.open()
        except (StaleLibrary, OSError, ValueError) as error:
            raise SettingsError(f"Không mở được phần truyền hình: {error}.", f"Media cannot start: {error}.") from error
        await super().startup([])
        if self.started:
            self._door.open(lambda: BoundedHttp(self.config, self.server_state, self.lifespan.state, self._loop))
            self.announce()

    async def main_loop(self) -> None:
        """Wait for the stop event. uvicorn's own loop wakes ten times a second; an idle server should sleep."""
        self._composition.on_failure = self._stopping.set
        while not (self._composition.failed or self.should_exit):
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(limits.FAILURE_CHECK_S):
                    await self._stopping.wait()

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        super().handle_exit(sig, frame)
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._stopping.set)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._door.close()
        self._composition.say_goodbye()
        if self.server_state.tasks:
            # Each session ends by itself after it has written its last message.
            await asyncio.wait(self.server_state.tasks, timeout=limits.SHUTDOWN_S / 2)
        await super().shutdown(sockets)


def _uvicorn_config(composition: Composition) -> uvicorn.Config:
    return uvicorn.Config(
        composition,
        http=BoundedHttp,
        ws=PatientWebSocket,
        ws_max_size=limits.WEBSOCKET_MESSAGE_BYTES,
        ws_max_queue=limits.WEBSOCKET_QUEUE,
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        log_level=logging.WARNING,
        access_log=False,  # URLs contain tokens, and an access log would store them
        proxy_headers=False,
        server_header=False,
        date_header=False,  # the guard sends the date
        limit_concurrency=limits.CONNECTIONS,
        timeout_keep_alive=limits.KEEP_ALIVE_S,
        timeout_graceful_shutdown=int(limits.SHUTDOWN_S / 2),
    )
