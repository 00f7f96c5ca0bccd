"""A small province for tests: three departments, two communes, their sites, halls, terminals and people."""

from dataclasses import dataclass, field
from datetime import date, datetime

from sqlalchemy.ext.asyncio import AsyncSession

from rooms.org.names import plain
from rooms.policy.actors import Actor, Role
from rooms.store.tables.booking import Pool
from rooms.store.tables.columns import Row
from rooms.store.tables.meetings import MeetingType
from rooms.store.tables.org import Holding, Person, Post, Unit
from rooms.store.tables.sites import Hall, Network, Site, Terminal

SINCE = date(2020, 1, 1)


@dataclass
class Province:
    """Identifiers by code. The units are `tinh`, `vp`, `khcn`, `yt`, `xa1` and `xa2`. Sites, halls and terminals carry their
    unit's code. The halls are `tinh` (300 seats), `tinh-a` (60), `khcn` (25) and `xa1` (50); `xa2` has no hall. Each unit
    has a head `UNIT-1` and a member of staff `UNIT-2`.
    """

    units: dict[str, str] = field(default_factory=dict)
    paths: dict[str, str] = field(default_factory=dict)
    sites: dict[str, str] = field(default_factory=dict)
    halls: dict[str, str] = field(default_factory=dict)
    terminals: dict[str, str] = field(default_factory=dict)
    people: dict[str, str] = field(default_factory=dict)
    posts: dict[str, str] = field(default_factory=dict)
    networks: dict[str, str] = field(default_factory=dict)
    pool: str = "main"
    types: tuple[str, ...] = ("briefing", "internal", "session")

    def actor(self, role: str, unit: str = "tinh", person: str = "", factors: int = 2) -> Actor:
        """Return an actor with one role in a unit."""
        return Actor(
            "account",
            id=f"{role}-{unit}"[:32],
            person_id=self.people.get(person, ""),
            name=f"{role} {unit}",
            roles=(Role(role, self.units[unit], self.paths[unit], whole=unit == "tinh"),),
            factors=factors,
        )


UNITS = (
    ("tinh", "", "UBND tỉnh Long An", "committee", 1, "government"),
    ("vp", "tinh", "Văn phòng UBND tỉnh", "office", 1, "government"),
    ("khcn", "tinh", "Sở Khoa học và Công nghệ", "department", 1, "government"),
    ("yt", "tinh", "Sở Y tế", "department", 1, "government"),
    ("xa1", "tinh", "UBND xã Mỹ Hạnh", "committee", 3, "government"),
    ("xa2", "tinh", "UBND xã Đức Lập", "committee", 3, "government"),
)
HALLS = (("tinh", "tinh", 300), ("tinh-a", "tinh", 60), ("khcn", "khcn", 25), ("xa1", "xa1", 50))
HEADS = {"tinh": "Chủ tịch", "vp": "Chánh Văn phòng", "khcn": "Giám đốc", "yt": "Giám đốc"}


async def build(session: AsyncSession, now: datetime) -> Province:
    made, rows = _everything()
    for row in rows:
        session.add(row)
        await session.flush()
    return made


def described() -> Province:
    """Return the same value as `build`, for a database that is a copy of a database with the province."""
    return _everything()[0]


def _everything() -> tuple[Province, list[Row]]:
    """Return the province and its rows, in an order that the foreign keys allow."""
    made = Province()
    rows: list[Row] = [Pool(code="main", name="Máy chủ họp", legs=40), *_types()]
    for code, parent, name, kind, tier, block in UNITS:
        rows.append(_unit(made, code, parent, name, kind, tier, block))
        rows += _people(made, code)
    made.networks["tslcd"] = "network-tslcd"
    closed = ["10.0.0.0/8", "fd00::/8"]
    rows.append(Network(id="network-tslcd", code="tslcd", name="TSLCD", ranges=closed, closed=True, terminals=True))
    rows += [_site(made, code, "hall" if code in ("tinh", "khcn", "xa1") else "none") for code in made.units]
    rows += [_hall(made, *one) for one in HALLS]
    rows += [_terminal(made, *one) for one in HALLS]
    return made, rows


def _types() -> list[Row]:
    return [
        MeetingType(code="briefing", name="Giao ban", default_class="important", precedence=50),
        MeetingType(code="internal", name="Họp nội bộ", default_class="ordinary", internal=True, notice_days=0),
        MeetingType(code="session", name="Phiên họp UBND tỉnh thường kỳ", default_class="important", precedence=20),
    ]


def _unit(made: Province, code: str, parent: str, name: str, kind: str, tier: int, block: str) -> Row:
    made.units[code] = f"unit-{code}"
    made.paths[code] = f"{made.paths[parent]}unit-{code}/" if parent else f"/unit-{code}/"
    return Unit(
        id=made.units[code],
        code=code,
        name=name,
        search_name=plain(name),
        kind=kind,
        tier=tier,
        block=block,
        parent_id=made.units[parent] if parent else None,
        path=made.paths[code],
        email=f"{code}@longan.gov.vn",
        valid_from=SINCE,
    )


def _people(made: Province, code: str) -> list[Row]:
    title = HEADS.get(code, "Chủ tịch")
    rows: list[Row] = []
    for number, name in ((1, f"Nguyễn Văn {code.upper()}"), (2, f"Trần Thị {code.upper()}")):
        key = f"{code}-{number}"
        made.people[key] = f"person-{key}"
        email = f"{key}@longan.gov.vn"
        rows.append(
            Person(
                id=f"person-{key}", code=key, name=name, search_name=plain(name), email=email, unit_id=made.units[code]
            )
        )
    made.posts[code] = f"post-{code}"
    rows.append(Post(id=f"post-{code}", unit_id=made.units[code], title=title, rank=1, is_head=True, valid_from=SINCE))
    holder = made.people[f"{code}-1"]
    rows.append(Holding(id=f"holding-{code}", post_id=f"post-{code}", person_id=holder, valid_from=SINCE))
    return rows


def _site(made: Province, code: str, capability: str) -> Row:
    made.sites[code] = f"site-{code}"
    name = f"Điểm cầu {code}"
    return Site(
        id=f"site-{code}",
        code=code,
        name=name,
        search_name=plain(name),
        unit_id=made.units[code],
        capability=capability,
        network_id="network-tslcd",
        valid_from=SINCE,
    )


def _hall(made: Province, code: str, site: str, seats: int) -> Row:
    made.halls[code] = f"hall-{code}"
    name = f"Phòng họp {code}"
    return Hall(
        id=f"hall-{code}",
        code=code,
        name=name,
        search_name=plain(name),
        site_id=made.sites[site],
        seats=seats,
        equipment=["projector"],
    )


def _terminal(made: Province, code: str, site: str, _seats: int) -> Row:
    made.terminals[code] = f"terminal-{code}"
    return Terminal(
        id=f"terminal-{code}",
        code=code,
        name=f"Thiết bị {code}",
        site_id=made.sites[site],
        hall_id=made.halls[code],
        protocols=["sip"],
        sip_uri=f"sip:{code}@10.0.0.1",
        codecs=["h264"],
        network_id="network-tslcd",
    )
