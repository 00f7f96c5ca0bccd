"""People and accounts from a real OpenLDAP server and from LDIF files, both good and hostile."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select
from typer.testing import CliRunner

from rooms.errors import Refusal
from rooms.exchange import directory as accounts
from rooms.exchange import ldif
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.tables.accounts import Account
from rooms.store.tables.org import Person
from signaling import cli
from signaling.access.ldap import Directory, entries
from tests.rooms.province import Province
from tests.signaling.access.slapd import ADMIN, BASE, Slapd, person, tree

NOW = datetime(2026, 3, 3, 1, 0, tzinfo=UTC)
MANY = 1003
"""Entries. More than two pages of `PAGE` (500), and more than the server's `sizelimit` (500)."""


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="module")
def slapd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    server = Slapd(tmp_path_factory.mktemp("slapd"))
    people = [
        person("lan.tt", "Trần Thị Lan", "vp", telephoneNumber="0272 123"),
        person("minh.nv", "Nguyễn Văn Minh", "Sở Khoa học và Công nghệ"),
        *(person(f"nv{number}", f"Nhân Viên {number}", "yt") for number in range(MANY - 2)),
    ]
    try:
        server.start(tree(people))
        yield server
    finally:
        server.stop()


def asked(slapd: Slapd, **changes: object) -> Directory:
    values = {"url": slapd.url, "base": BASE, "bind_dn": ADMIN, "password_file": slapd.password_file}
    return Directory(**(values | changes))  # type: ignore[arg-type]


async def test_people_of_a_real_directory_get_accounts(
    slapd: Slapd, database: Database, province: Province, database_url: str, tmp_path: Path
) -> None:
    found = entries(asked(slapd), accounts.POSIX.all)
    assert len(found) == MANY
    seen = await database.transact(lambda s: accounts.preview(s, found, accounts.POSIX, COMMAND, NOW))
    assert (seen.people.created, seen.accounts, list(seen.troubles)) == (MANY, MANY, [])
    async with database.reading() as session:
        assert await session.scalar(select(Account)) is None
    made = await database.transact(lambda s: accounts.apply(s, found, accounts.POSIX, COMMAND, NOW))
    assert (made.people.created, made.accounts) == (MANY, MANY)
    async with database.reading() as session:
        lan = await session.scalar(select(Person).where(Person.code == "lan.tt"))
        minh = await session.scalar(select(Person).where(Person.code == "minh.nv"))
        account = await session.scalar(select(Account).where(Account.name == "lan.tt"))
    assert lan is not None
    assert minh is not None
    assert account is not None
    assert (lan.name, lan.phone, lan.unit_id) == ("Trần Thị Lan", "0272 123", province.units["vp"])
    assert minh.unit_id == province.units["khcn"]  # found by the unit's name
    assert (account.person_id, account.password, account.active) == (lan.id, "", True)
    again = await database.transact(lambda s: accounts.apply(s, found, accounts.POSIX, COMMAND, NOW))
    assert (again.people.created, again.people.changed, again.accounts) == (0, 0, 0)


