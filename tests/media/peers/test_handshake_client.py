"""DTLS with the peer as server: pion answers our offer with `passive`, and FFmpeg's WHIP offers `passive`."""

import asyncio
import gc
import os
from collections.abc import Callable
from typing import Any

import pytest
from aiortc.rtcdtlstransport import SRTP_AEAD_AES_256_GCM, RTCCertificate

from media import Acceptance, PeerError, Router
from media.ground import limits
from media.peers import handshake
from tests.clients import offers
from tests.clients.ice_client import CM, GCM, IceClient, rtp_packet
from tests.clients.peers import Call, Recorder, connect, end, open_path, tell, works
from tests.media.peers.test_handshake import numbered, record
from tests.security.floods import strangers

DATA = [offers.application()]
CLIENT_HELLO = b"\1"


def unanswered(router: Router) -> tuple[Call, Callable[[str], Any]]:
    """Return a call with our offer, and a function that answers the offer with an `a=setup`."""
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    offer = peer.offer()
    tell(client, offer.sdp)

    def answer(setup: str) -> Any:
        own = client.own_fingerprint
        return peer.accept_answer(offers.describe(DATA, ufrag=client.ufrag, fingerprint=own, setup=setup))

    return Call(peer, client, events, offer), answer  # type: ignore[arg-type]


async def passive(router: Router, protocol: str = "udp") -> Call:
    """Return a call whose offer was answered with `passive`. The path is open and not yet checked."""
    call, answer = unanswered(router)
    assert answer("passive") == []
    await open_path(call.client, call.answer, protocol)
    return call


async def secured(call: Call, profiles: list[Any] | None = None) -> Call:
    serving = asyncio.ensure_future(call.client.handshake(profiles, role="server"))
    await asyncio.sleep(0)
    await call.client.check()
    await serving
    await call.events.wait("connected")
    return call


def hellos(client: IceClient) -> list[bytes]:
    """Return every ClientHello that arrived, unchanged."""
    return [one for one in client.raw if one[:1] == b"\x16" and one[13:14] == CLIENT_HELLO]


@pytest.mark.parametrize(
    ("profiles", "name"),
    [
        ([*GCM, *CM], "SRTP_AEAD_AES_128_GCM"),
        (CM, "SRTP_AES128_CM_SHA1_80"),
        ([SRTP_AEAD_AES_256_GCM, *GCM], "SRTP_AEAD_AES_128_GCM"),
    ],
)
@pytest.mark.parametrize("protocol", ["udp", "tcp"])
async def test_the_server_answers_passive(router: Router, profiles: list[Any], name: str, protocol: str) -> None:
    call = await secured(await passive(router, protocol), profiles)
    assert call.client.profile == name
    assert (call.peer.state, call.peer.path[:3]) == ("connected", protocol)
    assert await works(call)
    end(call)


async def test_our_hello_names_our_profiles_in_our_order(router: Router) -> None:
    call = await passive(router)
    await call.client.check()
    async with asyncio.timeout(5):
        while not hellos(call.client):
            await asyncio.sleep(0.01)
    gcm_then_cm = bytes.fromhex("000e 0007 0004 0007 0001 00")  # RFC 5764 §4.1.1, RFC 7714 §14.2
    assert gcm_then_cm in hellos(call.client)[0]
    end(call)


async def test_the_peer_may_answer_active_too(router: Router) -> None:
    call, answer = unanswered(router)
    answer("active")
    await open_path(call.client, call.answer)
    await call.client.check()
    await call.client.handshake()
    await call.events.wait("connected")
    assert hellos(call.client) == []
    end(call)


