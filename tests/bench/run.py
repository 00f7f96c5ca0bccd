"""`make bench`: runs each row of the table against a fresh server, and prints the table in Markdown.

    python tests/bench/run.py                       this server.
    PEER=livekit python tests/bench/run.py          and LiveKit beside it.
    python tests/bench/run.py --servers livekit --rows video-10,joins --seconds 5

This module holds the list of rows, the budgets and the table. `peers` starts servers. The generator and `first_frame` measure.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import peers

Result = dict[str, Any]
ROW_LIMIT_S = 900


@dataclass(frozen=True)
class Row:
    """A run of the generator (or of the SDK script) against one fresh server."""

    name: str
    arguments: tuple[str, ...]
    settings: tuple[tuple[str, str], ...] = ()
    """Settings of this server, by name. Other servers do not get them."""


@dataclass(frozen=True)
class Line:
    """A line of the table: its title, the row that it reads, the function that reads it, and the budget."""

    title: str
    row: str
    read: Callable[[Result], str]
    budget: str = ""


def media_rows() -> list[Row]:
    video = [Row(f"video-{n}", ("media", "--kind", "video", "--viewers", str(n))) for n in (1, 3, 10, 50, 200)]
    one = ("media", "--kind", "voice", "--viewers")
    many = (*one, "20", "--silent", "40")
    voices = [
        Row("voice-20", (*one, "20")),
        Row("voices-41", many),
        Row("voices-41-all", many, settings=(("LOUDEST_VOICES", "0"),)),
    ]
    return [*video, Row("voice-100", (*one, "100")), *voices]


KEYS = ("joins", "--kind", "video", "--count", "60", "--rate", "5", "--concurrency", "60", "--key-every-ms")
"""Five joins a second, so that they arrive at any time after a key frame. The publisher makes no key frame on request."""
ROWS: list[Row] = [
    *media_rows(),
    Row("memory-idle", ("memory", "--kind", "none", "--viewers", "100")),
    Row("memory-video", ("memory", "--kind", "video", "--viewers", "100")),
    Row("joins", ("joins", "--kind", "video", "--count", "30", "--pause-ms", "1300")),
    Row("joins-close", ("joins", "--kind", "video", "--count", "30", "--pause-ms", "250")),
    Row("joins-dual", ("joins", "--kind", "video", "--count", "30", "--pause-ms", "1300", "--mode", "dual")),
    Row("joins-keys-2s", (*KEYS, "2000")),
    Row("joins-keys-5s", (*KEYS, "5000")),
    Row("joins-go", ("go_joins",)),
    Row("joins-go-single", ("go_joins", "--single")),
    Row("join-rate", ("joins", "--kind", "voice", "--count", "200", "--concurrency", "8", "--pause-ms", "0")),
    Row("first-frame", ("first_frame", "--pause", "1.3")),
    Row("first-frame-close", ("first_frame", "--pause", "0.3")),
    Row("video-500", ("media", "--kind", "video", "--viewers", "10", "--deaf", "490")),
    Row("video-1000", ("media", "--kind", "video", "--viewers", "10", "--deaf", "990")),
    Row("video-3000", ("media", "--kind", "video", "--viewers", "10", "--deaf", "2990")),
    Row("meeting-50", ("meeting", "--viewers", "50")),
    Row("meeting-150", ("meeting", "--viewers", "150")),
    Row("saturated", ("load", "--publishers", "8", "--viewers", "3", "--percent", "95")),
    Row("delay", ("load", "--publishers", "4", "--viewers", "5", "--percent", "60")),
    Row("idle-500", ("idle", "--viewers", "500")),
    Row("join-50", ("joins", "--kind", "voice", "--count", "1500", "--rate", "50", "--concurrency", "500")),
    Row("storm-500", ("joins", "--kind", "voice", "--count", "500", "--concurrency", "500", "--pause-ms", "0")),
    Row("siege-50", ("siege", "--viewers", "50", "--rate", "20000")),
    Row("churn", ("churn", "--kind", "voice", "--rate", "20")),
]
SCRIPTS = ("first_frame", "go_joins")
"""Scenarios of clients with LiveKit's libraries, in files of `joins/`. The generator runs the other scenarios."""
WINDOWS = ("media", "meeting", "load", "idle", "siege")
"""Scenarios with a measuring window."""


