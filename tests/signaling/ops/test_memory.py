"""The garbage collector of the server, in an interpreter of its own."""

import subprocess
import sys

_SERVER = """
import gc
from signaling.host import limits
from signaling.ops.memory import Collector

class Circle:
    def __init__(self):
        self.me = self

gc.disable()
Collector().begin()
start = gc.get_freeze_count()
passes = []
def note(phase, found):
    if phase == "stop" and found["generation"] == 2:
        passes.append(found["collected"])
gc.callbacks.append(note)
"""


def run(body: str) -> None:
    done = subprocess.run([sys.executable, "-c", _SERVER + body], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_a_full_collection_looks_at_each_object_once() -> None:
    run(
        """
kept = [Circle() for _ in range(1000)]
before = len(gc.get_objects())
gc.collect()
assert before > 1000, before
assert len(gc.get_objects()) < 200, "the objects that stayed are looked at again"
assert gc.get_freeze_count() > start + 1000
kept[:500] = [Circle() for _ in range(500)]
rest = kept[500:]
assert gc.collect() < 500, "the first circles are frozen"
assert [one for one in rest if one.me is not one] == []
"""
    )


def test_frozen_circles_are_freed_when_the_frozen_objects_have_doubled() -> None:
    run(
        """
rounds = 0
while True:
    lost = [Circle() for _ in range(2000)]
    gc.collect()
    del lost  # the circles are garbage now, and frozen
    rounds += 1
    if passes[-1] > 2000:
        break
    assert gc.get_freeze_count() < start * limits.FROZEN_GROWTH + 10_000, rounds
    assert rounds < 1000
assert rounds > 2, rounds
assert gc.get_freeze_count() < start + 10_000, "the memory is back"
"""
    )


def test_the_collector_works_after_the_start() -> None:
    run("assert gc.isenabled()")
