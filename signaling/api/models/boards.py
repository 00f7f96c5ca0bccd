"""The models of the operators' board: the halls of one date."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models import limits
from signaling.api.models.parts import Id, ShownDateState, Strict, Text40, Text300, View, Words
from signaling.api.models.rehearsals import ReportedRehearsal

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
    "preset",
    "store_preset",
]
LegState = Literal["idle", "probing", "calling", "ringing", "connected", "failed", "given_up", "left"]
LayoutName = Literal["", "auto", "1", "1+5", "1+7", "2x2", "3x3", "4x4", "lecture"]
Step = Annotated[int, Field(ge=-1, le=1)]


class LegAudio(View):
    """The audio figures of a hall. Up is the direction from the hall. Losses are 0..1; null: not known yet."""

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
    """The result of the probe 15 minutes before the start."""

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
    """A hall of a date, as a row of the board."""

    leg_id: str
    terminal_id: str
    terminal: str
    hall: str = Field(description="The hall of the terminal. Empty: in no hall.")
    site: str
    site_id: str
    unit_path: str
    unit: str
    protocol: Literal["sip", "h323", "pc"]
    address: str
    state: LegState
    reason: Words
    attempts: int
    next_try_at: datetime | None
    since: datetime
    secure: bool
    unprotected: bool = Field(False, description="In an important meeting without encryption (`important_encryption`).")
    audio: LegAudio | None
    video: LegVideo | None
    simpler: bool = Field(
        False, description="The picture is simpler because the mixer has no more power (`mixer_percent`)."
    )
    content: bool
    floor_wanted_at: datetime | None
    camera: bool
    """True if an operator can move the camera from here."""
    presets: dict[str, str] = Field({}, description="The names of stored positions of the camera, by number.")
    on_stage: bool
    lecture: bool = Field(False, description="This hall lectures: it sees the other halls, which all see this hall.")
    layout: str = Field(description="The layout of this hall only. Empty: the layout of all halls.")
    text: str = Field("", description="The text over the picture of this hall only.")
    readiness: Readiness
    thumbnail_url: str
    taken_off: bool
    """True if an operator or the call list has taken the hall off the date."""
    waits: bool = Field(False, description="The hall waits, muted, for the chair to open the meeting.")
    alarms: list[Alarm]


class SiteCalled(View):
    """The last telephone call of an operator to a site. `by`: the name of the operator."""

    site_id: str
    at: datetime
    by: str


class SiteContact(View):
    """A site of a date, with its technician. Both fields are empty for users who may not read them."""

    site_id: str
    site: str
    unit: str
    technician: str
    phone: str
    called: SiteCalled | None


class MissingHall(View):
    """A hall of the morning's report. `why`: its terminal was not registered, or has no address in the register. `registered`:
    the terminal has registered since. Technician and telephone are empty for users who may not read them.
    """

    meeting_id: str
    occurrence_id: str
    title: str
    starts_at: datetime
    hall: str
    terminal: str
    site: str
    unit: str
    why: Literal["not_registered", "no_address"]
    registered: bool
    technician: str
    phone: str


class MorningReport(View):
    """The halls of today's meetings that were not registered at `made_at`, and the rehearsals of today's meetings."""

    made_at: datetime
    rows: list[MissingHall]
    rehearsals: list[ReportedRehearsal] = Field(default_factory=list)


class SitePhoned(Strict):
    """`called` false: remove the mark."""

    called: bool


class BoardDate(View):
    """A date of today or tomorrow, or a running date, with the counts of its halls.

    `expected`: halls of the call list that are not on the board yet; `halls` does not count them. `absent`: expected halls
    whose terminal has an account and is not registered now. `gaps`: booked halls and invited units that have no terminal.
    `people`: invited persons and guests. `calls_now`: an operator can call halls into this date now. `trouble`: halls whose call
    failed, or was given up. `alarmed`: halls with an alarm that no operator has acknowledged. `green`, `amber`, `red`: the
    readiness of halls that are not connected.
    """

    meeting_id: str
    occurrence_id: str
    title: str
    unit: str
    starts_at: datetime
    ends_at: datetime
    state: ShownDateState
    tomorrow: bool
    calls_now: bool
    halls: int
    expected: int
    absent: int
    gaps: int
    people: int
    connected: int
    under_way: int
    trouble: int
    alarmed: int
    green: int
    amber: int
    red: int


class DateEnd(View):
    """The end of a date. `begun`: the booked start has passed, and the date is not over. `left_min`: minutes to the booked end,
    by the server's clock. `closes_at`: then the server ends the date, if nobody speaks. `asked_at`: people spoke after that time,
    so the operator is asked to extend or to end; null: no question is open.
    """

    state: ShownDateState
    begun: bool
    left_min: int
    ends_at: datetime
    closes_at: datetime
    asked_at: datetime | None


class BoardPerson(View):
    """A participant in a browser. `may_speak` false: no microphone is allowed. `asked`: the person was asked to unmute."""

    identity: str
    name: str
    microphone: bool
    may_speak: bool
    screen: bool
    host: bool
    hand_at: datetime | None
    asked: bool


class PeopleCommand(Strict):
    """A command to people in browsers. `mute`: switch the microphones off. `ask`: ask to switch the microphone on."""

    action: Literal["mute", "ask", "lower_hand"]
    identities: list[Annotated[str, StringConstraints(min_length=1, max_length=limits.IDENTITY_CHARACTERS)]] = Field(
        min_length=1, max_length=limits.PEOPLE
    )


class PersonResult(View):
    name: str
    ok: bool
    vi: str
    en: str


class OperatorCall(View):
    """A hall that has dialled the operator and waits. `seen_by`: the operator who handles the call."""

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
    """The meeting into which the hall is put."""

    occurrence_id: Id


class LegCommand(Strict):
    """A command to halls. `stage` without a leg: the picture follows the active speaker again. `pan`, `tilt`, `zoom` belong to
    `camera`; three zeros stop the camera. `preset` is the number of a position of the camera. With `store_preset`, the
    position gets the name `name`, or keeps its name without `name`.
    """

    action: Action
    leg_ids: list[Id] = Field([], max_length=limits.LEGS)
    layout: LayoutName = ""
    text: Text300 = ""
    mode: Literal["pinned", "lecture"] = "pinned"
    pan: Step = 0
    tilt: Step = 0
    zoom: Step = 0
    preset: int = Field(0, ge=0, le=15)
    name: Text40 | None = None


class LegResult(View):
    leg_id: str
    ok: bool
    code: str
    vi: str
    en: str


class LegResults(View):
    """The results of a command. For two minutes `undo` takes back mute, deafen, stage, layout and text, and calls again the
    halls that drop has hung up. Empty: there is nothing to take back.
    """

    results: list[LegResult]
    undo: str


class LegUndo(Strict):
    token: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class LegCall(Strict):
    """A terminal of the register that is not on the board yet. `when`: the server calls it now, or when it calls the other halls
    of the date.
    """

    terminal_id: Id
    when: Literal["now", "time"] = "now"


class LegMove(Strict):
    """The date to which a hall is moved."""

    occurrence_id: Id


class HallCandidate(View):
    """A terminal that can be added to a date. `busy_from`, `busy_to`: the time for which another date has it. `there`: this date
    has it already.
    """

    terminal_id: str
    terminal: str
    hall: str
    site: str
    distance_km: float | None
    busy_from: datetime | None
    busy_to: datetime | None
    there: bool


class Program(Strict):
    """The settings for all halls. An empty `layout` or a null `text` changes nothing."""

    layout: LayoutName = ""
    text: Text300 | None = None


class ProgramState(View):
    """The composed picture of the halls. `layout` auto: chosen by the number of pictures. `degraded`: the step of lowered
    quality; empty: none.

    `sound_late`: this machine sends the sound of the halls too late, and they hear chopped words. `picture_url`: empty until
    the first picture exists. `unseen`: some participants whose browsers send no codec that halls can show.
    """

    layout: str
    text: str
    running: bool
    degraded: str
    sound_late: bool
    picture_url: str
    unseen: list[str]
