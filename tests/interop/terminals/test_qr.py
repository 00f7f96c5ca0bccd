"""The reader of QR codes in received pictures reads what segno draws."""

from __future__ import annotations

import numpy as np
import pytest
import segno

from tests.interop.terminals import qr


@pytest.mark.parametrize("error", ["l", "m", "q", "h"])
@pytest.mark.parametrize("text", ["a", "https://172.16.77.1:7880/phieu#K7Q2M9XA", "Điểm cầu " * 3])
@pytest.mark.parametrize("module", [2, 5])
def test_reads_a_code_at_any_place(error: str, text: str, module: int) -> None:
    code = segno.make(text, error=error, mode="byte", micro=False, boost_error=False)
    dark = np.asarray([[bool(one) for one in row] for row in code.matrix_iter(border=4)])
    drawn = np.where(np.kron(dark, np.ones((module, module), bool)), 20, 235).astype(np.uint8)
    picture = np.full((360, 640, 3), 90, np.uint8)
    picture[31 : 31 + len(drawn), 57 : 57 + len(drawn)] = drawn[..., None]
    assert qr.read(picture) == text


def test_reads_nothing_in_a_picture_without_a_code() -> None:
    assert qr.read(np.zeros((90, 160, 3), np.uint8)) == ""
    stripes = np.tile(np.repeat([0, 255, 0, 0, 0, 255, 0], 4), 20)
    assert qr.read(np.dstack([np.tile(stripes, (90, 1))] * 3).astype(np.uint8)) == ""
