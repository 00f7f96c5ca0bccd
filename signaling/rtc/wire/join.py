"""The request to join: the query of `/rtc` and the packed join request of `/rtc/v1`, with their bounds.

The module only reads; another part decides whether the client may join. All data here come from an unknown client until the
token is verified.
"""

from __future__ import annotations

import base64
import binascii
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field

from google.protobuf.message import DecodeError
from livekit.protocol import models, rtc

from conference import Refusal
from signaling.rtc.wire import limits

_INFO = models.ClientInfo
_SDKS = {"ios": "SWIFT", "reactnative": "REACT_NATIVE", "unityweb": "UNITY_WEB"}
"""Names that clients send and that differ from the name of their library."""
_RUST_LIBRARY = frozenset((_INFO.RUST, _INFO.PYTHON, _INFO.CPP, _INFO.NODE, _INFO.UNITY, _INFO.UNREAL))
"""Libraries that contain LiveKit's Rust library."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A join request after reading. An empty `resume_sid` means a new participant."""

    dual: bool
    client: models.ClientInfo
    auto_subscribe: bool = True
    auto_subscribe_data: bool = False
    adaptive_stream: bool = False
    may_pause: bool = True
    resume_sid: str = ""
    offer: rtc.SessionDescription | None = None
    add_tracks: tuple[rtc.AddTrackRequest, ...] = ()
    metadata: str = ""
    attributes: Mapping[str, str] = field(default_factory=dict)
    sync_state: rtc.SyncState | None = None

    @property
    def library(self) -> str:
        """The name of the client's LiveKit library, or `UNKNOWN`."""
        return _INFO.SDK.Name(self.client.sdk) if self.client.sdk in _INFO.SDK.values() else "UNKNOWN"

    @property
    def applies_offer_late(self) -> bool:
        """Report whether the answer to the offer must wait. LiveKit's Go SDK (2.19) sends its offer with the join request, but
        applies it only after the JoinResponse. To this SDK an earlier answer is an error, and its join fails after 5 s.
        """
        return self.client.sdk == _INFO.GO

    @property
    def renews_decoders(self) -> bool:
        return self.client.sdk in _RUST_LIBRARY


def token_of(query: Mapping[str, str], authorization: str | None) -> str:
    """Return the token, or an empty text. The header wins over the query."""
    if authorization:
        scheme, _, value = authorization.partition(" ")
        if scheme.lower() == "bearer" and value.strip():
            return value.strip()
    return query.get("access_token", "")


def read(query: Mapping[str, str], *, v1: bool) -> Ask:
    """Read the query. The presence of `join_request`, not the path, selects the single connection. Raises Refusal
    `request_bad`.
    """
    if any(len(value) > limits.QUERY_VALUE_BYTES for value in query.values()):
        raise _bad("a query parameter is too long")
    packed = query.get("join_request")
    if packed:
        return _from_join_request(_unpack(packed))
    if v1:
        raise _bad("join_request is missing")
    return _from_query(query)


def _from_join_request(request: rtc.JoinRequest) -> Ask:
    settings = request.connection_settings
    if (
        len(request.add_track_requests) > limits.ADD_TRACKS
        or len(request.participant_attributes) > limits.ATTRIBUTES
        or request.client_info.ByteSize() > limits.CLIENT_BYTES
    ):
        raise _bad("the join request has too many tracks or attributes, or its client info is too long")
    return Ask(
        dual=False,
        client=request.client_info,
        auto_subscribe=settings.auto_subscribe,
        auto_subscribe_data=settings.auto_subscribe_data_track,
        adaptive_stream=settings.adaptive_stream,
        may_pause=settings.subscriber_allow_pause or not settings.HasField("subscriber_allow_pause"),
        resume_sid=request.participant_sid if request.reconnect else "",
        offer=request.publisher_offer if request.HasField("publisher_offer") else None,
        add_tracks=tuple(request.add_track_requests),
        metadata=request.metadata,
        attributes=dict(request.participant_attributes),
        sync_state=request.sync_state if request.HasField("sync_state") else None,
    )


