"""The profiles of terminal models, as the desk shows and edits them: the shipped profiles, replaced by those that were set
here.

Implements `signaling.api.ground.desk.DeviceProfiles`. `signaling.sip.media.profiles` defines the meaning of a profile;
`rooms.dialling.devices.profiles` keeps the rows.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import Any, Final

from conference import Refusal
from rooms.store.tables.dialling import TerminalProfile
from signaling.sip.media import profiles
from signaling.sip.media.profiles import SHIPPED, Profile, Profiles

log = logging.getLogger(__name__)
SHIPPED_BY_NAME: Final = {one.name: one for one in SHIPPED}


def in_force(kept: Iterable[TerminalProfile]) -> Profiles:
    """Return the profiles for calls. A row of an older program that this program cannot read is left out."""
    own: list[Profile] = []
    for row in kept:
        try:
            own += profiles.read([{"name": row.name, **row.fields}])
        except Refusal as refusal:
            log.warning("device profile %s is ignored: %s", row.name, refusal.english)
    return Profiles(own)


class ProfileBook:
    """The profile book. It has no state."""

    def listed(self, kept: Iterable[TerminalProfile]) -> list[dict[str, Any]]:
        """Return every profile in force. `kind`: shipped, changed (a shipped profile that was set here), own."""
        rows = {row.name: row for row in kept}
        return [self._row(one, rows.get(one.name)) for one in in_force(rows.values()).rows]

    def _row(self, profile: Profile, row: TerminalProfile | None) -> dict[str, Any]:
        kind = "shipped" if row is None else "changed" if profile.name in SHIPPED_BY_NAME else "own"
        changed = {"changed_at": row.changed_at if row else None, "changed_by": row.changed_by if row else ""}
        return {**asdict(profile), "kind": kind, **changed}

    def checked(self, name: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return the fields that are kept: those that differ from the base profile. Raise Refusal `profiles_bad`."""
        like = str(given.get("like") or (name if name in SHIPPED_BY_NAME else "generic"))
        told = {key: value for key, value in given.items() if key != "like" and value is not None}
        (read,) = profiles.read([{"words": (), **told, "name": name, "like": like}])
        if not read.words and name != "generic":
            raise Refusal(
                "profiles_bad",
                "Hãy ghi ít nhất một chữ nhận ra thiết bị, nếu không mẫu này không bao giờ được dùng",
                "write at least one word that identifies the terminal: a profile without words is never used",
            )
        base = asdict(SHIPPED_BY_NAME[like])
        plain = asdict(read)
        kept = {key: plain[key] for key in told if key != "words" and plain[key] != base[key]}
        return {"like": like, "words": list(read.words)} | {
            key: list(value) if isinstance(value, tuple) else value for key, value in kept.items()
        }

    def matched(self, kept: Iterable[TerminalProfile], agent: str) -> tuple[str, str]:
        """Return the profile and the word that decided; "" if no word decided."""
        profile, word = in_force(kept).matched(agent)
        return profile.name, word
