"""What we know of makes of terminals, as data: how to call them, what to offer, what they understand.

Rows are found by words of User-Agent or Server; an operator adds rows or replaces shipped ones by their name (`read`). Knows no
call and no SDP line: `plan.py` obeys a Profile. What the shipped rows say comes of real descriptions (tests/fixtures/sip)
where nothing is known the generic row holds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from conference import Refusal
from conference.ground.plan import AudioCodec, Encryption, Feedback
from signaling.sip.wire import body_limits as limits

if TYPE_CHECKING:  # heavy: `_reader` imports it, and hands these names to the bounds of Profile
    from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

Transport = Literal["udp", "tcp", "tls"]
EncryptionStyle = Literal["avp", "savp", "pair"]
"""How best effort is offered: RTP/AVP with a=crypto (RFC 8643), RTP/SAVP alone, or one m-line of each."""


@dataclass(frozen=True, slots=True)
class Profile:
    """One make of terminals. Orders are by liking, the first first."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
    words: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=2, max_length=64, strip_whitespace=True)], ...],
        Field(max_length=limits.PROFILE_WORDS),
    ] = ()
    """Any of them, anywhere in User-Agent or Server, in any case. The longest word of all rows wins."""
    transports: Annotated[tuple[Transport, ...], Field(min_length=1, max_length=3)] = ("tls", "tcp", "udp")
    feedback_profile: bool = False
    """Offer RTP/AVPF instead of RTP/AVP with a=rtcp-fb. Most terminals refuse it."""
    feedback: Annotated[tuple[Feedback, ...], Field(max_length=4)] = ("nack", "pli", "fir", "tmmbr")
    keyframes: Annotated[tuple[Literal["pli", "fir", "info"], ...], Field(min_length=1)] = ("pli", "fir", "info")
    """How it is asked for a key frame."""
    audio: Annotated[tuple[AudioCodec, ...], Field(min_length=1, max_length=4)] = ("opus", "g722", "pcma", "pcmu")
    modes: Annotated[tuple[Literal[0, 1], ...], Field(min_length=1, max_length=2)] = (1, 0)
    """packetization-mode of H.264."""
    max_level: Literal[10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52] = 42
    """What it takes at most, whatever it says. Ten times the number of the level."""
    max_fps: Literal[15, 30] = 30
    """Pictures a second that it is sent at most."""
    high: bool = False
    """Whether High may be offered, where the meeting allows it."""
    baseline_prefix: Annotated[str, StringConstraints(pattern=r"^42[0-9a-f]{2}$")] = "42e0"
    """Profile and constraints that we write for Constrained Baseline: some compare with 4280 letter by letter."""
    video: bool = True
    content: bool = True
    floor: Annotated[tuple[Literal["udp", "tcp"], ...], Field(max_length=2)] = ("udp", "tcp")
    """BFCP; empty: it has none, slides come in the main picture."""
    floor_role: Literal["s-only", "c-s"] = "c-s"
    floor_word: Literal["mstrm", "m-stream"] = "mstrm"
    """RFC 8856 §5.4 and the word of its drafts."""
    far_camera: bool = True
    encryption: Literal["any", "off"] = "any"
    """"off": it cannot; offering would make it refuse."""
    encryption_style: EncryptionStyle = "avp"
    tias: bool = True
    """Send b=TIAS beside b=AS. Old parsers stumble over it."""
    redial_minimal: bool = True
    """Whether a 488 is answered by trying less (see `ladder`)."""


GENERIC: Final = Profile("generic")

SHIPPED: Final[tuple[Profile, ...]] = (
    GENERIC,
    Profile(
        "poly-group",
        ("PolycomRealPresenceGroup", "PolycomRealPresence", "Poly Studio", "PolyG7500", "Poly G7500"),
        high=True,
    ),
    Profile(
        "polycom-hdx",
        ("Polycom HDX",),
        transports=("tcp", "udp", "tls"),
        feedback=("fir", "tmmbr"),
        keyframes=("fir", "info"),
        audio=("g722", "pcma", "pcmu"),
        max_level=31,
        baseline_prefix="4280",
        floor=("tcp", "udp"),
    ),
    Profile(
        "polycom-vsx",
        ("Polycom VSX",),
        transports=("tcp", "udp"),
        feedback=(),
        keyframes=("info",),
        audio=("g722", "pcma", "pcmu"),
        modes=(0,),
        max_level=13,
        baseline_prefix="4280",
        content=False,
        floor=(),
        encryption="off",
    ),
    Profile(
        "polycom-vvx",
        ("PolycomVVX", "PolyEdge"),
        modes=(0,),
        max_level=13,
        baseline_prefix="4280",
        content=False,
        floor=(),
        far_camera=False,
    ),
    Profile(
        "cisco", ("TANDBERG/", "Cisco-TelePresence", "Cisco/"), feedback=("pli", "fir", "tmmbr"), baseline_prefix="4280"
    ),
    Profile(
        "tandberg-e20",
        ("TANDBERG/257",),
        feedback=("pli",),
        keyframes=("pli", "info"),
        audio=("g722", "pcma", "pcmu"),
        modes=(0,),
        max_level=22,
        baseline_prefix="4280",
        content=False,
        floor=(),
    ),
    Profile(
        "huawei",
        ("Huawei", "ViewPoint"),
        transports=("tls", "udp", "tcp"),
        feedback=("fir",),
        keyframes=("fir", "info"),
        audio=("g722", "pcma", "pcmu"),
        baseline_prefix="4280",
    ),
    Profile(
        "yealink",
        ("Yealink VC", "Yealink MeetingEye", "Yealink M"),
        feedback=("pli", "fir"),
        floor=("udp", "tcp"),
        floor_word="m-stream",
        baseline_prefix="4280",
    ),
    Profile(
        "aver",
        ("AVer,", "AVer EVC"),
        transports=("udp", "tcp", "tls"),
        feedback=(),
        keyframes=("fir", "info"),
        audio=("g722", "pcma", "pcmu"),
        modes=(0, 1),
        baseline_prefix="4280",
        floor=("tcp", "udp"),
        floor_word="m-stream",
    ),
    Profile(
        "sony-pcs",
        ("Sony", "PCS-X"),
        transports=("tcp", "udp", "tls"),
        feedback=(),
        keyframes=("info", "fir"),
        audio=("g722", "pcma", "pcmu"),
        modes=(0, 1),
        max_level=31,
        tias=False,
        floor=(),
    ),
    Profile(
        "baresip",
        ("baresip",),
        feedback=("nack", "pli"),
        floor=(),
        content=False,
        far_camera=False,
        baseline_prefix="4280",
    ),
    Profile("linphone", ("Linphone", "belle-sip"), floor=(), content=False, far_camera=False),
)


