"""A port that the system chooses for the pages is free at each address of the server."""

import errno
import socket

import pytest

from signaling.front import sockets
from signaling.host import limits
from signaling.host.settings import Settings

SECOND = "127.83.5.2"
"""No other test binds a port at this address."""
HOSTS = ("127.0.0.1", SECOND)


class Others:
    """Other programs: they hold the chosen port at the second address for some tries."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, tries: int) -> None:
        self.left = tries
        self.ports: list[int] = []
        self._bound = sockets._bound
        monkeypatch.setattr(sockets, "_bound", self.bound)

    def bound(self, kind: socket.SocketKind, host: str, port: int) -> socket.socket:
        if host == SECOND and port:
            self.ports.append(port)
            self.left -= 1
            if self.left >= 0:
                raise OSError(errno.EADDRINUSE, "Address already in use")
        return self._bound(kind, host, port)


def test_another_port_is_chosen_if_one_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    others = Others(monkeypatch, limits.FREE_PORT_TRIES - 1)
    listeners = sockets.listen(Settings(host=HOSTS, http_port=0))
    found = [listener.getsockname() for listener in listeners]
    for listener in listeners:
        listener.close()
    assert [name[0] for name in found] == list(HOSTS)
    assert {name[1] for name in found} == {others.ports[-1]}
    assert len(others.ports) == limits.FREE_PORT_TRIES


def test_the_number_of_chosen_ports_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    others = Others(monkeypatch, limits.FREE_PORT_TRIES)
    with pytest.raises(sockets.PortsRefused) as refused:
        sockets.listen(Settings(host=HOSTS, http_port=0))
    assert refused.value.in_use
    assert len(others.ports) == limits.FREE_PORT_TRIES


def test_a_port_that_is_set_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        others = Others(monkeypatch, 1)
        with pytest.raises(sockets.PortsRefused):
            sockets.listen(Settings(host=(SECOND, "127.0.0.1"), http_port=port))
    assert others.ports == [port]
