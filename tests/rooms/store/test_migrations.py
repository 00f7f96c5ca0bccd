"""The schema of the database: the migrations make the same schema as the tables, on both databases and from nothing."""

import asyncio
import stat
from collections.abc import AsyncIterator, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, Boolean, Connection, Date, column, select, table, text

from rooms.accounts import roles
from rooms.dialling import accounts
from rooms.errors import Refusal
from rooms.sites import networks
from rooms.store.database import Database
from rooms.store.migrations import steps
from rooms.store.tables.accounts import Account
from rooms.store.tables.columns import Utc
from rooms.store.tables.meetings import Meeting, Template
from rooms.store.tables.sites import Terminal
from tests.rooms.postgres import Postgres


def differences(connection: Connection) -> list[object]:
    options = steps.options(connection)
    metadata = options.pop("target_metadata")
    del options["connection"]
    options["include_object"] = lambda thing, name, kind, reflected, _: (
        not (kind == "index" and reflected and name == "reservation_overlap")
    )
    return list(compare_metadata(MigrationContext.configure(connection, opts=options), metadata))


async def test_the_steps_make_what_the_tables_say(database: Database) -> None:
    async with database.engine.connect() as connection:
        found = await connection.run_sync(differences)
    assert not found, "a table changed without a step in rooms/store/migrations/versions"


async def test_upgrading_again_does_nothing(database_url: str) -> None:
    head = ScriptDirectory.from_config(steps.settings()).get_current_head()
    assert await steps.current(database_url) == steps.newest() == head
    assert await steps.upgrade(database_url) == steps.newest()


async def test_an_empty_database_has_no_revision(tmp_path: Path) -> None:
    assert await steps.current(f"sqlite:///{tmp_path}/new.db") == ""
    assert not (tmp_path / "new.db").exists()


async def test_a_database_file_is_readable_by_its_owner_only(open_file: Path) -> None:
    assert {stat.S_IMODE(path.stat().st_mode) for path in open_file.parent.glob("own.db*")} == {0o600}


@pytest.fixture
async def open_file(tmp_path: Path) -> AsyncIterator[Path]:
    """An open database file, with the files that SQLite keeps beside it."""
    path = tmp_path / "own.db"
    await steps.upgrade(f"sqlite:///{path}")
    database = Database.open(f"sqlite:///{path}")
    await database.transact(lambda session: session.execute(text("UPDATE pool SET legs = 1")))
    yield path
    await database.close()


async def test_a_newer_database_is_refused_and_left_alone(database: Database, database_url: str) -> None:
    async with database.engine.begin() as connection:
        await connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refusal) as refused:
        await steps.upgrade(database_url)
    assert refused.value.code == "database_is_newer"
    assert await steps.current(database_url) == "9999"


async def test_two_that_start_together_wait_for_each_other(postgres: Postgres, tmp_path: Path) -> None:
    await postgres.run("CREATE DATABASE together")
    for url in (postgres.url("together"), f"sqlite:///{tmp_path}/together.db"):
        assert set(await asyncio.gather(*(steps.upgrade(url) for _ in range(3)))) == {steps.newest()}
    await postgres.run("DROP DATABASE together")


async def upgraded(url: str, as_before: Callable[[Connection], None]) -> Database:
    """Make a database of an older step with `as_before`, and return it at the newest step."""
    database = Database.open(url)
    async with database.engine.connect() as connection:
        await connection.execution_options(diemcau_writes=True)
        async with connection.begin():
            await connection.run_sync(as_before)
    await database.close()
    await steps.upgrade(url)
    return Database.open(url)


async def test_older_meetings_keep_how_their_halls_connect(postgres: Postgres, tmp_path: Path) -> None:
    """`dial` becomes `call`, the other values become `dial_in`. A `dial_in` meeting that is held, asked or approved asks its
    secretary. Stored templates take the default.
    """
    await postgres.run("CREATE DATABASE halls_before")
    for url in (postgres.url("halls_before"), f"sqlite:///{tmp_path}/before.db"):
        database = await upgraded(url, _as_before)
        async with database.reading() as session:
            meetings = await session.execute(
                select(Meeting.id, Meeting.connect, Meeting.connect_asked, Meeting.uncalled)
            )
            kept = (await session.scalars(select(Template.request))).one()
        await database.close()
        assert {one[0]: tuple(one[1:]) for one in meetings} == {
            "dial-soon": ("call", False, []),
            "manual-soon": ("dial_in", True, []),
            "hold-soon": ("dial_in", True, []),
            "push-over": ("dial_in", True, []),
            "none-off": ("dial_in", False, []),
        }
        assert kept == {"title": "Giao ban"}
    await postgres.run("DROP DATABASE halls_before")


