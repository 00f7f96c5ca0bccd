"""Halls for a test: baresip terminals in one network namespace, and a server with a booked meeting in another namespace.

baresip has some traps. It ignores loopback. It needs an empty `audio_path`, because it otherwise opens the file player twice
and crashes. It knows no FIR, no BFCP and no session timers.
"""

from __future__ import annotations

import asyncio
import io
import itertools
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import clients
from rooms.booking.planning.requests import AttendeeRequest
from rooms.dialling import accounts
from rooms.identifiers import new_bytes
from rooms.policy.actors import COMMAND
from rooms.sealing import Seal
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.booking import Wanted
from rooms.store.tables.meetings import Meeting, Occurrence
from rooms.store.tables.sites import Network, Terminal
from signaling.host.files import kept_key
from signaling.sip.dialog.digest import ha1
from tests.interop import network
from tests.interop.network import HTTP_PORT, Namespace, ServerThere
from tests.rooms import invited, migrated
from tests.rooms.province import Province, build
from tests.waiting import until_blocking

SERVER, HALLS = "10.77.0.1", "10.77.0.2"
COLOURS = {
    "red": (200, 30, 30),
    "green": (30, 180, 30),
    "blue": (30, 30, 200),
    "yellow": (200, 180, 30),
    "magenta": (200, 30, 180),
    "cyan": (30, 180, 180),
    "orange": (210, 105, 20),
}
NOISE = "noise"
"""The colour of a picture that fills every bit rate."""
MODULES = (
    *("g711", "g722", "opus", "aufile", "aubridge", "sndfile"),
    *("avcodec", "avformat", "fakevideo", "swscale", "snapshot", "srtp"),
)
MEDIA_S = 600
"""Seconds. Chosen, longer than any test: baresip hangs up when its sound file ends, and its picture freezes when the picture
file ends. Larger: the files take longer to make.
"""
KEY_S = 0.15
"""Seconds from one key to the next. Chosen. Longer: a number takes longer to type. Shorter: baresip ends a key too late."""
PNG_END = b"IEND\xaeB`\x82"
"""The last bytes of a complete PNG file."""
_ports = itertools.count(5070, 10)


def missing() -> str:
    """Return why halls cannot be tested here, or an empty text if they can."""
    absent = [tool for tool in ("baresip", "ffmpeg") if shutil.which(tool) is None]
    return network.missing() or (f"{', '.join(absent)} missing: docker/test-tools.sh" if absent else "")


@dataclass
class Booked:
    """The data in the server's database. `passwords` is by alias."""

    province: Province
    number: str
    pin: str
    occurrence: str
    passwords: dict[str, str] = field(default_factory=dict)
    key: str = ""
    """The API key of another system with the rights of the host's secretary."""


def prepare(
    folder: Path,
    aliases: tuple[str, ...],
    ranges: tuple[str, ...] = ("10.77.0.0/24",),
    url: str = "",
    **changes: Any,
) -> Booked:
    """Make a database with a meeting that runs now, and a terminal for each alias.

    `url` is an empty database to use in place of a file in the folder. `changes` are fields of the meeting's row, and also
    `languages` of the terminals and `translated`, the terminals behind address translation. `begun`: the chair has opened the
    meeting. `register`: fields of the terminals' rows, by alias.
    """
    data = folder / "data"
    data.mkdir(mode=0o700, parents=True)
    seal = Seal(kept_key(data / "seal.key", new_bytes))
    if url:
        asyncio.run(steps.upgrade(url))
    else:
        migrated.put(data)
    return asyncio.run(_prepare(url or f"sqlite:///{data / 'diemcau.sqlite'}", seal, aliases, ranges, changes))


async def _prepare(
    url: str, seal: Seal, aliases: tuple[str, ...], ranges: tuple[str, ...], changes: dict[str, Any]
) -> Booked:
    database, now = Database.open(url), datetime.now(UTC)
    try:
        return await database.transact(lambda session: _book(session, seal, aliases, ranges, changes, now))
    finally:
        await database.close()


