"""The clients of the booking bench: connections that stay open and book at intervals.

    python tests/bench/booking/crowd.py FILE      a JSON file (`Crowd`); prints a line of JSON

The crowd is a separate process. It only writes prepared bytes and looks at the head of the answer. So it takes very little CPU
of the machine that the bench measures. It reports its own CPU time.
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import uvloop

EXPECTED = {201: (), 409: ("overlap", "capacity", "over_quota")}
"""The accepted statuses, with the refusal codes that a full calendar gives."""


@dataclass(frozen=True)
class Crowd:
    """The input of the process. Client number n sends `bodies[n]`, one after the other, with `cookies[n]`; bodies are JSON."""

    host: str
    port: int
    seconds: float
    pause_s: float
    cookies: list[str]
    bodies: list[list[str]]


@dataclass
class Found:
    """The result. `cpu_s` is the CPU time of this process during the run."""

    latencies_ms: list[float] = field(default_factory=list)
    booked: int = 0
    refused: int = 0
    wrong: list[str] = field(default_factory=list)
    cpu_s: float = 0.0


def message(crowd: Crowd, client: int, place: int) -> bytes:
    body = crowd.bodies[client][place].encode()
    address = f"{crowd.host}:{crowd.port}"
    head = (
        f"POST /api/v1/meetings HTTP/1.1\r\nhost: {address}\r\norigin: http://{address}\r\nsec-fetch-site: same-origin\r\n"
        f"cookie: {crowd.cookies[client]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"idempotency-key: {client}-{place}-{time.time_ns()}\r\naccept: application/json\r\naccept-language: vi\r\n"
        "user-agent: Mozilla/5.0 (X11; Linux x86_64) bench\r\n\r\n"
    )
    return head.encode() + body


async def client(crowd: Crowd, number: int, stop: float, found: Found) -> None:
    chance = random.Random(number)
    messages = [message(crowd, number, place) for place in range(len(crowd.bodies[number]))]
    reader, writer = await asyncio.open_connection(crowd.host, crowd.port)
    await asyncio.sleep(chance.random() * crowd.pause_s)
    for one in messages:
        if time.monotonic() >= stop:
            break
        begin = time.perf_counter()
        writer.write(one)
        head = await reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await reader.readexactly(length)
        spent = time.perf_counter() - begin
        found.latencies_ms.append(spent * 1000)
        _judge(int(head[9:12]), body, found)
        await asyncio.sleep(max(0.0, chance.uniform(0.5, 1.5) * crowd.pause_s - spent))
    else:
        found.wrong.append(f"client {number} had nothing left to ask")
    writer.close()


def _judge(status: int, body: bytes, found: Found) -> None:
    if status == 201:
        found.booked += 1
    elif status in EXPECTED and json.loads(body)["code"] in EXPECTED[status]:
        found.refused += 1
    else:
        found.wrong.append(f"{status} {body[:300]!r}")


async def run(crowd: Crowd) -> Found:
    found = Found()
    begin = time.process_time()
    stop = time.monotonic() + crowd.seconds
    await asyncio.gather(*(client(crowd, number, stop, found) for number in range(len(crowd.cookies))))
    found.cpu_s = time.process_time() - begin
    return found


def main() -> None:
    crowd = Crowd(**json.loads(Path(sys.argv[1]).read_text()))
    print(json.dumps(asdict(uvloop.run(run(crowd)))))


if __name__ == "__main__":
    main()
