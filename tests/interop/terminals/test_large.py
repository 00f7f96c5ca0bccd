"""The picture of scripted terminals that are alone, or that are in the large place. A real server with its mixer makes it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.browsers.test_halls_and_browsers import HOST, There, upper
from tests.interop.terminals.quirks import Quirk, Terminal
from tests.interop.terminals.test_quirks_server import serve
from tests.waiting import until

pytestmark = pytest.mark.slow

RED, GREEN = (200, 40, 40), (40, 160, 40)


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


class SoundOnly(Terminal):
    """A terminal that neither receives nor sends pictures."""

    def offer(self, direction: str = "sendrecv") -> bytes:
        return super().offer(direction).replace(f"m=video {self.video.port} ".encode(), b"m=video 0 ")


def terminal(there: There, name: str, colour: tuple[int, int, int] = RED, kind: type[Terminal] = Terminal) -> Terminal:
    return kind(Quirk(), name, HOST, colour, 440, there.booked.passwords[name])


def is_red(one: Terminal) -> bool:
    return upper(one)[0] > upper(one)[1] + 40


def is_green(one: Terminal) -> bool:
    return upper(one)[1] > upper(one)[0] + 40


def words(one: Terminal) -> int:
    """Count the bright points in the middle of the picture. A dark picture has none."""
    picture = one.viewer.picture
    if picture is None:
        return 0
    height, width = picture.shape[:2]
    middle = picture[height * 3 // 10 : height * 7 // 10, width // 8 : width * 7 // 8]
    return int((middle.min(axis=2) > 180).sum())


async def go_on(*halls: Terminal) -> None:
    """Wait for two seconds of pictures."""
    seen = [one.viewer.frames for one in halls]
    await until(
        lambda: all(one.viewer.frames > count + 30 for one, count in zip(halls, seen, strict=True)), "pictures go on"
    )


async def test_a_lone_hall_shows_a_text_until_another_hall_joins(there: There) -> None:
    async with terminal(there, "hall-a") as one, terminal(there, "hall-b", GREEN) as other:
        assert await there.dial(one) == 200
        await until(lambda: words(one) > 1000, "it reads the meeting's title, number and who is waited for")
        assert not is_red(one), "it is not its own picture"
        assert await there.dial(other) == 200
        await until(lambda: is_green(one) and words(one) < 100, "the other's picture, and no words over it")
        await other.hang_up()
        await until(lambda: words(one) > 1000, "alone again")
        await one.hang_up()


async def test_no_hall_is_large_to_itself_when_the_front_lacks_video(there: There) -> None:
    async with (
        terminal(there, "hall-a") as bob,
        terminal(there, "hall-b", GREEN) as carol,
        terminal(there, "hall-c", kind=SoundOnly) as dave,
    ):
        for one in (bob, carol, dave):
            assert await there.dial(one) == 200
        await until(lambda: is_green(bob) and is_red(carol), "each sees the other")
        legs = {row["terminal_id"]: row["leg_id"] for row in there.rows()}
        for speaker in ("hall-a", "hall-b"):
            # The speaker is in the large place first, and then a hall without a picture is.
            there.command("stage", legs[speaker])
            there.command("stage", legs["hall-c"])
            await go_on(bob, carol)
            assert is_green(bob), "each sees the other"
            assert is_red(carol), "each sees the other"
