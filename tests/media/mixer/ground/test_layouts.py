"""Layouts: places do not overlap, are even and keep the picture's shape, and the first place is the largest."""

import pytest

from media.mixer.ground.layouts import FEWER, LAYOUTS, cells_of, rects
from media.mixer.ground.scene import Layout

SIZES = [(1920, 1080), (1280, 720), (640, 360), (352, 288), (1024, 576), (854, 480)]


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("size", SIZES)
def test_places_fit(layout: Layout, size: tuple[int, int]) -> None:
    width, height = size
    found = rects(layout, width, height)
    for number, rect in enumerate(found):
        assert not any(edge % 2 for edge in (rect.x, rect.y, rect.width, rect.height))
        assert rect.x >= 0
        assert rect.y >= 0
        assert rect.x + rect.width <= width
        assert rect.y + rect.height <= height
        assert not any(rect.meets(other) for other in found[number + 1 :])
        assert abs(rect.width / rect.height / (width / height) - 1) < 0.08
        assert rect.width * rect.height <= found[0].width * found[0].height * 1.1


@pytest.mark.parametrize(
    ("layout", "places"),
    [("1", 1), ("1+5", 6), ("1+7", 8), ("2x2", 4), ("3x3", 9), ("4x4", 16), ("lecture", 6), ("slides", 6)],
)
def test_how_many_places(layout: Layout, places: int) -> None:
    assert len(LAYOUTS[layout]) == places


@pytest.mark.parametrize("layout", ["1+5", "1+7", "2x2", "3x3", "4x4"])
def test_the_grid_layouts_leave_no_empty_area(layout: Layout) -> None:
    covered = sum(place.width * place.height for place in LAYOUTS[layout])
    assert covered == pytest.approx(1)


def test_cells_fill_places_in_order() -> None:
    assert cells_of("2x2", ("a", "b"), "", "") == (("a", False), ("b", False), ("", False), ("", False))
    assert cells_of("1", ("a", "b"), "", "") == (("a", False),)
    assert cells_of("2x2", ("a", "b"), "", "b")[1] == ("", False)


def test_slides_come_first_and_are_shown_to_their_owner_too() -> None:
    assert cells_of("slides", ("a", "b"), "a", "a")[:3] == (("a", True), ("", False), ("b", False))


def test_fewer_tiles_end_somewhere() -> None:
    for layout in LAYOUTS:
        for _ in LAYOUTS:
            layout = FEWER.get(layout, layout)
        assert layout not in FEWER