def _from_query(query: Mapping[str, str]) -> Ask:
    # `publish` asks for a second session of the same token, without an identity of its own. It is refused: neither the lobby
    # nor a removal would find such a session.
    if query.get("publish"):
        raise Refusal("publish_only")
    client = models.ClientInfo(
        sdk=_sdk(query.get("sdk", "")),
        version=query.get("version", ""),
        protocol=_number(query.get("protocol", "")),
        client_protocol=_number(query.get("client_protocol", "")),
        os=query.get("os", ""),
        os_version=query.get("os_version", ""),
        device_model=query.get("device_model", ""),
        browser=query.get("browser", ""),
        browser_version=query.get("browser_version", ""),
        network=query.get("network", ""),
        capabilities=_capabilities(query.get("capabilities", "")),
    )
    if client.ByteSize() > limits.CLIENT_BYTES:
        raise _bad("the client info is too long")
    resumes = _flag(query.get("reconnect", "0"))
    return Ask(
        dual=True,
        client=client,
        auto_subscribe=_flag(query.get("auto_subscribe", "1")),
        auto_subscribe_data=_flag(query.get("auto_subscribe_data_track", "0")),
        adaptive_stream=_flag(query.get("adaptive_stream", "0")),
        may_pause=_flag(query.get("subscriber_allow_pause", "1")),
        resume_sid=query.get("sid", "") if resumes else "",
        attributes=_attributes(query.get("attributes", "")),
    )


def _unpack(packed: str) -> rtc.JoinRequest:
    try:
        wrapped = rtc.WrappedJoinRequest.FromString(_base64(packed))
        inner = wrapped.join_request
        if wrapped.compression == rtc.WrappedJoinRequest.Compression.Value("GZIP"):
            inner = _gunzip(inner)
        elif wrapped.compression != rtc.WrappedJoinRequest.Compression.Value("NONE"):
            raise _bad("unknown compression of the join request")
        return rtc.JoinRequest.FromString(inner)
    except (binascii.Error, DecodeError, ValueError, zlib.error) as error:
        raise _bad("the join request cannot be read") from error


def _base64(text: str) -> bytes:
    """Decode URL-safe base64, with or without padding."""
    plain = text.replace("+", "-").replace("/", "_").rstrip("=")
    return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)


def _gunzip(data: bytes) -> bytes:
    """Decompress, and keep at most the bound in memory, even if the data would give more. Raises Refusal for a longer request."""
    stream = zlib.decompressobj(wbits=31)
    plain = stream.decompress(data, limits.JOIN_REQUEST_BYTES + 1)
    if len(plain) > limits.JOIN_REQUEST_BYTES or not stream.eof:
        raise _bad("the join request is too long or cut short")
    return plain


def _sdk(name: str) -> str:
    names = models.ClientInfo.SDK.keys()
    wanted = _SDKS.get(name.lower(), name.upper())
    return wanted if wanted in names else "UNKNOWN"


def _capabilities(text: str) -> list[str]:
    known = models.ClientInfo.Capability.keys()
    return [name for name in text.split(",") if name in known]


def _attributes(text: str) -> dict[str, str]:
    if not text:
        return {}
    try:
        read_ = json.loads(_base64(text))
    except (binascii.Error, ValueError, RecursionError) as error:
        raise _bad("the attributes cannot be read") from error
    if not isinstance(read_, dict) or len(read_) > limits.ATTRIBUTES:
        raise _bad("the attributes cannot be read")
    texts = {str(key): value for key, value in read_.items() if isinstance(value, str)}
    try:
        "".join((*texts, *texts.values())).encode()
    except UnicodeEncodeError as error:  # lone surrogates
        raise _bad("the attributes cannot be read") from error
    return texts


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 6 else 0


def _flag(text: str) -> bool:
    return text.lower() in ("1", "true")


def _bad(english: str) -> Refusal:
    return Refusal("request_bad", "Yêu cầu vào họp không đúng dạng", english)