async def test_media_go_both_ways_after_an_offer_of_passive(router: Router) -> None:
    """We answer `active` to an offer as FFmpeg's WHIP makes it. Its media reaches a viewer, which has the usual role."""
    sections = [offers.audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")]
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)
    text = offers.describe(sections, ufrag=client.ufrag, fingerprint=client.own_fingerprint, setup="passive")
    answer = peer.answer(text, accept=lambda _: Acceptance())
    assert answer.sdp.count("a=setup:active\r\n") == 1
    assert "a=setup:passive" not in answer.sdp
    tell(client, answer.sdp)
    await open_path(client, answer)
    call = await secured(Call(peer, client, events, answer))
    viewer = await connect(router, [offers.audio("recvonly")], forward=[one.producer for one in call.answer.published])
    for number in range(20):
        packet = rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=b"voice")
        client.send_rtp(packet)
        await asyncio.sleep(0.01)
    assert (await viewer.client.receive_rtp()).endswith(b"voice")
    end(call, viewer)


async def test_a_later_description_keeps_the_role(router: Router) -> None:
    """The roles stay without a new DTLS association (RFC 8842 §5.5), and an offer with `actpass` does not start a new one."""
    events, client = Recorder(), IceClient(remote_ufrag="", remote_pwd="")
    peer = router.open_peer(events)

    def answer(setup: str) -> str:
        text = offers.describe(DATA, ufrag=client.ufrag, fingerprint=client.own_fingerprint, setup=setup)
        return offers.first(peer.answer(text, accept=lambda _: None).sdp, "setup")

    assert [answer(setup) for setup in ("passive", "actpass", "passive")] == ["active"] * 3
    with pytest.raises(PeerError, match="role"):
        answer("active")
    call, answered = unanswered(router)
    answered("passive")
    call.peer.offer()
    with pytest.raises(PeerError, match="role"):
        answered("active")
    peer.close()
    end(call)


# -- the destination and number of ClientHellos


async def test_no_client_hello_goes_to_an_unchecked_path(router: Router) -> None:
    """No ClientHello goes to an unchecked path, to a check with a wrong password, or to the first sender of DTLS."""
    call = await passive(router)
    foreign = await strangers.client_hello()
    for _ in range(20):
        call.client.send(foreign)
        call.client.send(bytes(call.client.request(key="another password of 28 chars")))
        call.client.send(bytes(call.client.request(username=f"{call.client.remote_ufrag}:other")))
        await asyncio.sleep(0.01)
    assert (call.client.raw, call.peer.state) == ([], "new")
    await secured(call)  # the control: the same client, with the right password
    assert len(hellos(call.client)) == 1
    end(call)


async def test_no_client_hello_goes_before_the_answer(router: Router) -> None:
    """A check with the ufrag of our offer can arrive before the answer. Then the sender and its role are not known yet."""
    call, answer = unanswered(router)
    await open_path(call.client, call.answer)
    await call.client.check()
    await asyncio.sleep(0.1)
    assert hellos(call.client) == []
    answer("passive")
    await call.client.handshake(role="server")
    await call.events.wait("connected")
    assert await works(call)
    end(call)


async def test_a_lost_hello_is_sent_again(router: Router) -> None:
    """A lost hello is sent again after one second, as the timer of RFC 6347 §4.2.4.1 says."""
    call = await passive(router)
    deliver = call.client._pipe.put
    lost: list[bytes] = []

    def lose_first(datagram: bytes) -> None:
        if lost:
            deliver(datagram)
        else:
            lost.append(datagram)

    call.client._pipe.put = lose_first  # type: ignore[method-assign]
    await secured(call)
    assert len(hellos(call.client)) == 2
    assert lost == hellos(call.client)[:1]
    assert await works(call)
    end(call)


