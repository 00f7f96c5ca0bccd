"""The mixer process: it turns frames into programs and mixes, as the last scene says. `python -m media.mixer` runs it.

It owns its threads: one receives frames, two decode video, one makes the sound, one measures loudness, and one per program
makes a picture. The main thread reads scenes, watches the load and talks to the parent. The process ends when the control
channel ends, and so with its parent.
"""

from __future__ import annotations

import base64
import logging
import os
import select
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

from media.frames.port import Frames
from media.ground import limits
from media.mixer.ground import control
from media.mixer.ground.layouts import cells_of, rects
from media.mixer.ground.load import STEPS, Effective, Ladder, Punctuality, admit, at_step
from media.mixer.ground.marks import Marks
from media.mixer.ground.scene import CLOCK_HZ, Group, Scene, SceneError, Source, check, difference, from_json
from media.mixer.picture.decoding import Decoding
from media.mixer.picture.program import Program, View
from media.mixer.picture.snapshots import PROGRAM_SIZE, Snapshots, jpeg
from media.mixer.picture.tiles import Tiles
from media.mixer.sound.console import TICK_US, Console, heard
from media.mixer.sound.sync import LipSync

logger = logging.getLogger(__name__)

VIDEO_JITTER_MS = 80
"""Milliseconds for which a video packet waits for an earlier packet that is missing. Chosen. Longer: pictures of halls are
later. Shorter: late packets count as lost, and pictures break.
"""
TURN_S = 0.1
STUCK_S = 5.0
"""Seconds that a codec library works on one video frame, audio packet or small picture; then the process ends and is started
again. Chosen. No such work takes this long, so the library is in an endless loop. Longer: until then, the pictures or the sound
of that thread stand still. Shorter: a slow machine kills a healthy process, and halls lose picture and sound for a moment.
"""
_SECOND_US = 1_000_000
_FIGURES_TURNS = 20
_LEVEL_TURNS = 2
_PROGRAM_TURNS = 20
"""Rounds (0.1 s each, TURN_S) between two reports of figures, two reports of sound levels, and two small pictures of the
programs. Chosen. More: the operators' board is out of date. Fewer: more work, and more messages.
"""
NO_CAPACITY = "no_capacity"
VIETNAM = timezone(timedelta(hours=7))


def monotonic_us() -> int:
    return time.monotonic_ns() // 1000


def wall_clock() -> str:
    """Return the time of day in Vietnam, which has one time zone (UTC+7) without summer time."""
    return datetime.now(UTC).astimezone(VIETNAM).strftime("%H:%M:%S")