def per_packet(result: Result) -> str:
    return f"{result['cpu_us_per_packet']:.2f} µs, lost {result['lost_percent']:.2f} %"


def mebibytes(name: str) -> Callable[[Result], str]:
    return lambda result: f"{result[name] / 1024:.0f} MiB"


def share(result: Result) -> str:
    return f"{result['cpu_percent']:.1f} %, {result['packets_per_viewer_per_s']:.0f} packets/s each"


def number(name: str, unit: str) -> Callable[[Result], str]:
    return lambda result: f"{result[name]:.1f} {unit}"


def percent(name: str) -> Callable[[Result], str]:
    return lambda result: f"{result[name]:.1f} %"


def meeting(result: Result) -> str:
    return (
        f"{result['cpu_percent']:.0f} %, {result['packets_per_s']:.0f} packets/s, lost {result['lost_percent']:.2f} %"
    )


def saturated(result: Result) -> str:
    return f"{result['plane_us_per_packet']:.2f} µs at {result['plane_percent']:.0f} %"


def delay(result: Result) -> str:
    told = result["delay_ms"]
    return f"{told['p50']:.1f} / {told['p99']:.1f} ms at {result['plane_percent']:.0f} %"


def joins(result: Result) -> str:
    told, failed = result["connect_ms"], len(result["failures"])
    return f"{result['joins_per_s']:.1f}/s, {told['p50']:.0f} / {told['p99']:.0f} ms, {failed} failed"


def gained(result: Result) -> str:
    told = []
    for half in (result["first_half"], result["second_half"]):
        error = half["standard_error"]
        told.append(f"{half['kib_per_1000_joins']:.0f} ± {'?' if error is None else f'{error:.0f}'} KiB")
    return f"{', '.join(told)}, {result['joins']} joins"


def lengths(name: str) -> Callable[[Result], str]:
    """Return a reader for the shares of a histogram of `GET /metrics`."""

    def read(result: Result) -> str:
        counts = {least: count for least, count in result["sends"][name].items() if count}
        total = sum(counts.values())
        return ", ".join(f"{least}+: {100 * count / total:.0f} %" for least, count in counts.items())

    return read


def siege(result: Result) -> str:
    quiet, besieged = result["quiet"], result["besieged"]
    return f"{quiet['cpu_percent']:.0f} % + {result['cpu_gain_percent']:.0f} % at {besieged['junk_per_s']:.0f}/s"


def stands(result: Result) -> str:
    told = [
        f"{one['frozen'] + one['lost']} of {one['packets_per_s']:.0f}/s"
        for one in (result["quiet"], result["besieged"])
    ]
    return " / ".join(told)


def answered(result: Result) -> str:
    return f"{result['answered_bytes_per_byte']:.2f}"


def halves(name: str) -> Callable[[Result], str]:
    return lambda result: f"{result[name]['p50']:.0f} / {result[name]['p95']:.0f} ms"