async def test_a_silent_client_gets_few_client_hellos(router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    """Row M14: three hellos in four seconds, then at most two more, and hardly more bytes than the checks themselves."""
    monkeypatch.setattr(limits, "HANDSHAKE_S", 4.0)
    call = await passive(router)
    await call.client.check()
    assert await call.events.wait("failed") == ("failed", "handshake timed out")
    assert len(hellos(call.client)) == 3
    assert sum(map(len, hellos(call.client))) < 3 * 300
    end(call)


# -- hostile servers


async def test_a_wrong_certificate_fails_the_handshake(router: Router) -> None:
    call = await passive(router)
    call.client.certificate = RTCCertificate.generateCertificate()
    serving = asyncio.ensure_future(call.client.handshake(role="server"))
    await asyncio.sleep(0)
    await call.client.check()
    assert await call.events.wait("failed") == ("failed", "handshake failed")
    await asyncio.gather(serving, return_exceptions=True)
    assert "connected" not in call.events.names()
    end(call)


async def test_a_server_without_a_common_profile_fails(router: Router) -> None:
    call = await passive(router)
    serving = asyncio.ensure_future(call.client.handshake([SRTP_AEAD_AES_256_GCM], role="server"))
    await asyncio.sleep(0)
    await call.client.check()
    assert await call.events.wait("failed") == ("failed", "handshake failed")
    await asyncio.gather(serving, return_exceptions=True)
    end(call)


async def test_a_handshake_has_a_byte_cap(router: Router) -> None:
    call = await passive(router)
    await call.client.check()
    content = bytes(1200)
    piece = b"\x0b" + (8000).to_bytes(3, "big") + b"\0\1" + bytes(2) + b"\1" + len(content).to_bytes(3, "big") + content
    for _ in range(limits.HANDSHAKE_BYTES // 1200 + 2):
        call.client.send(record(22, 0, piece))
        await asyncio.sleep(0.001)
    assert await call.events.wait("failed") == ("failed", "handshake too long")
    end(call)


async def test_noise_with_valid_headers_ends_no_handshake(router: Router) -> None:
    call = await passive(router)
    await call.client.check()
    for number in range(2 * limits.HANDSHAKE_BYTES // 1400):
        noise = os.urandom(1387)
        if number % 4 == 2:  # no server sends this message; an attacker with the server's address can forge real ones
            noise = b"\x10" + noise[1:]
        call.client.send(record((20, 21, 22, 23)[number % 4], number // 4 % 3, noise))
        await asyncio.sleep(0.001)
    assert "failed" not in call.events.names()
    await call.client.handshake(role="server")
    await call.events.wait("connected")
    end(call)


@pytest.mark.parametrize("kind", ["HelloRequest", "ClientHello", "late HelloVerifyRequest"])
async def test_forged_messages_do_not_spoil_the_handshake(router: Router, kind: str) -> None:
    """The handshake completes, although forged messages surround each datagram of the server. OpenSSL would end a handshake for
    each of them.
    """
    if kind == "ClientHello":
        forged = numbered(await strangers.client_hello(), 0)
    else:
        body = b"" if kind == "HelloRequest" else b"\xfe\xff\x04abcd"
        head = bytes([0 if kind == "HelloRequest" else 3]) + len(body).to_bytes(3, "big") + b"\0\1" + bytes(3)
        forged = record(22, 0, head + len(body).to_bytes(3, "big") + body)
    call = await passive(router)
    deliver = call.client._pipe._deliver

    def both(datagram: bytes) -> None:
        call.client.send(forged)
        deliver(datagram)
        call.client.send(forged)

    call.client._pipe._deliver = both
    await secured(call)
    assert await works(call)
    assert "failed" not in call.events.names()
    end(call)


async def test_no_dtls_object_before_a_check_or_after_close(router: Router) -> None:
    def kept() -> int:
        return sum(isinstance(one, handshake._Dtls) for one in gc.get_objects())

    gc.collect()
    gc.freeze()  # objects of other tests are left out
    try:
        call = await passive(router)
        await asyncio.sleep(0.05)
        assert kept() == 0
        await call.client.check()
        async with asyncio.timeout(5):
            while not kept():
                await asyncio.sleep(0.02)
            call.peer.close()
            while kept():
                await asyncio.sleep(0.02)
                gc.collect()
    finally:
        gc.unfreeze()
    end(call)
