"""The log: one line for each record, control characters escaped, JSON in `serve` and plain text in `dev`.

No text from outside can start a new line or hide a line.
"""

import json
import logging
import sys
from datetime import UTC, datetime


class OneLine(logging.Formatter):
    """Text or JSON, always on one line."""

    def __init__(self, *, as_json: bool) -> None:
        super().__init__()
        self._as_json = as_json

    def format(self, record: logging.LogRecord) -> str:
        text = record.getMessage()
        if record.exc_info:
            text += "\n" + self.formatException(record.exc_info)
        if not self._as_json:
            return f"{record.levelname.lower():8}{escaped(text)}"
        at = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        row = {"at": at, "level": record.levelname.lower(), "source": record.name, "text": escaped(text)}
        return json.dumps(row, ensure_ascii=False)


class Strangers(logging.Filter):
    """A filter of uvicorn's messages about refused requests. Without the filter, any client could fill the disk with them."""

    TEXTS = frozenset(
        {
            "ASGI callable returned without completing handshake.",  # a WebSocket that was correctly refused
            "Invalid HTTP request received.",
            "Unsupported upgrade request.",
            "Exceeded concurrency limit.",
        }
    )

    def filter(self, record: logging.LogRecord) -> bool:
        return record.msg not in self.TEXTS


def escaped(text: str) -> str:
    """Return the text with every unprintable character as an escape: control characters, and characters that change the reading
    direction.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def start(level: str, *, as_json: bool) -> None:
    """Send every logger of the process to standard error."""
    output = logging.StreamHandler(sys.stderr)
    output.setFormatter(OneLine(as_json=as_json))
    logging.basicConfig(level=level.upper(), handlers=[output], force=True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers.clear()
    server = logging.getLogger("uvicorn.error")
    if not any(isinstance(one, Strangers) for one in server.filters):
        server.addFilter(Strangers())
    for name in ("aioice", "aiortc", "alembic", "asyncio"):
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLogger().level))
