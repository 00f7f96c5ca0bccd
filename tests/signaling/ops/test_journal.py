"""The log: each record is one line, whatever its text is."""

import json
import logging
import sys
from pathlib import Path

import pytest
import uvicorn

from signaling.ops.journal import OneLine, Strangers, escaped


def record(text: str, *, failed: bool = False) -> logging.LogRecord:
    info = sys.exc_info() if failed else None
    return logging.LogRecord("signaling", logging.WARNING, "x.py", 1, "from %s", (text,), info)


HOSTILE = ["a\nERROR forged", "a\r\nb", "\x1b[2J", "\u202egnorw", "\u2028next", "\ud800", "a\x00b"]


@pytest.mark.parametrize("as_json", [True, False])
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_cannot_break_or_reverse_a_log_line(as_json: bool, text: str) -> None:
    line = OneLine(as_json=as_json).format(record(text))
    assert line.isprintable()
    line.encode()


@pytest.mark.parametrize("text", HOSTILE)
def test_a_control_with_the_default_formatter_logs_hostile_text(text: str) -> None:
    """Show, as a control, that the library's own formatter lets texts forge lines, clear the screen and reverse the text."""
    line = logging.Formatter("%(levelname)s %(message)s").format(record(text))
    assert text in line
    assert not line.isprintable()


def test_json_has_the_parts_and_vietnamese_stays_readable() -> None:
    row = json.loads(OneLine(as_json=True).format(record("Điểm Cầu")))
    assert (row["level"], row["source"], row["text"]) == ("warning", "signaling", "from Điểm Cầu")
    assert row["at"].endswith("+00:00")


def test_an_exception_is_logged_on_one_line() -> None:
    try:
        raise ValueError("two\nlines")
    except ValueError:
        line = OneLine(as_json=False).format(record("x", failed=True))
    assert "ValueError" in line
    assert "\n" not in line


def test_a_tab_is_escaped_as_backslash_t() -> None:
    assert escaped("a\tb") == "a\\tb"


@pytest.mark.parametrize("text", sorted(Strangers.TEXTS))
def test_refused_requests_are_not_worth_a_line(text: str) -> None:
    server = logging.getLogger("uvicorn.error")
    assert any(text in one.read_text() for one in Path(uvicorn.__file__).parent.rglob("*_impl.py"))  # its own text
    assert not Strangers().filter(server.makeRecord(server.name, logging.ERROR, "", 0, text, (), None))
    assert Strangers().filter(server.makeRecord(server.name, logging.ERROR, "", 0, "else", (), None))
