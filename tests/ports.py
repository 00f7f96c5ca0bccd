"""A port for whoever has to name it before it is bound."""

import contextlib
import random
import socket

HOST = "127.0.0.1"
PORTS = range(25_000, 32_000)
"""Between those of the server's calls with halls and those that the kernel gives to whoever asks for any: nobody is given one
between its choice and its use.
"""


def free_port() -> int:
    """Free for UDP and TCP on loopback a moment ago."""
    for port in random.sample(PORTS, 100):
        with socket.socket(type=socket.SOCK_DGRAM) as udp, socket.socket() as tcp, contextlib.suppress(OSError):
            udp.bind((HOST, port))
            tcp.bind((HOST, port))
            return port
    raise AssertionError("no port is free")
