"""What the table says of a row that is told twice: of its steps, and of the sound over them."""

import pytest

from tests.bench.quality import STEP, Run, tell
from tests.simulation.quality import Quality


@pytest.mark.parametrize(("concealed", "said"), [(0.015, "met"), (0.016, "concealed missed")])
def test_the_sound_over_the_steps_has_an_aim(concealed: float, said: str) -> None:
    """However the pictures were: those of the narrow way are fewer, lower and late."""
    seen = Quality(concealed, 4.3, 0.2, 1.4, 0.3, 7.0, 180, 900.0, 4)
    run = Run(STEP.name, "diemcau", 1, seen, gaps_s=[0.5, 0.1], silences_s=[0.1, 0.1], settle_s=[0.0, 5.0])
    _, quality, steps = tell([run]).splitlines()
    assert quality.startswith(f"step | diemcau | {concealed * 100:.4g} | 4.3 |")
    assert quality.endswith(f"| {said}")
    assert "settled 0.0 s, bitrate back 5.0 s" in steps
    assert steps.endswith("| met")
