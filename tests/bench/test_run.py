"""The table for a row without a figure, or with only half of a figure."""

import pytest

from tests.bench import run


def churn(error: float | None, failures: list[str]) -> run.Result:
    half = {"kib_per_1000_joins": -140.4, "standard_error": error}
    return {"first_half": half, "second_half": half, "joins": 1800, "failures": failures}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (170.2, "-140 ± 170 KiB, -140 ± 170 KiB, 1800 joins"),
        (0.0, "-140 ± 0 KiB, -140 ± 0 KiB, 1800 joins"),
        (None, "-140 ± ? KiB, -140 ± ? KiB, 1800 joins"),
    ],
)
def test_an_unknown_error_is_shown_as_a_question_mark(error: float | None, said: str) -> None:
    line = next(line for line in run.LINES if line.row == "churn")
    assert run.cell(line, {"churn": churn(error, [])}) == said


def test_a_row_with_failures_is_void() -> None:
    for line in run.LINES:
        told = run.cell(line, {line.row: {"failures": ["not served in time"] * 3}})
        assert told == ("failed" if line.read is run.joins else "void: 3 failed"), line.title
    assert run.spoilt("first-frame", {"failures": 2}) == "void: 2 failed"
    assert not run.spoilt("churn", churn(None, []))
    assert not run.spoilt("join-50", {"failures": ["not served in time"]})
