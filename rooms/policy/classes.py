"""The classes of meetings and who may come in by which way. Pure; every token, link, invitation and dial-out asks `admission`.

From the letter: what touches a state secret is not met here at all; important meetings are met only on the hall system that
exists; all others may be met from anywhere, behind a lobby.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from rooms.errors import Refusal

Class = Literal["secret", "important", "ordinary"]
Way = Literal[
    "browser", "phone_browser", "personal_link", "number_pin", "hall_terminal", "dial_out", "share_link", "guest"
]

SECRET: Final = "secret"  # noqa: S105 (a class)
IMPORTANT: Final = "important"
ORDINARY: Final = "ordinary"
RANK: Final[Mapping[str, int]] = {ORDINARY: 0, IMPORTANT: 1, SECRET: 2}
"""Raising goes up, lowering goes down."""
WAYS: Final[tuple[Way, ...]] = (
    "browser",
    "phone_browser",
    "personal_link",
    "number_pin",
    "hall_terminal",
    "dial_out",
    "share_link",
    "guest",
)
HALL_WAYS: Final = frozenset({"hall_terminal", "dial_out"})
UNNAMED_WAYS: Final = frozenset({"number_pin", "share_link", "guest"})
"""Nobody vouches for who it is: he waits in the lobby whatever is set."""
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    SECRET: ("Có nội dung bí mật nhà nước", "State secret"),
    IMPORTANT: ("Quan trọng", "Important"),
    ORDINARY: ("Thông thường", "Ordinary"),
}


@dataclass(frozen=True)
class Verdict:
    """Whether one may come in, and through the lobby or not. `code` is empty when he may."""

    allowed: bool
    lobby: bool = False
    code: str = ""
    vietnamese: str = ""
    english: str = ""

    def require(self) -> None:
        """Raises the refusal that it is."""
        if not self.allowed:
            raise Refusal(self.code, self.vietnamese, self.english)


REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "state_secret": (
        "Nội dung bí mật nhà nước không được họp trên hệ thống này. Hãy tổ chức theo Luật Bảo vệ bí mật nhà nước và "
        "liên hệ cán bộ cơ yếu của cơ quan. Hệ thống không lưu thông tin nào của đề nghị này.",
        "state secrets are never met here; nothing of this request was kept",
    ),
    "halls_only": (
        "Cuộc họp quan trọng chỉ dự được từ thiết bị hội trường đã đăng ký. Hãy đến điểm cầu gần nhất hoặc hỏi thư ký "
        "cuộc họp.",
        "an important meeting is met only from registered hall terminals",
    ),
    "terminal_unknown": (
        "Thiết bị này chưa được đăng ký. Hãy báo người điều hành hệ thống đăng ký thiết bị trước khi dự họp.",
        "this terminal is not registered",
    ),
    "network_open": (
        "Cuộc họp quan trọng chỉ dự được từ mạng truyền số liệu chuyên dùng hoặc mạng nội bộ. Hãy kiểm tra mạng của "
        "thiết bị rồi gọi lại.",
        "an important meeting is met only from closed networks",
    ),
    "encryption_needed": (
        "Cuộc họp quan trọng buộc thiết bị hội trường mã hóa hình tiếng: đăng ký và gọi bằng TLS, bật SRTP. Hãy báo người "
        "điều hành hệ thống.",
        "an important meeting wants halls that encrypt: by TLS, with SRTP",
    ),
    "not_invited": (
        "Đồng chí hoặc điểm cầu này không có trong thành phần dự họp. Hãy liên hệ thư ký cuộc họp.",
        "not among those invited",
    ),
}


def admission(
    class_: str,
    way: Way,
    *,
    terminal_registered: bool = False,
    network_closed: bool = False,
    invited: bool = False,
    host: bool = False,
    lobby: bool = True,
) -> Verdict:
    """May somebody come in by `way`? `host`: chair, secretary or operator of this meeting. `lobby`: as the meeting has it set.

    An unknown class or way is our bug: KeyError.
    """
    RANK[class_], _WAY_RANK[way]
    if class_ == SECRET:
        return refused("state_secret")
    if class_ == IMPORTANT:
        return _important(way, terminal_registered, network_closed, invited or host, lobby)
    return _ordinary(way, terminal_registered, invited or host, host, lobby)


_WAY_RANK: Final = {way: place for place, way in enumerate(WAYS)}


def refused(code: str) -> Verdict:
    vietnamese, english = REFUSALS[code]
    return Verdict(False, False, code, vietnamese, english)


def _important(way: Way, registered: bool, closed: bool, invited: bool, lobby: bool) -> Verdict:
    if way not in HALL_WAYS:
        return refused("halls_only")
    if not registered:
        return refused("terminal_unknown")
    if not closed:
        return refused("network_open")
    if not invited:
        return refused("not_invited")
    return Verdict(True, lobby=lobby and way != "dial_out")


def _ordinary(way: Way, registered: bool, invited: bool, host: bool, lobby: bool) -> Verdict:
    if way == "personal_link" and not invited:
        return refused("not_invited")
    if way == "dial_out":
        # We call only what is in the register or what a host typed himself.
        return Verdict(True) if registered or host else refused("terminal_unknown")
    if host:
        return Verdict(True)
    if (way in UNNAMED_WAYS or (way == "hall_terminal" and not registered)) and not invited:
        # A softphone that knows number and PIN is as unknown as a browser that does.
        return Verdict(True, lobby=True)
    return Verdict(True, lobby=lobby and not (way == "hall_terminal" and registered and invited))


# Which class: plain questions


@dataclass(frozen=True)
class Question:
    """What the form asks; `yes` is the class that a yes leads to."""

    code: str
    vietnamese: str
    english: str
    yes: str


QUESTIONS: Final[tuple[Question, ...]] = (
    Question(
        "secret_content",
        "Có bàn nội dung bí mật nhà nước (Mật, Tối mật, Tuyệt mật) không?",
        "Is anything of it a state secret?",
        SECRET,
    ),
    Question(
        "halls_only",
        "Chỉ họp tại hội trường có thiết bị của hệ thống, không ai dự từ nhà hay điện thoại?",
        "Is it met in halls only, nobody from home or by phone?",
        IMPORTANT,
    ),
    Question(
        "leaders_decide",
        "Lãnh đạo tỉnh chủ trì để chỉ đạo, quyết định việc quan trọng?",
        "Do the province's leaders chair it to decide something important?",
        IMPORTANT,
    ),
    Question(
        "from_anywhere",
        "Có người dự bằng trình duyệt, điện thoại, từ nhà hoặc là khách mời bên ngoài?",
        "Does anybody take part by browser, by phone, from home or as a guest?",
        ORDINARY,
    ),
)


@dataclass(frozen=True)
class Proposal:
    """The class that follows, the questions whose answers led to it, and those whose answer speaks against it."""

    class_: str
    because: tuple[str, ...] = ()
    against: tuple[str, ...] = ()


def classify(answers: Mapping[str, bool], default: str = ORDINARY) -> Proposal:
    """The highest class that a yes leads to; without one, the default of the meeting's type. Unknown codes count nothing."""
    yes = [one for one in QUESTIONS if answers.get(one.code)]
    wanted = max((one.yes for one in yes), key=RANK.__getitem__, default=default)
    because = tuple(one.code for one in yes if one.yes == wanted)
    return Proposal(wanted, because, tuple(one.code for one in yes if RANK[one.yes] < RANK[wanted]))