LINES: list[Line] = [
    Line("Video 2 Mbit/s, 1 viewer", "video-1", per_packet, "15 µs"),
    Line("3 viewers", "video-3", per_packet, "4.5 µs"),
    Line("10 viewers", "video-10", per_packet, "2.5 µs"),
    Line("50 viewers", "video-50", per_packet, "1.7 µs"),
    Line("200 viewers", "video-200", per_packet, "1.4 µs"),
    Line("One voice, 100 listeners", "voice-100", per_packet, "3.7 µs"),
    Line("CPU: one open microphone, 20 listeners", "voice-20", share),
    Line("40 more open microphones, all silent", "voices-41", share),
    Line("the same with `loudest_voices = 0`: all are sent", "voices-41-all", share),
    Line("Memory, nobody there", "memory-idle", mebibytes("rss_start_kib")),
    Line("a participant more, no media", "memory-idle", number("kib_per_participant", "KiB"), "250 KiB"),
    Line("a viewer of a video more", "memory-video", number("kib_per_participant", "KiB"), "250 KiB"),
    Line("CPU a join (video, single connection)", "joins", number("cpu_ms_per_join", "ms"), "12 ms"),
    Line("CPU a join (video, two connections)", "joins-dual", number("cpu_ms_per_join", "ms")),
    Line("CPU a join (voice, 8 at once)", "join-rate", number("cpu_ms_per_join", "ms"), "12 ms"),
    Line("Joins per second (voice, 8 at once)", "join-rate", number("joins_per_s", "/s")),
    Line("Connect, single connection, p50 / p95", "joins", halves("connect_ms")),
    Line("first packet", "joins", halves("first_packet_ms"), "120 ms"),
    Line("first complete key frame", "joins", halves("first_frame_ms")),
    Line("first packet, joins 0.25 s apart", "joins-close", halves("first_packet_ms"), "120 ms"),
    Line("first complete key frame, joins 0.25 s apart", "joins-close", halves("first_frame_ms")),
    Line("Key frames every 2 s, 60 joins: first packet", "joins-keys-2s", halves("first_packet_ms"), "p95 150 ms"),
    Line("first complete key frame", "joins-keys-2s", halves("first_frame_ms")),
    Line("Key frames every 5 s, 60 joins: first packet", "joins-keys-5s", halves("first_packet_ms"), "p95 150 ms"),
    Line("first complete key frame", "joins-keys-5s", halves("first_frame_ms")),
    Line("Connect, Go SDK, two connections, 30 joins", "joins-go", halves("connect_ms"), "LiveKit: 14 ms"),
    Line("the same, single connection", "joins-go-single", halves("connect_ms")),
    Line("Connect, two connections, p50 / p95", "joins-dual", halves("connect_ms")),
    Line("first packet", "joins-dual", halves("first_packet_ms"), "120 ms"),
    Line("first complete key frame", "joins-dual", halves("first_frame_ms")),
    Line("Connect, Python SDK, p50 / p95", "first-frame", halves("connect_ms")),
    Line("first decoded frame, Python SDK", "first-frame", halves("first_frame_ms"), "half of LiveKit's"),
    Line("the same, joins 0.3 s apart", "first-frame-close", halves("first_frame_ms"), "half of LiveKit's"),
    Line("Video, 500 viewers (490 of them deaf)", "video-500", per_packet, "1.4 µs"),
    Line("1,000 viewers (990 deaf)", "video-1000", per_packet, "1.4 µs"),
    Line("3,000 viewers (2,990 deaf)", "video-3000", per_packet, "1.4 µs"),
    Line("Datagrams in a run, 500 viewers", "video-500", lengths("run_datagrams")),
    Line("runs in a system call", "video-500", lengths("batch_runs")),
    Line("Meeting 50 x 50: CPU of one processor", "meeting-50", meeting),
    Line("CPU a join", "meeting-50", number("cpu_ms_per_join", "ms")),
    Line("memory of a participant", "meeting-50", number("kib_per_participant", "KiB")),
    Line("Meeting 150 x 150: CPU of one processor", "meeting-150", meeting, "LiveKit says: 85 % of 16"),
    Line("CPU a join", "meeting-150", number("cpu_ms_per_join", "ms")),
    Line("memory of a participant", "meeting-150", number("kib_per_participant", "KiB")),
    Line("Saturated, 8 videos: a packet, packet thread", "saturated", saturated, "0.9 µs"),
    Line("datagrams in a run", "saturated", lengths("run_datagrams")),
    Line("runs in a system call", "saturated", lengths("batch_runs")),
    Line("Delay p50 / p99, packet thread 60 % busy", "delay", delay, "p99 5 ms"),
    Line("500 idle participants: all but the packet thread", "idle-500", percent("python_percent"), "2 %"),
    Line("the packet thread", "idle-500", percent("plane_percent")),
    Line("50 joins a second for 30 s: connect p50 / p99", "join-50", joins, "50/s, 1,000 ms"),
    Line("500 joins at once: connect p50 / p99", "storm-500", joins, "none failed"),
    Line("50 calls of two, junk at the media port: CPU", "siege-50", siege, "+ 25 %"),
    Line("packets lost or over 0.5 s late, without / with junk", "siege-50", stands, "0"),
    Line("bytes answered to strangers for each of theirs", "siege-50", answered, "1"),
    Line("Memory gained in 1,000 joins and leaves: first half, second half", "churn", gained, "flat"),
]


