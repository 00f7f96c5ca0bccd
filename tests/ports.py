"""A free port for a test that must know the port before it binds."""

import contextlib
import random
import socket

HOST = "127.0.0.1"
PORTS = range(25_000, 32_000)
"""Ports between the ports of the server's hall calls and the kernel's ephemeral ports. So no process takes a chosen port before
its use.
"""


def free_port() -> int:
    """Return a port that was just free for UDP and TCP on loopback."""
    for port in random.sample(PORTS, 100):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            udp.bind((HOST, port))
            tcp.bind((HOST, port))
            return port
    raise AssertionError("no port is free")
