"""The profiles of terminal models (`signaling.sip.media.profiles`), and the PCs in hall mode."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models.parts import Clean, Strict, View, Words

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$"), Field(examples=["yealink"])]
Word = Annotated[str, Clean, StringConstraints(min_length=2, max_length=64)]
Agent = Annotated[str, Clean, StringConstraints(max_length=256)]
Level = Literal[10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52]
Transport = Literal["udp", "tcp", "tls"]
Audio = Literal["opus", "g722", "pcma", "pcmu"]
Feedback = Literal["nack", "pli", "fir", "tmmbr"]
Keyframes = Literal["pli", "fir", "info"]
Prefix = Annotated[str, StringConstraints(pattern=r"^42[0-9a-f]{2}$")]


class DeviceProfile(View):
    """The profile of one terminal model. Lists are ordered by preference. `kind`: shipped with the program, a shipped one
    changed here, or added here.
    """

    name: Name
    kind: Literal["shipped", "changed", "own"]
    changed_at: datetime | None
    changed_by: str
    words: list[Word] = Field(description="Words in User-Agent. The longest match of all profiles decides.")
    transports: list[Transport]
    feedback_profile: bool = Field(description="The server offers RTP/AVPF instead of RTP/AVP with a=rtcp-fb.")
    feedback: list[Feedback] = Field(description="The RTCP feedback that the server offers.")
    keyframes: list[Keyframes] = Field(description="The ways to request a key frame from the terminal.")
    audio: list[Audio]
    modes: list[Literal[0, 1]] = Field(description="The packetization-mode of H.264.")
    max_level: Level = Field(description="The level of H.264, times ten.")
    max_fps: Literal[15, 30]
    high: bool = Field(description="The server may offer the High profile.")
    baseline_prefix: Prefix = Field(description="Profile and constraints that mean Constrained Baseline.")
    video: bool
    content: bool = Field(description="The terminal takes a second picture for slides.")
    floor: list[Literal["udp", "tcp"]] = Field(description="The transports of BFCP. Empty: no BFCP.")
    floor_role: Literal["s-only", "c-s"]
    floor_word: Literal["mstrm", "m-stream"]
    far_camera: bool
    encryption: Literal["any", "off"] = Field(description="off: the server never offers SRTP.")
    encryption_style: Literal["avp", "savp", "pair"]
    tias: bool = Field(description="The server sends b=TIAS with b=AS.")
    redial_minimal: bool = Field(description="After 488 the server offers less, step by step.")


class DeviceProfileFields(Strict):
    """The whole of one profile.

    A missing field has its value from `like`. Without `like` the value is from the shipped profile of the same name, or else
    from `generic`.
    """

    like: Name | None = None
    words: list[Word] = Field(default_factory=list, max_length=16)
    transports: list[Transport] | None = Field(None, min_length=1, max_length=3)
    feedback_profile: bool | None = None
    feedback: list[Feedback] | None = Field(None, max_length=4)
    keyframes: list[Keyframes] | None = Field(None, min_length=1, max_length=3)
    audio: list[Audio] | None = Field(None, min_length=1, max_length=4)
    modes: list[Literal[0, 1]] | None = Field(None, min_length=1, max_length=2)
    max_level: Level | None = None
    max_fps: Literal[15, 30] | None = None
    high: bool | None = None
    baseline_prefix: Prefix | None = None
    video: bool | None = None
    content: bool | None = None
    floor: list[Literal["udp", "tcp"]] | None = Field(None, max_length=2)
    floor_role: Literal["s-only", "c-s"] | None = None
    floor_word: Literal["mstrm", "m-stream"] | None = None
    far_camera: bool | None = None
    encryption: Literal["any", "off"] | None = None
    encryption_style: Literal["avp", "savp", "pair"] | None = None
    tias: bool | None = None
    redial_minimal: bool | None = None


class ProfileMatch(View):
    """The profile for a terminal. `word`: the word that decided, in small letters; empty: no word decided, and the profile is
    `generic`.
    """

    name: Name
    word: str


# PCs in hall mode


class PcCode(View):
    """A code for the enrolment of a PC. The PC opens `address` and types the code."""

    code: str = Field(examples=["20948133"])
    until: datetime
    address: str


class PcState(View):
    """The PC that stands for a terminal. `on`: it was seen in the last minutes. `code_until`: a code waits for its PC."""

    terminal_id: str
    enrolled_at: datetime | None
    seen_at: datetime | None
    seen_from: str
    on: bool
    code_until: datetime | None


class PcEnrolment(Strict):
    """The code that somebody typed at the PC."""

    code: Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$")]


class PcKey(View):
    """The key of the device, for `Authorization: Bearer KEY`. The server shows the key only this once."""

    key: str


class PcDate(View):
    """A running or coming date. `joins_at`: the PC enters by itself from then on, if `held` is null."""

    occurrence_id: str
    title: str
    host_unit_name: str
    starts_at: datetime
    ends_at: datetime
    joins_at: datetime
    running: bool
    held: Words | None = Field(description="Why the PC does not enter by itself.")


class PcView(View):
    """The place of the PC and its dates, the earliest first. `join`: the date that the PC enters now; empty: none."""

    name: str
    hall_name: str
    unit_name: str
    technician_phone: str
    language: Literal["vi", "en"]
    now: datetime
    dates: list[PcDate]
    join: str
