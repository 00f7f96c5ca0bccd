"""The common parts of all models: strict base classes, texts with limits, pages and problems."""

from datetime import datetime
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_args

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    GetJsonSchemaHandler,
    StringConstraints,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from signaling.api.models import limits
from signaling.host.bodies import Body

T = TypeVar("T")


class Like:
    """Describe a stored object as a model whose fields may be absent. Nothing is checked when the object is read."""

    def __init__(self, model: type[BaseModel]) -> None:
        self._model = model

    def __get_pydantic_json_schema__(self, _stored: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler.resolve_ref_schema(handler(self._model.__pydantic_core_schema__))
        return {"type": "object", "properties": described["properties"]}


class Strict(Body):
    """A request. An unknown field is an error."""

    model_config = ConfigDict(str_strip_whitespace=True)


class View(BaseModel):
    """An answer, made from the plain objects of `rooms`."""

    model_config = ConfigDict(extra="forbid", from_attributes=True, json_schema_serialization_defaults_required=True)
    """An answer gives every field, so its description requires every field."""


def _within_years(value: datetime) -> datetime:
    if not limits.FIRST_YEAR <= value.year <= limits.LAST_YEAR:
        raise ValueError(f"a year between {limits.FIRST_YEAR} and {limits.LAST_YEAR}")
    return value


def _without_null(value: object) -> object:
    if isinstance(value, str) and (
        "\0" in value or (not value.isprintable() and any(0xD800 <= ord(c) <= 0xDFFF for c in value))
    ):
        raise ValueError("characters that cannot be stored")
    return value


Clean = BeforeValidator(_without_null)
Id = Annotated[
    str, StringConstraints(pattern=r"^[0-9A-Za-z_-]{1,32}$"), Field(examples=["5f0c9d0e4b7a4c0f9d3a2b1c0d9e8f70"])
]
Code = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"), Field(examples=["so-nv"])]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,40}$")]
Text40 = Annotated[str, Clean, StringConstraints(max_length=40)]
Text100 = Annotated[str, Clean, StringConstraints(max_length=100)]
Text200 = Annotated[str, Clean, StringConstraints(max_length=200)]
Text300 = Annotated[str, Clean, StringConstraints(max_length=300)]
Text500 = Annotated[str, Clean, StringConstraints(max_length=500)]
Text1000 = Annotated[str, Clean, StringConstraints(max_length=1000)]
Name200 = Annotated[str, Clean, StringConstraints(min_length=1, max_length=200)]
Name300 = Annotated[str, Clean, StringConstraints(min_length=1, max_length=300)]
LongText = Annotated[str, Clean, StringConstraints(max_length=20_000)]
Email = Annotated[str, StringConstraints(max_length=254, pattern=r"^$|^[^@\s,;<>]{1,64}@[^@\s,;<>]{1,189}$"), Clean]
Phone = Annotated[str, StringConstraints(max_length=40, pattern=r"^[0-9+(). -]*$"), Clean]
Instant = Annotated[AwareDatetime, AfterValidator(_within_years), Field(examples=["2026-03-02T07:30:00+07:00"])]
MeetingClass = Literal["important", "ordinary"]
AskedClass = Literal["secret", "important", "ordinary"]
"""`secret` (a state secret) is offered and always refused with `state_secret`. The server keeps nothing of the request."""
MeetingState = Literal["held", "asked", "approved", "refused", "cancelled", "expired"]
DateState = Literal["planned", "skipped", "postponed", "cancelled", "running", "ended", "released"]
Connect = Literal["call", "dial_in"]
Answer = Literal["none", "accepted", "declined", "tentative"]
AttendeeRole = Literal["chair", "secretary", "presenter", "delegate", "guest"]
AloneAnswer = Literal["", "none", "accepted", "declined", "tentative"]
"""Empty: there is no answer for the date alone."""


def one_of(words: object) -> Any:
    """Return a field whose description names the words of a Literal. The store checks the words."""
    return Field(json_schema_extra={"enum": list(get_args(words))})


ShownClass = Annotated[str, one_of(MeetingClass)]
ShownState = Annotated[str, one_of(MeetingState)]
ShownDateState = Annotated[str, one_of(DateState)]
ShownConnect = Annotated[str, one_of(Connect)]
ShownAnswer = Annotated[str, one_of(Answer)]
ShownAloneAnswer = Annotated[str, one_of(AloneAnswer)]
ShownRole = Annotated[str, one_of(AttendeeRole)]


class Page(View, Generic[T]):
    """A part of a list. Send `next` as `cursor` to get the next part; null: there are no more rows."""

    items: list[T]
    next: str | None = Field(None, description="Opaque. Valid only for the same query.")


class Trouble(View):
    """An error in a request."""

    code: str
    vi: str
    en: str
    where: str = Field("", description="A field (`starts_at`), or row and column of a file (`7:email`).")
    detail: dict[str, Any] = Field(default_factory=dict)


class Problem(View):
    """An error (RFC 9457, application/problem+json). `code` is stable; `title` is `vi`."""

    type: str = Field(examples=["/api/v1/problems/clash"])
    title: str = Field(examples=["Hội trường đã có cuộc họp khác."])
    status: int = Field(examples=[409])
    code: str = Field(examples=["clash"])
    vi: str = Field(examples=["Hội trường đã có cuộc họp khác."])
    en: str = Field(examples=["the hall is taken"])
    troubles: list[Trouble] = Field(default_factory=list)


class Reference(View):
    """An object by its identifier and its name."""

    id: str
    name: str


class Words(View):
    """A code with its texts."""

    code: str
    vi: str
    en: str


class Reason(Strict):
    """A reason."""

    reason: Text500 = ""


V = TypeVar("V", bound=View)
_ABSENT: Final = object()


def shown(model: type[V], row: object, **extra: Any) -> V:
    """Return `row` in the form of `model`. `extra`: the fields that the row does not have."""
    found = ((name, getattr(row, name, _ABSENT)) for name in model.model_fields if name not in extra)
    return model(**{name: value for name, value in found if value is not _ABSENT}, **extra)
