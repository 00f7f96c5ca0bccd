"""The messages of a client of `/desk`, read from text. Sans-IO. Raises PeerError for a message that no honest client sends."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, ValidationError, create_model

from conference import PeerError
from signaling.desk import limits
from signaling.host import limits as bounds
from signaling.host.bodies import Body

MOST: Final = 2**53 - 1
"""The largest whole number that every JSON reader keeps exactly (RFC 8259 §6)."""
_DIGITS: Final = 17

Whole = Annotated[int, Field(ge=0, le=MOST, strict=True)]
Number = Annotated[int, Field(ge=1, le=MOST, strict=True)]


class Resume(Body):
    """The channel that the client wants to continue, and the last event that it applied."""

    session: str = Field(min_length=1, max_length=64)
    seq: Whole


class Hello(Body):
    """The first message. The token is checked later."""

    token: str = Field(min_length=1, max_length=bounds.TOKEN_BYTES)
    resume: Resume | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """An order. The fields are checked later: a wrong field is a refusal."""

    id: int
    name: str
    fields: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ping:
    number: int


Message = Hello | Order | Ping

_Hello = create_model("_Hello", __base__=Body, hello=(Hello, ...))
_Ping = create_model("_Ping", __base__=Body, ping=(Whole, ...))


class _Order(Body):
    model_config = ConfigDict(populate_by_name=False)

    id: Number
    do: str = Field(min_length=1, max_length=64)
    with_: dict[str, Any] = Field(default_factory=dict, alias="with")


def read(said: str | bytes) -> Message:
    """Return the message. `said` is text; bytes are an error. Raises PeerError."""
    if not isinstance(said, str):
        raise PeerError("a desk message must be text")
    value = parse(said)
    if not isinstance(value, dict):
        raise PeerError("a desk message must be an object")
    try:
        if "hello" in value:
            hello: Hello = _Hello.model_validate(value).hello  # type: ignore[attr-defined]
            return hello
        if "ping" in value:
            return Ping(_Ping.model_validate(value).ping)  # type: ignore[attr-defined]
        order = _Order.model_validate(value)
        return Order(order.id, order.do, order.with_)
    except ValidationError as error:
        raise PeerError(f"a desk message has {error.error_count()} wrong fields") from error


def parse(text: str) -> Any:
    """Return the JSON value of a short text. Raises PeerError for bad JSON, deep nesting, and numbers or texts that not every
    reader can keep.
    """
    if len(text) > limits.MESSAGE_BYTES:
        raise PeerError("a desk message is too long")
    try:
        value = json.loads(text, parse_int=_whole, parse_float=_real, parse_constant=_nothing)
    except (ValueError, RecursionError) as error:
        raise PeerError("a desk message is not JSON") from error
    _check(value, 0)
    return value


def _check(value: Any, depth: int) -> None:
    if depth > limits.NESTING:
        raise PeerError("a desk message is nested too deeply")
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, list):
        for one in value:
            _check(one, depth + 1)
    elif isinstance(value, dict):
        for key, one in value.items():
            _check_text(key)
            _check(one, depth + 1)


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise PeerError("a desk message has half a character") from error


def _whole(digits: str) -> int:
    if len(digits) > _DIGITS or abs(int(digits)) > MOST:
        raise ValueError("a number is too large")
    return int(digits)


def _real(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value) or abs(value) > MOST:
        raise ValueError("a number is too large")
    return value


def _nothing(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
