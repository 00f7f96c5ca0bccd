"""A real mail server: aiosmtpd in its own process. It writes every mail that it receives into a folder."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

SERVER = """
import asyncio, sys, itertools
from pathlib import Path
from aiosmtpd.smtp import SMTP

folder, refused = Path(sys.argv[1]), set(sys.argv[2].split(","))
numbers = itertools.count()

class Keeper:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address in refused:
            return "550 no such mailbox"
        if (folder / "busy").exists():
            return "451 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        name = folder / f"{next(numbers):04}"
        name.with_suffix(".part").write_bytes(
            b"X-Rcpt: " + ",".join(envelope.rcpt_tos).encode() + b"\\r\\n" + envelope.original_content)
        name.with_suffix(".part").rename(name.with_suffix(".eml"))
        return "250 OK"

async def main():
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(Keeper(), hostname="mail.test"), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await loop.run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"""


@dataclass
class Mailbox:
    """A mail server. Call `open`, send mail to `port`, and read the mails with `mails`."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes]

    @classmethod
    def open(cls, folder: Path, refused: str = "", prefix: Sequence[str] = ()) -> Mailbox:
        """Start the server. `prefix` is a command that runs it elsewhere, such as `ip netns exec NAME`."""
        command = [*prefix, sys.executable, "-c", SERVER, str(folder), refused]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert process.stdout is not None
        port = int(process.stdout.readline())
        return cls(folder, port, process)

    def close(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(10)
        self.process.stdout.close()

    def busy(self, yes: bool) -> None:
        """Set whether the server defers all mail."""
        mark = self.folder / "busy"
        if yes:
            mark.touch()
        else:
            mark.unlink(missing_ok=True)

    def raw(self) -> list[bytes]:
        return [path.read_bytes() for path in sorted(self.folder.glob("*.eml"))]

    def mails(self) -> list[EmailMessage]:
        parser = BytesParser(policy=policy.default)
        return [parser.parsebytes(raw) for raw in self.raw()]

    def to(self, address: str) -> list[EmailMessage]:
        return [one for one in self.mails() if one["X-Rcpt"] == address]

    def wait(self, count: int, seconds: float = 10.0) -> list[EmailMessage]:
        end = time.monotonic() + seconds
        while len(self.raw()) < count and time.monotonic() < end:
            time.sleep(0.05)
        return self.mails()
