"""A process of its own that sends one datagram at a steady pace from many addresses, whatever its target is busy with.

Arguments: host, port, how many a second, from how many addresses, the datagram in hex. At the end of its input it tells how many
it sent and how many bytes came back. Knows nothing but the standard library, so that it costs little to start.
"""

import select
import socket
import sys
import time

AT_ONCE = 100
"""After a pause; a socket holds no more of it."""


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
