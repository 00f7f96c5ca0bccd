"""The lines of one hall's call. They are opened before the offer and set by the agreement, and carry the media.

Owns ports, keys, and the producers and consumers of the lines. `program.py` decides what a hall sees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final, Literal, Protocol

from conference.ground.errors import Refusal
from conference.ground.plan import (
    KEY_BYTES,
    AudioPlan,
    CameraPlan,
    KeyProfile,
    MediaPlan,
    OwnBfcp,
    OwnEnd,
    OwnEnds,
    Stream,
    VideoPlan,
)
from conference.ports.halls import LineOptions, Served
from conference.ports.media import Line, LineConsumer, Producer
from media import line_codec

Medium = Literal["audio", "video", "content", "camera"]
Plan = AudioPlan | VideoPlan
MEDIA: Final[tuple[Medium, ...]] = ("audio", "video", "content")
"""The lines with tracks. The line of the far camera has only control messages."""
SUITES: Final[Mapping[KeyProfile, str]] = {
    "AES128_CM_SHA1_80": "AES_CM_128_HMAC_SHA1_80",
    "AEAD_AES_128_GCM": "AEAD_AES_128_GCM",
    "AES128_CM_SHA1_32": "AES_CM_128_HMAC_SHA1_32",
}
"""The SRTP profiles, the preferred one first, with their names in RFC 4568 and RFC 7714. The lines of `media` use these names.
"""


class LineOwner(Protocol):
    """The receiver of the lines' events: their hall."""

    def line_alive(self, medium: Medium, alive: bool) -> None:
        """Note that packets arrive, or that RTP and RTCP have stopped for `LineOptions.silent_s`."""

    def line_wants_keyframe(self, medium: Medium) -> None:
        """Note that requests for a key frame by packets had no effect."""

    def line_limited(self, medium: Medium, bitrate_bps: int) -> None:
        """Note the bit rate that the hall wants at most."""

    def line_pressed(self, key: str) -> None: ...
    def line_said(self, frame: bytes) -> None:
        """Handle an H.224 frame from the hall's camera."""


class Ear:
    """The event receiver of one line. Implements media's `LineEvents`."""

    def __init__(self, owner: LineOwner, medium: Medium) -> None:
        self._owner = owner
        self._medium: Medium = medium

    def heard(self, line: Any, state: Literal["first", "silent", "alive"]) -> None:
        if (
            self._medium != "camera"
        ):  # a far camera line is mostly silent, so it does not show whether the hall is alive
            self._owner.line_alive(self._medium, state != "silent")

    def dtmf(self, line: Any, digit: str, duration_ms: int) -> None:
        self._owner.line_pressed(digit)

    def message(self, line: Any, message: bytes) -> None:
        self._owner.line_said(message)

    def keyframe_missing(self, line: Any) -> None:
        self._owner.line_wants_keyframe(self._medium)

    def limited(self, line: Any, consumer: Any, bitrate_bps: int) -> None:
        self._owner.line_limited(self._medium, bitrate_bps)

    def unfit(self, line: Any, consumer: Any) -> None:
        """Ignore the event. All programs fit into single NAL units (`media.mixer`), and halls get nothing else."""

    def left(self, line: Any, producer: Any) -> None:
        """Ignore the event. A terminal that stops its camera starts it again under another SSRC. The producer waits."""


