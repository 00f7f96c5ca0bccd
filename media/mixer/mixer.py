"""The mixer of one conference on the parent's side: a line of the plane with a supervised process at its other end.

It owns the line, the process, its restarts, and the scene that every new process receives. No packet and no frame passes
through this code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, Protocol

from media.frames.port import AUDIO_LEVEL_ID, connect
from media.ground import limits
from media.ground.parameters import Kind
from media.lines.line import Line, LineConsumer, line_codec
from media.mixer.ground import control
from media.mixer.ground.load import DECODE_SOURCE, admit, cost
from media.mixer.ground.marks import Marks, shared
from media.mixer.ground.scene import CLOCK_HZ, Group, Scene, SceneError, check, difference, to_json
from media.node.router import Router
from media.tracks.producer import Producer

logger = logging.getLogger(__name__)

ALLOWED_STEP = 0.02
"""Cores by which the budget of a process must change before the process gets a message. Chosen. Larger: the budget is less exact.
Smaller: a message to every process every two seconds.
"""
SILENCE_S = 10.0
"""Seconds without a message after which a mixer process counts as hung, and is killed and started again. Chosen; a process
reports its figures every two seconds. Longer: halls stay without picture and sound longer. Shorter: a busy process is killed.
"""
REAP_S = 5.0
"""Seconds for which a thread waits for a killed mixer process. Chosen. Longer: a process that hangs in the kernel delays the end
of the server. Shorter: a zombie stays on a busy machine.
"""
RESTART_S = (0.0, 0.5, 1.0, 2.0, 4.0, 8.0)
"""Seconds before each start of the mixer process after losses in a row, the last value for all later ones. After a process that
ran for 30 s (HEALTHY_S), the row begins again. Chosen. Longer: halls stay without picture and sound longer. Shorter: a process
that always fails takes CPU time.
"""
HEALTHY_S = 30.0
HARMFUL, CERTAIN = 2, 3
"""A source whose bytes the mixer process decoded at each of HARMFUL deaths in a row is left out (quarantine). If several
sources are equally suspect, CERTAIN deaths are needed. Chosen. More: halls lose picture and sound more often before the source
is left out. Fewer: an innocent source is left out.
"""
QUARANTINE_S = 600.0
"""Seconds for which the mixer leaves out a source (picture or sound of a site) that killed its process. Chosen. After this
time, one more death is enough for a new quarantine. Longer: a source without fault stays dark or silent longer. Shorter: a
harmful source kills processes more often.
"""

# One arena and no trimming: pictures of a few known sizes are allocated and freed thirty times a second.
_MALLOC = {
    "MALLOC_ARENA_MAX": "2",
    "MALLOC_MMAP_THRESHOLD_": "67108864",
    "MALLOC_TRIM_THRESHOLD_": "268435456",
    "OPENBLAS_NUM_THREADS": "1",
    "OMP_NUM_THREADS": "1",
}


class MixerEvents(Protocol):
    """The events of a mixer for its owner. No event comes after `Mixer.close`."""

    def ready(self, mixer: Mixer) -> None:
        """Report that the process runs. The scene was sent to the process before. The event also comes after each restart."""

    def lost(self, mixer: Mixer) -> None:
        """Report that the process ended. It is restarted by itself. Until then the outputs stay open and are silent."""

    def degraded(self, mixer: Mixer, step: int) -> None:
        """Report the quality of pictures: 0 full, 1 fewer frames, 2 coarser, 3 smaller, 4 fewer tiles (`load.STEPS`)."""

    def refused(self, mixer: Mixer, group: str, code: str) -> None:
        """Report that this machine cannot make the group besides the others ("no_capacity"). The group's output stays silent."""

    def accepted(self, mixer: Mixer, group: str) -> None:
        """Report that a group that was refused is now made."""

    def late(self, mixer: Mixer, is_late: bool) -> None:
        """Report that the process sends its sound too late, so halls hear chopped words. A second event reports the end."""

    def levels(self, mixer: Mixer, sites: Mapping[str, float]) -> None:
        """Report the loudness (0..1) of each mixed microphone, five times a second."""

    def thumbnail(self, mixer: Mixer, site: str, jpeg: bytes) -> None: ...
    def looked(self, mixer: Mixer, site: str, look: Literal["good", "black", "frozen"]) -> None:
        """Report the look of the site's last thumbnail. A frozen picture and a picture without any movement look the same."""

    def prompt_ended(self, mixer: Mixer, prompt: str) -> None: ...