class Process:
    """The mixer process. `budget_cores` is the number of processor cores that it may use, until a message changes it."""

    def __init__(self, frames: Frames, parent: socket.socket, budget_cores: float, marks: Marks) -> None:
        self._frames = frames
        self._parent = parent
        self._budget = budget_cores
        self._sync = LipSync()
        self._marks = marks
        self._decoding = Decoding(frames.request_keyframe, monotonic_us, self._sync.show, marks=marks)
        self._tiles = Tiles(self._decoding.latest, marks)
        self._snapshots = Snapshots(self._decoding.latest, marks)
        self._console = Console(frames, self._sync, marks)
        self._console.on_prompt_end = self._prompt_ended
        self._programs: dict[str, Program] = {}
        self._by_ssrc: dict[int, Program] = {}
        self._scene = Scene(0)
        self._refused: set[str] = set()
        self._ladder = Ladder(budget_cores)
        self._load = Load()
        self._outgoing: deque[control.Message] = deque(maxlen=1000)
        self._pulsed: list[Source] = []
        self._told: dict[int, int] | None = None
        self._late_ticks = 0
        self._punctuality = Punctuality()
        self.failed = threading.Event()

    def run(self) -> None:
        """Run until the parent closes the channel or requests the end, or until a thread fails."""
        self._decoding.start()
        works = (("intake", self._take_in), ("sound", self._tick_sound), ("sampling", self._console.sampling.run))
        for name, work in works:
            threading.Thread(target=self._guard, args=(work,), name=name, daemon=True).start()
        self._send({"type": "ready", "pid": os.getpid()})
        unpacker, turns = control.Unpacker(), 0
        due_us = monotonic_us()
        while not self.failed.is_set():
            left_s = max(0.0, (due_us - monotonic_us()) / 1e6)
            if select.select([self._parent], [], [], left_s)[0]:
                data = self._parent.recv(1 << 16)
                if not data or not self._obey(unpacker.feed(data)):
                    return
            if monotonic_us() >= due_us:
                turns += 1
                due_us = monotonic_us() + int(TURN_S * 1e6)
                self._turn(turns)

    # -- messages of the parent

    def _obey(self, messages: list[control.Message]) -> bool:
        """Handle messages. Return False if the process must end."""
        for message in messages:
            if message["type"] == "stop":
                return False
            if message["type"] == "budget":
                self._ladder.budget, self._budget = float(message["cores"]), float(message["room"])
            elif message["type"] == "keyframe":
                if program := self._by_ssrc.get(message["ssrc"]):
                    program.request_keyframe()
            elif message["type"] == "scene":
                try:
                    scene = from_json(Scene, message["scene"])
                    check(scene)
                except SceneError:
                    logger.exception("a scene from the parent process is not valid")
                    continue
                self._show(scene)
        return True

    def _show(self, scene: Scene) -> None:
        gone = difference(self._scene, scene).ended
        self._scene = scene
        self._console.show(scene)
        self._arrange()
        for ssrc in gone:
            self._frames.end(ssrc)

    def _arrange(self) -> None:
        """Set up programs and decoders for the scene, the budget and the step of degradation."""
        running = {group.id for group in self._scene.groups if group.id in self._programs}
        sources = len(self._shown(self._scene.groups))
        made, refused = admit(self._scene.groups, running, sources, self._load.cores, self._budget)
        effective = {group.id: at_step(group, self._ladder.step) for group in made}
        self._want([one.group for one in effective.values()])
        for name in [name for name in self._programs if name not in effective]:
            self._programs.pop(name).stop()
        for name, one in effective.items():
            self._make(name, one)
        self._by_ssrc = {program.view.effective.group.ssrc: program for program in self._programs.values()}
        self._tell_refused({group.id for group in refused})

    def _make(self, name: str, effective: Effective) -> None:
        view = View(effective, self._scene)
        program = self._programs.get(name)
        if program is None:
            program = Program(self._frames, self._tiles, view, monotonic_us, wall_clock)
            self._programs[name] = program
            program.start()
        else:
            program.show(view)

    def _tell_refused(self, refused: set[str]) -> None:
        known = {group.id for group in self._scene.groups}
        for name in sorted(refused - self._refused):
            self._send({"type": "refused", "group": name, "code": NO_CAPACITY})
        for name in sorted((self._refused - refused) & known):
            self._send({"type": "accepted", "group": name})
        self._refused = refused

    def _shown(self, groups: tuple[Group, ...] | list[Group]) -> dict[Source, int]:
        """Return each video source that a group shows, with the height of its largest place in pixels."""
        info, heights = self._scene.info(), dict[Source, int]()
        for group in groups:
            cells = cells_of(group.layout, group.cells, group.content, group.without)
            places = rects(group.layout, group.width, group.height)
            for (site, content), rect in zip(cells, places, strict=True):
                told, source = info.get(site), self._scene.source_of(site, "video", content)
                if source is not None and told is not None and (told.picture or content):
                    heights[source] = max(heights.get(source, 0), rect.height)
        return heights

    def _want(self, groups: list[Group]) -> None:
        """Decode the sources that are shown or that a snapshot waits for. Report to the parent which sources are needed."""
        heights = self._shown(groups)
        for source in self._pulsed:
            heights.setdefault(source, 180)
        begun, ended = self._decoding.want(heights)
        for ssrc in ended:
            self._frames.forget(ssrc)
            self._sync.forget(ssrc)
        for source in begun:
            self._sync.expect(source.ssrc, CLOCK_HZ[source.codec])
            self._frames.expect(source.ssrc, source.codec, CLOCK_HZ[source.codec], VIDEO_JITTER_MS)
        wanted = {source.ssrc: height for source, height in heights.items()}
        wanted |= {source.ssrc: 0 for source in heard(self._scene)}
        if wanted != self._told:
            self._told = wanted
            self._send({"type": "want", "heights": {str(ssrc): height for ssrc, height in wanted.items()}})

    # -- ten times a second

    def _turn(self, number: int) -> None:
        if any(program.failed for program in self._programs.values()):
            self.failed.set()
        if self._marks.stuck(STUCK_S):
            logger.error("a decoder does not respond")
            self.failed.set()
        self._snap()
        if number % _PROGRAM_TURNS == 0:
            self._snap_programs()
        if number % _LEVEL_TURNS == 0 and (levels := self._console.levels()):
            told = {site: round(level, 4) for site, level in levels.items()}
            self._send({"type": "levels", "sites": told})
        if number % 10 == 0:
            self._watch_load()
        if number % _FIGURES_TURNS == 0:
            self._send({"type": "figures", **self._figures()})
        while self._outgoing:
            self._send(self._outgoing.popleft())

    def _snap(self) -> None:
        pulsed, ready = self._snapshots.turn(self._scene, monotonic_us())
        for site, data, look in ready:
            self._send({"type": "thumbnail", "site": site, "jpeg": base64.b64encode(data).decode(), "look": look})
        if pulsed != self._pulsed:
            self._pulsed = pulsed
            self._want([program.view.effective.group for program in self._programs.values()])

    def _snap_programs(self) -> None:
        for name, program in self._programs.items():
            picture = program.picture
            if name in self._scene.thumbnails and picture is not None:
                data = jpeg(picture, PROGRAM_SIZE)
                self._send({"type": "thumbnail", "site": name, "jpeg": base64.b64encode(data).decode()})

    def _watch_load(self) -> None:
        work = [program.work for program in self._programs.values()]
        late = self._load.measure(sum(one.ticks for one in work), sum(one.late for one in work))
        self._tiles.sweep(monotonic_us())
        if self._punctuality.observe(self._late_ticks, time.monotonic()):
            is_late = self._punctuality.is_late
            logger.warning("sound is %s at %.2f cores", "late" if is_late else "no longer late", self._load.cores)
            self._send({"type": "late", "late": is_late})
        if self._punctuality.is_late:
            late = 1.0  # step down the pictures, whatever their own ticks say, so that sound gets more CPU time
        if self._ladder.observe(self._load.cores, late, time.monotonic()):
            logger.warning("step %s at %.2f cores", STEPS[self._ladder.step], self._load.cores)
            self._send({"type": "degraded", "step": self._ladder.step, "name": STEPS[self._ladder.step]})
            self._arrange()
        elif self._refused:
            self._arrange()

    def _figures(self) -> control.Message:
        groups = {}
        for name, program in self._programs.items():
            work, one = program.work, program.view.effective
            groups[name] = {
                "frames": work.frames,
                "bytes": work.sent_bytes,
                "keys": work.keys,
                "late": work.late,
                "encode_ms": round(work.encode_us / max(1, work.frames) / 1000, 2),
                "size": [one.group.width, one.group.height],
                "fps": one.group.fps,
                "layout": one.group.layout,
            }
        return {
            "cores": round(self._load.cores, 3),
            "step": self._ladder.step,
            "groups": groups,
            "decoded": {str(ssrc): count for ssrc, count in self._decoding.figures().items()},
            "sound": self._console.figures(),
            "late_ticks": self._late_ticks,
            "dropped": self._frames.dropped,
        }

    def _prompt_ended(self, name: str) -> None:
        self._outgoing.append({"type": "prompt", "id": name})

    def _send(self, message: control.Message) -> None:
        """Send a message, only from the main thread. This waits for a busy parent, but sound and pictures continue."""
        self._parent.sendall(control.pack(message))

    # -- threads

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception:
            logger.exception("the mixer process stops after an error")
        self.failed.set()

    def _take_in(self) -> None:
        while True:
            for event in self._frames.poll(100):
                if event.kind == "keyframe":
                    if program := self._by_ssrc.get(event.ssrc):
                        program.request_keyframe()
                elif event.kind == "clock":
                    self._sync.report(event.ssrc, event.timestamp, event.time_us)
                elif event.kind == "frame":
                    self._sync.arrive(event.ssrc, event.timestamp, event.time_us)
                    self._decoding.put("frame", event.ssrc, event.timestamp, event.time_us, event.data)
                    self._console.put(event.ssrc, event.timestamp, event.data)
                elif event.kind == "lost":
                    self._decoding.put("lost", event.ssrc, event.timestamp, event.time_us, b"")

    def _tick_sound(self) -> None:
        """Tick at multiples of 20 ms of monotonic time, so that the ticks never drift. After a delay, at most
        `limits.MIXER_LATE_TICKS` ticks run at once, and earlier ticks are left out.
        """
        last = monotonic_us() // TICK_US
        while True:
            time.sleep(max(0.0, ((last + 1) * TICK_US - monotonic_us()) / 1e6))
            number = monotonic_us() // TICK_US
            if number > last + 1:
                self._late_ticks += number - last - 1
                last = max(last, number - limits.MIXER_LATE_TICKS)
            while last < number:
                last += 1
                self._console.tick(last)


