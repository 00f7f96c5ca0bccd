"""The people of a running date in browsers, for the operators' board: who is there, and the commands of an operator.

Halls are no people here: the board has a row of each hall. The caller has checked the rights of the operator. The module has no
state.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

from conference import Hall, Participant, Passage, Refusal, Registry, Source, marks
from conference.chair.chair import Chair
from conference.chair.rights import By, Role
from signaling.host.dates import PREFIX

TEXTS: Final = {
    "participant_not_found": ("Người này đã rời cuộc họp.", "this person has left the meeting"),
    "microphone_on": ("Micro của người này đang bật.", "this microphone is already on"),
    "microphone_denied": ("Người này không được bật micro.", "this person may not use a microphone"),
    "floor_needed": (
        "Cuộc họp đang lần lượt phát biểu. Hãy mời người này phát biểu.",
        "speakers are called one after the other: give the floor to this person",
    ),
}
DEEDS: Final[Mapping[str, Callable[[Chair, By, str], Any]]] = {
    "mute": Chair.mute_one,
    "ask": Chair.ask_to_unmute,
    "lower_hand": Chair.lower_hand,
}


class BoardPeople:
    """`registry` returns None before the server is up. Implements `signaling.api.ground.desk.BoardPeople`."""

    def __init__(self, registry: Callable[[], Registry | None]) -> None:
        self._registry = registry

    def rows(self, occurrence_id: str) -> list[dict[str, Any]]:
        """Return the people in the order of their arrival."""
        here = sorted(self._there(occurrence_id).values(), key=lambda one: (one.joined_at, one.identity))
        return [_row(one) for one in here]

    def command(self, occurrence_id: str, action: str, identities: Iterable[str], name: str) -> list[dict[str, Any]]:
        """Carry out a command: a key of `DEEDS`. `name` is that of the operator. Return the result of each identity."""
        there = self._there(occurrence_id)
        by, results = By("", name, Role.OPERATOR, for_chair=True, way="rest"), []
        for identity in identities:
            shown, why = identity, ""
            try:
                if identity not in there:
                    raise Refusal("participant_not_found")
                shown = there[identity].grants.name or identity
                DEEDS[action](self._chair(occurrence_id), by, identity)
            except Refusal as refusal:
                why = refusal.code
            vietnamese, english = TEXTS.get(why, (why, why))
            results.append({"name": shown, "ok": not why, "vi": vietnamese, "en": english})
        return results

    def _chair(self, occurrence_id: str) -> Chair:
        registry = self._registry()
        if registry is None:
            raise Refusal("conference_not_found")
        return registry.get(PREFIX + occurrence_id).chair

    def _there(self, occurrence_id: str) -> dict[str, Participant]:
        registry = self._registry()
        try:
            everyone = registry.get(PREFIX + occurrence_id).participants if registry is not None else {}
        except Refusal:
            return {}
        return {
            identity: one for identity, one in everyone.items() if not isinstance(one, Hall) and not one.grants.hidden
        }


def _row(one: Participant) -> dict[str, Any]:
    on = {track.source for track in one.tracks.values() if not track.muted}
    raised = one.grants.attributes.get(marks.HAND, "")
    return {
        "identity": one.identity,
        "name": one.grants.name or one.identity,
        "microphone": bool(on & {Source.MICROPHONE, Source.UNKNOWN}),
        "may_speak": one.grants.may_publish(Source.MICROPHONE),
        "screen": Source.SCREEN_SHARE in on,
        "host": one.grants.passage is Passage.HOST,
        "hand_at": datetime.fromtimestamp(int(raised) / 1000, UTC) if raised.isdigit() else None,
        "asked": bool(one.grants.attributes.get(marks.UNMUTE_ASKED)),
    }
