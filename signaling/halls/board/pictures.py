"""The pictures of the board: the composed picture of the halls, its layout and text, and a small picture of each hall."""

from __future__ import annotations

from conference import Refusal, layout
from signaling.halls.board.live import LiveHalls
from signaling.halls.board.values import TEXTS, Row
from signaling.halls.board.watchers import Watchers


class Pictures:
    """A process has one object of this class."""

    def __init__(self, live: LiveHalls, watchers: Watchers) -> None:
        self._live, self._watchers = live, watchers

    def thumbnail(self, occurrence_id: str, leg_id: str) -> bytes | None:
        hall = self._live.hall(leg_id)
        return hall.program.thumbnails.get(hall.sid) if hall is not None else None

    def picture(self, occurrence_id: str) -> bytes | None:
        conference = self._live.conference(occurrence_id)
        return conference.program.picture if conference is not None and conference.program is not None else None

    def program(self, occurrence_id: str) -> Row:
        """Return the state of the composed picture of a date's halls."""
        conference = self._live.conference(occurrence_id)
        program = conference.program if conference is not None else None
        if program is None or not program.halls:
            return {
                "layout": "auto",
                "text": "",
                "running": False,
                "degraded": "",
                "sound_late": False,
                "picture_url": "",
                "unseen": [],
            }
        step = program.status.health.removeprefix("degraded ") if program.status.health.startswith("degraded") else ""
        url = f"/api/v1/occurrences/{occurrence_id}/program/picture" if program.picture is not None else ""
        running = program.status.health not in ("starting", "lost")
        return {
            "layout": program.layout or "auto",
            "text": program.text,
            "running": running,
            "degraded": step,
            "sound_late": program.status.sound_late,
            "picture_url": url,
            "unseen": program.unseen(),
        }

    def set_program(self, occurrence_id: str, name: str, text: str | None) -> None:
        """Set the layout and the text of the composed picture. Raise Refusal.

        `name` "auto": the number of pictures decides; empty: no change. A hall with its own layout keeps it. `text` None: no
        change.
        """
        conference = self._live.conference(occurrence_id)
        if conference is None or conference.program is None:
            raise Refusal("not_connected", *TEXTS["not_connected"])
        if name:
            conference.program.set_layout(name if name in layout.PLACES else None)  # type: ignore[arg-type]
        if text is not None:
            conference.program.set_text(text)
        self._watchers.changed(occurrence_id)
