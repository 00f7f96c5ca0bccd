"""Credentials of TURN: their form, the values that clients get, and settings that cannot work."""

from __future__ import annotations

import subprocess

import pytest

from signaling.host import sources
from signaling.host.settings import SettingsError
from signaling.host.turn import Turn
from signaling.rtc.session.context import Context
from signaling.rtc.wire.messages import Encoder, Relay, ServerFacts
from tests.signaling.rtc.signal_desk import SignalDesk


def test_the_password_is_the_hmac_of_the_name() -> None:
    user, password = Turn(("turn:a",), "north", 3600).credentials("PA_x", 1_000_000.9)
    assert user == "1003600:PA_x"
    command = f"printf %s {user} | openssl dgst -sha1 -hmac north -binary | openssl base64"
    assert password == subprocess.run(command, shell=True, capture_output=True, text=True, check=True).stdout.strip()


def test_each_participant_gets_its_own_turn_credentials() -> None:
    office = SignalDesk()
    turn, old = Turn(("turns:turn.example:443?transport=tcp",), "secret", 60), office.context

    def relays(sid: str, _: str = "") -> list[Relay]:
        return [Relay(tuple(turn.urls), *turn.credentials(sid, office.world.time.time()))]

    encoder = Encoder(ServerFacts("ND_x", relays=relays))
    office.context = Context(old.registry, old.authority, encoder, old.packets, old.tally)
    told = [office.join(name).wire.last("join") for name in ("ann", "ben")]
    for join in told:
        (server,) = join.ice_servers
        assert list(server.urls) == list(turn.urls)
        assert server.username.endswith(f":{join.participant.sid}")
        assert server.credential == relays(join.participant.sid)[0].password
    assert told[0].ice_servers[0].credential != told[1].ice_servers[0].credential


def test_without_a_turn_server_no_ice_servers_are_sent() -> None:
    assert not SignalDesk().join("ann").wire.last("join").ice_servers


@pytest.mark.parametrize(
    ("name", "overrides"),
    [
        ("turn_secret", {"turn_urls": "turn:a:3478"}),
        ("turn_urls", {"turn_urls": "https://a", "turn_secret": "s"}),
        ("turn_urls", {"turn_urls": "stun:a", "turn_secret": "s"}),
        ("turn_ttl_s", {"turn_ttl_s": 1}),
        ("webhook_urls", {"webhook_urls": "ftp://a/b"}),
        ("metrics_token", {"metrics_token": "short"}),
        ("traces_url", {"traces_url": "127.0.0.1:4318"}),
        ("traces_url", {"traces_url": "http://127.0.0.1:4318/"}),
        ("traces_percent", {"traces_percent": 101}),
    ],
)
def test_settings_that_cannot_work(name: str, overrides: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=name):
        sources.load("dev", overrides=overrides, environ={})
