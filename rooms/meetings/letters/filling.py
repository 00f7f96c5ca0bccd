"""The process that fills a DOCX template. It reads an order as JSON on its input and writes an answer as JSON on its output.

The process limits its CPU time and memory before it opens the template. Before it runs the template, it also blocks the opening
of files and writes to files. The template language is Jinja's immutable sandbox, limited to texts, lists and mappings. A
template cannot read an attribute of any other object or call it. For example, the QR code object gives access to the whole
document and its writer.
"""

from __future__ import annotations

import base64
import io
import json
import resource
import sys
import warnings
from typing import Any

CPU_S = 30
FILE_BYTES = 64 * 1024 * 1024
INPUT_BYTES = 64 * 1024 * 1024
QR_MM = 24
MESSAGE_CHARACTERS = 300


def main() -> None:
    _bound(resource.RLIMIT_CPU, CPU_S)
    _bound(resource.RLIMIT_FSIZE, FILE_BYTES)
    _bound(resource.RLIMIT_CORE, 0)
    order = json.loads(sys.stdin.buffer.read(INPUT_BYTES))
    _bound(resource.RLIMIT_CPU, order["cpu_s"])
    _bound(resource.RLIMIT_AS, order["memory_bytes"])
    warnings.simplefilter("ignore")
    try:
        answer = fill(order)
    except MemoryError:
        answer = {"error": "out of memory"}
    except Exception as error:  # a template can raise any exception, and each is an answer about the template
        answer = {"error": f"{type(error).__name__}: {error}"[:MESSAGE_CHARACTERS]}
    sys.stdout.write(json.dumps(answer))


def fill(order: dict[str, Any]) -> dict[str, Any]:
    """Return {"document", "unknown"}, or {"error"}."""
    from docxtpl import DocxTemplate

    template = DocxTemplate(io.BytesIO(base64.b64decode(order["template"])))
    environment = narrow()
    fields = dict(order["fields"])
    unknown = template.get_undeclared_template_variables(environment) - set(order["known"])
    fields["qr"] = _picture(template, fields.get("address", ""))
    close_the_door()
    template.render(fields, environment, autoescape=True)
    out = io.BytesIO()
    template.save(out)
    document = out.getvalue()
    if len(document) > order["result_bytes"]:
        return {"error": "the document is too large"}
    return {"document": base64.b64encode(document).decode(), "unknown": sorted(unknown)}


def narrow() -> Any:
    """Return a Jinja environment that is safe for templates from outside."""
    from jinja2.runtime import LoopContext, Macro, Undefined
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    plain = (str, int, float, bool, list, tuple, dict, type(None), LoopContext, Undefined)

    class Narrow(ImmutableSandboxedEnvironment):
        def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
            return isinstance(obj, plain) and super().is_safe_attribute(obj, attr, value)

        def is_safe_callable(self, obj: Any) -> bool:
            ours = isinstance(obj, LoopContext | Macro) or isinstance(getattr(obj, "__self__", obj), plain)
            return ours and super().is_safe_callable(obj)

    environment = Narrow(autoescape=True)
    environment.globals.clear()
    return environment


def close_the_door() -> None:
    """Block the opening of files and all writes to files from now on."""
    _bound(resource.RLIMIT_FSIZE, 0)
    _bound(resource.RLIMIT_NOFILE, 3)


def _picture(template: Any, address: str) -> Any:
    if not address:
        return ""
    import segno
    from docx.shared import Mm
    from docxtpl import InlineImage

    out = io.BytesIO()
    segno.make(address, error="m", micro=False).save(out, kind="png", scale=8, border=2)
    out.seek(0)
    return InlineImage(template, out, width=Mm(QR_MM))


def _bound(kind: int, most: int) -> None:
    _, hard = resource.getrlimit(kind)
    allowed = most if hard == resource.RLIM_INFINITY else min(most, hard)
    resource.setrlimit(kind, (allowed, hard if kind == resource.RLIMIT_CPU else allowed))


if __name__ == "__main__":
    main()
