"""The client's end of the signalling socket: one join request, then protobuf messages in both directions.

The server is not trusted. Its messages have limits, and a wrong message ends only this connection (`Ended`).
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import ssl
from pathlib import Path
from urllib.parse import quote

from google.protobuf.message import DecodeError
from livekit.protocol import rtc
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from signaling.bot import limits


class Ended(Exception):
    """This participant has ended. The text gives the reason for people."""


class Link:
    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    @classmethod
    async def open(cls, target: str, token: str, request: rtc.JoinRequest, authority: Path | None) -> Link:
        """Open the link. `target`: ws, wss, http or https and the server's address. `authority`: a CA to trust beside the known
        ones.
        """
        try:
            socket = await connect(
                _address(target, request),
                additional_headers={"Authorization": f"Bearer {token}"},
                ssl=_trust(authority) if target.startswith(("wss:", "https:")) else None,
                max_size=limits.MESSAGE_BYTES,
                compression=None,
                proxy=None,
            )
        except InvalidStatus as error:
            raise Ended(f"{error.response.status_code} {_readable(error.response.body)}") from error
        except OSError as error:  # includes a timeout
            raise Ended(_readable(str(error).encode()) or type(error).__name__) from error
        # the texts of these errors contain the address with its whole query, so they are not shown
        except (WebSocketException, ValueError) as error:
            raise Ended(f"không mở được / cannot open {_readable(target.encode())}: {type(error).__name__}") from error
        return cls(socket)

    async def send(self, request: rtc.SignalRequest) -> None:
        """Send a request. Raises Ended."""
        try:
            await self._socket.send(request.SerializeToString())
        except ConnectionClosed as error:
            raise Ended("mất kết nối báo hiệu / signalling lost") from error

    async def receive(self, timeout_s: float) -> rtc.SignalResponse:
        """Return the next message. Raises Ended, also if no message arrives within `timeout_s`."""
        try:
            async with asyncio.timeout(timeout_s):
                data = await self._socket.recv()
            if isinstance(data, str):
                raise Ended("máy chủ không theo giao thức / the server speaks another protocol")
            return rtc.SignalResponse.FromString(data)
        except TimeoutError as error:
            raise Ended("máy chủ im lặng / the server is silent") from error
        except ConnectionClosed as error:
            raise Ended("mất kết nối báo hiệu / signalling lost") from error
        except DecodeError as error:
            raise Ended("thông báo hỏng / malformed message") from error

    async def close(self) -> None:
        await self._socket.close()


def _address(target: str, request: rtc.JoinRequest) -> str:
    scheme, _, rest = target.partition("://")
    scheme = {"http": "ws", "https": "wss"}.get(scheme, scheme)
    wrapped = rtc.WrappedJoinRequest(
        compression=rtc.WrappedJoinRequest.GZIP, join_request=gzip.compress(request.SerializeToString())
    )
    packed = quote(base64.urlsafe_b64encode(wrapped.SerializeToString()))
    return f"{scheme}://{rest.rstrip('/')}/rtc/v1?join_request={packed}"


def _trust(authority: Path | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if authority is not None and authority.is_file():
        context.load_verify_locations(authority)
    return context


def _readable(text: bytes | bytearray) -> str:
    """Return a server's text for a terminal, without control characters and cut to a maximum."""
    shown = text.decode(errors="replace")[: limits.REASON_CHARACTERS]
    return "".join(letter if letter.isprintable() else " " for letter in shown).strip()