async def _book(
    session: AsyncSession,
    seal: Seal,
    aliases: tuple[str, ...],
    ranges: tuple[str, ...],
    changes: dict[str, Any],
    now: datetime,
) -> Booked:
    province, languages = await build(session, now), changes.pop("languages", {})
    translated, begun = changes.pop("translated", ()), changes.pop("begun", True)
    register: dict[str, dict[str, Any]] = changes.pop("register", {})
    session.add(
        Network(
            id="network-test",
            code="test",
            name="Mạng thử",
            ranges=list(ranges),
            closed=changes.pop("closed", True),
            terminals=True,
        )
    )
    guest = AttendeeRequest(person_id=province.people["yt-1"])
    wanted = invited.Wanted(starts=(now,), attendees=(guest,))
    meeting = await invited.meeting(session, province, wanted, now - timedelta(minutes=1))
    for name, value in changes.items():
        setattr(meeting, name, value)
    await session.flush()
    date = await _date(session, meeting)
    date.begun_at = now if begun else None
    assert meeting.number is not None
    made = Booked(province, meeting.number, meeting.pin, date.id)
    _, made.key = await clients.create(session, "bàn điều hành", province.units["tinh"], ["secretary"], COMMAND, now)
    for alias in aliases:
        made.passwords[alias] = await _terminal(session, seal, province, meeting, alias, now, alias in translated)
        row = await session.get_one(Terminal, alias)
        for name, value in {"language": languages.get(alias, "vi"), **register.get(alias, {})}.items():
            setattr(row, name, value)
    return made


async def _date(session: AsyncSession, meeting: Meeting) -> Occurrence:
    return (await session.scalars(select(Occurrence).where(Occurrence.meeting_id == meeting.id))).one()


async def _terminal(
    session: AsyncSession,
    seal: Seal,
    province: Province,
    meeting: Meeting,
    alias: str,
    now: datetime,
    translated: bool,
) -> str:
    wanted = alias.startswith("hall")  # other aliases are registered, but neither they nor their site are invited
    session.add(
        Terminal(
            id=alias,
            code=alias,
            name=alias,
            site_id=province.sites["yt" if wanted else "khcn"],
            protocols=["sip"],
            codecs=[],
            network_id="network-test",
        )
    )
    if wanted:
        session.add(Wanted(meeting_id=meeting.id, resource_id=alias, kind="terminal"))
    await session.flush()

    def digest(algorithm: Any, name: str, password: str) -> str:
        return ha1(algorithm, name, "diemcau", password)

    return await accounts.give(session, alias, alias, "MD5", translated, seal, digest, COMMAND, now)


