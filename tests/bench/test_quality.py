"""The table for a row with two lines: one for its steps, and one for the quality over the steps."""

import pytest

from tests.bench.quality import STEP, Run, tell
from tests.simulation.quality import Quality


@pytest.mark.parametrize(("concealed", "said"), [(0.015, "met"), (0.016, "concealed missed")])
def test_the_sound_over_the_steps_has_an_aim(concealed: float, said: str) -> None:
    """The sound meets or misses its aim, whatever the pictures are. On the narrow way the pictures are fewer, lower and late."""
    seen = Quality(concealed, 4.3, 0.2, 1.4, 0.3, 7.0, 180, 900.0, 4)
    run = Run(STEP.name, "diemcau", 1, seen, gaps_s=[0.5, 0.1], silences_s=[0.1, 0.1], settle_s=[0.0, 5.0])
    _, quality, steps = tell([run]).splitlines()
    assert quality.startswith(f"step | diemcau | {concealed * 100:.4g} | 4.3 |")
    assert quality.endswith(f"| {said}")
    assert "settled 0.0 s, bitrate back 5.0 s" in steps
    assert steps.endswith("| met")
