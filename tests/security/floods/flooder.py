"""A separate process that sends one datagram at a steady rate from many addresses, even if its target is busy.

Arguments: host, port, datagrams per second, number of addresses, the datagram in hex. When its input ends, it prints the number
of sent datagrams and of received bytes. It imports only the standard library, so that it starts fast.
"""

import select
import socket
import sys
import time

AT_ONCE = 100
"""Datagrams after a pause. Larger: the buffer of a socket overflows. Smaller: the rate falls after a pause."""


def main(host: str, port: str, per_s: str, addresses: str, datagram: str) -> None:
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in range(int(addresses))]
    for number, one in enumerate(sockets):
        one.setblocking(False)
        one.bind((f"127.8.{number // 250}.{number % 250 + 1}", 0))
        one.connect((host, int(port)))
    sent, content, began = 0, bytes.fromhex(datagram), time.monotonic()
    while not select.select([sys.stdin], [], [], 0.01)[0]:
        due = int((time.monotonic() - began) * int(per_s))
        for _ in range(min(due - sent, AT_ONCE)):
            sockets[sent % len(sockets)].send(content)
            sent += 1
    print(sent, sum(heard(one) for one in sockets))


def heard(one: socket.socket) -> int:
    size = 0
    try:
        while True:
            size += len(one.recv(65536))
    except OSError:
        return size


if __name__ == "__main__":
    main(*sys.argv[1:])
