"""The parent class of every model of a request body."""

from __future__ import annotations

from typing import Any, Final

from pydantic import BaseModel, ConfigDict, model_validator
from pydantic_core import PydanticCustomError

UNKNOWN_KEYS: Final = 16
"""Unknown keys of a JSON body up to which the error names each key. For more, one error is returned. Each key costs
microseconds of the event loop, and a body of 64 KiB holds 5,400. More: a hostile body blocks the loop. Fewer: an honest client
sees fewer of its mistakes.
"""


class Body(BaseModel):
    """An object without unknown keys. An object with many unknown keys is refused before its keys are checked."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _few_keys(cls, given: Any) -> Any:
        if isinstance(given, dict) and len(given) > len(cls.model_fields) + UNKNOWN_KEYS:
            raise PydanticCustomError("too_many_keys", "too many keys")
        return given
