"""The link of one site of one meeting: its bearer reports the delegates of the site on a page, without an account.

The link holds an end and a seal. Nothing is stored, and the link does not name the site: the server tries the sites of the
meeting. The seal covers the number of the list: a list that replaces another ends all old links. The link opens no meeting and
gives no other right.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Iterable
from typing import Final
from urllib.parse import quote

from conference import Refusal
from signaling.host.tokens import Authenticator

PAGE: Final = "/diemdanh"
SEAL_BYTES: Final = 15
"""120 bits, which are 20 characters of base64url: a short code is a coarse QR code, which phones read from far away."""
WRONG: Final = (
    "Đường dẫn này không dùng được. Hãy xin thư ký đường dẫn mới.",
    "this link cannot be used: ask the secretary for a new one",
)
OVER: Final = (
    "Đường dẫn đã hết hạn. Hãy xin thư ký đường dẫn mới.",
    "this link has expired: ask the secretary for a new one",
)


def code(key: Authenticator, conference: str, lists: int, site: str, expires_at: float) -> str:
    """Return the code of a site. `lists`: `State.lists` of the roll call. `expires_at` in Unix seconds."""
    ends = int(expires_at)
    return f"{ends:x}.{_seal(key, conference, lists, site, ends)}"


def path(conference: str, made: str) -> str:
    """Return the path of the page. The code is in the fragment, which no browser sends to a server."""
    return f"{PAGE}/{quote(conference, safe='')}#{made}"


def read(key: Authenticator, conference: str, lists: int, sites: Iterable[str], given: str, now: float) -> str:
    """Return the site of a code. Raise Refusal `roll_link_wrong`, `roll_link_over`."""
    ends_text, _, seal = given.partition(".")
    try:
        ends = int(ends_text, 16)
    except ValueError as error:
        raise Refusal("roll_link_wrong", *WRONG) from error
    same = (site for site in sites if hmac.compare_digest(_seal(key, conference, lists, site, ends), seal))
    site = next(same, None) if seal.isascii() else None
    if site is None:
        raise Refusal("roll_link_wrong", *WRONG)
    if now >= ends:
        raise Refusal("roll_link_over", *OVER)
    return site


def _seal(key: Authenticator, conference: str, lists: int, site: str, ends: int) -> str:
    sealed = key.seal(f"diemcau roll link 2:{conference}:{lists}:{ends}:{site}")
    return base64.urlsafe_b64encode(sealed[:SEAL_BYTES]).decode()
