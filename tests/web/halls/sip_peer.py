"""A terminal that refuses. On a UDP port of loopback it answers INVITE with a status for each called name, and OPTIONS with
200.
"""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Mapping


class Refuser:
    """A terminal that refuses calls. `answers`: the status and reason for each user part of an address. `heard`: the received
    requests (method, user).
    """

    def __init__(self, answers: Mapping[str, str]) -> None:
        self.answers = answers
        self.heard: list[tuple[str, str]] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(0.2)
        self.port: int = self._socket.getsockname()[1]
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        self._thread.join(5)
        self._socket.close()

    def _serve(self) -> None:
        while not self._ended.is_set():
            try:
                data, address = self._socket.recvfrom(65535)
            except TimeoutError:
                continue
            answer = self._answer(data.decode())
            if answer:
                self._socket.sendto(answer.encode(), address)

    def _answer(self, text: str) -> str:
        asked = re.match(r"(\w+) sips?:([^@ ]*)@", text)
        if asked is None:
            return ""
        self.heard.append((asked[1], asked[2]))
        if asked[1] == "ACK":
            return ""
        status = self.answers.get(asked[2], "404 Not Found") if asked[1] == "INVITE" else "200 OK"
        kept = re.findall(r"^(?:Via|v|From|f|Call-ID|i|CSeq):.*$", text, re.M | re.I)
        to = re.search(r"^(?:To|t):.*$", text, re.M | re.I)
        assert to is not None
        lines = [f"SIP/2.0 {status}", *(line.strip() for line in kept), f"{to[0].strip()};tag=no", "Content-Length: 0"]
        return "\r\n".join(lines) + "\r\n\r\n"