class Lines:
    def __init__(
        self, router: Any, owner: LineOwner, options: LineOptions, random_bytes: Callable[[int], bytes]
    ) -> None:
        self._router = router
        self._owner = owner
        self._options = options
        self._random_bytes = random_bytes
        self._lines: dict[Medium, Line] = {}
        self._ends: dict[Medium, OwnEnd] = {}
        self._plans: dict[Medium, Plan] = {}
        self._camera: CameraPlan | None = None
        self._producers: dict[Medium, Producer] = {}
        self._consumers: dict[Medium, LineConsumer] = {}
        self._sources: dict[Medium, Producer | None] = {}
        self._carried: dict[Medium, Producer] = {}
        self._limits: dict[Medium, int] = {}
        self._deafened = False
        self._closed = False

    def opened(self) -> tuple[Line, ...]:
        return tuple(self._lines.values())

    def line(self, medium: Medium) -> Line | None:
        return self._lines.get(medium)

    def producer(self, medium: Medium) -> Producer | None:
        """Return the producer of the hall's stream."""
        return self._producers.get(medium)

    def consumer(self, medium: Medium) -> LineConsumer | None:
        return self._consumers.get(medium)

    # -- before the call

    def prepare(
        self, *, bfcp: OwnBfcp | None = None, content: bool = True, camera: bool = False, call_number: int = 1
    ) -> OwnEnds:
        """Open the lines and return their ports and keys. Later calls return the same ones. Raises Refusal `hall_ports_taken`."""
        wanted: dict[Medium, bool] = {"audio": True, "video": True, "content": content, "camera": camera}
        try:
            ends = {medium: self._prepare(medium) for medium, is_wanted in wanted.items() if is_wanted}
        except (OSError, OverflowError) as error:
            self.close()
            raise Refusal("hall_ports_taken") from error
        return OwnEnds(
            self._options.announced or self._options.host,
            audio=ends["audio"],
            video=ends["video"],
            content=ends.get("content"),
            bfcp=bfcp,
            far_camera=ends.get("camera"),
            call_number=call_number,
        )

    def _prepare(self, medium: Medium) -> OwnEnd:
        if medium not in self._ends:
            options = self._options
            line = self._router.open_line(
                Ear(self._owner, medium), host=options.host, ports=options.ports, silent_s=options.silent_s
            )
            self._lines[medium] = line
            keys = tuple((profile, self._random_bytes(KEY_BYTES[profile])) for profile in SUITES)
            self._ends[medium] = OwnEnd(line.local[1], line.local_rtcp[1], keys)
        return self._ends[medium]

    # -- the agreement

    def apply(self, plan: MediaPlan) -> None:
        """Set each line whose agreement has changed. Media that are not in the plan end."""
        wanted: Mapping[Medium, Plan | None] = {"audio": plan.audio, "video": plan.video, "content": plan.content}
        for medium in MEDIA:
            self._apply(medium, wanted[medium])
        self._apply_camera(plan.far_camera)

    def _apply(self, medium: Medium, plan: Plan | None) -> None:
        before, line = self._plans.pop(medium, None), self._lines.get(medium)
        if plan is None or line is None:
            self._end_producer(medium)
            self._end_consumer(medium)
            if line is not None and before is not None:
                line.set_remote(None)
            return
        self._plans[medium] = plan
        _set_line(line, plan, None if before is None else before.stream)
        if before is not None and (_incoming(before) != _incoming(plan) or not plan.stream.we_receive):
            self._end_producer(medium)
        if before is not None and _outgoing(before) != _outgoing(plan):
            self._end_consumer(medium)
        if medium not in self._producers and plan.stream.we_receive:
            if medium == "audio":
                self._producers[medium] = line.receive("audio", _codecs(plan), is_microphone=True)
            else:
                self._producers[medium] = line.receive("video", _codecs(plan))
        self._carry(medium)

    def _apply_camera(self, plan: CameraPlan | None) -> None:
        before, line = self._camera, self._lines.get("camera")
        self._camera = plan if line is not None else None
        if line is None:
            return
        if plan is None:
            if before is not None:
                line.set_remote(None)
            return
        line.open_messages(plan.send_payload_type, plan.receive_payload_type)
        _set_line(line, plan, None if before is None else before.stream)

    # -- the outgoing media

    @property
    def moves_camera(self) -> bool:
        """Report whether the terminal agreed on a line for camera control, and receives on it now."""
        return self._camera is not None and self._camera.stream.we_send

    def tell_camera(self, frame: bytes) -> None:
        """Send one H.224 frame."""
        if self.moves_camera:
            with suppress(OverflowError):  # lost as on any network: a movement is repeated, or ends by itself
                self._lines["camera"].send_message(frame)

    def serve(self, served: Served, *, deafened: bool) -> None:
        self._sources = {"audio": served.mix, "video": served.program, "content": served.content}
        self._deafened = deafened
        for medium in MEDIA:
            self._carry(medium)

    def _carry(self, medium: Medium) -> None:
        plan, source, consumer = self._plans.get(medium), self._sources.get(medium), self._consumers.get(medium)
        types = _payload_types(source, plan) if plan is not None and source is not None else {}
        if plan is None or source is None or not types or not plan.stream.we_send:
            # No stream of the agreed codec exists yet, or the hall receives nothing.
            if consumer is not None:
                consumer.pause(True)
            return
        if consumer is None or consumer.closed:
            single = isinstance(plan, VideoPlan) and plan.mode == 0
            consumer = self._consumers[medium] = self._lines[medium].send(source, types, single_nal=single)
        elif self._carried.get(medium) is not source:
            consumer.switch(source, types)
        self._carried[medium] = source
        consumer.pause(self._deafened and medium == "audio")

    def limit(self, medium: Medium, bitrate_bps: int) -> None:
        """Set the most that the hall should send from now on."""
        line = self._lines.get(medium)
        if line is not None and medium in self._plans and self._limits.get(medium) != bitrate_bps:
            self._limits[medium] = bitrate_bps
            line.limit(bitrate_bps)

    # -- the end of the call

    def _end_producer(self, medium: Medium) -> None:
        producer = self._producers.pop(medium, None)
        if producer is not None:
            producer.close()

    def _end_consumer(self, medium: Medium) -> None:
        consumer = self._consumers.pop(medium, None)
        self._carried.pop(medium, None)
        if consumer is not None:
            consumer.close()

    def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        for medium in MEDIA:
            self._end_producer(medium)
            self._end_consumer(medium)
        for line in self._lines.values():
            line.close()
        self._lines.clear()
        self._plans.clear()
        self._camera = None


