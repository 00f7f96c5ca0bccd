"""The models of units, posts, people, deputies, recipient sets, imports."""

from datetime import date, datetime
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from signaling.api.models import limits
from signaling.api.models.parts import (
    Code,
    Email,
    Id,
    Instant,
    Name200,
    Name300,
    Phone,
    Strict,
    Text40,
    Text100,
    Text300,
    Trouble,
    View,
    Word,
    one_of,
)

Block = Literal["party", "council", "government", "front", "other"]


class UnitFields(Strict):
    """The fields of a unit. `tier`: 0 national, 1 province, 2 district, 3 commune."""

    code: Code
    name: Name300
    short_name: Text100 = ""
    symbol: Text40 = Field("", description="The symbol in the unit's document numbers: `UBND-VHXH`.")
    kind: Word = Field(examples=["department"])
    tier: int = Field(ge=0, le=9)
    block: Block
    parent_id: Id | None = None
    address: Text300 = ""
    email: Email = ""
    phone: Phone = ""
    distance_km: float = Field(0.0, ge=0, le=5000)
    position: int = Field(0, ge=0, le=100_000)
    valid_from: date | None = Field(None, description="Absent: today.")
    valid_to: date | None = None


class Unit(View):
    """A unit. `path`: identifiers from the root down to the unit itself, between slashes."""

    id: str
    code: str
    name: str
    short_name: str
    symbol: str
    kind: str
    tier: int
    block: str
    parent_id: str | None
    path: str
    address: str
    email: str
    phone: str
    distance_km: float
    position: int
    valid_from: date
    valid_to: date | None
    version: int


class NewUnit(Strict):
    """A unit that a merger or a split makes. Its kind, tier, block and place in the tree are those of the old unit."""

    code: Code
    name: Name300
    short_name: Text100 = ""


class SuccessionPart(Strict):
    """A successor of a split unit: an existing unit (`into_id`) or a new one. The first part gets everything that no part
    names.
    """

    into_id: Id | None = None
    new: NewUnit | None = None
    unit_ids: list[Id] = Field([], max_length=limits.SHARED, description="The lower units that move to this part.")
    site_ids: list[Id] = Field([], max_length=limits.SHARED)
    person_ids: list[Id] = Field([], max_length=limits.SHARED)

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.into_id is None) == (self.new is None):
            raise ValueError("either into_id or new")
        return self


class Succession(Strict):
    """A unit that is merged, renamed, split or abolished on a day. `preview`: only the report of the moves."""

    kind: Literal["merge", "rename", "split", "abolish"]
    into_id: Id | None = Field(
        None, description="The successor. Merge: it may be the unit itself. Split: the first part."
    )
    others: list[Id] = Field(
        [],
        max_length=limits.SUCCESSORS,
        description="Merge: further units that join the same successor. Split: the other parts.",
    )
    new: NewUnit | None = Field(None, description="Merge: the new unit, instead of into_id.")
    parts: list[SuccessionPart] = Field(
        [], max_length=limits.SUCCESSORS, description="Split: the parts, instead of into_id and others."
    )
    name: Text300 = Field("", description="Rename: the new name.")
    on: date
    decision: Text300 = Field("", description="The document that ordered the change.")
    preview: bool = True


class SuccessionReport(View):
    """The things that move (or have moved), as numbers by kind and as text."""

    applied: bool
    unit: str = Field(description="The identifier of the successor.")
    moved: dict[str, int]
    notes: list[str]


class ProposedCode(View):
    """A code that no other row of the kind has now."""

    code: str


class Census(View):
    """The rows of today in the branches of an administrator, and those that lack something."""

    units: int
    posts: int
    vacant_posts: int
    people: int
    people_without_account: int
    sites: int
    halls: int
    halls_without_terminal: int
    terminals: int
    terminals_without_account: int


class TopFields(Strict):
    """A unit at the top of the tree."""

    unit_id: Id


class Top(View):
    """The unit whose administrators decide for the whole system."""

    unit_id: str | None
    name: str


class HoldingFields(Strict):
    """The new holder of a post, and the time. The earlier holder leaves the post that day."""

    person_id: Id
    valid_from: date | None = None
    valid_to: date | None = None


