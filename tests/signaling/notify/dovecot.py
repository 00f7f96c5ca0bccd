"""A real mailbox: Dovecot with its own configuration, IMAP on loopback, with or without TLS."""

from __future__ import annotations

import getpass
import grp
import imaplib
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.ports import free_port
from tests.waiting import until_blocking

USER, PASSWORD = "hop", "mật-khẩu-hộp-thư"
NOBODY = 65_534
"""Dovecot opens no mailbox for root."""
CONFIGURATION = """
base_dir = {folder}/run
state_dir = {folder}/state
log_path = {folder}/log
protocols = imap
listen = 127.0.0.1
disable_plaintext_auth = no
auth_failure_delay = 0
mail_location = maildir:~/mail
first_valid_uid = 1
default_vsz_limit = 0
{users}
{tls}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {plain}
  }}
  inet_listener imaps {{
    port = {secure}
  }}
}}
service anvil {{
  chroot =
}}
passdb {{
  driver = static
  args = password={password}
}}
userdb {{
  driver = static
  args = uid={uid} gid={gid} home={folder}/home/%u
}}
"""


@dataclass
class Dovecot:
    """A mail server with one mailbox. `port`: plain IMAP, or IMAP over TLS if it was opened with a certificate."""

    folder: Path
    port: int
    secure: bool
    process: subprocess.Popen[bytes]

    @classmethod
    def open(cls, certificate: tuple[Path, Path] | None = None) -> Dovecot:
        folder = Path(
            tempfile.mkdtemp(prefix="dovecot-")
        )  # no other folder of tests is open to the user of the mailbox
        root = os.geteuid() == 0
        group = grp.getgrgid(os.getegid()).gr_name
        own = getpass.getuser()
        users = f"default_internal_user = {own}\ndefault_login_user = {own}\ndefault_internal_group = {group}"
        port = free_port()
        tls = (
            f"ssl = required\nssl_cert = <{certificate[0]}\nssl_key = <{certificate[1]}" if certificate else "ssl = no"
        )
        for name in ("run", "state", "home"):
            (folder / name).mkdir()
        if root:
            folder.chmod(0o711)
            shutil.chown(folder / "home", NOBODY, NOBODY)
        text = CONFIGURATION.format(
            folder=folder,
            password=PASSWORD,
            users="" if root else users,
            tls=tls,
            plain=0 if certificate else port,
            secure=port if certificate else 0,
            uid=NOBODY if root else os.geteuid(),
            gid=NOBODY if root else os.getegid(),
        )
        (folder / "dovecot.conf").write_text(text, encoding="utf-8")
        process = subprocess.Popen(["dovecot", "-F", "-c", str(folder / "dovecot.conf")])
        made = cls(folder, port, certificate is not None, process)
        try:
            until_blocking(made._answers, made._log, 20)
        except AssertionError:
            made.close()
            raise
        return made

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(10)
        shutil.rmtree(self.folder)

    def put(self, raw: bytes) -> None:
        """Deliver a mail."""
        box = self.signed_in()
        box.append("INBOX", "", "", raw)
        box.logout()

    def empty(self) -> None:
        box = self.signed_in()
        if box.select("INBOX")[1] != [b"0"]:
            box.store("1:*", "+FLAGS", "\\Deleted")
            box.expunge()
        box.logout()

    def flags(self) -> list[set[str]]:
        """Return the flags of each mail, without changing them."""
        box = self.signed_in()
        box.select("INBOX", readonly=True)
        found = box.fetch("1:*", "(FLAGS)")[1]
        box.logout()
        return [{one.decode() for one in imaplib.ParseFlags(line)} for line in found if isinstance(line, bytes)]

    def signed_in(self) -> imaplib.IMAP4:
        box: imaplib.IMAP4
        if self.secure:
            trust = ssl.create_default_context()
            trust.check_hostname, trust.verify_mode = False, ssl.CERT_NONE
            box = imaplib.IMAP4_SSL("127.0.0.1", self.port, ssl_context=trust, timeout=10)
        else:
            box = imaplib.IMAP4("127.0.0.1", self.port, timeout=10)
        box.authenticate("PLAIN", lambda _: f"\0{USER}\0{PASSWORD}".encode())
        return box

    def _answers(self) -> bool:
        """Report whether Dovecot takes connections. It does so a little later than its start."""
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True

    def _log(self) -> str:
        log = self.folder / "log"
        return f"Dovecot answers: {log.read_text() if log.exists() else 'no log'}"
