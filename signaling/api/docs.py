"""The page that describes the API, made from its OpenAPI description. It has no script and loads nothing from other servers."""

import html
import json
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse, Response

from signaling.host.declared import PUBLIC, needs
from signaling.host.routers import new_router

EXAMPLE_DEPTH = 5
STYLE = """
:root { color-scheme: light dark; font: 16px/1.5 system-ui, sans-serif; }
body { margin: 0 auto; max-width: 70rem; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.2rem; margin-top: 2rem; }
details { border: 1px solid #8886; border-radius: .5rem; margin: .4rem 0; padding: .4rem .8rem; }
summary { cursor: pointer; } code, pre { font: 14px/1.4 ui-monospace, monospace; }
pre { background: #8882; border-radius: .4rem; overflow: auto; padding: .6rem; white-space: pre-wrap; }
.m { display: inline-block; font-weight: 700; min-width: 4.5rem; } .x { opacity: .75; }
nav a { margin-right: .8rem; }
table { border-collapse: collapse; } td, th { border-bottom: 1px solid #8884; padding: .2rem .8rem .2rem 0; text-align: left; }
td { vertical-align: top; }
"""


def routes(app: FastAPI) -> APIRouter:
    """Return the routes of `/docs` and its style sheet for `app`."""
    router = new_router(include_in_schema=False)
    kept: list[str] = []

    @router.get("/docs", openapi_extra=needs(PUBLIC))
    async def docs() -> HTMLResponse:
        if not kept:
            kept.append(page(app.openapi()))
        return HTMLResponse(kept[0])

    @router.get("/docs.css", openapi_extra=needs(PUBLIC))
    async def style() -> Response:
        return Response(STYLE, media_type="text/css")

    return router


def page(schema: dict[str, Any]) -> str:
    """Return the page with every operation, grouped by tag."""
    groups: dict[str, list[str]] = {}
    for path, item in schema["paths"].items():
        for method, operation in item.items():
            tag = (operation.get("tags") or ["api"])[0]
            groups.setdefault(tag, []).append(_operation(schema, method, path, operation))
    links = "".join(f'<a href="#{_text(tag)}">{_text(tag)}</a>' for tag in groups)
    body = "".join(f'<h2 id="{_text(tag)}">{_text(tag)}</h2>{"".join(parts)}' for tag, parts in groups.items())
    info = schema["info"]
    words = "".join(f"<p>{_text(one)}</p>" for one in info.get("description", "").strip().split("\n\n"))
    return (
        '<!doctype html><html lang="vi"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<title>{_text(info["title"])} API</title><link rel="stylesheet" href="docs.css"></head><body><main>'
        f"<h1>{_text(info['title'])} API {_text(info['version'])}</h1>{words}"
        f'<p><a href="openapi.json">openapi.json</a> (OpenAPI {_text(schema["openapi"])})</p><nav>{links}</nav>{body}'
        "</main></body></html>"
    )


def _operation(schema: dict[str, Any], method: str, path: str, operation: dict[str, Any]) -> str:
    parts = [f"<p>{_text(operation.get('description', ''))}</p>"]
    right = operation.get("x-action")
    if right:
        parts.append(f'<p class="x">Quyền / right: <code>{_text(right)}</code></p>')
    parts.append(_parameters(operation.get("parameters", [])))
    for kind, media in operation.get("requestBody", {}).get("content", {}).items():
        parts.append(f"<p>{_text(kind)}</p><pre>{_example(schema, media)}</pre>")
    for status, response in operation.get("responses", {}).items():
        for kind, media in response.get("content", {}).items():
            if kind == "application/json":
                parts.append(f"<p>{_text(status)}</p><pre>{_example(schema, media)}</pre>")
    head = f'<span class="m">{_text(method.upper())}</span> <code>{_text(path)}</code> {_text(operation.get("summary", ""))}'
    return f"<details><summary>{head}</summary>{''.join(parts)}</details>"


def _parameters(parameters: list[dict[str, Any]]) -> str:
    rows = "".join(
        f"<tr><td><code>{_text(one['name'])}</code></td><td>{_text(one['in'])}{' *' if one.get('required') else ''}</td>"
        f"<td>{_text(one.get('description', ''))}</td></tr>"
        for one in parameters
    )
    return f"<table>{rows}</table>" if rows else ""


def _example(schema: dict[str, Any], media: dict[str, Any]) -> str:
    value = sample(schema, media.get("schema", {}), EXAMPLE_DEPTH)
    return _text(json.dumps(value, ensure_ascii=False, indent=2))


def sample(schema: dict[str, Any], part: dict[str, Any], depth: int) -> Any:
    """Return an example value of the form that `part` describes."""
    if "$ref" in part:
        name = part["$ref"].rsplit("/", 1)[1]
        return sample(schema, schema["components"]["schemas"].get(name, {}), depth - 1) if depth else "…"
    for word in ("example", "const", "default"):
        if word in part:
            return part[word]
    for word in ("examples", "enum"):
        if part.get(word):
            return part[word][0]
    for word in ("anyOf", "oneOf", "allOf"):
        if part.get(word):
            return sample(schema, part[word][0], depth)
    return _plain(schema, part, depth)


def _plain(schema: dict[str, Any], part: dict[str, Any], depth: int) -> Any:
    kind = part.get("type")
    if kind == "object":
        return {name: sample(schema, one, depth) for name, one in part.get("properties", {}).items()}
    if kind == "array":
        return [sample(schema, part.get("items", {}), depth)]
    formats = {"date-time": "2026-03-02T00:30:00Z", "date": "2026-03-02", "binary": "…"}
    return {"integer": part.get("minimum", 0), "number": 0.0, "boolean": False, "null": None}.get(
        str(kind), formats.get(part.get("format", ""), "…")
    )


def _text(value: object) -> str:
    return html.escape(str(value))
