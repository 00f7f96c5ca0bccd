"""The fuzz run of one target with coverage for a limited time: `python -m tests.fuzz.run TARGET SECONDS` (`make fuzz`).

The engine is Atheris (libFuzzer). New inputs stay in `.cache/fuzz` for the next run. The engine also writes each failing input
there and prints its name. Commit the failing input in `corpus/found/TARGET` together with the fix.
"""

from __future__ import annotations

import resource
import sys
from pathlib import Path

NOTES = Path(".cache/fuzz")
MOST_MB = 900
MOST_BYTES = 4000
"""Bytes of one input. Chosen. Larger: each run takes longer and finds little more. Smaller: long messages are not fuzzed.
`BROWSERS` has larger limits for descriptions.
"""
BROWSERS = {"browser": 12_000, "session": 12_000, "token": 2000}
"""Bytes of one input, by target of `browsers.py`. These limits replace `MOST_BYTES`."""
READERS = ["signaling.rtc", "signaling.host.tokens", "media", "aiortc.sdp", "jwt", "conference"]
SEALED = {"dtls", "sctp"}
"""The targets of `sealed.py`."""


def main() -> None:
    try:
        import atheris
    except ImportError:
        print("no Atheris for this machine (pyproject.toml): Python's readers are left out")
        return
    name, seconds = sys.argv[1], int(sys.argv[2])
    include = (
        READERS if name in BROWSERS else ["media", "aiortc"] if name in SEALED else ["signaling.sip", "conference"]
    )
    with atheris.instrument_imports(include=include, enable_loader_override=False):
        from tests.fuzz import targets
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
    atheris.Setup(
        [sys.argv[0], *options, *sys.argv[3:], str(corpus), str(seeds)], targets.TARGETS.get(name, targets.proof)
    )
    atheris.Fuzz()


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
