"""Peers on the real plane: sections during their life, recorded clients' offers, and packets from end to end."""

import asyncio
from pathlib import Path
from typing import Literal

import pytest
from aiortc.rtp import RtpPacket

from media import Acceptance, Node, OfferedTrack, Peer, PeerError, Producer, Router
from media.ground import limits
from media.ground.library import check_sources
from tests.clients import offers
from tests.clients.ice_client import IceClient, rtp_packet
from tests.clients.offers import audio, video
from tests.clients.peers import Call, Recorder, connect, end, open_path, tell

FIXTURES = Path(__file__).parents[2] / "fixtures" / "sdp"
MIC = audio("sendonly", "a=msid:s mic", "a=ssrc:1111 cname:c")
CAMERA = video("sendonly", "a=msid:s cam", "a=ssrc:2222 cname:c", "a=ssrc:2223 cname:c", "a=ssrc-group:FID 2222 2223")
LAYERED = video("sendonly", "a=msid:s cam", "a=rid:f send", "a=rid:h send", "a=rid:q send", "a=simulcast:send f;h;q")
KEYFRAME = b"\x10" + b"\x00\x00\x00\x9d\x01\x2a" + bytes(60)  # VP8: S bit, then the first bytes of a key frame


def fixture(name: str) -> str:
    return (FIXTURES / f"{name}.sdp").read_bytes().decode()


def take_all(_: OfferedTrack) -> Acceptance:
    return Acceptance()


def direction(sdp: str, mid: str) -> str:
    lines = next(part for part in offers.sections(sdp) if f"a=mid:{mid}\r\n" in part + "\r\n").split("\r\n")
    return next(line[2:] for line in lines if line[2:] in ("sendrecv", "sendonly", "recvonly", "inactive"))


def published(peer: Peer, sdp: str) -> list[Producer]:
    return [one.producer for one in peer.answer(sdp, accept=take_all).published]


def forward(peer: Peer, producer: Producer, name: str) -> None:
    peer.consume(producer, stream_id=f"PA_x|{name}", track_id=name)


# -- recorded clients, one connection


@pytest.fixture
def producers(router: Router) -> list[Producer]:
    """The microphone and camera of a recorded browser."""
    found = published(router.open_peer(Recorder()), fixture("js_single_published"))
    assert sorted(producer.kind for producer in found) == ["audio", "video"]
    return found


@pytest.mark.parametrize("client", ["js", "python", "go"])
def test_first_answer_binds_what_is_there(router: Router, producers: list[Producer], client: str) -> None:
    peer = router.open_peer(Recorder())
    for producer in producers:
        forward(peer, producer, f"TR_{producer.kind}")
    assert peer.missing_sections == (1, 1)
    answer = peer.answer(fixture(f"{client}_single_join"), accept=take_all)
    assert answer.mid_to_track_id == {"0": "TR_audio", "3": "TR_video"}
    assert (len(answer.bound), answer.unsupported, answer.published, answer.ended) == (2, [], [], [])
    assert (peer.missing_sections, peer.needs_offer) == ((0, 0), False)
    assert [direction(answer.sdp, mid) for mid in "012345"] == ["sendonly"] * 6
    assert answer.sdp.count("a=msid:PA_x|TR_video TR_video") == 1
    assert answer.sdp.count("ssrc-group:FID") == 1