def _as_before(connection: Connection) -> None:
    """Make a database of step 0001 with meetings of all five values."""
    command.upgrade(steps.settings(connection), "0001")
    now = datetime.now(UTC)
    _add_unit(connection)
    type_ = {"code": "t", "name": "t", "name_en": "", "default_class": "ordinary", "duration_min": 60, "notice_days": 0}
    _add(connection, "meeting_type", {**type_, "conclusion_days": 0, "internal": True, "precedence": 1, "position": 0})
    _add(
        connection,
        "template",
        {"id": "k", "unit_id": "u", "name": "k", "request": {"title": "Giao ban", "connect": "manual"}},
    )
    for id_, state, at in (
        ("dial-soon", "approved", now + timedelta(days=1)),
        ("manual-soon", "approved", now + timedelta(days=1)),
        ("hold-soon", "asked", now + timedelta(days=1)),
        ("push-over", "approved", now - timedelta(days=1)),
        ("none-off", "cancelled", now + timedelta(days=1)),
    ):
        meeting: dict[str, Any] = {
            "id": id_,
            "pin": "",
            "title": id_,
            "search_title": id_,
            "type_code": "t",
            "state": state,
        }
        meeting |= {"class": "ordinary", "host_unit_id": "u", "created_by": "x", "created_at": now, "updated_at": now}
        meeting |= {"description": "", "agenda": [], "public": False, "lobby": True, "connect": id_.partition("-")[0]}
        meeting |= {"legs": 2, "first_starts_at": at, "duration_min": 60, "rule": "", "precedence": 1, "sequence": 0}
        meeting |= {"precedence_reason": "", "version": 1, "reason_code": "", "reason": "", "number": id_[:12]}
        _add(connection, "meeting", meeting)
        occurrence = {
            "id": id_,
            "meeting_id": id_,
            "original_at": at,
            "starts_at": at,
            "ends_at": at + timedelta(hours=1),
        }
        _add(
            connection,
            "occurrence",
            {**occurrence, "state": "planned", "moved": False, "reason_code": "", "reason": ""},
        )


async def test_terminals_keep_their_networks_except_too_wide_ranges(postgres: Postgres, tmp_path: Path) -> None:
    """Terminals may still call from their networks, except from ranges that are too wide, which `doctor` names. The wide ranges
    of a mixed network move to a new network.
    """
    before = {"closed": ["10.0.0.0/8", "fd00::/8"], "office": ["203.113.0.0/16"], "empty": []}
    mixed = {"half": ["172.16.0.0/12", "113.160.0.0/11", "0.0.0.0/1"]}
    dropped = {"internet": ["0.0.0.0/0", "::/0"], "half-RONG": ["128.0.0.0/2"]}
    await postgres.run("CREATE DATABASE networks_before")
    for url in (postgres.url("networks_before"), f"sqlite:///{tmp_path}/networks.db"):

        def as_before(connection: Connection) -> None:
            command.upgrade(steps.settings(connection), "0001")
            for code, ranges in (before | mixed | dropped).items():
                values = {"id": code, "code": code, "name": code, "ranges": ranges, "closed": code == "half"}
                _add(connection, "network", values)
            _add_terminals(connection)

        database = await upgraded(url, as_before)
        async with database.reading() as session:
            found = {one.code: one for one in await networks.every(session)}
            heard = await accounts.heard(session)
            stand = dict((await session.execute(select(Terminal.id, Terminal.network_id))).all())
            acting = await accounts.devices(session)
        await database.close()
        assert {one.code for one in found.values() if one.terminals} == {*before, "half"}
        assert sorted(heard) == ["10.0.0.0/8", "172.16.0.0/12", "203.113.0.0/16", "fd00::/8"]
        made = found.pop("half-RONG2")
        assert set(found) == set(before | mixed | dropped)
        assert (made.ranges, made.closed) == (["113.160.0.0/11", "0.0.0.0/1"], True)
        assert made.name == "half (dải quá rộng, không nhận SIP)"
        assert stand == {"wide": made.id, "kept": "half", "named": "half", "none": None}
        # The fields of calls did nothing before step 0023, so they get values that change no call; 512 kbit/s was a person's.
        assert acting["kept"] == acting["none"] == accounts.Device(10_000, "720p")
        assert acting["named"].bandwidth_kbps == 512
    await postgres.run("DROP DATABASE networks_before")


