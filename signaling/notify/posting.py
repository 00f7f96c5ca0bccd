"""A POST to an address that a user has chosen: a webhook, or the push service of a browser.

The name of the receiver is resolved once, and the POST goes to exactly this IP address. Redirects are not followed. So a
receiver cannot lead the server to an address that `targets.resolve` refuses. Time and size have limits.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING

from signaling.notify import limits, targets

if TYPE_CHECKING:  # a heavy import: each function imports it when needed
    import httpx2


async def post(
    address: str, headers: Mapping[str, str], body: bytes, allowed: Sequence[targets.Network], lookup: targets.Lookup
) -> tuple[int, str]:
    """Send the POST, and return (status, error text). Status 0 means no answer. `allowed`: private networks that it may reach."""
    import httpx2

    try:
        url = httpx2.URL(address)
        port = url.port or (443 if url.scheme == "https" else 80)
        host = await targets.resolve(url.host, port, allowed, lookup)
        return await _exchange(url, host, headers, body)
    except targets.TargetRefused as error:
        return 0, f"refused: {error}"
    except (httpx2.HTTPError, httpx2.InvalidURL, OSError, UnicodeError) as error:
        return 0, type(error).__name__


async def _exchange(url: httpx2.URL, host: str, headers: Mapping[str, str], body: bytes) -> tuple[int, str]:
    import httpx2

    sent = {"host": url.netloc.decode(), "user-agent": "diemcau", **headers}
    timeout = httpx2.Timeout(limits.WEBHOOK_WAIT_S, connect=limits.WEBHOOK_CONNECT_S)
    trust = _authorities()
    async with httpx2.AsyncClient(verify=trust, timeout=timeout, follow_redirects=False, trust_env=False) as client:
        pinned = url.copy_with(host=host)
        request = client.build_request(
            "POST", pinned, content=body, headers=sent, extensions={"sni_hostname": url.host}
        )
        answer = await client.send(request, stream=True)
        try:
            read = 0
            async for chunk in answer.aiter_raw():
                read += len(chunk)
                if read > limits.WEBHOOK_ANSWER_BYTES:
                    break
        finally:
            await answer.aclose()
    if 300 <= answer.status_code < 400:
        return answer.status_code, "redirects are not followed"
    return answer.status_code, ""


@cache
def _authorities() -> ssl.SSLContext:
    """Return the trusted authorities. The server reads them once, because one reading blocks the server for
    tens of milliseconds. The start of a large meeting sends a push to each attendee.
    """
    import httpx2

    return httpx2.create_ssl_context(trust_env=False)
