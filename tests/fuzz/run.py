"""The fuzz run of one target with coverage for a limited time: `python -m tests.fuzz.run TARGET SECONDS` (`make fuzz`).

The engine is Atheris (libFuzzer). New inputs stay in `.cache/fuzz` for the next run. The engine also writes each failing input
there and prints its name. Commit the failing input in `corpus/found/TARGET` together with the fix.

The instrumented imports of a target take longer than a short run. With `-` in place of TARGET, one import serves many targets.
Each line on the standard input names a target and options of the engine. The program runs the target in a fork, writes its
output to `.cache/fuzz/TARGET/output`, and prints its exit code.
"""

from __future__ import annotations

import os
import resource
import sys
from pathlib import Path
from typing import Any, NoReturn

NOTES = Path(".cache/fuzz")
MOST_MB = 900
MOST_BYTES = 4000
"""Bytes of one input. Chosen. Larger: each run takes longer and finds little more. Smaller: long messages are not fuzzed.
`BROWSERS` has larger limits for descriptions.
"""
BROWSERS = {"browser": 12_000, "session": 12_000, "token": 2000}
"""Bytes of one input, by target of `browsers.py`. These limits replace `MOST_BYTES`."""
READERS = ["signaling.rtc", "signaling.host.tokens", "media", "aiortc.sdp", "jwt", "conference"]
SIP_READERS = ["signaling.sip", "conference"]
SEALED = {"dtls", "sctp"}
"""The targets of `sealed.py`."""
SEALED_READERS = ["media", "aiortc"]


def main() -> None:
    try:
        import atheris
    except ImportError:
        print("no Atheris for this machine (pyproject.toml): Python's readers are left out")
        return
    name, seconds, *more = sys.argv[1:]
    with atheris.instrument_imports(include=readers(name), enable_loader_override=False):
        from tests.fuzz import targets
    if name != "-":
        fuzz(atheris, targets, name, int(seconds), more)
    for line in sys.stdin:
        name, *more = line.split()
        print(forked(atheris, targets, name, int(seconds), more), flush=True)


def readers(name: str) -> list[str]:
    """Return the modules that the engine watches for a target."""
    if name == "-":
        return sorted({*READERS, *SIP_READERS, *SEALED_READERS})
    return READERS if name in BROWSERS else SEALED_READERS if name in SEALED else SIP_READERS


def forked(atheris: Any, targets: Any, name: str, seconds: int, more: list[str]) -> int:
    """Run a target in a fork of this process, and return its exit code."""
    output = NOTES / name / "output"
    output.parent.mkdir(parents=True, exist_ok=True)
    if not (child := os.fork()):
        file = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, sys.stdout.fileno())
        os.dup2(file, sys.stderr.fileno())
        fuzz(atheris, targets, name, seconds, more)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def fuzz(atheris: Any, targets: Any, name: str, seconds: int, more: list[str]) -> NoReturn:
    """Run the engine on a target, and end the process. The engine keeps a failing input when the process ends."""
    corpus, seeds = NOTES / name / "corpus", NOTES / name / "seeds"
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for number, (path, data) in enumerate(targets.seeds(name)):
        (seeds / f"{number}-{path.stem}").write_bytes(data)
    words = NOTES / "words"
    words.write_text(dictionary())
    # The engine compares the peak memory, and a Linux process inherits the peak of its parent process.
    most_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024 + MOST_MB
    options = [
        *(
            f"-max_total_time={seconds}",
            f"-max_len={BROWSERS.get(name, MOST_BYTES)}",
            "-timeout=10",
            f"-rss_limit_mb={most_mb}",
        ),
        *(f"-artifact_prefix={NOTES / name}/", f"-dict={words}", "-print_final_stats=1"),
    ]
    atheris.Setup([sys.argv[0], *options, *more, str(corpus), str(seeds)], targets.TARGETS.get(name, targets.proof))
    atheris.Fuzz()
    sys.exit(os.EX_SOFTWARE)


def dictionary() -> str:
    """Return the words that the readers of these texts look for, as an Atheris dictionary."""
    words = [
        *(
            "SIP/2.0",
            "INVITE ",
            "REGISTER ",
            "UPDATE ",
            "CANCEL ",
            "BYE ",
            "PRACK ",
            "Via: ",
            "Content-Length: ",
            "l: ",
        ),
        *(
            ";branch=z9hG4bK",
            ";tag=",
            ";rport",
            "Contact: *",
            "Require: ",
            "Session-Expires: ",
            "a=crypto:",
            "m=video ",
        ),
        *("m=application ", "a=floorctrl:", "a=rtpmap:", "a=fmtp:", "a=rtcp-fb:", "c=IN IP4 ", "c=IN IP6 ", "inline:"),
        *(
            "a=mid:",
            "a=rid:",
            "a=simulcast:send ",
            "a=msid:",
            "a=extmap:",
            "a=ssrc:",
            "a=ssrc-group:FID ",
            "a=bundle-only",
        ),
        *("a=rtcp-mux", "a=sendonly", "a=recvonly", "a=group:BUNDLE ", "a=ice-ufrag:", "a=fingerprint:sha-256 "),
        *('\\"alg\\":', '\\"HS256\\"', '\\"iss\\":', '\\"first\\"', '\\"exp\\":', '\\"video\\":', '\\"roomJoin\\":'),
        *('\\"attributes\\":', '\\"roomConfig\\":', '\\"canPublishSources\\":', "\\\\ud800", "null", "true", "1e999"),
        *("a=inactive", "a=content:slides", "a=setup:", "b=AS:", "b=TIAS:", "RTP/SAVP ", "\\xff\\xfe|", "\\x0d\\x0a"),
    ]
    return "".join(f'"{word}"\n' for word in words)


if __name__ == "__main__":
    main()