def measure(generator: Path, row: Row, server: peers.Server, seconds: int, churn_s: int) -> Result:
    """Measure one row against a running server. Raise RuntimeError with the generator's error message."""
    access = ["--key", server.key, "--secret", server.secret]
    if row.arguments[0] in SCRIPTS:
        script = Path(__file__).resolve().parent / "joins" / f"{row.arguments[0]}.py"
        words = [sys.executable, str(script), *row.arguments[1:], "--url", server.url, *access]
    else:
        words = [str(generator), *row.arguments, "--server", server.url, "--pid", str(server.pid), *access]
        words += ["--seconds", str(seconds)] if row.arguments[0] in WINDOWS else []
        words += ["--seconds", str(churn_s)] if row.arguments[0] == "churn" else []
    try:
        done = subprocess.run(words, capture_output=True, text=True, timeout=ROW_LIMIT_S + churn_s, check=False)
    except subprocess.TimeoutExpired as error:
        raise RuntimeError(f"no result in {ROW_LIMIT_S} s") from error
    if done.returncode != 0:
        raise RuntimeError(done.stderr.strip()[-500:])
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result | {"sends": sends(server)}


def sends(server: peers.Server) -> dict[str, dict[str, int]]:
    """Return how datagrams left a server that has metrics: histograms since its start, by the lower bound of each bucket."""
    if not server.metrics_token:
        return {}
    headers = {"authorization": f"Bearer {server.metrics_token}"}
    request = urllib.request.Request(f"http://127.0.0.1:{server.port}/metrics", headers=headers)
    with urllib.request.urlopen(request, timeout=10) as answer:
        text = answer.read().decode()
    found: dict[str, dict[str, int]] = {}
    for name in ("run_datagrams", "batch_runs"):
        told = re.findall(rf'^diemcau_media_{name}_bucket{{le="([\d.]+|\+Inf)"}} ([\d.e+]+)', text, re.MULTILINE)
        before, least = 0, 1
        for end, count in told:
            found.setdefault(name, {})[str(least)] = int(float(count)) - before
            before, least = int(float(count)), 0 if end == "+Inf" else int(float(end)) + 1
    return found


def run_row(generator: Path, row: Row, name: str, given: argparse.Namespace) -> Result:
    """Run the row on a fresh server, `--repeat` times for media rows. Return the result with the median CPU."""
    results: list[Result] = []
    repeats = given.repeat if row.arguments[0] == "media" else 1
    for _ in range(repeats):
        print(f"{name}: {row.name} ...", end=" ", file=sys.stderr, flush=True)
        try:
            with start(name, given, row) as server:
                results.append(measure(generator, row, server, given.seconds, given.churn_seconds))
                print(json.dumps(results[-1]), file=sys.stderr, flush=True)
        except RuntimeError as error:
            print(f"FAILED: {error}", file=sys.stderr, flush=True)
            return {"error": str(error)}
    if repeats == 1:
        return results[0]
    middle = statistics.median_low([result["cpu_us_per_packet"] for result in results])
    return next(result for result in results if result["cpu_us_per_packet"] == middle)


