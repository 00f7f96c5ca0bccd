"""The fields of units, people, sites, …: one table for forms, files and refusals, and the checks of their values.

A value arrives with a type (from the API) or as the text of a cell (`from_text`). `checked` checks both.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from rooms.errors import Refusal, Trouble
from rooms.org.names import cleaned

ZONE: Final = ZoneInfo("Asia/Ho_Chi_Minh")
Kind = Literal["text", "integer", "number", "yes", "day", "instant", "codes"]
FIRST_DAY: Final = date(1900, 1, 1)
LAST_DAY: Final = date(2200, 1, 1)
ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
CODE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
WORD: Final = re.compile(r"[a-z0-9_]{1,40}")
EMAIL: Final = re.compile(r"[^@\s,;<>\"]{1,64}@[^@\s,;<>\"]{1,189}")
PHONE: Final = re.compile(r"[0-9+(). -]{1,40}")
YES: Final = {"có", "co", "x", "1", "yes", "true", "đúng", "dung"}
NO: Final = {"", "không", "khong", "0", "no", "false", "sai"}


@dataclass(frozen=True)
class Field:
    """A field. `most` and `least`: characters of a text, the range of a number, entries of a list."""

    name: str
    title: str
    kind: Kind = "text"
    required: bool = False
    most: float = 0
    least: float = 0
    pattern: re.Pattern[str] | None = None
    choices: tuple[str, ...] = ()
    empty: Any = ""
    """The stored value when no value is given."""
    refers: str = ""
    """The kind of row (`unit`, `site`, …) whose identifier the field holds. Files contain the code of the row instead."""


class Wrong(Exception):
    """The value of a field is wrong."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.english)
        self.trouble = trouble


def read(fields: Iterable[Field], values: Mapping[str, Any], partial: bool = False) -> dict[str, Any]:
    """Return the checked values of all fields. With `partial`, check only the given fields. Raise Refusal `invalid` with all
    errors.
    """
    known = {one.name: one for one in fields}
    troubles = [
        Trouble("unknown_field", f"Không có mục {name[:40]}.", f"no field {name[:40]}", name[:40])
        for name in values
        if name not in known
    ]
    taken: dict[str, Any] = {}
    for name, one in known.items():
        if name in values or not partial:
            try:
                taken[name] = checked(one, values.get(name))
            except Wrong as wrong:
                troubles.append(wrong.trouble)
    if troubles:
        raise invalid(troubles)
    return taken


def invalid(troubles: Sequence[Trouble]) -> Refusal:
    """Return a refusal with several errors. Nothing was written."""
    words = " ".join(one.vietnamese for one in troubles[:5])
    return Refusal("invalid", words, "; ".join(one.english for one in troubles[:5]), troubles)


def checked(field: Field, value: Any) -> Any:
    """Return the value in its stored form. Raise Wrong."""
    if value is None or value == "" or value == []:
        if field.required:
            raise wrong(field, "missing", "không được để trống", "is missing")
        return list(field.empty) if isinstance(field.empty, list) else field.empty
    return CHECKS[field.kind](field, value)


def from_text(field: Field, text: str) -> Any:
    """Convert the text of a cell to a value for `checked`. Raise Wrong."""
    text = text.strip()
    if not text:
        return None
    return READERS[field.kind](field, text)


def to_text(field: Field, value: Any) -> str:
    """Convert a value to a text that `from_text` can read."""
    if value is None:
        return ""
    if field.kind == "yes":
        return "có" if value else "không"
    if field.kind == "codes":
        return ", ".join(value)
    if field.kind == "day":
        return f"{value:%d/%m/%Y}" if value.year >= 1000 else str(value)
    if field.kind == "instant":
        return str(value.isoformat())
    if field.kind == "number":
        return repr(value).removesuffix(".0")
    return str(value)


def wrong(field: Field, code: str, vietnamese: str, english: str) -> Wrong:
    return Wrong(Trouble(code, f"{field.title}: {vietnamese}.", f"{field.name} {english}", field.name))


def today(now: datetime) -> date:
    """Return the calendar day in Việt Nam."""
    return now.astimezone(ZONE).date()


def midnight(day: date) -> datetime:
    """Return the beginning of that day in Việt Nam, in UTC."""
    return datetime(day.year, day.month, day.day, tzinfo=ZONE).astimezone(UTC)


