"""Targets of webhooks: spellings of forbidden addresses, names that resolve to forbidden addresses, and the operator's
ranges.
"""

from __future__ import annotations

import ipaddress

import pytest

from signaling.notify import targets

# fmt: off
FORBIDDEN = [
    "0.0.0.0", "0.1.2.3", "10.0.0.1", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.1.2.3",
    "169.254.169.254", "169.254.0.1", "172.16.0.1", "172.31.255.255", "192.0.0.1", "192.0.0.192", "192.0.2.1",
    "192.168.1.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1", "239.255.255.255", "240.0.0.1",
    "255.255.255.255", "::", "::1", "::127.0.0.1", "::10.0.0.1", "::ffff:127.0.0.1", "::ffff:10.0.0.1",
    "::ffff:169.254.169.254", "::ffff:0:127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254", "64:ff9b:1::10.0.0.1", "2002:7f00:1::", "2002:a00:1::", "2002:a9fe:a9fe::",
    "2001:0:7f00:1::", "2001:0:0:0:0:0:80ff:fffe", "fc00::1", "fd00:ec2::254", "fd12:3456::1", "fe80::1",
    "fe80::5efe:10.0.0.1", "febf::1", "ff02::1", "ff0e::1", "2001:db8::1", "100::1", "2001:10::1", "3fff::1",
    "fec0::1", "5f00::1",
]
ALLOWED = [
    "8.8.8.8", "1.1.1.1", "113.160.0.1", "203.162.0.1", "2606:4700:4700::1111", "2001:ee0:1::1", "64:ff9b::8.8.8.8",
    "::ffff:8.8.8.8",
]
# fmt: on


def test_spellings() -> None:
    wrong = [text for text in FORBIDDEN if targets.may_reach(ipaddress.ip_address(text), ())]
    assert not wrong
    assert len(FORBIDDEN) >= 50
    assert [text for text in ALLOWED if not targets.may_reach(ipaddress.ip_address(text), ())] == []


def test_what_the_operator_allows() -> None:
    ranges = [ipaddress.ip_network(text) for text in ("10.20.0.0/16", "fd00:ec2::/32", "127.0.0.0/8")]
    assert targets.may_reach(ipaddress.ip_address("10.20.1.1"), ranges)
    assert targets.may_reach(ipaddress.ip_address("::ffff:10.20.1.1"), ranges)
    for text in ("10.21.0.1", "169.254.169.254", "fd00:ec2::254", "::ffff:10.21.0.1", "192.168.0.1"):
        assert not targets.may_reach(ipaddress.ip_address(text), ranges)
    everything = [ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0")]
    assert not targets.may_reach(ipaddress.ip_address("169.254.169.254"), everything)


@pytest.mark.parametrize(
    ("answers", "good"),
    [
        (["8.8.8.8"], True),
        (["8.8.8.8", "2606:4700:4700::1111"], True),
        (["8.8.8.8", "127.0.0.1"], False),
        (["127.0.0.1"], False),
        (["fe80::1%eth0"], False),
    ],
)
async def test_one_forbidden_address_refuses_the_whole_name(answers: list[str], good: bool) -> None:
    async def lookup(_host: str, _port: int) -> list[str]:
        return answers

    if good:
        assert await targets.resolve("x.example", 443, (), lookup) == answers[0]
        return
    with pytest.raises(targets.TargetRefused):
        await targets.resolve("x.example", 443, (), lookup)


async def test_other_spellings_of_loopback_are_resolved_by_the_system() -> None:
    for host in ("127.0.0.1", "localhost", "127.1", "0x7f.1", "2130706433", "0177.0.0.1", "::1"):
        try:
            with pytest.raises(targets.TargetRefused):
                await targets.resolve(host, 80, (), targets.system_lookup)
        except OSError:
            continue  # this system cannot resolve the name
    with pytest.raises(OSError):
        await targets.resolve("x", 80, (), nobody)


async def nobody(_host: str, _port: int) -> list[str]:
    return []
