"""Simulated weeks of random meetings, for `make sim`: `python -m tests.simulation.meetings.run --minutes 30`.

Prints the first seed, then each meeting that breaks an invariant, with its last steps. A seed that fails belongs into `SEEDS` of
`test_meetings.py`, after the fault is mended.
"""

from __future__ import annotations

import argparse
import random
import time
import traceback
from collections import Counter

from tests.simulation.meetings.walk import Outcome, simulate

STEPS = 1000
"""Steps of a meeting."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--weeks", type=float, default=0.0, help="end after this simulated time too; 0: no bound")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**9), help="of the first meeting")
    parser.add_argument("--steps", type=int, default=STEPS)
    given = parser.parse_args()
    print(f"first seed {given.seed}, {given.steps} steps a meeting", flush=True)
    ends, begin = time.monotonic() + 60 * given.minutes, time.monotonic()
    meetings = steps = 0
    simulated_s, broken, done = 0.0, [], Counter[str]()
    while not meetings or (time.monotonic() < ends and (not given.weeks or simulated_s < given.weeks * 7 * 86_400)):
        seed = given.seed + meetings
        try:
            outcome = simulate(seed, given.steps)
        except Exception:  # a fault of the product or of the walk: the other meetings go on
            traceback.print_exc()
            outcome = Outcome(seed, broken="an exception")
        meetings, steps, simulated_s = meetings + 1, steps + outcome.steps, simulated_s + outcome.simulated_s
        done += outcome.done
        if outcome.broken:
            broken.append(outcome.seed)
            print("\n".join([*outcome.story, str(outcome)]), flush=True)
            print(
                f"again: python -m tests.simulation.meetings.run --seed {seed} --steps {given.steps} --minutes 0",
                flush=True,
            )
    rate = steps / (time.monotonic() - begin)
    print(f"{meetings} meetings, {steps} steps ({rate:.0f}/s), {simulated_s / 604_800:.2f} simulated weeks")
    print(", ".join(f"{name} {count}" for name, count in done.most_common()))
    print(f"seeds that failed: {broken or 'none'}")
    raise SystemExit(bool(broken))


if __name__ == "__main__":
    main()
