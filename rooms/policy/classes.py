"""The classes of meetings, and which class admits which way to join. Pure. Every token, link, invitation and dial-out calls
`admission`.

The rules come from the province's letter. The system holds no meeting about a state secret. Only invited and registered hall
terminals in closed networks join important meetings. Ordinary meetings admit every way, most of them through a lobby.
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
"""The rank of each class. A change to a higher rank raises the class, a change to a lower rank lowers it."""
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
"""Ways that prove no identity. A participant who joins in this way always waits in the lobby."""
NAMES: Final[Mapping[str, tuple[str, str]]] = {
    SECRET: ("Có nội dung bí mật nhà nước", "State secret"),
    IMPORTANT: ("Quan trọng", "Important"),
    ORDINARY: ("Thông thường", "Ordinary"),
}


@dataclass(frozen=True)
class Verdict:
    """The result of `admission`: admitted or not, and through the lobby or not. `code` is empty after an admission."""

    allowed: bool
    lobby: bool = False
    code: str = ""
    vietnamese: str = ""
    english: str = ""

    def require(self) -> None:
        """Raise the refusal if the participant is not admitted."""
        if not self.allowed:
            raise Refusal(self.code, self.vietnamese, self.english)


REFUSALS: Final[Mapping[str, tuple[str, str]]] = {
    "state_secret": (
        "Nội dung bí mật nhà nước không được họp trên hệ thống này. Hãy tổ chức theo Luật Bảo vệ bí mật nhà nước và "
        "liên hệ cán bộ cơ yếu của cơ quan. Hệ thống không lưu thông tin nào của đề nghị này.",
        "meetings about state secrets are not allowed on this system; nothing of this request was stored",
    ),
    "halls_only": (
        "Cuộc họp quan trọng chỉ dự được từ thiết bị hội trường đã đăng ký. Hãy đến điểm cầu gần nhất hoặc hỏi thư ký "
        "cuộc họp.",
        "an important meeting can be joined only from registered hall terminals",
    ),
    "terminal_unknown": (
        "Thiết bị này chưa được đăng ký. Hãy báo người điều hành hệ thống đăng ký thiết bị trước khi dự họp.",
        "this terminal is not registered: ask an operator to register it first",
    ),
    "network_open": (
        "Cuộc họp quan trọng chỉ dự được từ mạng truyền số liệu chuyên dùng hoặc mạng nội bộ. Hãy kiểm tra mạng của "
        "thiết bị rồi gọi lại.",
        "an important meeting can be joined only from closed networks: check the terminal's network",
    ),
    "encryption_needed": (
        "Cuộc họp quan trọng buộc thiết bị hội trường mã hóa hình tiếng: đăng ký và gọi bằng TLS, bật SRTP. Hãy báo người "
        "điều hành hệ thống.",
        "an important meeting requires encryption: connect the terminal by TLS and enable SRTP",
    ),
    "pc_refused": (
        "Cuộc họp quan trọng không nhận máy tính ở chế độ điểm cầu. Hãy dự từ thiết bị hội trường, hoặc hỏi người điều hành "
        "hệ thống.",
        "an important meeting admits no PC in hall mode: use a hall terminal, or ask an operator",
    ),
    "not_invited": (
        "Người dự hoặc điểm cầu này không có trong thành phần dự họp. Hãy liên hệ thư ký cuộc họp.",
        "not on the list of invitees: ask the secretary of the meeting",
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
    pc: bool = False,
    pc_counts: bool = False,
    encrypted: bool = True,
) -> Verdict:
    """Decide on a participant who joins by `way`. `host`: chair, secretary or operator of this meeting. `lobby`: the meeting's
    setting. `pc`: the hall terminal is a PC in hall mode. `pc_counts`: the installation lets such a PC count as a hall terminal
    in important meetings. `encrypted`: its connection is encrypted; calls of other terminals are judged at their answer.

    An unknown class or way is a bug in our code: KeyError.
    """
    RANK[class_], _WAY_RANK[way]
    if class_ == SECRET:
        return refused("state_secret")
    if class_ == IMPORTANT and pc and not pc_counts:
        return refused("pc_refused")
    if class_ == IMPORTANT and pc and not encrypted:
        return refused("encryption_needed")
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
        # The server calls only terminals of the register and addresses that a host typed.
        return Verdict(True) if registered or host else refused("terminal_unknown")
    if host:
        return Verdict(True)
    if (way in UNNAMED_WAYS or (way == "hall_terminal" and not registered)) and not invited:
        # A softphone with number and PIN proves as little as a browser with number and PIN.
        return Verdict(True, lobby=True)
    return Verdict(True, lobby=lobby and not (way == "hall_terminal" and registered and invited))


def resolved(asked: str, default: str) -> str:
    """Return the class of a request, or the default of the meeting's type. Raise `state_secret`, `unknown_class`."""
    wanted = asked or default
    if wanted == SECRET:
        refused("state_secret").require()
    if wanted not in RANK:
        raise Refusal(
            "unknown_class", "Hãy chọn mức: quan trọng hoặc thông thường.", "the class must be important or ordinary"
        )
    return wanted


# Change of the class of a running or planned meeting


@dataclass(frozen=True)
class Presence:
    """A participant who is present or expected, with the way to join."""

    label: str
    way: Way
    terminal_registered: bool = False
    network_closed: bool = False
    invited: bool = False
    host: bool = False


@dataclass(frozen=True)
class Dropped:
    """A participant who would have to leave, and the reason."""

    label: str
    verdict: Verdict


def dropped(class_: str, present: Iterable[Presence]) -> tuple[Dropped, ...]:
    """Return the entries of `present` that a meeting of this class does not admit."""
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
