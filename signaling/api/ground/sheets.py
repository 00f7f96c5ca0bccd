"""Answers that are a sheet: CSV or XLSX."""

from typing import Any, Final, Literal

from fastapi import Response

XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "the file", "content": {"text/csv": {}, XLSX: {}}},
}
"""The description of a `download` for OpenAPI."""


def download(content: bytes, name: str, suffix: Literal["csv", "xlsx"]) -> Response:
    """Return a file with this name and suffix."""
    media_type = "text/csv; charset=utf-8" if suffix == "csv" else XLSX
    return Response(
        content, media_type=media_type, headers={"content-disposition": f'attachment; filename="{name}.{suffix}"'}
    )