def run_floor(floor: Path, row: Row, given: argparse.Namespace) -> Result:
    """Measure the least possible cost of a media row on this machine. Return an empty result for other rows."""
    if row.arguments[0] != "media" or {"--silent", "--deaf"} & set(row.arguments):
        return {}
    print(f"floor: {row.name} ...", end=" ", file=sys.stderr, flush=True)
    words = [str(floor), row.arguments[-1], str(given.seconds), row.arguments[2]]
    done = subprocess.run(words, capture_output=True, text=True, timeout=ROW_LIMIT_S, check=False)
    if done.returncode != 0:
        return {"error": done.stderr.strip()[-500:]}
    sealed = re.search(r"sealed: ([\d.]+) us", done.stdout)
    result: Result = {"floor_us_per_packet": float(sealed[1])} if sealed else {"error": done.stdout}
    print(json.dumps(result), file=sys.stderr, flush=True)
    return result


def start(name: str, given: argparse.Namespace, row: Row) -> AbstractContextManager[peers.Server]:
    return peers.livekit() if name == "livekit" else peers.diemcau(given.serve, peers.ROOT, **dict(row.settings))


def spoilt(row: str, result: Result) -> str:
    """Return why a row has no figure; empty if it has a figure. Lines that count failures themselves are not void."""
    if "error" in result:
        return "failed"
    failures = result.get("failures", 0)
    count = failures if isinstance(failures, int) else len(failures)
    is_counted = any(line.row == row and line.read is joins for line in LINES)
    return f"void: {count} failed" if count and not is_counted else ""


def cell(line: Line, results: dict[str, Result]) -> str:
    result = results.get(line.row)
    if not result:
        return "-"
    if "floor_us_per_packet" in result:
        return f"{result['floor_us_per_packet']:.2f} µs"
    if reason := spoilt(line.row, result):
        return reason
    try:
        return line.read(result)
    except (TypeError, KeyError):
        return "failed"


def table(results: dict[str, dict[str, Result]]) -> str:
    titles = {"diemcau": "Điểm Cầu", "livekit": f"LiveKit {peers.LIVEKIT_VERSION[1:]}", "floor": "this machine's floor"}
    names = list(results)
    head = ["", *(titles[name] for name in names), "budget"]
    body = [
        [line.title, *(cell(line, results[name]) for name in names), line.budget]
        for line in LINES
        if any(line.row in rows for rows in results.values())
    ]
    lines = [head, ["---"] * len(head), *body]
    return "\n".join("| " + " | ".join(words) + " |" for words in lines)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    usual = "floor,diemcau,livekit" if os.environ.get("PEER") == "livekit" else "floor,diemcau"
    parser.add_argument("--servers", default=usual, help="floor, diemcau, livekit, with commas between")
    parser.add_argument("--rows", default="", help=f"some of {','.join(row.name for row in ROWS)}")
    parser.add_argument("--seconds", type=int, default=12, help="measuring window of the media rows")
    parser.add_argument("--churn-seconds", type=int, default=180, help="of the row churn: 1800 tells more")
    parser.add_argument("--repeat", type=int, default=1, help="runs of each media row; the median is shown")
    parser.add_argument("--serve", default="", help="command that starts this server")
    parser.add_argument("--json", type=Path, help="file for all results")
    return parser.parse_args()


def main() -> int:
    given = arguments()
    names = given.servers.split(",")
    known = {row.name for row in ROWS}
    wanted = set(given.rows.split(",")) if given.rows else known
    if not set(names) <= {"floor", "diemcau", "livekit"} or not wanted <= known:
        raise SystemExit("unknown server or row: see --help")
    generator = peers.build_generator()
    floor = peers.build_floor() if "floor" in names else Path()
    results: dict[str, dict[str, Result]] = {name: {} for name in names}
    for row in (row for row in ROWS if row.name in wanted):
        for name in names:  # the servers run right after each other: both meet the same conditions
            floor_wanted = name == "floor"
            results[name][row.name] = (
                run_floor(floor, row, given) if floor_wanted else run_row(generator, row, name, given)
            )
    print(f"{platform.system()} {platform.release()}, {os.cpu_count()} processors, windows of {given.seconds} s\n")
    print(table(results))
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 1 if any(spoilt(row, result) for rows in results.values() for row, result in rows.items()) else 0


if __name__ == "__main__":
    raise SystemExit(main())