class Load:
    """The cores that this process used, and the ticks that it left out, since the last measurement."""

    def __init__(self) -> None:
        self.cores = 0.0
        self._cpu_s = time.process_time()
        self._at_s = time.monotonic()
        self._ticks = 0
        self._late = 0

    def measure(self, ticks: int, late: int) -> float:
        """Return the share of ticks that were left out. `cores` is an average of about three seconds."""
        cpu_s, at_s = time.process_time(), time.monotonic()
        cores = (cpu_s - self._cpu_s) / max(0.001, at_s - self._at_s)
        self.cores += (cores - self.cores) * (0.4 if self.cores else 1.0)
        new_ticks, new_late = max(0, ticks - self._ticks), max(0, late - self._late)
        self._cpu_s, self._at_s, self._ticks, self._late = cpu_s, at_s, ticks, late
        return new_late / max(1, new_ticks + new_late)


def main(words: list[str]) -> int:
    """Run `python -m media.mixer CONTROL_FD FRAMES_FD BUDGET_CORES MARKS_FD`. The descriptors are inherited."""
    logging.basicConfig(level=logging.INFO, format="mixer %(process)d %(levelname)s %(name)s: %(message)s")
    sys.setswitchinterval(0.001)  # otherwise sound waits 5 ms for each thread that computes
    parent = socket.socket(fileno=int(words[0]))
    end = socket.socket(fileno=int(words[1]))
    process = Process(Frames.open(end.fileno()), parent, float(words[2]), Marks(int(words[3]), time.monotonic))
    try:
        process.run()
    except ConnectionError:
        logger.info("the parent process has ended")
    except (OSError, control.ControlError):
        logger.exception("the channel to the parent process failed")
    logging.shutdown()
    os._exit(1 if process.failed.is_set() else 0)  # threads wait in libraries, and no work of theirs is needed