class PostFields(Strict):
    """A post. `signs_as` is printed above the signature. `holder`: this person is appointed in the same step."""

    unit_id: Id
    title: Name200
    rank: int = Field(100, ge=1, le=10_000, description="1 is the head.")
    is_head: bool = False
    signs_as: Literal["", "TM.", "KT.", "TL.", "TUQ."] = ""
    valid_from: date | None = None
    valid_to: date | None = None
    holder: HoldingFields | None = None


class Post(View):
    """A post and its holder today."""

    id: str
    unit_id: str
    unit_name: str = ""
    title: str
    rank: int
    is_head: bool
    signs_as: str
    valid_from: date
    valid_to: date | None
    holder_id: str | None = None
    holder_name: str = ""


class Appointment(Strict):
    """A post for a person: an existing post (`post_id`), or a new post `title` of the person's unit."""

    post_id: Id | None = None
    title: Annotated[str, StringConstraints(strip_whitespace=True, max_length=200)] = ""
    valid_from: date | None = Field(None, description="Absent: today.")

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.post_id is None) == (self.title == ""):
            raise ValueError("either post_id or title")
        return self


class PersonPost(View):
    """A post that a person holds, or will hold from `valid_from`."""

    post_id: str
    title: str
    unit_name: str
    valid_from: date
    valid_to: date | None


class PersonFields(Strict):
    """The fields of a person. `appointment`: the person is appointed to this post in the same step."""

    code: Code
    name: Name200
    email: Email = ""
    phone: Phone = ""
    unit_id: Id
    active: bool = True
    appointment: Appointment | None = None


class Person(View):
    """A member of staff. `title`: today's post and unit, in the form that letters use."""

    id: str
    code: str
    name: str
    email: str
    phone: str
    unit_id: str
    unit_name: str = ""
    title: str = ""
    active: bool
    version: int


class DeputyFields(Strict):
    """A deputyship: `deputy_id` acts for `person_id` between two instants."""

    person_id: Id
    deputy_id: Id
    starts_at: Instant
    ends_at: Instant
    reason: Text300 = ""


class PassedRole(View):
    """A role in a unit and in all units below it."""

    role: str
    unit_id: str
    unit_name: str


class Deputy(View):
    """A deputyship. `in_force`: now. `roles`: the roles that pass to the deputy.

    These are the roles that the represented person had when the deputyship was given, and still has. Later roles do not pass.
    """

    id: str
    person_id: str
    person_name: str = ""
    deputy_id: str
    deputy_name: str = ""
    starts_at: datetime
    ends_at: datetime
    reason: str
    revoked_at: datetime | None
    in_force: bool = False
    roles: list[PassedRole] = Field(default_factory=list)


class RecipientRule(Strict):
    """The units that have every given property. `unit_id` alone names one unit; with `below` also the units below it."""

    unit_id: Id | None = None
    below: bool = False
    kind: Word | None = None
    tier: int | None = Field(None, ge=0, le=9)
    block: Block | None = None
    excludes: bool = False


class RecipientSetFields(Strict):
    """A name that letters use, and its rules."""

    code: Code
    name: Name300
    owner_unit_id: Id
    rules: list[RecipientRule] = Field(min_length=1, max_length=limits.RULES)


class RecipientRuleView(View):
    """A stored rule."""

    unit_id: str | None
    below: bool
    kind: str | None
    tier: int | None
    block: Annotated[str, one_of(Block)] | None
    excludes: bool


class RecipientSet(View):
    """A recipient set. `size`: the number of its units today."""

    id: str
    code: str
    name: str
    owner_unit_id: str
    rules: list[RecipientRuleView] = Field(default_factory=list)
    size: int = 0


ImportKind = Literal["units", "posts", "people", "sites", "halls", "terminals"]


class ImportReport(View):
    """The effect of a file, before or after the import. The import writes nothing while `troubles` is not empty."""

    kind: str
    applied: bool
    rows: int
    created: int
    changed: int
    unchanged: int
    troubles: list[Trouble] = Field(description="`where` is row:column. At most 500 are listed.")
    digest: str = Field(description="The digest of file and outcome. Send it to `apply`.")
