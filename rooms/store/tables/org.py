"""Units, posts, people, deputies and recipient sets, as rows.

Data that changes over the years has dates. Rows that a meeting may refer to are never deleted.
"""

from __future__ import annotations

from datetime import date, datetime

from sqlalchemy import CheckConstraint, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from rooms.store.tables.columns import Row

BLOCKS = ("party", "council", "government", "front", "other")
"""khối Đảng; ĐBQH-HĐND; chính quyền; Mặt trận và đoàn thể."""


class Unit(Row):
    """An agency or a part of an agency, at any depth. `tier`: 0 national, 1 province, 2 district, 3 commune. Tiers are data,
    not code.
    """

    __tablename__ = "unit"
    __table_args__ = (Index("uq_unit_top", "top", unique=True, sqlite_where=text("top"), postgresql_where=text("top")),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    search_name: Mapped[str] = mapped_column(String(300), index=True)
    """The name without diacritics, in lower case."""
    short_name: Mapped[str] = mapped_column(String(100), default="")
    symbol: Mapped[str] = mapped_column(String(40), default="")
    """The unit's symbol in document numbers: `UBND-VHXH`."""
    kind: Mapped[str] = mapped_column(String(40))
    tier: Mapped[int]
    block: Mapped[str] = mapped_column(String(20))
    parent_id: Mapped[str | None] = mapped_column(ForeignKey("unit.id"), index=True)
    path: Mapped[str] = mapped_column(String(1000), index=True)
    """`/id of the root/…/own id/`. Units below this unit have paths that begin with this path."""
    address: Mapped[str] = mapped_column(String(300), default="")
    email: Mapped[str] = mapped_column(String(254), default="")
    phone: Mapped[str] = mapped_column(String(40), default="")
    distance_km: Mapped[float] = mapped_column(default=0.0)
    """The distance by road to the seat of the province, for the report of avoided travel."""
    position: Mapped[int] = mapped_column(default=0)
    """The place among the sibling units in official lists."""
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]
    """The first day on which the unit no longer exists."""
    version: Mapped[int] = mapped_column(default=1)
    top: Mapped[bool] = mapped_column(default=False)
    """True: the administrators of this unit decide for all units (`rooms.org.root_unit`). At most one row has True."""


class UnitSuccessor(Row):
    """A successor: from the day `on`, it replaces the unit. Kinds: `merge`, `rename`, `split`, `abolish`."""

    __tablename__ = "unit_successor"
    __table_args__ = (UniqueConstraint("unit_id", "successor_id", "on"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    successor_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    kind: Mapped[str] = mapped_column(String(20))
    on: Mapped[date]
    decision: Mapped[str] = mapped_column(String(300), default="")
    """The document that ordered the change."""


class Post(Row):
    """An office that a person holds. `signs_as` is printed above the signature: TM., KT., TL., TUQ. or nothing."""

    __tablename__ = "post"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    rank: Mapped[int] = mapped_column(default=100)
    """The order of lists. 1 is the head."""
    is_head: Mapped[bool] = mapped_column(default=False)
    signs_as: Mapped[str] = mapped_column(String(8), default="")
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Person(Row):
    """A member of staff. `search_name` has no diacritics."""

    __tablename__ = "person"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    search_name: Mapped[str] = mapped_column(String(200), index=True)
    email: Mapped[str] = mapped_column(String(254), default="", index=True)
    phone: Mapped[str] = mapped_column(String(40), default="")
    unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"), index=True)
    """The unit where the person works, with or without a post."""
    active: Mapped[bool] = mapped_column(default=True)
    version: Mapped[int] = mapped_column(default=1)


class Holding(Row):
    """The holder of a post, with dates."""

    __tablename__ = "holding"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    post_id: Mapped[str] = mapped_column(ForeignKey("post.id"), index=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    valid_from: Mapped[date]
    valid_to: Mapped[date | None]


class Deputy(Row):
    """A deputyship: `deputy_id` acts for `person_id` (approves, signs, attends) between two instants."""

    __tablename__ = "deputy"
    __table_args__ = (CheckConstraint("person_id <> deputy_id", name="other"),)

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    person_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    deputy_id: Mapped[str] = mapped_column(ForeignKey("person.id"), index=True)
    starts_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(300), default="")
    granted_by: Mapped[str] = mapped_column(String(32))
    """The account."""
    revoked_at: Mapped[datetime | None]


class RecipientSet(Row):
    """A name that letters use, for example "Các sở, ngành, đoàn thể tỉnh". On a day it expands to the units of its rules."""

    __tablename__ = "recipient_set"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    code: Mapped[str] = mapped_column(String(64), unique=True)
    name: Mapped[str] = mapped_column(String(300))
    search_name: Mapped[str] = mapped_column(String(300))
    owner_unit_id: Mapped[str] = mapped_column(ForeignKey("unit.id"))


class RecipientRule(Row):
    """A rule that matches units with all the given properties. `unit_id` alone matches one unit, and with `below` also the
    units below it.
    """

    __tablename__ = "recipient_rule"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    set_id: Mapped[str] = mapped_column(ForeignKey("recipient_set.id", ondelete="CASCADE"), index=True)
    unit_id: Mapped[str | None] = mapped_column(ForeignKey("unit.id"))
    below: Mapped[bool] = mapped_column(default=False)
    kind: Mapped[str | None] = mapped_column(String(40))
    tier: Mapped[int | None]
    block: Mapped[str | None] = mapped_column(String(20))
    excludes: Mapped[bool] = mapped_column(default=False)
