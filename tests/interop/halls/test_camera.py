"""A hall's camera that an operator moves from the board of a real server. The terminal receives H.281 orders in H.224 frames."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.interop.browsers.test_halls_and_browsers import There
from tests.interop.terminals.quirks import Quirk
from tests.interop.terminals.test_quirks_server import Recorder, recorder, serve
from tests.waiting import until

pytestmark = pytest.mark.slow

# The header of a frame: Q.922 address and control, H.224 terminals 0 and 0, client, and "begins and ends here". The message of
# the client follows (H.224 §7, H.281 §5).
MANAGEMENT = bytes.fromhex("006103 00000000 00 c0")
CAMERA = bytes.fromhex("007103 00000000 01 c0")
WE_HAVE_A_CAMERA_CLIENT = MANAGEMENT + bytes.fromhex("01 00 01 01")
LEFT, RIGHT_AND_OUT = 0x80, 0xC8


@pytest.fixture(scope="module")
def there(tmp_path_factory: pytest.TempPathFactory) -> Iterator[There]:
    yield from serve(tmp_path_factory)


def start(way: int) -> bytes:
    return CAMERA + bytes((1, way, 0))


def go_on(way: int) -> bytes:
    return CAMERA + bytes((2, way))


def stop(way: int) -> bytes:
    return CAMERA + bytes((3, way))


def turn(there: There, **steps: int) -> str:
    """Send the board's camera command. Return the code of its refusal, or an empty text."""
    row = next(row for row in there.rows() if row["state"] == "connected")
    (result,) = there.command("camera", row["leg_id"], **steps)["results"]
    code: str = result["code"]
    assert result["ok"] == (code == "")
    return code


async def shows_it_moves(there: There, moves: bool) -> None:
    await until(lambda: [row["camera"] for row in there.rows() if row["state"] == "connected"] == [moves], "the board")


def preset(order: int, number: int) -> bytes:
    return CAMERA + bytes((order, number << 4))


def go_to(there: There, action: str, number: int, **more: str) -> dict[str, str]:
    """Return the names of the positions after the command."""
    row = next(row for row in there.rows() if row["state"] == "connected")
    (result,) = there.command(action, row["leg_id"], preset=number, **more)["results"]
    assert result["ok"]
    names: dict[str, str] = next(row for row in there.rows() if row["state"] == "connected")["presets"]
    return names


async def is_moved(there: There, terminal: Recorder) -> None:
    orders = terminal.orders
    await until(lambda: WE_HAVE_A_CAMERA_CLIENT in orders, "it is told that its camera may be moved")
    await shows_it_moves(there, True)
    orders.clear()
    assert turn(there, pan=-1) == ""
    await until(lambda: orders.count(go_on(LEFT)) >= 2, "it is told to go on while the key is held")
    assert turn(there) == ""
    await until(lambda: stop(LEFT) in orders, "it stops")
    assert orders[0] == start(LEFT)
    assert orders[-1] == stop(LEFT)
    assert set(orders[1:-1]) == {go_on(LEFT)}
    orders.clear()
    assert turn(there, pan=1, zoom=-1) == turn(there, pan=-1) == turn(there) == ""
    await until(lambda: orders.count(stop(LEFT)) == 1, "two moves, one after the other")
    rest = [order for order in orders if order[9] != 2]
    assert rest == [start(RIGHT_AND_OUT), stop(RIGHT_AND_OUT), start(LEFT), stop(LEFT)]
    orders.clear()
    assert turn(there, tilt=1) == ""
    assert go_to(there, "store_preset", 3, name=" Bàn  chủ tọa ") == {"3": "Bàn chủ tọa"}
    assert go_to(there, "store_preset", 3) == {"3": "Bàn chủ tọa"}, "stored again, under the same name"
    assert go_to(there, "store_preset", 3, name="") == {}
    go_to(there, "preset", 15)
    await until(lambda: preset(7, 15) in orders, "it goes to a stored position")
    assert [order for order in orders if order[9] > 2] == [stop(0x30), *[preset(6, 3)] * 3, preset(7, 15)]
    assert len(terminal.camera.sources) == 1
    assert set(terminal.camera.types) == {terminal.camera.payload_type}


@pytest.mark.parametrize("late", [False, True], ids=["its offer", "our offer"])
async def test_an_operator_can_move_the_camera_of_a_hall(there: There, late: bool) -> None:
    async with recorder(there, Quirk(camera=True, small=True, late_offer=late)) as terminal:
        assert await there.dial(terminal) == 200
        await is_moved(there, terminal)
        # The terminal asks for the server's clients, and the server answers.
        terminal.orders.clear()
        terminal.camera.send(MANAGEMENT + b"\x01\xff", marker=False)
        await until(lambda: terminal.orders == [WE_HAVE_A_CAMERA_CLIENT], "the list it asked for")
        # The terminal hangs up while its camera moves. The server sends no stop, and no state remains.
        assert turn(there, tilt=1) == ""
        assert await terminal.hang_up() == 200


async def test_a_terminal_that_lists_no_camera_gets_no_camera_orders(there: There) -> None:
    async with recorder(there, Quirk(camera=True, small=True)) as terminal:
        assert await there.dial(terminal) == 200
        await shows_it_moves(there, True)
        terminal.camera.send(MANAGEMENT + bytes((1, 0, 1, 2)), marker=False)  # the terminal lists another client only
        await shows_it_moves(there, False)
        terminal.orders.clear()
        assert turn(there, pan=1) == "no_camera"
        terminal.camera.send(b"\xff" * 12, marker=False)  # not a valid frame
        terminal.camera.send(MANAGEMENT + bytes((1, 0, 1, 1)), marker=False)
        await shows_it_moves(there, True)
        assert set(terminal.orders) <= {WE_HAVE_A_CAMERA_CLIENT}, "it is not moved"
        assert await terminal.hang_up() == 200


async def test_the_camera_can_be_moved_after_a_reinvite(there: There) -> None:
    async with recorder(there, Quirk(camera=True, small=True)) as terminal:
        assert await there.dial(terminal) == 200
        await shows_it_moves(there, True)
        assert await terminal.hold("sendrecv") == 200
        await is_moved_again(there, terminal)
        assert await terminal.hang_up() == 200


async def is_moved_again(there: There, terminal: Recorder) -> None:
    terminal.orders.clear()
    assert turn(there, zoom=1) == turn(there) == ""
    await until(lambda: len(terminal.orders) >= 2, "orders after the new agreement")
    assert terminal.orders[0] == start(0x0C)
    assert terminal.orders[-1] == stop(0x0C)
