"""The groups of halls that share one program."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from conference.ground.plan import Endpoint, Stream, VideoPlan
from conference.picture import groups
from conference.picture.groups import Key, Shape, View, Wish

VIEW = View("shared", "3x3")


def plan(**more: Any) -> VideoPlan:
    """Return a plan of a usual terminal: level 3.1, 2 Mbit/s."""
    stream = Stream(Endpoint("10.0.0.1", 5000), Endpoint("10.0.0.1", 5001), limit_bps=more.pop("limit_bps", 2_000_000))
    values: dict[str, Any] = {
        "send_payload_type": 97,
        "receive_payload_types": (97,),
        "profile": "baseline",
        "mode": 1,
        "level": 31,
        "max_fs": 3600,
        "max_mbps": 108_000,
        "max_br_bps": 14_000_000,
    }
    return VideoPlan(stream, **(values | more))


OLD = plan(level=12, max_fs=396, max_mbps=6000, max_br_bps=384_000, limit_bps=0, mode=0)
LARGE = plan(level=40, max_fs=8192, max_mbps=245_760, limit_bps=6_000_000)


def test_halls_of_one_class_share_one_encoder() -> None:
    wishes = [Wish(f"h{n}", VIEW, plan(limit_bps=1_950_000 + n * 1000, mode=n % 2)) for n in range(40)]
    ((key, members),) = groups.gather(wishes, 6).items()
    assert len(members) == 40
    assert key.shape == Shape("baseline", 1280, 720, 30, 1_500_000)
    assert groups.mode_of(members) == 0


def test_what_a_terminal_gets() -> None:
    assert groups.shape_of(plan()) == Shape("baseline", 1280, 720, 30, 2_000_000)
    assert groups.shape_of(plan(limit_bps=600_000)) == Shape("baseline", 1280, 720, 15, 512_000)
    assert groups.shape_of(plan(limit_bps=400_000)) == Shape("baseline", 640, 360, 30, 384_000)
    assert groups.shape_of(OLD) == Shape("baseline", 352, 288, 15, 384_000)
    assert groups.shape_of(LARGE) == Shape("baseline", 1280, 720, 30, 2_000_000)
    assert groups.shape_of(LARGE, most_height=1080) == Shape("baseline", 1920, 1080, 30, 4_000_000)
    assert groups.shape_of(plan(), budget_bps=256_000) == Shape("baseline", 640, 360, 15, 256_000)
    assert groups.shape_of(plan(limit_bps=30_000)) is None


def test_another_view_makes_another_group() -> None:
    front = View("front", "1", viewer="h0")
    wishes = [Wish("h0", front, plan()), Wish("h1", VIEW, plan()), Wish("h2", VIEW, plan())]
    assert [len(members) for members in groups.gather(wishes, 6).values()] == [2, 1]


def test_beyond_the_limit_a_viewer_shares_an_existing_program() -> None:
    wishes = [Wish("old", VIEW, OLD), *(Wish(f"h{n}", VIEW, plan()) for n in range(3))]
    wishes += [Wish(f"m{n}", VIEW, plan(limit_bps=400_000)) for n in range(2)]
    made = groups.gather(wishes, 2)
    assert {key.shape.height: {one.hall for one in members} for key, members in made.items()} == {
        720: {"h0", "h1", "h2"},
        288: {"old", "m0", "m1"},
    }


def test_high_profile_is_never_sent_to_a_baseline_decoder() -> None:
    high = Key(VIEW, Shape("high", 1280, 720, 30, 2_000_000))
    assert not groups.takes(Wish("h", VIEW, plan()), high.shape)
    assert groups.takes(Wish("h", VIEW, plan(profile="high")), Shape("baseline", 1280, 720, 30, 2_000_000))


@given(
    st.lists(
        st.builds(
            plan,
            limit_bps=st.integers(0, 6_000_000),
            max_fs=st.sampled_from([99, 396, 1620, 3600, 8192]),
            max_mbps=st.sampled_from([1485, 11_880, 40_500, 108_000, 245_760]),
            max_br_bps=st.integers(64_000, 20_000_000),
            profile=st.sampled_from(["baseline", "high"]),
        ),
        max_size=30,
    ),
    st.integers(1, 6),
    st.sampled_from([720, 1080]),
)
def test_each_hall_can_decode_its_program_within_the_limit(plans: list[VideoPlan], most: int, height: int) -> None:
    wishes = [Wish(f"h{n}", View(f"role{n % 3}", "3x3"), one) for n, one in enumerate(plans)]
    made = groups.gather(wishes, most, height)
    assert len(made) <= most
    seen = [wish.hall for members in made.values() for wish in members]
    assert len(seen) == len(set(seen))
    for key, members in made.items():
        assert key.shape.height <= height
        for wish in members:
            assert groups.takes(wish, key.shape)