def test_the_directory_says_no(slapd: Slapd, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("another")
    wrong.chmod(0o600)
    readable = tmp_path / "readable"
    readable.write_text("another")
    readable.chmod(0o644)
    for changes, code in (
        ({"password_file": wrong}, "directory_failed"),
        ({"password_file": readable}, "directory_password"),
        ({"password_file": None}, "directory_password"),
        ({"base": "dc=nowhere"}, "directory_failed"),
        ({"url": "ldap://127.0.0.1:1"}, "directory_failed"),
        ({"url": "http://127.0.0.1"}, "directory_url"),
        ({"url": "ldapi://%2Fvar%2Frun"}, "directory_url"),
        ({"filter": "((("}, "directory_failed"),
    ):
        with pytest.raises(Refusal) as error:
            entries(asked(slapd, **changes), accounts.POSIX.all)
        assert error.value.code == code, changes
        assert "another" not in error.value.english


def test_by_name_of_another_machine_only_with_tls(slapd: Slapd) -> None:
    """Show that an address other than loopback needs TLS. This server has no certificate, so the connection must be refused."""
    with pytest.raises(Refusal) as error:
        entries(asked(slapd, url=slapd.url.replace("127.0.0.1", "127.0.0.2")), accounts.POSIX.all)
    assert error.value.code == "directory_failed"


AD = """version: 1
# from ldifde
dn: CN=Lan,OU=VP,DC=longan
sAMAccountName: Lan.TT
displayName:: {name}
department: vp
mail: lan@longan.gov.vn
userAccountControl: 512
thumbnailPhoto:: /9j/4AAQ
description: a line that is
  folded

dn: CN=Nghỉ,OU=VP,DC=longan
sAMAccountName: nghi.nv
displayName: Nguyen Van Nghi
department: vp
userAccountControl: {flags}

dn: OU=VP,DC=longan
ou: VP
"""


async def test_an_active_directory_import_disables_disabled_users(
    database: Database, province: Province, tmp_path: Path
) -> None:
    def content(flags: int) -> list[ldif.Entry]:
        return ldif.read(AD.format(name=base64.b64encode("Trần Thị Lan".encode()).decode(), flags=flags).encode())

    names = accounts.ACTIVE_DIRECTORY
    assert ldif.first(content(512)[0], "description") == "a line that is folded"
    taken = await database.transact(lambda s: accounts.apply(s, content(512), names, COMMAND, NOW))
    assert (taken.people.created, taken.accounts) == (2, 2)
    taken = await database.transact(lambda s: accounts.apply(s, content(514), names, COMMAND, NOW))
    assert (taken.people.changed, taken.accounts, taken.switched_off) == (1, 0, 1)
    async with database.reading() as session:
        active = dict((await session.execute(select(Account.name, Account.active))).all())
    assert active == {"lan.tt": True, "nghi.nv": False}


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_every_error_is_reported_and_nothing_is_written(database: Database, province: Province) -> None:
    people = [
        person("lan", "Trần Thị Lan", "vp"),
        person("", "Không Mã", "vp"),
        person("minh", "", "vp"),
        person("hoa", "Hoa", "không có"),
        person("Tên Có Dấu", "Hoa", "vp"),
        person("x", "X", "vp", mail="không phải thư"),
    ]
    found = ldif.read("\n".join(people).encode())
    seen = await database.transact(lambda s: accounts.preview(s, found, accounts.POSIX, COMMAND, NOW))
    assert len(seen.troubles) >= 4
    assert all(one.vietnamese for one in seen.troubles)
    with pytest.raises(Refusal) as error:
        await database.transact(lambda s: accounts.apply(s, found, accounts.POSIX, COMMAND, NOW))
    assert error.value.code == "import_has_errors"
    async with database.reading() as session:
        assert await session.scalar(select(Account)) is None
        assert await session.scalar(select(Person).where(Person.code == "lan")) is None


@pytest.mark.parametrize(
    "content",
    [
        b"dn: a\nuid:: !!!\n",
        b"dn: a\nphoto:< file:///etc/passwd\n",
        b"dn: a\nchangetype: delete\n",
        b" folded first\n",
        b"no colon\n",
        b"dn: a\n\xff\xfe\n",
        b"dn: a\n" + b"x: y\n" * (ldif.VALUES + 1),
        b"dn: a\nx: " + b"y" * (ldif.LINE_CHARACTERS + 1) + b"\n",
        b"dn: a\nx: y\n" + b" yyyyyyyyyyyyyyyyyyy\n" * 10_000,
        b"dn: a\n\n" * (ldif.ENTRIES + 1),
    ],
    ids=lambda content: repr(content[:24]),
)
def test_hostile_files_are_refused(content: bytes) -> None:
    with pytest.raises(Refusal) as error:
        ldif.read(content)
    assert error.value.code in ("file_malformed", "too_many_rows")


@given(st.binary(max_size=400) | st.text(max_size=400).map(str.encode))
def test_any_file_is_read_or_refused(content: bytes) -> None:
    try:
        found = ldif.read(content)
    except Refusal:
        return
    assert all("dn" in one for one in found)


def test_the_command(tmp_path: Path, slapd: Slapd) -> None:
    import asyncio

    from rooms.store.migrations import steps

    asyncio.run(steps.upgrade(f"sqlite:///{tmp_path / 'diemcau.sqlite'}"))
    typed = lambda *words: CliRunner().invoke(cli.app, ["user", *words, "--data-dir", str(tmp_path)])  # noqa: E731
    typed("link")
    exported = tmp_path / "export.ldif"
    exported.write_text(person("lan", "Trần Thị Lan", "goc"))
    seen = typed("import", "--ldif", str(exported))
    assert (seen.exit_code, "chưa ghi" in seen.output) == (0, True), seen.output
    assert "lan " not in typed("list").output
    assert typed("import", "--ldif", str(exported), "--apply").exit_code == 0
    assert "lan " in typed("list").output
    assert typed("import", "--ldif", str(tmp_path / "absent")).exit_code == 2
    refused = typed(
        "import", "--ldap", slapd.url, "--base", BASE, "--bind-dn", ADMIN, "--password-file", str(slapd.password_file)
    )
    assert refused.exit_code == 1  # the units belong to another office
    assert "Dòng" in refused.output