def test_a_waiting_track_asks_for_a_section_and_gets_it(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    peer.answer(offers.describe([audio("recvonly")]), accept=take_all)
    microphone, camera = sorted(producers, key=lambda producer: producer.kind)
    forward(peer, microphone, "TR_a")
    forward(peer, camera, "TR_v")
    forward(peer, camera, "TR_w")
    assert peer.missing_sections == (0, 2)
    answer = peer.answer(offers.describe([audio("recvonly"), video("recvonly")]), accept=take_all)
    assert answer.mid_to_track_id == {"0": "TR_a", "1": "TR_v"}
    assert (peer.missing_sections, peer.needs_offer) == ((0, 1), True)


def test_an_idle_section_is_used_again(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    camera = next(producer for producer in producers if producer.kind == "video")
    consumer = peer.consume(camera, stream_id="PA_x|TR_v", track_id="TR_v")
    offer = fixture("js_single_join")
    first = peer.answer(offer, accept=take_all)
    peer.stop(consumer)
    peer.stop(consumer)
    forward(peer, camera, "TR_w")
    assert peer.missing_sections == (0, 0)  # sections 4 and 5 are free at the same time
    second = peer.answer(offer, accept=take_all)
    assert (direction(second.sdp, "3"), second.mid_to_track_id) == ("inactive", {"4": "TR_w"})
    forward(peer, camera, "TR_x")
    third = peer.answer(offer, accept=take_all)
    assert (direction(third.sdp, "3"), third.mid_to_track_id) == ("sendonly", {"3": "TR_x", "4": "TR_w"})
    assert offers.first(first.sdp, "ssrc-group") not in third.sdp


def test_go_publishes_in_its_placeholders(router: Router) -> None:
    peer = router.open_peer(Recorder())
    peer.answer(fixture("go_single_join"), accept=take_all)
    # The recorded client did not restart ICE. Its ufrag differs only because two connections were recorded.
    answer = peer.answer(fixture("go_single_published"), accept=take_all)
    assert [(one.mid, one.offered.track_id) for one in answer.published] == [
        ("0", "TR_EqmkThSGo3eb"),
        ("3", "TR_xagGUMjDQJsi"),
    ]
    assert [direction(answer.sdp, mid) for mid in "013"] == ["sendrecv", "sendonly", "sendrecv"]
    forward(peer, answer.published[1].producer, "TR_back")
    again = peer.answer(fixture("go_single_published"), accept=take_all)
    assert again.mid_to_track_id == {"3": "TR_back"}
    assert (again.published, again.ended) == ([], [])


def test_layers_are_lowest_first_in_any_order_of_the_offer(router: Router) -> None:
    for name, offered in (("js_single_published", "q;h;f"), ("python_single_published", "f;h;q")):
        answer = router.open_peer(Recorder()).answer(fixture(name), accept=take_all)
        camera = next(one for one in answer.published if one.producer.kind == "video")
        assert camera.producer.layers == camera.offered.rids == ("q", "h", "f")
        assert f"a=simulcast:recv {offered}\r\n" in answer.sdp


def test_a_refused_track_is_asked_for_again(router: Router) -> None:
    peer, asked = router.open_peer(Recorder()), []

    def refuse(offered: OfferedTrack) -> None:
        asked.append(offered.track_id)

    answer = peer.answer(offers.describe([MIC]), accept=refuse)
    assert (answer.published, direction(answer.sdp, "0")) == ([], "inactive")
    answer = peer.answer(offers.describe([MIC]), accept=take_all)
    assert (asked, len(answer.published), direction(answer.sdp, "0")) == (["mic"], 1, "recvonly")


def test_publishing_ends_with_its_section(router: Router) -> None:
    peer = router.open_peer(Recorder())
    producer = peer.answer(offers.describe([MIC, CAMERA]), accept=take_all).published[0].producer
    answer = peer.answer(offers.describe([audio("inactive"), CAMERA]), accept=take_all)
    assert (answer.ended, producer.closed, answer.published) == ([producer], True, [])
    other = audio("sendonly", "a=msid:s other", "a=ssrc:9 cname:c")
    answer = peer.answer(offers.describe([other, CAMERA]), accept=take_all)
    assert [one.offered.track_id for one in answer.published] == ["other"]
    replaced = audio("sendonly", "a=msid:s third", "a=ssrc:10 cname:c")
    before = answer.published[0].producer
    answer = peer.answer(offers.describe([replaced, CAMERA]), accept=take_all)
    assert (answer.ended, len(answer.published)) == ([before], 1)
    answer = peer.answer(offers.describe([replaced, CAMERA], rejected=frozenset({0})), accept=take_all)
    assert len(answer.ended) == 1


def test_publishing_survives_reordered_format_parameters(router: Router) -> None:
    peer = router.open_peer(Recorder())
    sdp = fixture("js_single_published")
    before = published(peer, sdp)
    other = sdp.replace("minptime=10;useinbandfec=1;stereo=1", "minptime=10;stereo=1;useinbandfec=1")
    assert other != sdp
    answer = peer.answer(other, accept=take_all)
    assert (answer.ended, answer.published) == ([], [])
    assert not any(producer.closed for producer in before)


@pytest.mark.parametrize("streams", [True, False])
def test_publishing_survives_an_offer_without_retransmission(router: Router, streams: bool) -> None:
    repaired = ("a=ssrc-group:FID 7 8", "a=ssrc:7 cname:x", "a=ssrc:8 cname:x")
    peer = router.open_peer(Recorder())
    first = offers.describe([offers.video("sendonly", "a=msid:- cam", *repaired)])
    [before] = published(peer, first)
    plain = offers.video("sendonly", "a=msid:- cam", *(repaired if streams else ("a=ssrc:7 cname:x",)))
    plain.lines = tuple(line for line in plain.lines if ":97" not in line)
    plain.numbers = "96"
    answer = peer.answer(offers.describe([plain]), accept=take_all)
    assert (answer.ended, answer.published, before.closed) == ([], [], False)


def test_a_lost_section_puts_its_track_back_in_line(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    camera = next(producer for producer in producers if producer.kind == "video")
    forward(peer, camera, "TR_v")
    peer.answer(offers.describe([video("recvonly")]), accept=take_all)
    answer = peer.answer(offers.describe([video("inactive")]), accept=take_all)
    assert (answer.mid_to_track_id, peer.missing_sections) == ({}, (0, 1))
    answer = peer.answer(offers.describe([video("inactive"), video("recvonly")]), accept=take_all)
    assert answer.mid_to_track_id == {"1": "TR_v"}


def test_an_unsupported_codec_is_reported_to_the_listener(router: Router) -> None:
    publisher, listener = router.open_peer(Recorder()), router.open_peer(Recorder())
    h264 = offers.Offered("video", "sendonly", ("a=rtpmap:98 H264/90000", "a=fmtp:98 profile-level-id=42e01f"), "98")
    producer = published(publisher, offers.describe([h264]))[0]
    forward(listener, producer, "TR_v")
    answer = listener.answer(offers.describe([video("recvonly")]), accept=take_all)
    assert ([one.closed for one in answer.unsupported], answer.mid_to_track_id) == ([True], {})
    assert (listener.missing_sections, direction(answer.sdp, "0")) == ((0, 0), "sendonly")


async def test_a_closed_producer_frees_its_section_and_needs_an_offer(
    router: Router, producers: list[Producer]
) -> None:
    events = Recorder()
    peer = router.open_peer(events)
    camera = next(producer for producer in producers if producer.kind == "video")
    forward(peer, camera, "TR_v")
    peer.answer(offers.describe([video("recvonly")]), accept=take_all)
    await asyncio.sleep(0)
    events.seen.clear()
    camera.close()
    await events.wait("negotiation")
    assert peer.needs_offer
    answer = peer.answer(offers.describe([video("recvonly")]), accept=take_all)
    assert (direction(answer.sdp, "0"), answer.mid_to_track_id) == ("inactive", {})


@pytest.mark.parametrize(
    "text",
    [
        offers.describe([MIC], setup="holdconn"),
        offers.describe([MIC]).replace("a=setup", "a=step"),
        offers.describe([MIC]).replace("a=fingerprint", "a=footprint"),
        offers.describe([MIC]).replace("a=ice-ufrag", "a=ice-frag"),
        offers.describe([MIC]).replace("a=ice-pwd", "a=ice-word"),
        offers.describe([MIC]).replace("a=ice-pwd:", "a=ice-pwd:short\r\na=x:"),
        "v=0\r\ns=-\r\n",
        fixture("js_dual_answer"),
    ],
)
def test_offers_that_no_client_makes(router: Router, text: str) -> None:
    peer = router.open_peer(Recorder())
    if text == fixture("js_dual_answer"):
        peer.answer(offers.describe([video("recvonly")]), accept=take_all)  # mid 0 is application there
    with pytest.raises(PeerError):
        peer.answer(text, accept=take_all)


def test_number_of_waiting_tracks_is_bounded(
    router: Router, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSUMERS", 3)
    peer = router.open_peer(Recorder())
    for number in range(3):
        forward(peer, producers[0], f"TR_{number}")
    with pytest.raises(PeerError):
        forward(peer, producers[0], "TR_3")


def test_requested_sections_stay_within_the_description_limit(
    router: Router, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The limit also applies to requested sections. Otherwise the client would obey and be disconnected for that."""
    monkeypatch.setattr(limits, "SDP_SECTIONS", limits.SDP_OWN_SECTIONS + 3)
    microphone, camera = sorted(producers, key=lambda producer: producer.kind)
    peer = router.open_peer(Recorder())
    ending = peer.consume(microphone, stream_id="PA_x", track_id="TR_0")
    peer.answer(offers.describe([audio("recvonly")]), accept=take_all)
    for number in range(1, 5):
        forward(peer, camera, f"TR_{number}")
    assert peer.missing_sections == (0, 2)
    sections = [audio("recvonly"), video("recvonly"), video("recvonly")]
    answer = peer.answer(offers.describe(sections), accept=take_all)
    assert answer.mid_to_track_id == {"0": "TR_0", "1": "TR_1", "2": "TR_2"}
    assert (peer.missing_sections, peer.needs_offer) == ((0, 0), False)
    [first, *_] = answer.bound
    peer.stop(first)
    peer.stop(ending)
    assert peer.needs_offer
    peer.answer(offers.describe(sections), accept=take_all)  # this tells the client that the section is idle
    assert (peer.missing_sections, peer.needs_offer) == ((0, 0), True)
    assert peer.answer(offers.describe(sections), accept=take_all).mid_to_track_id == {"1": "TR_3", "2": "TR_2"}
    assert (peer.missing_sections, peer.needs_offer) == ((0, 0), False)


def test_a_control_without_the_bound_takes_every_track(
    router: Router, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "CONSUMERS", 1 << 30)
    peer = router.open_peer(Recorder())
    for number in range(1500):
        forward(peer, producers[0], f"TR_{number}")
    assert peer._forwarding.count == 1500
    with pytest.raises(PeerError):
        monkeypatch.undo()
        forward(peer, producers[0], "TR_1500")


# -- two connections: the node offers


@pytest.mark.parametrize("client", ["js", "python", "go"])
def test_recorded_answers_to_an_offer_with_tracks(router: Router, producers: list[Producer], client: str) -> None:
    peer = router.open_peer(Recorder())
    peer.open_channels(["_reliable"])
    for producer in sorted(producers, key=lambda producer: producer.kind):
        forward(peer, producer, f"TR_{producer.kind}")
    offer = peer.offer()
    assert offer.mid_to_track_id == {"1": "TR_audio", "2": "TR_video"}
    assert [part.split()[0] for part in offers.sections(offer.sdp)] == ["m=application", "m=audio", "m=video"]
    assert offer.sdp.count("a=setup:actpass") == 3
    started = peer.accept_answer(fixture(f"{client}_dual_answer"))
    assert [one.mid for one in started] == ["1", "2"]
    assert not peer.needs_offer


def test_offered_sections_stay_within_the_description_limit(
    router: Router, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SDP_SECTIONS", limits.SDP_OWN_SECTIONS + 3)
    camera = next(producer for producer in producers if producer.kind == "video")
    peer = router.open_peer(Recorder())
    first = peer.consume(camera, stream_id="PA_x", track_id="TR_0")
    for number in range(1, 4):
        forward(peer, camera, f"TR_{number}")
    assert peer.offer().mid_to_track_id == {"1": "TR_0", "2": "TR_1"}
    answers = [offers.application(), video("recvonly"), video("recvonly")]
    peer.accept_answer(offers.describe(answers, setup="active"))
    peer.stop(first)
    needs = [peer.needs_offer]
    for carried in ({"2": "TR_1"}, {"1": "TR_2", "2": "TR_1"}):  # the section is idle, then free
        assert peer.offer().mid_to_track_id == carried
        peer.accept_answer(offers.describe(answers, setup="active"))
        needs.append(peer.needs_offer)
    assert needs == [True, True, False]


def test_voices_find_a_section_before_pictures_and_beside_them(
    router: Router, producers: list[Producer], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "SDP_SECTIONS", limits.SDP_OWN_SECTIONS + 5)
    monkeypatch.setattr(limits, "SDP_PICTURE_SECTIONS", 2)
    microphone, camera = sorted(producers, key=lambda producer: producer.kind)
    peer = router.open_peer(Recorder())
    for number in range(3):
        forward(peer, camera, f"TR_v{number}")
    forward(peer, microphone, "TR_a0")
    assert peer.missing_sections == (1, 2)
    assert peer.offer().mid_to_track_id == {"1": "TR_a0", "2": "TR_v0", "3": "TR_v1"}
    answers = [offers.application(), audio("recvonly"), video("recvonly"), video("recvonly")]
    peer.accept_answer(offers.describe(answers, setup="active"))
    assert (peer.missing_sections, peer.needs_offer) == ((0, 0), False)
    forward(peer, microphone, "TR_a1")
    assert peer.missing_sections == (1, 0)
    assert peer.offer().mid_to_track_id["4"] == "TR_a1"


def test_offered_sections_are_reused_after_they_were_idle(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    camera = next(producer for producer in producers if producer.kind == "video")
    consumer = peer.consume(camera, stream_id="PA_x|TR_v", track_id="TR_v")
    answers = [offers.application(), video("recvonly")]
    peer.offer()
    peer.accept_answer(offers.describe(answers, setup="active"))
    peer.stop(consumer)
    assert peer.needs_offer
    idle = peer.offer()
    assert direction(idle.sdp, "1") == "inactive"
    peer.accept_answer(offers.describe([answers[0], video("inactive")], setup="active"))
    forward(peer, camera, "TR_w")
    offer = peer.offer()
    assert offer.mid_to_track_id == {"1": "TR_w"}
    assert len(peer.accept_answer(offers.describe(answers, setup="active"))) == 1


def test_a_track_stopped_while_its_offer_is_under_way(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    camera = next(producer for producer in producers if producer.kind == "video")
    consumer = peer.consume(camera, stream_id="PA_x|TR_v", track_id="TR_v")
    peer.offer()
    peer.stop(consumer)
    answers = [offers.application(), video("recvonly")]
    assert peer.accept_answer(offers.describe(answers, setup="active")) == []
    forward(peer, camera, "TR_w")
    offer = peer.offer()  # the first section is not free: the client still thinks that TR_v is in it
    assert (direction(offer.sdp, "1"), offer.mid_to_track_id) == ("inactive", {"2": "TR_w"})


def test_a_second_offer_supersedes_the_first(router: Router, producers: list[Producer]) -> None:
    peer = router.open_peer(Recorder())
    camera = next(producer for producer in producers if producer.kind == "video")
    forward(peer, camera, "TR_v")
    before = peer.offer()
    peer.restart_ice()
    forward(peer, camera, "TR_w")
    offer = peer.offer()
    assert offers.first(before.sdp, "ice-ufrag") != offers.first(offer.sdp, "ice-ufrag")
    assert offer.mid_to_track_id == {"1": "TR_v", "2": "TR_w"}
    answers = [offers.application(), video("recvonly"), video("recvonly")]
    assert len(peer.accept_answer(offers.describe(answers, setup="active"))) == 2


@pytest.mark.parametrize(
    "text",
    [
        offers.describe([offers.application()], setup="actpass"),
        offers.describe([offers.application()], setup="holdconn"),
        offers.describe([offers.application(), video("recvonly")], setup="active"),
        offers.describe([video("recvonly")], setup="active"),
        "v=0\r\n",
    ],
)
def test_answers_that_do_not_fit(router: Router, text: str) -> None:
    peer = router.open_peer(Recorder())
    peer.offer()
    with pytest.raises(PeerError):
        peer.accept_answer(text)


# -- packets


async def two(router: Router, sections: list[offers.Offered], wanted: list[offers.Offered]) -> tuple[Call, Call]:
    sender = await connect(router, sections)
    producers = [one.producer for one in sender.answer.published]
    return sender, await connect(router, wanted, forward=producers)


async def test_voice_arrives_with_the_numbers_of_the_answer(router: Router) -> None:
    sender, receiver = await two(router, [MIC], [audio("recvonly")])
    for number in range(3):
        sender.client.send_rtp(
            rtp_packet(
                payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=b"voice%d" % number
            )
        )
    packets = [RtpPacket.parse(await receiver.client.receive_rtp()) for _ in range(3)]
    assert [packet.payload for packet in packets] == [b"voice0", b"voice1", b"voice2"]
    assert {packet.ssrc for packet in packets} == {int(offers.first(receiver.answer.sdp, "ssrc").split()[0])}
    assert {packet.payload_type for packet in packets} == {111}
    assert [packet.sequence_number - packets[0].sequence_number for packet in packets] == [0, 1, 2]
    end(sender, receiver)


def voice(number: int) -> bytes:
    return rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=b"voice")


async def test_a_track_added_to_a_connection_waits_for_its_answer(
    node: Node, router: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "ANSWER_SETTLES_S", 1.0)
    speaker = await connect(router, [MIC])
    [producer] = [one.producer for one in speaker.answer.published]
    first = await connect(router, [audio("recvonly")], forward=[producer])
    later = await connect(router, [audio("recvonly"), audio("recvonly")])
    kept = later.peer.consume(producer, stream_id="PA_1", track_id="TR_1")
    ended = later.peer.consume(producer, stream_id="PA_1", track_id="TR_2")
    later.offer_again([audio("recvonly"), audio("recvonly")])
    assert later.answer.bound == [kept, ended]
    kept.pause(True)
    kept.pause(False)
    ended.close()
    speaker.client.send_rtp(voice(1))
    await first.client.receive_rtp()
    assert node.measurements()["faults"] == 0
    with pytest.raises(TimeoutError):
        await later.client.receive_rtp(0.1)
    async with asyncio.timeout(20):
        number = 1
        while later.client.rtp.empty():
            number += 1
            speaker.client.send_rtp(voice(number))
            await asyncio.sleep(0.02)
    assert (await later.client.receive_rtp())[8:12] == kept.sending.ssrc.to_bytes(4, "big")
    end(speaker, first, later)


def picture(number: int) -> bytes:
    return rtp_packet(
        payload_type=96, sequence=number, timestamp=6000 * number, ssrc=2222, payload=KEYFRAME, marker=True
    )


async def test_held_pictures_wait_and_voices_go_on(node: Node, router: Router, monkeypatch: pytest.MonkeyPatch) -> None:
    sections = [audio("recvonly"), video("recvonly"), video("recvonly")]
    sender, receiver = await two(router, [MIC, CAMERA], sections)
    number = 0

    async def sees() -> bool:
        """Send a picture and a voice packet, and receive until the voice. Report whether a picture came; it can also come
        later.
        """
        nonlocal number
        number += 1
        sender.client.send_rtp(picture(number))
        sender.client.send_rtp(voice(number))
        seen = False
        while RtpPacket.parse(packet := await receiver.client.receive_rtp()).payload != b"voice":
            seen = seen or packet[1] & 0x7F == 96
        return seen

    async def becomes(seen: bool) -> None:
        same, enough = 0, 1 if seen else 3
        async with asyncio.timeout(20):
            while same < enough:
                same = same + 1 if await sees() is seen else 0
                await asyncio.sleep(0.02)

    await becomes(True)
    receiver.peer.hold_pictures(True)
    await becomes(False)
    camera = next(one for one in receiver.answer.bound if one.producer.kind == "video")
    monkeypatch.setattr(limits, "ANSWER_SETTLES_S", 0.0)
    later = receiver.peer.consume(camera.producer, stream_id="PA_1", track_id="TR_later")
    assert receiver.offer_again(sections).bound == [later]
    camera.pause(True)
    camera.pause(False)
    await asyncio.sleep(0.1)
    assert [await sees() for _ in range(5)] == [False] * 5
    receiver.peer.hold_pictures(False)
    await becomes(True)
    camera.pause(True)
    later.close()
    await becomes(False)
    receiver.peer.hold_pictures(True)
    receiver.peer.hold_pictures(False)
    assert [await sees() for _ in range(5)] == [False] * 5  # the subscriber has paused it
    camera.pause(False)
    await becomes(True)
    monkeypatch.setattr(limits, "HELD_S", 2.0)
    receiver.peer.hold_pictures(True)
    await becomes(False)
    await becomes(True)  # by itself
    assert node.measurements()["faults"] == 0
    end(sender, receiver)


async def test_red_is_stripped_for_a_listener_without_it(router: Router) -> None:
    plain = offers.Offered("audio", "recvonly", offers.AUDIO[:2] + offers.AUDIO[4:], "111")
    sender, receiver = await two(router, [MIC], [plain])
    red = bytes([111]) + b"primary"  # RFC 2198: only the primary block
    sender.client.send_rtp(rtp_packet(payload_type=63, sequence=1, timestamp=0, ssrc=1111, payload=red))
    packet = RtpPacket.parse(await receiver.client.receive_rtp())
    assert (packet.payload_type, packet.payload) == (111, b"primary")
    end(sender, receiver)


async def test_video_over_tcp_and_key_frame_request_to_the_publisher(router: Router) -> None:
    sender = await connect(router, [CAMERA])
    producer = sender.answer.published[0].producer
    receiver = await connect(router, [video("recvonly")], forward=[producer], protocol="tcp")
    producer.request_keyframe()
    assert await sender.client.receive_rtcp(206)  # payload-specific feedback: PLI
    sender.client.send_rtp(
        rtp_packet(payload_type=96, sequence=1, timestamp=0, ssrc=2222, payload=KEYFRAME, marker=True)
    )
    while not (packet := RtpPacket.parse(await receiver.client.receive_rtp())).payload:
        pass  # the plane measures the path with packets that hold only padding
    assert packet.payload[: len(KEYFRAME)] == KEYFRAME
    end(sender, receiver)


async def test_layers_are_found_by_rid_and_reported(router: Router) -> None:
    sender = await connect(router, [LAYERED])
    producer = sender.answer.published[0].producer
    started: asyncio.Queue[int] = asyncio.Queue()
    producer.on_layer = lambda _, layer: started.put_nowait(layer)
    for layer, rid in enumerate((b"q", b"h", b"f")):
        sender.client.send_rtp(
            rtp_packet(
                payload_type=96,
                sequence=1,
                timestamp=0,
                ssrc=500 + layer,
                payload=KEYFRAME,
                marker=True,
                extensions={4: b"0", 10: rid},
            )
        )
    assert [await asyncio.wait_for(started.get(), 10) for _ in range(3)] == [0, 1, 2]
    assert producer.active_layers == {0, 1, 2}
    end(sender)


async def test_a_new_ufrag_restarts_ice_and_keeps_the_keys(router: Router) -> None:
    sender, receiver = await two(router, [MIC], [audio("recvonly")])
    before = receiver.answer
    receiver.client.ufrag = "next"
    after = receiver.offer_again([audio("recvonly")])
    assert offers.first(before.sdp, "ice-ufrag") != offers.first(after.sdp, "ice-ufrag")
    assert offers.first(before.sdp, "ssrc") == offers.first(after.sdp, "ssrc")
    tell(receiver.client, after.sdp)
    await open_path(receiver.client, after)  # from another port
    await receiver.client.check()
    sender.client.send_rtp(rtp_packet(payload_type=111, sequence=1, timestamp=0, ssrc=1111, payload=b"moved"))
    assert RtpPacket.parse(await receiver.client.receive_rtp()).payload == b"moved"
    assert "failed" not in receiver.events.names()
    end(sender, receiver)


async def test_an_offer_with_the_same_ufrag_does_not_restart_ice(router: Router) -> None:
    call = await connect(router, [MIC])
    before = offers.first(call.answer.sdp, "ice-ufrag")
    again = call.offer_again([MIC])
    assert offers.first(again.sdp, "ice-ufrag") == before
    assert (again.published, again.ended) == ([], [])
    end(call)


async def test_active_speakers_are_reported_as_producers(router: Router) -> None:
    sender = await connect(router, [MIC])
    spoken: asyncio.Queue[list[tuple[Producer, float]]] = asyncio.Queue()
    router.on_speakers = spoken.put_nowait
    for number in range(100):
        sender.client.send_rtp(
            rtp_packet(
                payload_type=111,
                sequence=number,
                timestamp=960 * number,
                ssrc=1111,
                payload=b"voice",
                extensions={1: bytes([0x80 | 20])},
            )
        )
        await asyncio.sleep(0.01)
        if not spoken.empty():
            break
    speakers = await asyncio.wait_for(spoken.get(), 10)
    assert speakers[0][0] is sender.answer.published[0].producer
    assert 0 < speakers[0][1] <= 1
    end(sender)


async def test_statistics_know_peers_producers_and_consumers(node: Node, router: Router) -> None:
    sender, receiver = await two(router, [MIC], [audio("recvonly")])
    consumer = receiver.answer.bound[0]
    for number in range(10):
        sender.client.send_rtp(
            rtp_packet(payload_type=111, sequence=number, timestamp=960 * number, ssrc=1111, payload=b"voice")
        )
    for _ in range(10):
        await receiver.client.receive_rtp()
    async with asyncio.timeout(10):
        while node.statistics().consumers.get(consumer.id) is None:
            await asyncio.sleep(0.1)
        while node.statistics().consumers[consumer.id].packets < 10:
            await asyncio.sleep(0.1)
    statistics = node.statistics()
    assert statistics.peers[sender.peer.id].received_packets >= 10
    assert statistics.producers[consumer.producer.id][0].packets == 10
    assert [link is not None for link in node.links([sender.peer, receiver.peer])] == [True, True]
    assert node.measurements()["faults"] == 0
    end(sender, receiver)


async def test_closing_a_router_closes_its_peers(node: Node, router: Router) -> None:
    sender, receiver = await two(router, [MIC, CAMERA], [audio("recvonly"), video("recvonly")])
    router.close()
    assert node.seam.receivers == {}
    assert (sender.peer.state, receiver.peer.state) == ("closed", "closed")
    end(sender, receiver)


# -- the node


def test_candidates_name_the_announced_addresses(node: Node) -> None:
    assert [(one.protocol, one.address) for one in node.candidates] == [("udp", "127.0.0.1"), ("tcp", "127.0.0.1")]
    assert node.candidates[0].priority > node.candidates[1].priority


def test_a_library_of_other_sources_is_refused(tmp_path: Path) -> None:
    from media import StaleLibrary

    check_sources(tmp_path, "")  # without a checkout there is nothing to compare
    for name in ("Cargo.toml", "Cargo.lock", "core/Cargo.toml", "udp/Cargo.toml"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    with pytest.raises(StaleLibrary, match="make build"):
        check_sources(tmp_path, "0" * 64)


async def test_packets_from_a_stranger_get_no_answer(node: Node, router: Router) -> None:
    call = await connect(router, [MIC])
    stranger = IceClient(remote_ufrag=call.client.remote_ufrag, remote_pwd="x" * 24)
    await open_path(stranger, call.answer)
    call.events.seen.clear()
    stranger.send(b"\x16\xfe\xff" + bytes(60))
    stranger.send(bytes([0x80, 111]) + bytes(60))
    with pytest.raises(TimeoutError):
        await stranger.ask(stranger.request(), 0.2)
    assert (stranger.raw, call.events.seen, call.peer.state) == ([], [], "connected")
    stranger.hang_up()
    end(call)


def test_the_answer_lists_candidates_of_the_wanted_protocol(router: Router) -> None:
    wishes: tuple[tuple[Literal["udp", "tcp"] | None, set[str]], ...]
    wishes = ((None, {"udp", "tcp"}), ("tcp", {"tcp"}), ("udp", {"udp"}))
    for only, told in wishes:
        peer = router.open_peer(Recorder())
        peer.only = only
        answer = peer.answer(fixture("js_single_join"), accept=take_all).sdp
        lines = [line.split() for line in answer.split("\r\n") if line.startswith("a=candidate:")]
        assert {line[2].lower() for line in lines} == told
