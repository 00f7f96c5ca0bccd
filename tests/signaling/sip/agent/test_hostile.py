"""The answers of an agent to hostile bytes: the published sets, answered as the RFC requires, and mutations within calls."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from signaling.sip.call.states import State
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import parse
from tests.signaling.sip.wire.test_message import PIECES, SEEDS
from tests.signaling.sip.wire.test_torture import SETS
from tests.signaling.sip.world import OFFER, A, B, Node, World, pair

ANSWERED = {
    # The answer of a user agent that trusts the sender. 0: no answer, because the message is itself an answer.
    **dict.fromkeys(("wsinv", "lwsdisp", "semiuri", "transports", "zeromf", "esc01", "longreq", "baddate"), 200),
    **dict.fromkeys(
        ("badinv01", "clerr", "ncl", "scalar02", "quotbal", "ltgtruri", "lwsruri", "lwsstart", "trws"), 400
    ),
    **dict.fromkeys(("escruri", "regbadct", "badaspec", "baddn", "mismatch01", "mismatch02", "insuf", "multi01"), 400),
    **dict.fromkeys(("mcl01", "badbranch"), 400),
    **dict.fromkeys(("intmeth", "esc02", "mpart01"), 405),
    **dict.fromkeys(("unkscm", "novelsc"), 416),
    **dict.fromkeys(("escnull", "dblreq", "regaut01", "cparam01", "cparam02", "regescrt", "unksm2"), 401),
    **dict.fromkeys(("bcast", "unreason", "noreason", "bigcode", "scalarlg"), 0),
    "badvers": 505,
    "bext01": 420,
    "invut": 415,
    "sdp01": 406,
    "inv2543": 400,
}
"""inv2543 has no Contact, so it cannot create a dialog. wsinv carries a tag in To, and longreq carries none: see the test."""


def answers(name: str) -> list[int]:
    world = World()
    node = Node(world, A)
    node.trusts(B)
    node.take((SETS / "rfc4475" / f"{name}.dat").read_bytes(), Hop("udp", B, 5060))
    # The answers are not parsed: they copy the wrong fields.
    return [int(data[8:11]) for _, _, data in world.wire if data.startswith(b"SIP/2.0 ")]


@pytest.mark.parametrize(("name", "status"), sorted(ANSWERED.items()))
def test_the_set_of_rfc_4475_is_answered(name: str, status: int) -> None:
    if name == "wsinv":
        status = 481  # its To has the tag of an unknown dialog
    found = [one for one in answers(name) if one != 100]
    assert found == ([status] if status else [])


def test_all_of_the_set_is_there() -> None:
    assert set(ANSWERED) == {path.stem for path in (SETS / "rfc4475").glob("*.dat")}


def test_unsupported_names_everything_that_was_wanted() -> None:
    world = World()
    node = Node(world, A)
    node.trusts(B)
    node.take((SETS / "rfc4475" / "bext01.dat").read_bytes(), Hop("udp", B, 5060))
    made = parse(world.wire[0][2])
    assert made.headers.get("unsupported") == "nothingsupportsthis, nothingsupportsthiseither"


@given(st.integers(0, 2**32))
def test_a_call_survives_mutated_copies_of_its_messages(seed: int) -> None:
    """Show that a call ends or continues when each message also arrives a second time, mutated."""
    chance = random.Random(seed)
    world, one, _ = pair(seed)
    seen = 0
    call = one.dial(f"sip:hall@{B}", offer=chance.choice([OFFER, b""]))
    for step in range(12):
        world.run(0.7)
        if step == 3:
            call.reinvite(OFFER + b"a=x\r\n")
        if step == 6:
            call.info("application/dtmf-relay", b"Signal=1\r\n")
        if step == 9:
            call.hang_up()
        for source, to, data in world.wire[seen:][:6]:
            mutated = mutate(data, chance)
            if to in world.nodes and source in world.nodes:
                # `take` asserts that no defect was caught. Our own messages also come back to us.
                world.nodes[to].take(mutated, Hop("udp", source, 5060))
                world.nodes[source].take(mutated, Hop("udp", to, 5060))
        seen = len(world.wire)
    call.hang_up()
    world.run(400)
    assert call.state is State.CLOSED
    assert one.user.names().count("ended") == 1 + len(one.user.calls)


def mutate(data: bytes, chance: random.Random) -> bytes:
    made = bytearray(data)
    for _ in range(chance.randrange(1, 4)):
        at = chance.randrange(len(made) + 1)
        match chance.randrange(5):
            case 0:
                made[at:at] = chance.choice(PIECES)
            case 1:
                del made[at : at + chance.randrange(1, 20)]
            case 2:
                made[at : at + 1] = bytes([chance.randrange(256)])
            case 3:
                made = bytearray(
                    bytes(made).replace(
                        b"INVITE", chance.choice([b"BYE", b"ACK", b"UPDATE", b"CANCEL", b"PRACK", b"FOO"])
                    )
                )
            case _:
                made = bytearray(bytes(made).replace(b"CSeq: ", b"CSeq: %d" % chance.randrange(100)))
    return bytes(made)


@given(st.lists(st.one_of(st.binary(max_size=400), st.sampled_from(SEEDS)), max_size=12), st.booleans(), st.booleans())
def test_any_datagrams_at_an_agent(rows: list[bytes], trusted: bool, stream: bool) -> None:
    world = World()
    node = Node(world, A, packages=("conference",))
    if trusted:
        node.trusts(B)
    for data in rows:
        node.take(data, Hop("tcp" if stream else "udp", B, 5060, 3 if stream else 0))
    if not trusted:
        assert len(node.agent.core.transactions) == 0
        assert not node.agent.calls
    world.run(3)
    node.agent.close()
    world.run(4000)
    assert node.quiet()
