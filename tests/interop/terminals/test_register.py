"""The fields of the register at real terminals (baresip): the INVITE that a terminal gets, and the packets that reach it."""

from __future__ import annotations

import re
import socket
import time
from collections.abc import Iterator
from functools import partial

import pytest

from tests.interop.terminals import hallnet
from tests.interop.terminals.hallnet import NOISE, Baresip, HallNet, hall_net
from tests.waiting import until_blocking

pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(hallnet.missing()), reason=hallnet.missing())]

POLY = {"vendor": "PolycomRealPresenceGroup"}
"""A make with slides and encryption. Its words win over the User-Agent of baresip, which has no slides."""
REGISTER = {
    "hall-narrow": {**POLY, "profile": "baseline-720p", "bandwidth_kbps": 512},
    "hall-old": {**POLY, "profile": "cif", "encrypts": False, "shows_content": False, "codecs": ["h264", "g711"]},
}
MEASURED_S = 6.0


@pytest.fixture(scope="module")
def net(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HallNet]:
    with hall_net(tmp_path_factory.mktemp("register"), tuple(REGISTER), lobby=False, register=REGISTER) as made:
        yield made


def says(hall: Baresip, words: str) -> bool:
    return words in hall.text()


def invite(hall: Baresip) -> str:
    """Return the first INVITE that the terminal got."""
    found = re.search(r"^INVITE sip:.*?(?=^SIP/2\.0|^\S+ sip:|\Z)", hall.text().replace("\r", ""), re.M | re.S)
    return found[0] if found else ""


def received_bps(hall: Baresip) -> float:
    """Return the rate of IP packets to the ports of the terminal's media."""
    ports, count = range(20_000 + hall.port * 2, 20_011 + hall.port * 2), 0
    with hall.net.place.entered(), socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(0x0800)) as line:
        line.settimeout(1)
        ends = time.monotonic() + MEASURED_S
        while time.monotonic() < ends:
            packet, where = line.recvfrom(2048)
            header = (packet[0] & 15) * 4
            inbound = where[2] != socket.PACKET_OUTGOING
            if inbound and packet[9] == socket.IPPROTO_UDP and int.from_bytes(packet[header + 2 : header + 4]) in ports:
                count += len(packet)
    return count * 8 / MEASURED_S


def test_the_register_shapes_the_call(net: HallNet) -> None:
    """A terminal of 512 kbit/s gets no more on the wire, while another terminal sends a picture that would fill 2 Mbit/s. The
    other terminal is old: it is offered CIF, G.711, no encryption and no slides, over TLS too.
    """
    narrow = Baresip(net, "hall-narrow", "red", 440, transport="tls", traced=True)
    old = Baresip(net, "hall-old", NOISE, 880, transport="tls", traced=True, video_bps=2_000_000)
    halls = [narrow, old]
    try:
        for hall in halls:
            hall.start()
            until_blocking(partial(says, hall, "200 OK"), f"{hall.name} is not registered", 20)
        net.command("hall", "call", net.booked.number, *REGISTER)
        for hall in halls:
            until_blocking(partial(says, hall, "Call established"), f"{hall.name} was not called", 40)
        offer = invite(narrow)
        assert "b=AS:512\n" in offer
        assert [line.split()[0] for line in offer.splitlines() if line.startswith("m=")][:3] == [
            "m=audio",
            "m=video",
            "m=video",
        ]
        assert "a=crypto" in offer
        offer = invite(old)
        assert offer.count("m=video") == 1
        assert "a=crypto" not in offer
        assert "BFCP" not in offer
        assert set(re.findall(r"max-fs=(\d+)", offer)) == {"396"}
        assert set(re.findall(r"^a=rtpmap:\d+ (\S+?)/", offer, re.M)) == {
            "PCMA",
            "PCMU",
            "telephone-event",
            "H264",
            "H224",
        }
        until_blocking(
            lambda: narrow.picture().shape[:2] == (360, 640), "the narrow terminal gets no picture of its size", 40
        )
        until_blocking(lambda: old.picture().shape[:2] == (288, 352), "the old terminal gets no CIF", 40)
        rate = received_bps(narrow)
        assert 150_000 < rate < 512_000, "about 800,000 without the limit"
    finally:
        for hall in halls:
            hall.stop()