def resolved(asked: str, default: str) -> str:
    """The class of a request: what was asked for, else the type's. Raises `state_secret`, `unknown_class`."""
    wanted = asked or default
    if wanted == SECRET:
        refused("state_secret").require()
    if wanted not in RANK:
        raise Refusal("unknown_class", "Hãy chọn mức: quan trọng hoặc thông thường.", "no such class")
    return wanted


# A running or planned meeting changes its class


@dataclass(frozen=True)
class Presence:
    """Somebody who is in, or who is expected, with how he comes."""

    label: str
    way: Way
    terminal_registered: bool = False
    network_closed: bool = False
    invited: bool = False
    host: bool = False


@dataclass(frozen=True)
class Dropped:
    """Who would have to leave, and why."""

    label: str
    verdict: Verdict


def dropped(class_: str, present: Iterable[Presence]) -> tuple[Dropped, ...]:
    """Those of `present` that a meeting of this class does not admit."""
    judged = ((one, _judge(class_, one)) for one in present)
    return tuple(Dropped(one.label, verdict) for one, verdict in judged if not verdict.allowed)


def _judge(class_: str, one: Presence) -> Verdict:
    return admission(
        class_,
        one.way,
        terminal_registered=one.terminal_registered,
        network_closed=one.network_closed,
        invited=one.invited,
        host=one.host,
    )


def raises(before: str, after: str) -> bool:
    return RANK[after] > RANK[before]


def lowers(before: str, after: str) -> bool:
    return RANK[after] < RANK[before]
