"""The known properties of makes of terminals, as data: how to call them, what to offer, what they support.

A row is found by words in User-Agent or Server. An operator adds rows, or replaces shipped rows by their name (`read`). This
module knows no call and no SDP line: `plan.py` obeys a Profile. The shipped rows come from real descriptions
(tests/fixtures/sip). For unknown properties the generic row applies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final, Literal

from conference import Refusal
from conference.ground.plan import AudioCodec, Encryption, Feedback
from signaling.sip.wire import body_limits as limits

if TYPE_CHECKING:  # a slow import: `_reader` imports the same names when it needs them
    from pydantic import ConfigDict, Field, StringConstraints, TypeAdapter

Transport = Literal["udp", "tcp", "tls"]
EncryptionStyle = Literal["avp", "savp", "pair"]
"""The offer of optional encryption: RTP/AVP with a=crypto (RFC 8643), RTP/SAVP alone, or one m-line of each."""


@dataclass(frozen=True, slots=True)
class Profile:
    """A make of terminals. In each order the preferred value comes first."""

    __pydantic_config__: ClassVar[ConfigDict] = {"extra": "forbid"}

    name: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,40}$")]
    words: Annotated[
        tuple[Annotated[str, StringConstraints(min_length=2, max_length=64, strip_whitespace=True)], ...],
        Field(max_length=limits.PROFILE_WORDS),
    ] = ()
    """Words that may be anywhere in User-Agent or Server, in any case. The longest word of all rows wins."""
    transports: Annotated[tuple[Transport, ...], Field(min_length=1, max_length=3)] = ("tls", "tcp", "udp")
    feedback_profile: bool = False
    """True to offer RTP/AVPF instead of RTP/AVP with a=rtcp-fb. Most terminals refuse RTP/AVPF."""
    feedback: Annotated[tuple[Feedback, ...], Field(max_length=4)] = ("nack", "pli", "fir", "tmmbr")
    keyframes: Annotated[tuple[Literal["pli", "fir", "info"], ...], Field(min_length=1)] = ("pli", "fir", "info")
    """Methods to request a key frame from the terminal."""
    audio: Annotated[tuple[AudioCodec, ...], Field(min_length=1, max_length=4)] = ("opus", "g722", "pcma", "pcmu")
    modes: Annotated[tuple[Literal[0, 1], ...], Field(min_length=1, max_length=2)] = (1, 0)
    """packetization-mode of H.264."""
    max_level: Literal[10, 11, 12, 13, 20, 21, 22, 30, 31, 32, 40, 41, 42, 50, 51, 52] = 42
    """The highest H.264 level that the terminal really supports, times ten. Higher: the terminal may fail to decode. Lower: the
    picture is less sharp than possible.
    """
    max_fps: Literal[15, 30] = 30
    """The most frames a second that we send. Higher: a slow terminal fails to decode. Lower: motion is less smooth."""
    high: bool = False
    """True if High may be offered in a meeting that allows it."""
    baseline_prefix: Annotated[str, StringConstraints(pattern=r"^42[0-9a-f]{2}$")] = "42e0"
    """The profile and constraints that we write for Constrained Baseline. Some terminals accept only the exact text 4280."""
    video: bool = True
    content: bool = True
    floor: Annotated[tuple[Literal["udp", "tcp"], ...], Field(max_length=2)] = ("udp", "tcp")
    """BFCP transports. Empty: the terminal has no BFCP, and sees slides in the main picture."""
    floor_role: Literal["s-only", "c-s"] = "c-s"
    floor_word: Literal["mstrm", "m-stream"] = "mstrm"
    """The word of RFC 8856 §5.4, or of its drafts."""
    far_camera: bool = True
    encryption: Literal["any", "off"] = "any"
    """"off": the terminal has no encryption, and would refuse an offer with it."""
    encryption_style: EncryptionStyle = "avp"
    tias: bool = True
    """True to send b=TIAS beside b=AS. Old parsers fail on b=TIAS."""
    redial_minimal: bool = True
    """True to answer a 488 with smaller offers (see `ladder`)."""


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
    """The active rows: the shipped rows, replaced and extended by the operator's. The object never changes; a change makes a
    new object.
    """

    def __init__(self, own: Iterable[Profile] = ()) -> None:
        named = {profile.name: profile for profile in (*SHIPPED, *own)}
        self.rows: Final = tuple(named.values())
        self._words: Final = sorted(
            ((word.casefold(), profile) for profile in self.rows for word in profile.words),
            key=lambda pair: -len(pair[0]),
        )

    def find(self, *agents: str | None) -> Profile:
        """Return the profile for texts about a terminal (User-Agent, Server, or maker and model), else "generic"."""
        return self.matched(*agents)[0]

    def matched(self, *agents: str | None) -> tuple[Profile, str]:
        """Return the profile and the word that decided, in small letters; "" if no word matched."""
        text = "\n".join(agent[:256] for agent in agents if agent).casefold()
        found = next(((profile, word) for word, profile in self._words if word in text), None)
        return found or (self.named("generic"), "")

    def named(self, name: str) -> Profile:
        """Return the profile of this name. Raises Refusal for an unknown name."""
        found = next((profile for profile in self.rows if profile.name == name), None)
        if found is None:
            raise Refusal(
                "profile_unknown", f"Không có mẫu thiết bị “{name[:40]}”", f"there is no device profile {name[:40]!r}"
            )
        return found


@cache
def _reader() -> TypeAdapter[Profile]:
    """Return the pydantic adapter that checks a row. It looks up the names in the annotations of Profile among the imports of
    this function.
    """
    from pydantic import Field, StringConstraints, TypeAdapter  # noqa: F401

    return TypeAdapter(Profile)


def read(rows: object) -> tuple[Profile, ...]:
    """Read the operator's rows: a list of objects with a `name` and any of Profile's fields.

    A row may begin from a shipped row (`"like": "huawei"`). Raises Refusal that names the row and the field.
    """
    if not isinstance(rows, list | tuple) or len(rows) > limits.PROFILES:
        raise Refusal(
            "profiles_bad",
            f"Danh sách mẫu thiết bị phải là một dãy, nhiều nhất {limits.PROFILES} dòng",
            f"device profiles must be a list of at most {limits.PROFILES} rows",
        )
    return tuple(_read_row(index, row) for index, row in enumerate(rows, 1))


def row(profile: Profile) -> dict[str, Any]:
    """Return a row in the form that `read` takes, for the operator to edit. It has only the differences from "generic"."""
    plain = asdict(GENERIC)
    return {key: _listed(value) for key, value in asdict(profile).items() if key == "name" or value != plain[key]}


def ladder(profile: Profile, encryption: Encryption) -> tuple[Profile, ...]:
    """Return the offers to make after each 488, from the largest to the smallest.

    - the profile as it is
    - only one picture and one audio line, without extras
    - G.711 and level 1.3 in single NAL units, without SRTP unless the policy requires SRTP
    """
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
        raise _bad_row(index, "like", "there is no shipped profile with this name")
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
