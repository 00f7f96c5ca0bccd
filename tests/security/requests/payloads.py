"""200 texts that run as a script if a page takes text for markup. Each text calls `hit` with its number.

`poisoned` appends them to every text that users write, in answers of the API.
"""

from __future__ import annotations

import html
import itertools
import json
import re
from collections import Counter
from typing import Any

from tests.running.runs import LONG_RUN

COUNT = 200
_CALLS = (
    "hit({n})",
    "window['hit']({n})",
    "top.hit?.({n})",
    "setTimeout(()=>hit({n}))",
    "eval('hit({n})')",
    "[{n}].map(hit)",
    "hit`{n}`",
    "&#104;it({n})",
    "\\u0068it({n})",
    "Function('hit({n})')()",
)
_FORMS = (
    "<img src=x onerror={call}>",
    "<img/src/onerror={call}>",
    '"><img src=x onerror="{call}">',
    "'><img src=x onerror='{quoted}'>",
    "</title><img src=x onerror={call}>",
    "</textarea><img src=x onerror={call}>",
    "</script><img src=x onerror={call}>",
    "--><img src=x onerror={call}>",
    "<svg onload={call}>",
    "<svg><image href=x onerror={call}>",
    "<svg><animate onbegin={call} attributeName=x dur=1s>",
    "<video src=x onerror={call}></video>",
    "<video><source onerror={call}></video>",
    "<audio src=x onerror={call}></audio>",
    "<details open ontoggle={call}>",
    "<iframe srcdoc='<script>parent.{call}</script>'></iframe>",
    "<iframe src='javascript:parent.{call}'></iframe>",
    "<object data=x onerror={call}></object>",
    "<input autofocus onfocus={call}>",
    "<link rel=stylesheet href=x onerror={call}>",
)
"""Twenty ways to insert markup; ten ways to call `hit`."""
PAYLOADS = tuple(
    form.format(call=(made := call.format(n=number)), quoted=html.escape(made))
    for number, (form, call) in enumerate(itertools.product(_FORMS, _CALLS), 1)
)
WORDS = "\n".join(PAYLOADS)
SIGN = PAYLOADS[0]
LINK = "javascript:hit(0)"
WATCH = """window.hits = []; window.hit = (n) => { window.hits.push(Number(n)); };
window.alert = window.confirm = window.prompt = () => window.hits.push(-1);
window.violations = [];
addEventListener('securitypolicyviolation', (e) => window.violations.push(e.violatedDirective + ' ' + e.blockedURI));"""
"""A script that must run before any script of the page."""

_SAFE = re.compile(r"[A-Za-z0-9_.:+/=-]*|\d[\dTZ:.+ -]*|#[0-9a-f]+|FREQ=.*")
_KEPT = {"csrf", "token", "secret", "url", "qr", "etag", "uri", "timezone", "zone"}
_MANY = 3 if LONG_RUN else 1
"""Texts of each name that get all payloads. More: the pages take longer to draw. Fewer: only one place of a page shows all."""


def poisoned(text: str) -> str:
    """Return the JSON of an answer with payloads appended. The first texts of each name get all payloads, and later ones get
    one payload. Links run a script, and `__proto__` tries to pollute the prototype.
    """
    seen: Counter[str] = Counter()
    numbers = itertools.cycle(range(COUNT))

    def bad(name: str, value: Any) -> Any:
        if isinstance(value, dict):
            return {"__proto__": {"polluted": True}, **{key: bad(key, one) for key, one in value.items()}}
        if isinstance(value, list):
            return [bad(name, one) for one in value]
        if not isinstance(value, str) or name in _KEPT or not value or value.startswith("data:"):
            return value
        if value.startswith(("http:", "https:")):
            return LINK if name == "link" else value
        if _SAFE.fullmatch(value):
            return value
        seen[name] += 1
        return f"{value} {WORDS if seen[name] <= _MANY else PAYLOADS[next(numbers)]}"

    return json.dumps(bad("", json.loads(text)))


assert len(PAYLOADS) == len(set(PAYLOADS)) == COUNT
