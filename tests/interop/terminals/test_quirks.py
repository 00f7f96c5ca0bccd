"""Tests of the quirk terminal itself. Two terminals call each other, and their descriptions meet ours. Other tests run them
against a real server.
"""

from __future__ import annotations

import pytest

from conference.ground.plan import OwnBfcp, OwnEnd, OwnEnds, Policy
from signaling.sip.media import plan
from signaling.sip.media.profiles import GENERIC
from tests.interop.terminals.quirks import QUIRKS, Quirk, Terminal, canned, loudest_hz, tone
from tests.waiting import until

OWN = OwnEnds(
    "127.0.0.1", OwnEnd(20_000, 20_001), OwnEnd(20_002, 20_003), OwnEnd(20_004, 20_005), OwnBfcp(21_000, 21_001, 7, 3)
)


def test_the_canned_picture() -> None:
    units = canned((200, 40, 40))
    assert [nal[0] & 31 for nal in units[0]][:2] == [7, 8]
    assert units[0][-1][0] & 31 == 5
    assert all(nal[0] & 31 == 1 for unit in units[1:] for nal in unit)
    assert max(len(nal) for unit in units for nal in unit) <= 1200
    assert loudest_hz(tone(440)) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("name", QUIRKS)
async def test_its_offer_is_answered(name: str) -> None:
    quirk = QUIRKS[name]
    async with Terminal(quirk) as terminal:
        body, found = plan.answer(terminal.offer(), OWN, GENERIC, Policy())
        terminal._aim(body.decode())
        assert found.audio is not None
        assert found.audio.codec == "pcma"
        assert found.audio.stream.remote.port == terminal.audio.port
        assert not found.audio.stream.rtcp_mux
        assert found.video is not None
        assert found.video.mode == quirk.modes[0]
        assert found.video.feedback == (quirk.obeys & {"pli", "fir"} if quirk.promises else frozenset())
        assert (found.bfcp.transport if found.bfcp else "") == quirk.floor
        assert terminal.video.remote == ("127.0.0.1", 20_002)
        assert terminal.video.remote_rtcp == ("127.0.0.1", 20_003)


@pytest.mark.parametrize("name", QUIRKS)
async def test_each_terminal_answers_our_offer(name: str) -> None:
    quirk = QUIRKS[name]
    offer = plan.make_offer(OWN, GENERIC, Policy())
    async with Terminal(quirk) as terminal:
        found = plan.read_answer(offer, terminal.answer(offer.decode()), GENERIC, Policy())
        assert found.video is not None
        assert found.video.mode == quirk.modes[0]
        assert found.content is None
        assert terminal.video.remote == ("127.0.0.1", 20_002)
        assert (found.bfcp.transport if found.bfcp else "") == ("udp" if quirk.floor == "udp" else "")


@pytest.mark.parametrize(
    "name",
    [
        "well behaved",
        "mode 0 only",
        "late offer",
        "late offer by TCP",
        "wrong SSRC",
        "long INVITE by TCP",
        "empty packets first",
    ],
)
async def test_two_terminals_see_and_hear_each_other(name: str) -> None:
    quirk = QUIRKS[name]
    plain = Quirk(transport=quirk.transport)
    async with (
        Terminal(quirk, "caller", colour=(200, 40, 40), hz=440) as one,
        Terminal(plain, "callee", colour=(30, 60, 210), hz=880) as two,
    ):
        assert await one.call(f"callee@127.0.0.1:{two.port}", "127.0.0.1", two.port) == 200
        await until(
            lambda: one.viewer.frames > 10 and two.viewer.frames > 10 and min(len(one.heard), len(two.heard)) > 4000
        )
        assert two.viewer.colour() == pytest.approx((200, 40, 40), abs=12)
        assert one.viewer.colour() == pytest.approx((30, 60, 210), abs=12)
        assert loudest_hz(bytes(one.heard[:4000])) == pytest.approx(880, abs=5)
        assert loudest_hz(bytes(two.heard[:4000])) == pytest.approx(440, abs=5)
        assert two.viewer.largest_nal <= 1200
        assert set(two.viewer.shapes) == {"single"}
        await until(lambda: one.video.rtcp_received > 0)
        if quirk.wrong_ssrc:
            await until(lambda: len(two.video.sources) == 2)
        if quirk.long_invite:
            assert one.invite_bytes > 1300
        assert await one.hang_up() == 200
        await until(two.ended.is_set)


@pytest.mark.parametrize(("asked", "obeys"), [("info", {"info"}), ("info", set()), ("pli", {"pli"}), ("fir", {"pli"})])
async def test_key_frames_are_sent_for_supported_requests_only(asked: str, obeys: set[str]) -> None:
    async with Terminal(Quirk(obeys=frozenset(obeys)), "asked") as one, Terminal(Quirk(), "asking") as two:  # type: ignore[arg-type]
        assert await two.call("asked@127.0.0.1", "127.0.0.1", one.port) == 200
        await until(lambda: one.keyframes_sent == 1 and one._unit > 3)
        if asked == "info":
            status = await two.info(
                "application/media_control+xml",
                b"<media_control><vc_primitive><to_encoder><picture_fast_update/></to_encoder></vc_primitive></media_control>",
            )
            assert status == (200 if obeys else 488)
        else:
            kind = {"pli": 1, "fir": 4}[asked]
            packet = bytes((0x80 | kind, 206, 0, 2)) + bytes(8)
            two.video.rtcp.sendto(packet, ("127.0.0.1", one.video.port + 1))
            await until(lambda: one.video.asked[asked] == 1)
        assert one.obeyed == (asked in obeys)
        if obeys and asked in obeys:
            await until(lambda: one.keyframes_sent == 2)


async def test_a_terminal_refuses_avpf_and_accepts_hold() -> None:
    async with Terminal(QUIRKS["AVPF refused"], "callee") as two, Terminal(Quirk(), "caller") as one:
        wrong = one.offer().replace(b"RTP/AVP", b"RTP/AVPF")
        one.offer = lambda direction="sendrecv": wrong  # type: ignore[method-assign]
        assert await one.call("callee@127.0.0.1", "127.0.0.1", two.port) == 488
    async with Terminal(Quirk(), "callee") as two, Terminal(Quirk(), "caller") as one:
        assert await one.call("callee@127.0.0.1", "127.0.0.1", two.port) == 200
        assert await one.hold("sendonly") == 200
        assert two.requests.count("INVITE") == 2


async def test_a_silent_terminal_sends_nothing() -> None:
    async with Terminal(QUIRKS["silent"], "silent") as one, Terminal(Quirk(), "other") as two:
        assert await one.call("other@127.0.0.1", "127.0.0.1", two.port) == 200
        await until(lambda: one.video.received > 5)
        assert (one.audio.sent, one.video.sent, two.video.received, two.video.rtcp_received) == (0, 0, 0, 0)