def _text(field: Field, value: Any) -> str:
    if not isinstance(value, str):
        raise wrong(field, "malformed", "phải là chữ", "is not text")
    if field.refers:
        if not ID.fullmatch(value):
            raise wrong(field, "malformed", "không đúng dạng", "is malformed")
        return value
    try:
        value.encode()
    except UnicodeEncodeError:
        raise wrong(field, "malformed", "có ký tự không lưu được", "has characters that cannot be stored") from None
    if len(value) > 4 * field.most + 100:
        raise wrong(field, "too_long", f"dài quá {field.most:.0f} ký tự", f"is longer than {field.most:.0f} characters")
    text = cleaned(value)
    if len(text) > field.most:
        raise wrong(field, "too_long", f"dài quá {field.most:.0f} ký tự", f"is longer than {field.most:.0f} characters")
    if not text:
        return str(checked(field, None))
    if field.choices and text not in field.choices:
        listed = ", ".join(one for one in field.choices if one)
        raise wrong(field, "not_a_choice", f"phải là một trong: {listed}", f"must be one of: {listed}")
    if field.pattern and not field.pattern.fullmatch(text):
        raise wrong(field, "malformed", "không đúng dạng", "is malformed")
    return text


def _number(field: Field, value: Any) -> float:
    whole = field.kind == "integer"
    if isinstance(value, bool) or not isinstance(value, int | float) or (whole and value != int(_finite(field, value))):
        raise wrong(field, "not_a_number", "phải là số", "is not a number")
    if not field.least <= _finite(field, value) <= field.most:
        bounds = f"{field.least:g} – {field.most:g}"
        raise wrong(field, "out_of_range", f"phải trong khoảng {bounds}", f"must be within {bounds}")
    return int(value) if whole else float(value)


def _finite(field: Field, value: float) -> float:
    if isinstance(value, float) and not math.isfinite(value):
        raise wrong(field, "not_a_number", "phải là số", "is not a number")
    return value


def _yes(field: Field, value: Any) -> bool:
    if not isinstance(value, bool):
        raise wrong(field, "not_yes_or_no", "phải là có hoặc không", "must be yes or no")
    return value


def _day(field: Field, value: Any) -> date:
    if isinstance(value, datetime) or not isinstance(value, date):
        raise wrong(field, "not_a_day", "phải là ngày, dạng ngày/tháng/năm", "must be a date")
    if not FIRST_DAY <= value <= LAST_DAY:
        raise wrong(field, "out_of_range", "phải từ năm 1900 đến 2200", "must be between the years 1900 and 2200")
    return value


def _instant(field: Field, value: Any) -> datetime:
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise wrong(field, "not_a_time", "phải là thời điểm", "must be a date with a time")
    return value.astimezone(UTC)


def _codes(field: Field, value: Any) -> list[str]:
    if isinstance(value, str) or not isinstance(value, Sequence) or len(value) > field.most:
        raise wrong(field, "too_many", f"nhiều quá {field.most:.0f} mục", f"has more than {field.most:.0f} entries")
    pattern = field.pattern or WORD
    for one in value:
        if not isinstance(one, str) or not pattern.fullmatch(one) or (field.choices and one not in field.choices):
            raise wrong(
                field, "malformed", f"có mục không đúng: {str(one)[:40]}", f"has a wrong entry: {str(one)[:40]}"
            )
    return list(dict.fromkeys(value))


def _read_number(field: Field, text: str) -> float:
    plain = text.replace(" ", "").replace(",", ".")
    if not re.fullmatch(r"-?\d{1,12}(\.\d{1,20})?(e-?\d{1,3})?", plain):
        raise wrong(field, "not_a_number", "phải là số", "is not a number")
    return float(plain) if "." in plain or "e" in plain else int(plain)


def _read_yes(field: Field, text: str) -> bool:
    if text.lower() in YES:
        return True
    if text.lower() in NO:
        return False
    raise wrong(field, "not_yes_or_no", "phải là có hoặc không", "must be yes or no")


def _read_day(field: Field, text: str) -> date:
    local = re.fullmatch(r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})", text)
    year_first = re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00:00)?", text)
    try:
        if local:
            return date(int(local[3]), int(local[2]), int(local[1]))
        if year_first:
            return date(int(year_first[1]), int(year_first[2]), int(year_first[3]))
    except ValueError:
        pass
    raise wrong(field, "not_a_day", "phải là ngày, dạng ngày/tháng/năm", "must be a day, dd/mm/yyyy")


def _read_instant(field: Field, text: str) -> datetime:
    try:
        instant = datetime.fromisoformat(text)
    except ValueError:
        raise wrong(field, "not_a_time", "phải là thời điểm", "must be a date with a time") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=ZONE)


CHECKS: Final[Mapping[str, Callable[[Field, Any], Any]]] = {
    "text": _text,
    "integer": _number,
    "number": _number,
    "yes": _yes,
    "day": _day,
    "instant": _instant,
    "codes": _codes,
}
READERS: Final[Mapping[str, Callable[[Field, str], Any]]] = {
    "text": lambda _field, text: text,
    "integer": _read_number,
    "number": _read_number,
    "yes": _read_yes,
    "day": _read_day,
    "instant": _read_instant,
    "codes": lambda _field, text: [one.strip() for one in re.split(r"[,;]", text) if one.strip()],
}