def _add_terminals(connection: Connection) -> None:
    """Add three terminals of the network `half`, and one without a network."""
    _add_unit(connection)
    site: dict[str, Any] = {"id": "s", "code": "s", "name": "s", "search_name": "s", "unit_id": "u", "note": ""}
    site |= {"capability": "hall", "address": "", "technician": "", "technician_phone": "", "version": 1}
    _add(connection, "site", site | {"valid_from": date(2020, 1, 1)})
    terminal: dict[str, Any] = {"name": "t", "site_id": "s", "vendor": "", "model": "", "protocols": ["sip"]}
    terminal |= {"h323_alias": "", "e164": "", "profile": "720p", "codecs": [], "encrypts": False, "note": ""}
    terminal |= {"shows_content": False, "dialled": True, "bandwidth_kbps": 2000, "language": "vi", "active": True}
    for code, address in {"wide": "h@113.170.1.1", "kept": "h@172.16.0.9:5060", "named": "h@hall.example"}.items():
        own = {"id": code, "code": code, "sip_uri": f"sip:{address}", "network_id": "half", "version": 1}
        own |= {"bandwidth_kbps": 512} if code == "named" else {"codecs": ["H.264"]}
        _add(connection, "terminal", terminal | own)
    _add(connection, "terminal", terminal | {"id": "none", "code": "none", "sip_uri": "", "version": 1})


def _add_unit(connection: Connection) -> None:
    unit: dict[str, Any] = {
        "id": "u",
        "code": "u",
        "name": "u",
        "search_name": "u",
        "short_name": "",
        "symbol": "",
        "kind": "office",
    }
    unit |= {"tier": 1, "block": "government", "path": "/u/", "address": "", "email": "", "phone": "", "distance_km": 0}
    unit |= {"position": 0, "valid_from": date(2020, 1, 1), "version": 1, "top": False}
    _add(connection, "unit", unit)


async def test_deputies_of_before_keep_the_roles_of_that_day(tmp_path: Path) -> None:
    url, now = f"sqlite:///{tmp_path}/deputies.db", datetime.now(UTC)
    account = {"password": "", "must_change": False, "totp_secret": "", "totp_confirmed": False, "totp_last_step": 0}

    def as_before(connection: Connection) -> None:
        command.upgrade(steps.settings(connection), "0001")
        _add_unit(connection)
        for id_ in ("head", "deputy"):
            person: dict[str, Any] = {"id": id_, "code": id_, "name": id_, "search_name": id_, "email": "", "phone": ""}
            _add(connection, "person", person | {"unit_id": "u", "active": True, "version": 1})
            own: dict[str, Any] = {"id": id_, "name": id_, "person_id": id_, "recovery": [], "language": "vi"}
            _add(connection, "account", own | account | {"active": True, "created_at": now, "version": 1})
        for role in ("approver", "admin"):
            grant = {"id": role, "account_id": "head", "role": role, "unit_id": "u", "starts_at": now, "granted_by": ""}
            _add(connection, "role_grant", grant)
        given = {"id": "d", "person_id": "head", "deputy_id": "deputy", "reason": "", "granted_by": ""}
        _add(connection, "deputy", {**given, "starts_at": now, "ends_at": now + timedelta(days=3)})

    database = await upgraded(url, as_before)
    async with database.reading() as session:
        account_row = await session.get_one(Account, "deputy")
        held, _ = await roles.held(session, account_row, now + timedelta(days=1))
    await database.close()
    assert [(one.role, one.for_person) for one in held] == [("approver", "head")]


def _add(connection: Connection, name: str, values: dict[str, Any]) -> None:
    kinds: dict[type, Any] = {datetime: Utc(), date: Date(), list: JSON(), dict: JSON(), bool: Boolean()}
    columns = [column(key, kinds.get(type(value))) for key, value in values.items()]
    connection.execute(table(name, *columns).insert().values(values))
