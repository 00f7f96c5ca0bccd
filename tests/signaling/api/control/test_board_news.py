"""The events of the operators' board: only changes are sent, and a large board takes less than 1 MB a minute."""

from __future__ import annotations

import json
import zlib
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, NamedTuple

from signaling.api.routes.control.board_news import NOTHING, Told, squeezed

HALLS, CHANGED, MINUTE_S = 240, 60, 60
MOST_BYTES = 1_000_000
NOW = datetime(2026, 12, 1, 8, tzinfo=UTC)
NO_REASON = {"code": "", "vi": "", "en": ""}


class News(NamedTuple):
    legs: list[dict[str, Any]]
    phoned: list[dict[str, Any]] | None = None
    rehearsed: Sequence[dict[str, Any]] = ()


def row(number: int, chance: Random) -> dict[str, Any]:
    """Return a connected hall, with the figures of a moment."""
    rates = {"up_bps": chance.randrange(10, 40) * 100_000, "down_bps": chance.randrange(10, 40) * 100_000}
    losses = {
        "loss_up": chance.randrange(4) / 100,
        "loss_down": 0.0,
        "rtt_ms": 5.0 * chance.randrange(1, 20),
        "jitter_ms": 5.0,
    }
    return {
        "leg_id": f"{number:032x}",
        "terminal_id": f"{number + 1000:032x}",
        "terminal": f"Thiết bị họp trực tuyến {number}",
        "hall": f"Hội trường UBND xã {number}",
        "site": f"Điểm cầu UBND xã {number}",
        "site_id": f"{number + 2000:032x}",
        "unit_path": f"/{0:032x}/{number + 3000:032x}/",
        "unit": f"Ủy ban nhân dân xã {number}",
        "protocol": "sip",
        "address": f"sip:xa{number}@10.1.{number % 250}.2;transport=tls",
        "state": "connected",
        "reason": NO_REASON,
        "attempts": 1,
        "next_try_at": None,
        "since": NOW + timedelta(seconds=chance.randrange(3600)),
        "secure": True,
        "audio": {"codec": "g722", "muted": chance.random() < 0.5, "deafened": False} | rates | losses,
        "video": {"codec": "h264", "size": "1280x720", "fps": 25} | rates | losses,
        "content": False,
        "floor_wanted_at": None,
        "camera": True,
        "on_stage": False,
        "layout": "",
        "readiness": {"state": "green", "at": NOW, "reason": NO_REASON},
        "thumbnail_url": f"/api/v1/occurrences/{0:032x}/legs/{number:032x}/thumbnail",
        "taken_off": False,
        "alarms": [],
    }


async def test_a_board_of_240_halls_takes_less_than_a_megabyte_a_minute() -> None:
    """60 halls change each second, all their figures and their states."""
    chance = Random(1)
    lengths, plain = [], 0

    async def events() -> AsyncIterator[str]:
        nonlocal plain
        told = Told()
        yield told.events(News([row(number, chance) for number in range(HALLS)]))
        for second in range(MINUTE_S):
            changed = [row((second * CHANGED + n) % HALLS, chance) for n in range(CHANGED)]
            text = told.events(News(changed))
            plain += len(text.encode())
            yield text

    async for part in squeezed(events()):
        lengths.append(len(part))
    assert sum(lengths) < MOST_BYTES / 2
    assert plain < 2.5 * MOST_BYTES, "only changed fields are sent"


async def test_a_client_gets_whole_rows_then_changed_fields_at_once() -> None:
    chance, told = Random(2), Told()
    first = row(1, chance)
    later = first | {"state": "left", "audio": None}
    result = {"picture": True, "sound_in": None, "sound_out": None, "name_plate": None, "delegates": None, "note": ""}
    entry = {"site_id": "s", "result": result, "by_site": False, "signed_at": None, "signed_name": "", "version": 1}

    async def events() -> AsyncIterator[str]:
        yield told.events(News([first]))
        yield told.events(News([later], [{"site_id": "s", "at": NOW, "by": "Lan"}]))
        yield told.events(News([], rehearsed=[entry]))
        yield told.events(News([]))

    unpacker, texts = zlib.decompressobj(31), []
    async for part in squeezed(events()):
        texts.append(unpacker.decompress(part).decode())
    whole, changed, ticked, nothing, end = texts
    assert ticked.startswith("event: rehearsed\n")
    assert json.loads(ticked.splitlines()[1].removeprefix("data: ")) == [entry]
    assert json.loads(whole.splitlines()[1].removeprefix("data: "))[0]["site"] == "Điểm cầu UBND xã 1"
    lines = changed.splitlines()
    assert lines[0] == "event: legs"
    assert json.loads(lines[1].removeprefix("data: ")) == [{"leg_id": first["leg_id"], "state": "left", "audio": None}]
    assert lines[3] == "event: phoned"
    assert (nothing, end) == (NOTHING, "")
