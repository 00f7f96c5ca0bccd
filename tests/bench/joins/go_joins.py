"""Joins of a client made with LiveKit's Go SDK (pion), one after another. The program in tests/clients/golang measures the
milliseconds of `JoinWithToken`. The script prints one line of JSON. It works with any server of the protocol: `python
tests/bench/joins/go_joins.py --url ws://127.0.0.1:7880 --key KEY --secret SECRET`
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

from tests.bench.joins.first_frame import JOIN_LIMIT_S, summary, token
from tests.interop.golang import build


def join_once(program: Path, url: str, access: str, single: bool) -> float | None:
    """Return the milliseconds of a join; None if the client did not join."""
    words = [str(program), "-url", url, "-token", access, f"-single={single}".lower()]
    try:
        # The input is empty, so the program joins, finds no commands and leaves.
        done = subprocess.run(words, input="", capture_output=True, text=True, timeout=JOIN_LIMIT_S, check=False)
    except subprocess.TimeoutExpired:
        return None
    events = map(json.loads, done.stdout.splitlines())
    return next((float(one["ms"]) for one in events if one["event"] == "joined"), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--secret", required=True)
    parser.add_argument("--tries", type=int, default=30)
    parser.add_argument("--single", action="store_true", help="one peer connection for both directions")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        program = build(Path(folder) / "client")
        took = [
            join_once(program, given.url, token(given.key, given.secret, f"gopher-{number}"), given.single)
            for number in range(given.tries + 1)
        ][1:]  # the first join loads the program
    joined = [one for one in took if one is not None]
    print(json.dumps({"connect_ms": summary(joined), "failures": len(took) - len(joined)}))


if __name__ == "__main__":
    main()
