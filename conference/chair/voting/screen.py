"""The words about a vote in the picture of the halls: the question with the way to vote, then the result. Pure.

The words name no number of ballots, because each new text begins a new program of the mixer (`picture/scene.py`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from conference.announcements.spoken_texts import Language
from conference.chair.voting.question import ABSTAIN, AGAINST, FOR, Kind, Way
from conference.chair.voting.vote import Result, State, Vote
from conference.ground import limits

_OPEN: Final[dict[Language, str]] = {"vi": "BIỂU QUYẾT: {title}", "en": "VOTE: {title}"}
_KEYS: Final[dict[Language, str]] = {
    "vi": "Bấm *11 tán thành, *12 không tán thành, *13 không có ý kiến",
    "en": "Press *11 for, *12 against, *13 abstain",
}
_HANDS: Final[dict[Language, str]] = {
    "vi": "Biểu quyết giơ tay. Thư ký ghi số đại biểu",
    "en": "Show of hands. The secretary enters the numbers",
}
_PAGE: Final[dict[Language, str]] = {
    "vi": "Bầu trên trang của cuộc họp",
    "en": "Vote on the page of the meeting",
}
_PHONES: Final[dict[Language, str]] = {
    "vi": "Đại biểu khác bỏ phiếu bằng điện thoại: hỏi thư ký mã QR",
    "en": "Other delegates vote by phone: ask the secretary for the QR code",
}
_CODE: Final[dict[Language, str]] = {
    "vi": "Mã {code}: đại biểu khác quét QR hoặc mở {place}",
    "en": "Code {code}: other delegates scan the QR code or open {place}",
}
PAGE: Final = "/phieu"
"""The page of ballots by phone."""
_RESULT: Final[dict[Language, str]] = {"vi": "KẾT QUẢ: {title}", "en": "RESULT: {title}"}
_COUNTS: Final[dict[Language, str]] = {
    "vi": "{yes} tán thành, {no} không tán thành, {abstain} không có ý kiến",
    "en": "{yes} for, {no} against, {abstain} abstain",
}
_ADOPTED: Final[dict[Language, str]] = {"vi": "Được thông qua", "en": "Adopted"}
_REFUSED: Final[dict[Language, str]] = {"vi": "Không được thông qua", "en": "Not adopted"}
_ELECTED: Final[dict[Language, str]] = {"vi": "Trúng cử: {names}", "en": "Elected: {names}"}
_NOBODY: Final[dict[Language, str]] = {"vi": "Chưa có người trúng cử", "en": "Nobody was elected"}
_QUORUM: Final[dict[Language, str]] = {"vi": "Không đủ số người có mặt", "en": "No quorum"}
_FEW: Final[dict[Language, str]] = {
    "vi": "Quá ít phiếu kín, không công bố số phiếu",
    "en": "Too few secret ballots: no counts are announced",
}
_ANNULLED: Final[dict[Language, str]] = {"vi": "ĐÃ HỦY BIỂU QUYẾT: {title}", "en": "VOTE ANNULLED: {title}"}


def card(vote: Vote, site: str, address: str, language: Language) -> tuple[str, str]:
    """Return the address of the QR code of a site, and the words about the open vote with this code. Empty: the site has no code,
    or its address is too long for a picture. `address`: of this server; empty: unknown. The code begins its line, because a small
    picture cuts the end of a line.
    """
    code = vote.codes.get(site, "")
    found = f"{address}{PAGE}#{code}"
    if not code or not address or len(found) > limits.HALL_CODE_CHARACTERS:
        return "", ""
    place = address.partition("://")[2] + PAGE
    lines = [*_lines(vote, language)[:-1], _CODE[language].format(place=place, code=f"{code[:4]}-{code[4:]}")]
    return found, "\n".join(lines)[: limits.HALL_TEXT_CHARACTERS]


def words(vote: Vote) -> Mapping[Language, str]:
    """Return the words about an open, closed or annulled vote, by language."""
    made: dict[Language, str] = {}
    languages: tuple[Language, ...] = ("vi", "en")
    for language in languages:
        lines = _lines(vote, language)
        made[language] = "\n".join(lines)[: limits.HALL_TEXT_CHARACTERS]
    return made


def _lines(vote: Vote, language: Language) -> list[str]:
    title = vote.question.title
    if len(title) > limits.VOTE_TITLE_CHARACTERS:
        title = title[: limits.VOTE_TITLE_CHARACTERS - 1].rstrip() + "…"
    if vote.state is State.ANNULLED:
        return [_ANNULLED[language].format(title=title)]
    if vote.result is not None:
        return [_RESULT[language].format(title=title), *_result(vote, vote.result, language)]
    by_keys = _HANDS if vote.question.way is Way.HANDS else _KEYS
    way = by_keys if vote.question.kind is Kind.MOTION else _PAGE
    phones = [_PHONES[language]] if vote.codes else []
    return [_OPEN[language].format(title=title), way[language], *phones]


def _result(vote: Vote, result: Result, language: Language) -> list[str]:
    if not result.counts:
        return [_FEW[language]]
    if not result.quorum:
        return [_QUORUM[language]]
    if vote.question.kind is Kind.ELECTION:
        names = ", ".join(vote.question.options[one] for one in result.elected)
        return [_ELECTED[language].format(names=names) if names else _NOBODY[language]]
    counts = {"yes": result.counts[FOR], "no": result.counts[AGAINST], "abstain": result.counts[ABSTAIN]}
    return [(_ADOPTED if result.adopted else _REFUSED)[language], _COUNTS[language].format(**counts)]
