"""The issuer of `issuer_server`, in a separate process."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from tests.conftest import ROOT, START_S
from tests.ports import free_port


@contextmanager
def running() -> Iterator[str]:
    """Yield the address of the issuer. Raise RuntimeError when the issuer does not answer."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "tests.signaling.access.issuer_server", str(port)], cwd=ROOT)
    try:
        yield _answering(f"http://127.0.0.1:{port}")
    finally:
        process.terminate()
        process.wait(20)


def _answering(url: str) -> str:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        try:
            httpx.get(f"{url}/jwks")
            return url
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the issuer did not start")