@dataclass
class HallNet:
    """A server, and the namespace of the halls."""

    server: ServerThere
    place: Namespace
    server_place: Namespace
    booked: Booked
    folder: Path

    def command(self, *words: str) -> str:
        """Run `diemcau …` on the server's machine."""
        done = subprocess.run(
            [sys.executable, "-m", "signaling", *words, "--data-dir", str(self.folder / "data")],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def ask(self, method: str, path: str, **more: Any) -> Any:
        """Ask the API about the meeting, as the secretary of the host unit. Return the parsed answer."""
        url = f"https://{SERVER}:{HTTP_PORT}/api/v1/occurrences/{self.booked.occurrence}{path}"
        trust = ssl.create_default_context(cafile=self.server.authority)
        key = {"authorization": f"Bearer {self.booked.key}"}
        with self.place.entered(), httpx.Client(verify=trust, timeout=30) as client:
            answer = client.request(method, url, headers=key, **more)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def states(self) -> dict[str, str]:
        """Return the state of each hall by its alias, as the board shows it."""
        return {row["terminal_id"]: row["state"] for row in self.ask("GET", "/legs")}


@contextmanager
def hall_net(folder: Path, aliases: tuple[str, ...], **changes: Any) -> Iterator[HallNet]:
    """Run a server with a booked meeting and an empty namespace of halls. `changes` are fields of the meeting's row."""
    booked = prepare(folder, aliases, **changes)
    with ExitStack() as stack:
        here, there = stack.enter_context(network.namespace()), stack.enter_context(network.namespace())
        network.plug(here, [f"{SERVER}/24"], there, [f"{HALLS}/24"])
        own = {"DIEMCAU_SIP_HOST": SERVER, "DIEMCAU_HALL_HOST": SERVER}
        server = stack.enter_context(network.serve(here, folder, **own))
        yield HallNet(server, there, here, booked, folder)


# -- terminals


@dataclass
class Baresip:
    """A terminal that sends a picture of one colour, and one tone."""

    net: HallNet
    name: str
    colour: str
    hz: int
    transport: str = "udp"
    codec: str = "PCMA/8000/1"
    encryption: str = ""
    password: str | None = None
    address: str = HALLS
    environ: Mapping[str, str] = field(default_factory=dict)
    """Variables to add to this process's environment."""
    video_bps: int = 300_000
    traced: bool = False
    """The log has the SIP messages."""
    lines: int = 4
    """Calls at the same time. A further call gets "busy" (486)."""
    process: subprocess.Popen[bytes] | None = None

    def __post_init__(self) -> None:
        self.port = next(_ports)
        self.folder = self.net.folder / f"{self.name}-{self.port}"
        self.folder.mkdir()
        self.log = self.folder / "log"

    def start(self, *commands: str) -> Baresip:
        """Start the program. `commands` run at its start, such as `/dial sip:…`."""
        self._write()
        traced = ["-s"] if self.traced else []
        words = [*self.net.place.prefix, "baresip", *traced, "-f", str(self.folder)]
        for command in commands:
            words += ["-e", command]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                words,
                cwd=self.folder,
                env=os.environ | self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def dial(self, target: str) -> None:
        self.command("dial", f"sip:{target}@{SERVER};transport={self.transport}")

    def command(self, name: str, parameters: str = "") -> None:
        """Send a command to the control port, as a netstring of JSON."""
        body = json.dumps({"command": name, "params": parameters, "token": "t"}).encode()
        with self.net.place.open_socket(socket.SOCK_STREAM) as control:
            control.settimeout(5)
            control.connect(("127.0.0.1", self.port + 1))
            control.sendall(b"%d:%s," % (len(body), body))
            control.recv(4096)

    def press(self, keys: str) -> None:
        """Press keys on the remote control, one after another like a fast typist."""
        for key in keys:
            self.command("sndcode", key)
            time.sleep(KEY_S)

    def saw(self) -> tuple[int, int, int]:
        """Return the mean colour of the middle of the received picture."""
        return part(self.picture(), 0.4, 0.4, 0.6, 0.6)

    def picture(self) -> NDArray[np.uint8]:
        """Return the received picture as RGB."""
        for old in self.folder.glob("snapshot*.png"):
            old.unlink()
        self.command("snapshot")
        until_blocking(lambda: self._snapshot().endswith(PNG_END), "no picture was received", 10)
        with Image.open(io.BytesIO(self._snapshot())) as file:
            return np.array(file.convert("RGB"))

    def _snapshot(self) -> bytes:
        """Return the newest file of a received picture. It may be half written. Empty: there is none."""
        path = max(self.folder.glob("snapshot-recv*.png"), default=None)
        return path.read_bytes() if path else b""

    def hears(self) -> tuple[int, NDArray[np.int16]]:
        """Return (rate, samples) of the sound decoded so far, while the process runs. The lengths in the file header are not
        yet written.
        """
        path = max(self.folder.glob("dump-*-dec.wav"), key=lambda one: one.stat().st_mtime)
        data = path.read_bytes()
        samples = data[data.index(b"data") + 8 :]
        return int.from_bytes(data[24:28], "little"), np.frombuffer(samples[: len(samples) // 2 * 2], np.int16)

    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """Hang up and end the program."""
        if self.process is not None and self.process.poll() is None:
            with suppress(OSError):
                self.command("quit")
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def kill(self) -> None:
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def _write(self) -> None:
        media = make_media(self.net.folder.parent, self.colour, self.hz)
        (self.folder / "empty").mkdir(exist_ok=True)
        (self.folder / "contacts").write_text("")
        interface = self.net.place.run("ip", "-o", "-4", "addr", "show", "scope", "global").split()[1]
        lines = [
            "poll_method epoll",
            f"net_interface {interface}",
            f"sip_listen {self.address}:{self.port}",
            f"sip_cafile {self.net.server.authority}",
            f"call_max_calls {self.lines}",
            f"audio_path {self.folder / 'empty'}",
            "audio_player aubridge,null",
            f"audio_source aufile,{media}/tone.wav",
            "ausrc_srate 16000",
            "auplay_srate 16000",
            f"video_source avformat,{media}/picture.mp4",
            "video_display fakevideo,nil",
            "video_size 320x180",
            f"video_bitrate {self.video_bps}",
            "video_fps 10.00",
            f"rtp_ports {20_000 + self.port * 2}-{20_010 + self.port * 2}",
            "rtcp_mux no",
            "rtp_stats yes",
            f"snd_path {self.folder}",
            "module_path /usr/lib/baresip/modules",
            *(f"module {name}.so" for name in MODULES),
            "module_tmp uuid.so",
            "module_tmp account.so",
            "module_app menu.so",
            "module_app ctrl_tcp.so",
            "module_app debug_cmd.so",
            f"ctrl_tcp_listen 127.0.0.1:{self.port + 1}",
            "avcodec_h264enc libx264",
            "avcodec_h264dec h264",
        ]
        (self.folder / "config").write_text("\n".join(lines) + "\n")
        password = self.net.booked.passwords.get(self.name, "") if self.password is None else self.password
        encryption = f";mediaenc={self.encryption}" if self.encryption else ""
        (self.folder / "accounts").write_text(
            f"<sip:{self.name}@{SERVER};transport={self.transport}>;auth_user={self.name};auth_pass={password}"
            f";regint=60;answermode=auto;audio_codecs={self.codec};video_codecs=H264{encryption}\n"
        )


def make_media(folder: Path, colour: str, hz: int) -> Path:
    """Make a tone and a picture of one colour with ffmpeg, once per folder. The tests of one worker share the folder."""
    there = folder / f"media-{colour}-{hz}"
    if there.exists():
        return there
    there.mkdir()
    picture = "nullsrc=size=320x180:rate=10:duration=10,geq=lum=random(1)*255:cb=128:cr=128"
    if colour != NOISE:
        value = "0x" + "".join(f"{part:02x}" for part in COLOURS[colour])
        picture = f"color=c={value}:size=320x180:rate=10:duration=10"
    quiet = ["ffmpeg", "-loglevel", "error", "-f", "lavfi"]
    tone = f"sine=frequency={hz}:sample_rate=16000:duration={MEDIA_S}"
    subprocess.run([*quiet, "-i", tone, "-ac", "1", str(there / "tone.wav")], check=True)
    short = str(there / "short.mp4")
    coded = ["-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p"]
    subprocess.run([*quiet, "-i", picture, *coded, short], check=True)
    whole = ["-stream_loop", str(MEDIA_S // 10 - 1), "-i", short, "-c", "copy", str(there / "picture.mp4")]
    subprocess.run([*quiet[:3], *whole], check=True)
    return there


def part(picture: NDArray[np.uint8], left: float, top: float, right: float, bottom: float) -> tuple[int, int, int]:
    """Return the mean colour of a part of a picture. Fractions of the size give the part."""
    height, width = picture.shape[:2]
    found = picture[round(height * top) : round(height * bottom), round(width * left) : round(width * right)]
    red, green, blue = found.astype(float).reshape(-1, 3).mean(axis=0)
    return int(red), int(green), int(blue)


def quarters(picture: NDArray[np.uint8]) -> list[str]:
    """Return the colours in the middles of the four quarters, by name, in reading order. An unknown colour gives ""."""
    middles = [(x, y) for y in (0.25, 0.75) for x in (0.25, 0.75)]
    return [colour_of(part(picture, x - 0.05, y - 0.05, x + 0.05, y + 0.05)) for x, y in middles]


def colour_of(seen: tuple[int, int, int]) -> str:
    return next((name for name in COLOURS if is_colour(seen, name)), "")


def is_colour(seen: tuple[int, int, int], name: str) -> bool:
    return all(abs(one - other) < 45 for one, other in zip(seen, COLOURS[name], strict=True))


def tone_of(rate: int, samples: NDArray[np.int16]) -> float:
    """Return the strongest frequency in Hz. Leave out the last second and use the three seconds before it."""
    part = samples[-4 * rate : -rate] if len(samples) > 5 * rate else samples
    power = np.abs(np.fft.rfft(part.astype(float) * np.hanning(len(part))))
    return float(np.fft.rfftfreq(len(part), 1 / rate)[np.argmax(power)])
