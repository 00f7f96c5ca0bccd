"""A secret vote on real databases and a real escrow: it goes on after a kill, and no history of the files opens two boxes."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conference import Conference, Refusal
from conference.chair.rights import By, Role
from conference.chair.voting import box as boxes
from conference.chair.voting import cards
from conference.chair.voting.question import AGAINST, FOR, Question, Way
from conference.chair.voting.vote import State, Vote
from rooms.store.database import Database
from signaling.host import limits
from signaling.meetings.ballot_keys import KEY_BYTES, BallotKeys
from signaling.meetings.proceedings import Proceedings
from tests.conference.doubles import World
from tests.conference.parties import Party

CHAIR = By("chu-tich", "Chủ tịch", Role.CHAIR)
SECRET = Question("Bỏ phiếu tín nhiệm", way=Way.SECRET)
PEOPLE = ("an", "binh", "chi", "dung", "em", "giang")
NOW = 1_790_000_000.0
KEY, OTHER = bytes(range(32)), bytes(range(32, 64))


# -- the folder


@pytest.fixture
def memory(tmp_path: Path) -> Path:
    """A folder that stands for the memory of the machine."""
    made = tmp_path / "memory"
    made.mkdir()
    return made


def opened(memory: Path, data_dir: str = "/srv/data", now: float = NOW) -> BallotKeys:
    return BallotKeys.open(Path(data_dir), now, memory)


def files(memory: Path) -> list[Path]:
    return sorted(one for one in memory.rglob("*") if one.is_file())


def test_the_keys_survive_the_process_and_are_private(memory: Path) -> None:
    opened(memory).hold("a", (KEY, OTHER))
    opened(memory).hold("b", (OTHER,))
    assert opened(memory).held("a") == (KEY, OTHER)
    assert opened(memory).held("b") == (OTHER,)
    assert opened(memory).held("c") == ()
    assert opened(memory, "/srv/other").held("a") == ()
    assert KEY_BYTES == boxes.KEY_BYTES
    for file in files(memory):
        assert file.stat().st_mode & 0o777 == 0o600
        assert file.parent.stat().st_mode & 0o777 == 0o700


def test_old_keys_are_overwritten_and_deleted(memory: Path) -> None:
    escrow = opened(memory)
    escrow.hold("a", (KEY, OTHER))
    (file,) = files(memory)
    with file.open("rb") as before:  # the same memory, after the file has no name
        escrow.hold("a", (OTHER,))
        assert before.read() == bytes(2 * KEY_BYTES)
    assert escrow.held("a") == (OTHER,)
    (file,) = files(memory)
    with file.open("rb") as before:
        escrow.hold("a", ())
        assert before.read() == bytes(KEY_BYTES)
    assert files(memory) == []
    escrow.hold("a", ())


def test_a_half_written_file_of_a_killed_process_is_replaced(memory: Path) -> None:
    escrow = opened(memory)
    escrow.hold("a", (KEY,))
    (file,) = files(memory)
    file.with_suffix(".new").write_bytes(b"half")
    assert escrow.held("a") == (KEY,)
    escrow.hold("a", (OTHER,))
    assert escrow.held("a") == (OTHER,)
    assert len(files(memory)) == 1


def test_a_start_deletes_old_keys(memory: Path) -> None:
    escrow = opened(memory)
    escrow.hold("old", (KEY,))
    (file,) = files(memory)
    escrow.hold("new", (KEY,))
    os.utime(file, (NOW, NOW))
    again = opened(memory, now=NOW + limits.BALLOT_KEYS_S + 1)
    assert again.held("old") == ()
    assert again.held("new") == (KEY,)


def test_a_folder_that_is_not_private_is_not_used(memory: Path, caplog: pytest.LogCaptureFixture) -> None:
    escrow = opened(memory)
    escrow.hold("a", (KEY,))
    (folder,) = memory.iterdir()
    folder.chmod(0o755)
    assert escrow.held("a") == ()
    escrow.hold("a", (OTHER,))
    assert [one.read_bytes() for one in files(memory)] == [KEY]
    folder.rename(memory / "mine")
    folder.symlink_to(memory / "mine")
    assert escrow.held("a") == ()
    assert opened(memory / "none").held("a") == ()
    opened(memory / "none").hold("a", (KEY,))
    warned = [one.getMessage() for one in caplog.records]
    assert len(warned) == 4
    assert all(one.startswith("secret votes do not survive a crash") for one in warned)


def test_without_a_vote_there_is_no_folder(memory: Path) -> None:
    escrow = opened(memory)
    escrow.hold("a", ())
    assert list(memory.iterdir()) == []
    escrow.hold("a", (KEY,))
    escrow.hold("b", (KEY,))
    escrow.hold("a", ())
    assert escrow.held("b") == (KEY,)
    escrow.hold("b", ())
    assert list(memory.iterdir()) == []


# -- with a database


class Process:
    """A server process with a meeting. The next process begins with the same database and memory, as after a kill."""

    def __init__(self, database: Database, memory: Path) -> None:
        self.escrow = opened(memory)
        self.store = Proceedings(database, self.now)
        self.world = World(proceedings=self.store, escrow=self.escrow)

    @classmethod
    async def started(cls, database: Database, memory: Path) -> Process:
        made = cls(database, memory)
        await made.store.load()
        for name in PEOPLE:
            Party(made.world, name, room="hop")
        return made

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.world.time.time(), UTC)

    @property
    def meeting(self) -> Conference:
        return self.world.registry.get("hop")

    @property
    def vote(self) -> Vote:
        (vote,) = self.meeting.polls.votes.all
        return vote

    async def open(self) -> None:
        await self.meeting.polls.prepare(CHAIR, SECRET, "v")
        await self.meeting.polls.open(CHAIR, "v")

    async def cast(self, name: str, choice: int) -> None:
        await self.meeting.polls.cast(By(name, name, Role.DELEGATE), "v", (choice,))

    def opens(self, box: str) -> bool:
        names = [one.identity for one in self.vote.entitled]
        return boxes.unseal(box, "v", names, receipts=False, keys=self.escrow.held("hop")) is not None


@pytest.mark.both_databases
async def test_a_secret_vote_goes_on_after_a_kill(database: Database, memory: Path) -> None:
    process = await Process.started(database, memory)
    await process.open()
    for name in PEOPLE[:4]:
        await process.cast(name, FOR)
    await process.store.settle()
    again = await Process.started(database, memory)
    assert again.meeting.polls.votes == process.meeting.polls.votes
    with pytest.raises(Refusal, match="vote_cast_already"):
        await again.cast("an", AGAINST)
    for name in PEOPLE[4:]:
        await again.cast(name, AGAINST)
    result = await again.meeting.polls.close(CHAIR, "v")
    assert (result.counts, result.adopted) == ((4, 2, 0), True)
    assert files(memory) == []
    await again.store.settle()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_of_all_boxes_in_the_files_of_the_database_one_can_be_opened(
    database: Database, database_url: str, memory: Path
) -> None:
    """The write-ahead log and the free pages of SQLite hold old forms. So do the dead rows and the log of PostgreSQL."""
    process = await Process.started(database, memory)
    await process.open()
    path, found = Path(database_url.removeprefix("sqlite:///")), set[str]()
    for at, name in enumerate(PEOPLE, 1):
        await process.cast(name, FOR if at % 2 else AGAINST)
        content = b"".join(one.read_bytes() for one in path.parent.iterdir())
        found |= boxes_in(content)
        assert len(found) > at, "the files of the database hold the box of each ballot"
        assert len([one for one in found if process.opens(one)]) == 1
        assert len({len(one) for one in found}) == 1
        assert not any(key in content for key in process.escrow.held("hop"))
    await process.meeting.polls.close(CHAIR, "v")
    assert not [one for one in found if process.opens(one)]
    await process.store.settle()


@pytest.mark.parametrize("database_url", ["sqlite"], indirect=True)
async def test_no_file_of_the_database_has_a_phone_of_a_secret_vote(
    database: Database, database_url: str, memory: Path
) -> None:
    """Phones take cards and vote, and one site takes its cards back. A claim is stored as a ballot is, and survives a kill."""
    process = await Process.started(database, memory)
    process.meeting.polls.delegates = {"an": 4}.get
    await process.meeting.polls.prepare(CHAIR, replace(SECRET, phones=True), "v")
    await process.meeting.polls.open(CHAIR, "v")
    path, phones = Path(database_url.removeprefix("sqlite:///")), ["x" * 22, "y" * 22, "z" * 22]
    for phone in phones[:2]:
        await process.meeting.polls.phones.claim(process.vote.codes["an"], phone)
    old = process.vote.codes["an"]
    await process.meeting.polls.phones.cast(old, phones[0], "v", (FOR,))
    await process.meeting.polls.phones.withdraw(CHAIR, "v", "an")
    await process.meeting.polls.phones.claim(process.vote.codes["an"], phones[2])
    await process.store.settle()
    content = b"".join(one.read_bytes() for one in path.parent.iterdir())
    found = boxes_in(content)
    assert (len(found) > 4, len({len(one) for one in found})) == (True, 1)
    assert len([one for one in found if process.opens(one)]) == 1
    again = await Process.started(database, memory)
    assert again.vote.claims == process.vote.claims
    assert again.vote.claims.keys() == {cards.hashed(phones[0]), cards.hashed(phones[2])}
    for name in PEOPLE:
        await again.cast(name, AGAINST)
    assert (await again.meeting.polls.close(CHAIR, "v")).counts == (1, len(PEOPLE), 0)
    await again.store.settle()
    content = b"".join(one.read_bytes() for one in path.parent.iterdir())
    for phone in phones:
        assert phone.encode() not in content
        assert cards.hashed(phone).encode() not in content


def boxes_in(content: bytes) -> set[str]:
    """Return the sealed boxes that stand in the bytes of a database, old ones too."""
    return {one.decode() for one in re.findall(rb'"box":\s*"([A-Za-z0-9+/=]+)"', content)}


async def test_after_a_restart_of_the_machine_the_vote_is_annulled(database: Database, memory: Path) -> None:
    process = await Process.started(database, memory)
    await process.open()
    await process.cast("an", FOR)
    await process.store.settle()
    for file in files(memory):
        file.unlink()
    again = await Process.started(database, memory)
    assert again.vote.state is State.ANNULLED
    await again.store.settle()
    third = await Process.started(database, memory)
    assert third.vote == again.vote
    await third.store.settle()
