"""The parent of every model that a request body is read into."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

UNKNOWN_KEYS: Final = 16
"""Unknown keys that are named one by one. Each costs some microseconds of the event loop, and 64 KiB hold 5,400."""


class Body(BaseModel):
    """An object whose keys are all known; with many unknown ones it is refused before they are looked at."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + UNKNOWN_KEYS:
            raise PydanticCustomError("too_many_keys", "too many keys")
        return given
