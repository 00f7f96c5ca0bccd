"""The destination of a number that a terminal dials."""

from __future__ import annotations

import pytest

from signaling.halls.calls.dialplan import Dialled, Target, read


@pytest.mark.parametrize(
    ("dialled", "known", "leads_to"),
    [
        ("Echo", False, Dialled(Target.ECHO)),
        ("*43", True, Dialled(Target.ECHO)),
        ("truc", True, Dialled(Target.OPERATOR)),
        ("truc", False, Dialled(Target.MENU)),
        ("0", False, Dialled(Target.NUMBER, "0")),
        ("", False, Dialled(Target.MENU)),
        ("diemcau", False, Dialled(Target.MENU)),
        ("123456789", False, Dialled(Target.NUMBER, "123456789")),
        ("123456789*246810", True, Dialled(Target.NUMBER, "123456789", "246810")),
        ("123456789#246810", True, Dialled(Target.NUMBER, "123456789", "246810")),
        ("12345678", False, Dialled(Target.NOWHERE)),
        ("hall-b", True, Dialled(Target.NOWHERE)),
        ("+84912345678", True, Dialled(Target.NOWHERE)),
    ],
)
def test_a_number_leads_to_its_target(dialled: str, known: bool, leads_to: Dialled) -> None:
    assert read(dialled, known=known, own_name="diemcau") == leads_to