def _set_line(line: Line, plan: Plan | CameraPlan, before: Stream | None) -> None:
    """Set keys, feedback and address of a line. The keys come first: a line that gets its address without keys is not
    encrypted.
    """
    stream = plan.stream
    if stream.keys is not None and (before is None or before.keys != stream.keys):
        line.set_keys(SUITES[stream.keys.profile], stream.keys.receive, stream.keys.send)
    if isinstance(plan, VideoPlan):
        line.set_feedback(sorted(plan.feedback))
    if isinstance(plan, AudioPlan) and plan.levels_id:
        line.accept_audio_levels(plan.levels_id)
    address = (stream.remote, stream.remote_rtcp)
    if before is None or address != (before.remote, before.remote_rtcp):
        line.set_remote((stream.remote.host, stream.remote.port), (stream.remote_rtcp.host, stream.remote_rtcp.port))


def _incoming(plan: Plan) -> tuple[Any, ...]:
    """Return the values whose change needs a new producer."""
    if isinstance(plan, AudioPlan):
        return plan.codec, plan.receive_payload_type, plan.dtmf_receive_payload_type
    return (plan.receive_payload_types,)


def _outgoing(plan: Plan) -> tuple[Any, ...]:
    if isinstance(plan, AudioPlan):
        return plan.codec, plan.send_payload_type
    return plan.send_payload_type, plan.mode


def _codecs(plan: Plan) -> Sequence[Any]:
    """Return the payload types that the hall may send."""
    if isinstance(plan, VideoPlan):
        return [line_codec(number, "h264", mode=1) for number in plan.receive_payload_types]
    codecs = [line_codec(plan.receive_payload_type, plan.codec)]
    if plan.dtmf_receive_payload_type >= 0:
        clock_hz = plan.clock_hz
        codecs.append(line_codec(plan.dtmf_receive_payload_type, "telephone-event", clock_hz=clock_hz))
    return codecs


def _payload_types(source: Producer, plan: Plan) -> dict[int, int]:
    """Return the source's payload types of the agreed codec, and the agreed payload type for each."""
    return {one.payload_type: plan.send_payload_type for one in source.codecs if one.name == plan.codec}
