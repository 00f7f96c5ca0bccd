"""The operators' board of a date's halls."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Clean, Id, ShownDateState, Strict, View

Action = Literal[
    "call",
    "redial",
    "drop",
    "remove",
    "probe",
    "mute",
    "unmute",
    "deafen",
    "undeafen",
    "stage",
    "layout",
    "text",
    "camera",
]
LegState = Literal["idle", "probing", "calling", "ringing", "connected", "failed", "given_up", "left"]
LayoutName = Literal["", "auto", "1", "1+5", "1+7", "2x2", "3x3", "4x4", "lecture"]
Message = Annotated[str, Clean, StringConstraints(max_length=300)]
Step = Annotated[int, Field(ge=-1, le=1)]


class Words(View):
    """A code with its words."""

    code: str
    vi: str
    en: str


class LegAudio(View):
    """Up is from the hall. Losses 0..1; null: not known yet."""

    codec: str
    up_bps: int | None
    down_bps: int | None
    loss_up: float | None
    loss_down: float | None
    rtt_ms: float | None
    jitter_ms: float | None
    muted: bool
    deafened: bool


class LegVideo(View):
    codec: str
    size: str
    fps: int
    up_bps: int | None
    down_bps: int | None
    loss_up: float | None
    loss_down: float | None
    rtt_ms: float | None
    jitter_ms: float | None


class Readiness(View):
    """What the probe 15 minutes before the start found."""

    state: Literal["unknown", "green", "amber", "red"]
    at: datetime | None
    reason: Words


class Alarm(View):
    id: str
    code: str
    text: Words
    at: datetime
    acknowledged_by: str
    acknowledged_at: datetime | None


class Leg(View):
    """One hall of a date."""

    leg_id: str
    terminal_id: str
    terminal: str
    hall: str = Field(description="the hall in which the terminal stands; empty: in none")
    site: str
    unit_path: str
    unit: str
    protocol: Literal["sip", "h323"]
    address: str
    state: LegState
    reason: Words
    attempts: int
    next_try_at: datetime | None
    since: datetime
    secure: bool
    unprotected: bool = Field(False, description="in an important meeting without encryption: `important_encryption`")
    audio: LegAudio | None
    video: LegVideo | None
    content: bool
    floor_wanted_at: datetime | None
    camera: bool
    """It can be moved from here."""
    on_stage: bool
    layout: str
    readiness: Readiness
    thumbnail_url: str
    taken_off: bool
    """An operator, or the call list, has taken it off the date."""
    alarms: list[Alarm]


class BoardDate(View):
    """A date of today, or one that is on, with its halls counted. `expected`: halls of the call list that are not on the board
    yet, beside those in `halls`. `trouble`: tried again later, or given up; `alarmed`: with an alarm that nobody has
    acknowledged. `green`, `amber`, `red`: how those that are not connected were found before the start.
    """

    meeting_id: str
    occurrence_id: str
    title: str
    unit: str
    starts_at: datetime
    ends_at: datetime
    state: ShownDateState
    halls: int
    expected: int
    connected: int
    under_way: int
    trouble: int
    alarmed: int
    green: int
    amber: int
    red: int


class OperatorCall(View):
    """A hall that has dialled the operator and waits. `seen_by`: who looks after it."""

    id: str
    terminal_id: str
    terminal: str
    site: str
    unit: str
    address: str
    since: datetime
    seen_by: str
    seen_at: datetime | None


class CallPlace(Strict):
    """The meeting that it comes into."""

    occurrence_id: Id


class LegCommand(Strict):
    """`stage` without a leg: whoever speaks, again. `pan`, `tilt`, `zoom`: of `camera`, all 0 stops it."""

    action: Action
    leg_ids: list[Id] = Field([], max_length=limits.LEGS)
    layout: LayoutName = ""
    text: Message = ""
    mode: Literal["pinned", "lecture"] = "pinned"
    pan: Step = 0
    tilt: Step = 0
    zoom: Step = 0


class LegResult(View):
    leg_id: str
    ok: bool
    code: str
    vi: str
    en: str


class LegResults(View):
    """`undo`: for two minutes it takes mute, deafen and stage back, and calls again whom drop has hung up; empty: nothing to take
    back.
    """

    results: list[LegResult]
    undo: str


class LegUndo(Strict):
    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class LegCall(Strict):
    """A terminal of the register that is not on the board yet."""

    terminal_id: Id


class Program(Strict):
    """Of all halls."""

    layout: LayoutName = ""
    text: Message | None = None


class ProgramState(View):
    """What the halls see. `layout` auto: what suits the number of pictures. `degraded`: the step of lowered quality, empty: none.
    `sound_late`: this machine does not get the sound of the halls out in time; they hear chopped words.
    `picture_url`: empty until there is one. `unseen`: some of those whose browsers send pictures in no codec that halls take."""

    layout: str
    text: str
    running: bool
    degraded: str
    sound_late: bool
    picture_url: str
    unseen: list[str]


class SipAccountFields(Strict):
    """`alias`: what the terminal registers as."""

    alias: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{1,62}$")]
    algorithm: Literal["MD5", "SHA-256"] = "MD5"
    behind_nat: bool = False


class SipAccount(View):
    """The password is told this once."""

    alias: str
    password: str
    realm: str
    servers: list[str]


class TerminalState(View):
    """How a terminal stands with the server now, and its last call."""

    terminal_id: str
    alias: str
    registered: bool
    address: str
    user_agent: str
    last_call_at: datetime | None
    last_call_reason: Words | None
