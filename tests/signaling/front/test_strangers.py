"""Which connection ends when there are too many unproved connections."""

from hypothesis import given
from hypothesis import strategies as st

from signaling.front.door import Proxies
from signaling.front.strangers import Sizes, Stranger, Strangers


class Crowd:
    def __init__(self, most: int, *proxies: str) -> None:
        self.all = Strangers(most, Proxies(proxies))
        self.ended: list[str] = []

    def come(self, name: str, address: str) -> Stranger:
        stranger = Stranger(self.all, lambda: self.ended.append(name))
        stranger.come_from(address)
        return stranger


def test_the_oldest_of_the_fullest_network_ends() -> None:
    crowd = Crowd(4)
    crowd.come("alone", "10.0.0.1")
    for number in range(3):
        crowd.come(f"many {number}", "10.0.0.2")
    crowd.come("late", "10.0.0.3")
    crowd.come("later", "10.0.0.4")
    assert crowd.ended == ["many 0", "many 1"]
    assert len(crowd.all) == 4


def test_a_silent_connection_is_ended_before_a_busy_one() -> None:
    crowd = Crowd(2)
    crowd.come("busy", "10.0.0.1").speak()
    silent = crowd.come("silent", "10.0.0.1")
    crowd.come("third", "10.0.0.1")
    assert crowd.ended == ["silent"]
    silent.leave()  # the server notices this end later
    assert len(crowd.all) == 2


def test_silence_counts_from_the_last_answer() -> None:
    crowd = Crowd(2)
    first = crowd.come("first", "10.0.0.1")
    crowd.come("second", "10.0.0.1")
    first.speak()
    first.fall_silent()
    crowd.come("third", "10.0.0.1")
    assert crowd.ended == ["second"]


def test_a_proved_connection_no_longer_counts() -> None:
    crowd = Crowd(1)
    proved = crowd.come("proved", "10.0.0.1")
    proved.prove()
    for after in (proved.speak, proved.fall_silent, lambda: proved.speak_for("10.0.0.9")):
        after()
        assert len(crowd.all) == 0
    crowd.come("next", "10.0.0.1")
    assert crowd.ended == []


def test_ipv6_networks_of_one_customer_count_together() -> None:
    crowd = Crowd(5)
    for part in range(3):
        crowd.come(f"v6 {part}", f"2001:db8:1:{part}::1")
    crowd.come("a", "10.0.0.1")
    crowd.come("b", "::ffff:10.0.0.1")
    crowd.come("c", "10.0.0.2")
    assert crowd.ended == ["v6 0"]


def test_a_proxy_counts_where_its_client_is() -> None:
    crowd = Crowd(1, "10.9.0.0/16")
    proxied = crowd.come("proxied", "10.9.0.1")
    assert len(crowd.all) == 0
    proxied.speak_for("203.0.113.5")
    assert len(crowd.all) == 1
    crowd.come("direct", "10.0.0.1")
    assert crowd.ended == ["proxied"]
    proxied.fall_silent()
    assert len(crowd.all) == 1
    crowd.come("untrusted", "10.0.0.2").speak_for("203.0.113.6")
    assert crowd.ended == ["proxied", "direct"]


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), max_size=60))
def test_the_fullest_is_known(steps: list[tuple[str, bool]]) -> None:
    sizes, model = Sizes(), dict[str, int]()
    for key, comes in steps:
        if comes or model.get(key, 0):
            model[key] = model.get(key, 0) + (1 if comes else -1)
            sizes.change(key, 1 if comes else -1)
        most = max(model.values(), default=0)
        assert bool(sizes) == (most > 0)
        assert not most or model[sizes.fullest()] == most