class Profiles:
    """The rows in force: the shipped ones with the operator's over them. Never changed: a new one is made."""

    def __init__(self, own: Iterable[Profile] = ()) -> None:
        named = {profile.name: profile for profile in (*SHIPPED, *own)}
        self.rows: Final = tuple(named.values())
        self._words: Final = sorted(
            ((word.casefold(), profile) for profile in self.rows for word in profile.words),
            key=lambda pair: -len(pair[0]),
        )

    def find(self, *agents: str | None) -> Profile:
        """By the User-Agent or Server fields of a message, else "generic"."""
        return self.matched(*agents)[0]

    def matched(self, *agents: str | None) -> tuple[Profile, str]:
        """The same with the word that decided, in small letters; "": none did."""
        text = "\n".join(agent[:256] for agent in agents if agent).casefold()
        found = next(((profile, word) for word, profile in self._words if word in text), None)
        return found or (self.named("generic"), "")

    def named(self, name: str) -> Profile:
        """Raises Refusal for a name that no row has."""
        found = next((profile for profile in self.rows if profile.name == name), None)
        if found is None:
            raise Refusal(
                "profile_unknown", f"Không có mẫu thiết bị “{name[:40]}”", f"there is no device profile {name[:40]!r}"
            )
        return found


@cache
def _reader() -> TypeAdapter[Profile]:
    """What checks a row. It looks up the names in the bounds of Profile here."""
    from pydantic import Field, StringConstraints, TypeAdapter  # noqa: F401

    return TypeAdapter(Profile)


def read(rows: object) -> tuple[Profile, ...]:
    """The operator's rows: a list of objects with a `name` and any of Profile's fields. A row may stand on a shipped one
    (`"like": "huawei"`). Raises Refusal that names the row and the field."""
    if not isinstance(rows, list | tuple) or len(rows) > limits.PROFILES:
        raise Refusal(
            "profiles_bad",
            f"Danh sách mẫu thiết bị phải là một dãy, nhiều nhất {limits.PROFILES} dòng",
            f"device profiles must be a list of at most {limits.PROFILES} rows",
        )
    return tuple(_read_row(index, row) for index, row in enumerate(rows, 1))


def row(profile: Profile) -> dict[str, Any]:
    """What `read` takes, for the operator to edit: only what differs from "generic"."""
    plain = asdict(GENERIC)
    return {key: _listed(value) for key, value in asdict(profile).items() if key == "name" or value != plain[key]}


def ladder(profile: Profile, encryption: Encryption) -> tuple[Profile, ...]:
    """What to offer after each 488, from all to least: as it is, without what is above one picture and
    one sound, then G.711 and level 1.3 in single NAL units without SRTP unless the policy requires it."""
    if not profile.redial_minimal:
        return (profile,)
    style: EncryptionStyle = "savp" if profile.encryption_style == "avp" else "avp"
    plain = replace(
        profile,
        content=False,
        floor=(),
        far_camera=False,
        high=False,
        feedback_profile=False,
        encryption_style=style,
        audio=tuple(codec for codec in profile.audio if codec != "opus") or profile.audio,
    )
    required = encryption == "required"
    least = replace(
        plain,
        audio=("pcma", "pcmu"),
        modes=(0,),
        max_level=13,
        baseline_prefix="4280",
        feedback=(),
        tias=False,
        encryption="any" if required else "off",
        encryption_style="savp" if required else "avp",
    )
    return (profile, plain, least)


def _read_row(index: int, given: object) -> Profile:
    from pydantic import ValidationError

    if not isinstance(given, Mapping):
        raise _bad_row(index, "", "not an object")
    values = dict(given)
    like = values.pop("like", "generic")
    known = {profile.name: profile for profile in SHIPPED}
    if not isinstance(like, str) or like not in known:
        raise _bad_row(index, "like", "no such shipped profile")
    start = {
        field.name: getattr(known[like], field.name) for field in fields(Profile) if field.name not in ("name", "words")
    }
    try:
        return _reader().validate_python({**start, **values})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise _bad_row(index, where, first["msg"]) from error


def _bad_row(index: int, where: str, what: str) -> Refusal:
    return Refusal(
        "profiles_bad",
        f"Mẫu thiết bị dòng {index}, trường “{where[:60]}” không hợp lệ: {what}",
        f"device profile row {index}, field {where[:60]!r}: {what}",
    )


def _listed(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