class Owner(Protocol):
    """The budget that the mixers of the machine share (`budget.Budget`)."""

    def changed(self, mixer: Mixer) -> None: ...
    def closed(self, mixer: Mixer) -> None: ...


class Mixer:
    """The mixer of one conference, made by `Budget.open`. It lives in the router's event loop, and every method is called from
    this loop.

    The events of its line are not used, because the far end is our own process. Its channel already shows whether the process
    lives.
    """

    def __init__(self, router: Router, events: MixerEvents, budget_cores: float, owner: Owner | None = None) -> None:
        """Start the process. `events.ready` reports when it works. Without an owner the budget stays as it is. Raises `OSError`,
        `OverflowError`.
        """
        self.closed = False
        self.running = False
        """True when the process has reported that it is ready."""
        self.pid = 0
        self.step = 0
        self.figures: Mapping[str, Any] = {}
        """The last figures of the process (cores, groups, sound). Empty before the first report."""
        self._loop = router.loop
        self._events = events
        self._budget = self._room = budget_cores
        self._owner = owner
        self._scene = Scene(0)
        self._outputs: dict[int, Producer] = {}
        self._feeds: dict[int, LineConsumer] = {}
        self._heights: dict[int, int] = {}
        self._line: Line = router.open_line(None, host="127.0.0.1", ports=[0], rtcp_mux=True, latch=False)
        try:
            self._end = connect(self._line.local)
        except OSError:
            self._line.close()
            raise
        self._line.accept_audio_levels(AUDIO_LEVEL_ID)
        self._line.set_remote(self._end.getsockname()[:2])
        router.set_mixed_voices(limits.MIXER_HEARD)
        self._process: subprocess.Popen[bytes] | None = None
        self._channel: socket.socket | None = None
        self._unpacker = control.Unpacker()
        self._outgoing = bytearray()
        self._scene_due = False
        self._losses = 0
        self._started_s = 0.0
        self._heard_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._marks_fd = shared()
        self._marks = Marks(self._marks_fd)
        self._deaths: Counter[int] = Counter()
        self._harmful: dict[int, float] = {}
        """The end of the quarantine of each source that was ever in quarantine. An entry stays after the end."""
        self._start()

    @property
    def used_cores(self) -> float:
        """Return the cores that the process used in the last seconds. 0 before the first report."""
        return float(self.figures.get("cores", 0.0)) if self.running else 0.0

    @property
    def asked_cores(self) -> float:
        """Return the estimate of the scene at full quality."""
        videos = sum(source.kind == "video" for source in self._scene.sources)
        return sum(cost(group) for group in self._scene.groups if not group.ending) + videos * DECODE_SOURCE

    @property
    def budget_cores(self) -> tuple[float, float]:
        """Return the two values of `allow`."""
        return self._budget, self._room

    def allow(self, budget_cores: float, room_cores: float) -> None:
        """Set the cores above which the process makes its pictures worse, and those within which it begins new programs."""
        moved = max(abs(budget_cores - self._budget), abs(room_cores - self._room))
        if not self.closed and moved >= ALLOWED_STEP:
            self._budget, self._room = budget_cores, room_cores
            self._tell_budget()

    def _tell_budget(self) -> None:
        self._tell({"type": "budget", "cores": self._budget, "room": self._room})

    def has_room(self, groups: Sequence[Group]) -> bool:
        """Report whether the process could make all these groups in place of its present ones, by the rule of the process."""
        running = {one.id for one in self._scene.groups}
        decoded = sum(height > 0 for height in self._heights.values())
        return not admit(groups, running, decoded, self.used_cores, self._room)[1]

    def set_scene(self, scene: Scene) -> None:
        """Set everything that the process must make. Raises `SceneError`; the scene before then stays."""
        assert not self.closed
        check(scene)
        try:
            message = control.pack({"type": "scene", "scene": to_json(scene)})
        except control.ControlError as error:
            raise SceneError(str(error)) from error
        found = difference(self._scene, scene)
        before, after = self._scene.outputs(), scene.outputs()
        moved = {ssrc for ssrc in found.changed if _wire(before[ssrc]) != _wire(after[ssrc])}
        for ssrc in found.ended | moved:
            if producer := self._outputs.pop(ssrc, None):
                producer.close()
        self._scene = scene
        if self._owner is not None:
            self._owner.changed(self)  # the process must know its part before it begins programs
        if self._outgoing:
            self._scene_due = True  # of the scenes that could not be sent yet, only the newest is sent
        else:
            self._write(message)

    def request_keyframe(self, ssrc: int) -> None:
        """Request a key frame of a group's program. The process limits the rate of these requests."""
        self._tell({"type": "keyframe", "ssrc": ssrc})

    def output(self, ssrc: int) -> Producer:
        """Return the producer of a group, mix or voice of the scene. Raises `KeyError` for another SSRC, `OverflowError`."""
        producer = self._outputs.get(ssrc)
        if producer is None or producer.closed:
            made = self._scene.outputs()[ssrc]
            payload_type, codec, profile = _wire(made)
            kind: Kind = "video" if isinstance(made, Group) else "audio"
            words = line_codec(payload_type, codec, clock_hz=CLOCK_HZ[codec], profile=profile)
            producer = self._outputs[ssrc] = self._line.receive(kind, [words], ssrc)
        return producer

    def feed(self, producer: Producer, ssrc: int) -> LineConsumer:
        """Forward a source to the process with the SSRC that the scene has for it. If the SSRC already has another producer,
        the new producer replaces it without a break.

        The source is paused while it is neither shown nor heard. Raises `OverflowError`.
        """
        fed = self._feeds.get(ssrc)
        if fed is None or fed.closed:
            fed = self._feeds[ssrc] = self._line.send(producer, _own(producer), ssrc)
            self._ration(ssrc, fed)
        elif fed.producer is not producer:
            fed.switch(producer, _own(producer))
        return fed

    def starve(self, ssrc: int) -> None:
        """Stop forwarding a source (the reverse of `feed`)."""
        self._harmful.pop(ssrc, None)
        if fed := self._feeds.pop(ssrc, None):
            fed.close()

    def close(self) -> None:
        """End the process and the line with all outputs. Idempotent."""
        if self.closed:
            return
        self.closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._drop_process()
        self._line.close()
        self._end.close()
        self._marks.close()
        os.close(self._marks_fd)
        if self._owner is not None:
            self._owner.closed(self)

    # -- the process

    def _start(self) -> None:
        """Start a process. It uses the same socket as the process before, so the line keeps its address."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)
        self._marks.take()  # a killed process may have written after our last look
        root = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join(filter(None, (root, os.environ.get("PYTHONPATH", ""))))
        # The process decodes bytes of strangers, so it must not get the server's secrets.
        environ = {name: value for name, value in os.environ.items() if not name.startswith("DIEMCAU_")}
        given = (theirs.fileno(), self._end.fileno(), self._room, self._marks_fd)
        words = [sys.executable, "-m", "media.mixer", *map(str, given)]
        try:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and numbers
                words,
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._end.fileno(), self._marks_fd),
                env={**environ, **_MALLOC, "PYTHONPATH": paths},
            )
        except OSError:
            logger.exception("the mixer process cannot be started")
            ours.close()
            self._again()
            return
        finally:
            theirs.close()
        self.pid = self._process.pid
        self._channel, self._unpacker, self._outgoing = ours, control.Unpacker(), bytearray()
        self._started_s = self._heard_s = self._loop.time()
        self._loop.add_reader(ours, self._read)
        self._scene_due = False
        self._tell_budget()
        self._tell({"type": "scene", "scene": to_json(self._scene)})
        self._timer = self._loop.call_later(1.0, self._look)

    def _look(self) -> None:
        """Watch the process. A process without messages counts as lost."""
        if self._loop.time() - self._heard_s > SILENCE_S:
            logger.error("the mixer process %d does not respond", self.pid)
            self._lose()
        else:
            self._timer = self._loop.call_later(1.0, self._look)

    def _lose(self) -> None:
        held = self._loop.time() - self._started_s >= HEALTHY_S
        was_running = self.running
        self._drop_process()
        self._blame(held)
        self._losses = 1 if held else self._losses + 1
        self._again()
        if was_running:
            self._events.lost(self)

    def _blame(self, held: bool) -> None:
        """Find the source whose bytes killed the process. One death can have any cause, but two in a row with the same source
        are no accident.

        If several sources are suspect, as in a large conference where all threads are busy, a third death decides.
        """
        suspects, now = self._marks.take(), self._loop.time()
        kept = {} if held else {ssrc: self._deaths[ssrc] for ssrc in suspects}
        self._deaths = Counter(kept)
        self._deaths.update(suspects)
        again = {ssrc for ssrc in suspects if ssrc in self._harmful}
        most = max(self._deaths.values(), default=0)
        worst = {ssrc for ssrc, deaths in self._deaths.items() if deaths == most >= HARMFUL}
        if len(worst) > 1 and most < CERTAIN:
            worst = set()
        for ssrc in worst | again:
            site = next((source.site for source in self._scene.sources if source.ssrc == ssrc), "")
            logger.error(
                "source %d of %s crashes mixer processes: the mixer ignores this source for %d s",
                ssrc,
                site,
                QUARANTINE_S,
            )
            self._harmful[ssrc] = now + QUARANTINE_S
            self._loop.call_later(QUARANTINE_S, self._reration)
        for ssrc in self._harmful:
            if fed := self._feeds.get(ssrc):
                self._ration(ssrc, fed)

    def _reration(self) -> None:
        for ssrc, fed in () if self.closed else tuple(self._feeds.items()):
            self._ration(ssrc, fed)

    def _again(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        delay_s = RESTART_S[min(max(self._losses, 1), len(RESTART_S)) - 1]
        self._losses = max(self._losses, 1)
        self._timer = self._loop.call_later(delay_s, self._start)

    def _drop_process(self) -> None:
        self.running = False
        if self._channel is not None:
            self._loop.remove_reader(self._channel)
            self._loop.remove_writer(self._channel)
            self._channel.close()
            self._channel = None
        if self._process is not None:
            self._process.kill()  # its output is sent at once, so nothing needs to be finished
            # Waited for in a thread, so that no zombie stays. The end of the loop waits for its threads.
            self._loop.run_in_executor(None, _reap, self._process)
            self._process = None

    # -- the channel

    def _tell(self, message: control.Message) -> None:
        self._write(control.pack(message))

    def _write(self, data: bytes) -> None:
        if self._channel is None:
            return  # the next process gets the complete scene
        if len(self._outgoing) + len(data) > limits.MIXER_MESSAGES_WAITING_BYTES:
            logger.error("the mixer process %d does not read its messages", self.pid)
            self._lose()
            return
        self._outgoing += data
        if len(self._outgoing) == len(data):
            self._flush()

    def _flush(self) -> None:
        assert self._channel is not None
        try:
            sent = self._channel.send(self._outgoing)
        except BlockingIOError:
            sent = 0
        except OSError:
            self._loop.remove_writer(self._channel)
            return  # the reader reports the end
        del self._outgoing[:sent]
        if self._outgoing:
            self._loop.add_writer(self._channel, self._flush)
            return
        self._loop.remove_writer(self._channel)
        if self._scene_due:
            self._scene_due = False
            self._tell({"type": "scene", "scene": to_json(self._scene)})

    def _read(self) -> None:
        assert self._channel is not None
        try:
            data = self._channel.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        try:
            messages = self._unpacker.feed(data) if data else None
        except control.ControlError:
            logger.exception("the mixer process %d sent a malformed message", self.pid)
            messages = None
        if messages is None:
            self._lose()
            return
        self._heard_s = self._loop.time()
        for message in messages:
            if self.closed or self._channel is None:
                return
            self._take(message)

    def _take(self, message: control.Message) -> None:
        kind = message["type"]
        if kind == "ready":
            self.running = True
            self._events.ready(self)
        elif kind == "want":
            self._forward({int(ssrc): height for ssrc, height in message["heights"].items()})
        elif kind == "figures":
            self.figures = {name: value for name, value in message.items() if name != "type"}
            if self._owner is not None:
                self._owner.changed(self)
        elif kind == "levels":
            self._events.levels(self, message["sites"])
        elif kind == "degraded":
            self.step = message["step"]
            self._events.degraded(self, self.step)
        elif kind == "late":
            self._events.late(self, message["late"])
        elif kind == "refused":
            self._events.refused(self, message["group"], message["code"])
        elif kind == "accepted":
            self._events.accepted(self, message["group"])
        elif kind == "thumbnail":
            self._take_thumbnail(message)
        elif kind == "prompt":
            self._events.prompt_ended(self, message["id"])

    def _take_thumbnail(self, message: control.Message) -> None:
        self._events.thumbnail(self, message["site"], base64.b64decode(message["jpeg"]))
        if "look" in message:
            self._events.looked(self, message["site"], message["look"])

    def _forward(self, heights: dict[int, int]) -> None:
        """Forward to the process only the sources that it shows or plays."""
        self._heights = heights
        self._feeds = {ssrc: fed for ssrc, fed in self._feeds.items() if not fed.closed}
        for ssrc, fed in self._feeds.items():
            self._ration(ssrc, fed)

    def _ration(self, ssrc: int, fed: LineConsumer) -> None:
        """Send the smallest layer of a camera that fills its place. Pause a source that is not needed or in quarantine."""
        if height := self._heights.get(ssrc):
            fed.set_layer(_layer(len(fed.producer.encodings), height))
        fed.pause(ssrc not in self._heights or self._loop.time() < self._harmful.get(ssrc, 0.0))


def _wire(made: Any) -> tuple[int, Any, str]:
    """Return (payload type, codec, H.264 profile) of an output, the values of its producer."""
    codec = getattr(made, "codec", "opus")
    profile = "high" if getattr(made, "profile", "") == "high" else "constrained"
    return made.payload_type, codec, profile


def _own(producer: Producer) -> dict[int, int]:
    """Return the payload types of the producer's first codec, unchanged, because the process knows a stream by its SSRC. RED is
    unpacked.
    """
    first = next(codec for codec in producer.codecs if codec.name not in ("red", "telephone-event"))
    kept = {codec.payload_type: codec.payload_type for codec in producer.codecs if codec.name == first.name}
    red = {codec.payload_type: first.payload_type for codec in producer.codecs if codec.name == "red"}
    return kept | red


def _layer(layers: int, height: int) -> int:
    """Return the layer for a height. Browsers send 720 lines, and each lower layer has half (`simulcast` of the pages)."""
    return next((layer for layer in range(layers) if 720 >> (layers - 1 - layer) >= height), layers - 1)


def _reap(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that was killed. A process that hangs in the kernel must not keep the server from its end."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(REAP_S)
