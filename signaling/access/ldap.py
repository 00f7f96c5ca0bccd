"""Queries to a directory (LDAP, Active Directory) by OpenLDAP's `ldapsearch`, an optional system package (Debian: ldap-utils).

A Python library is no better: the maintained one must be compiled against the same C library. The password comes from a private
file and is never an argument. Every connection except loopback uses TLS with a checked certificate.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from rooms.errors import Refusal
from rooms.exchange import ldif
from signaling.host.files import is_private

SECONDS = 120
"""The longest time of one query, for `ldapsearch` and for the directory. Chosen. Longer: the caller waits longer for a directory
that does not answer. Shorter: the query of a large directory fails.
"""
PAGE = 500
"""Entries in one page of an answer (RFC 2696). Chosen. Larger: above 1,000, Active Directory sends no larger pages by default.
Smaller: more round trips, and a large directory needs more time.
"""
COMMAND = "ldapsearch"
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True)
class Directory:
    """The address, the identity and the query."""

    url: str
    base: str
    filter: str = "(objectClass=person)"
    bind_dn: str = ""
    password_file: Path | None = None
    authority: Path | None = None
    """PEM file, if no public authority signed the directory's certificate."""


def entries(directory: Directory, attributes: Sequence[str]) -> list[ldif.Entry]:
    """Return every entry, read page by page. The function blocks. Raises Refusal `directory_…`, and the errors of `ldif.read`."""
    program = shutil.which(COMMAND)
    if program is None:
        raise _refused(
            "tool_missing",
            "Cần cài ldapsearch: apt install ldap-utils.",
            "apt install ldap-utils",
        )
    command = [program, *_arguments(directory), directory.filter, *sorted(set(attributes))]
    environ = {"PATH": os.environ.get("PATH", ""), "LDAPTLS_REQCERT": "demand"}
    if directory.authority is not None:
        environ["LDAPTLS_CACERT"] = str(directory.authority)
    try:
        done = subprocess.run(command, env=environ, capture_output=True, timeout=SECONDS, check=False)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise _refused("failed", "Danh bạ không trả lời kịp.", "the directory did not answer in time") from error
    if done.returncode:
        words = " ".join(done.stderr.decode(errors="replace").split())[:300]
        raise _refused("failed", f"Không hỏi được danh bạ: {words}.", f"the directory refused: {words}")
    return ldif.read(done.stdout)


def _arguments(directory: Directory) -> list[str]:
    """Return the arguments: simple bind, LDIF without comments or folding, pages. Referrals are not followed."""
    arguments = ["-x", "-LLL", "-o", "ldif-wrap=no", "-E", f"pr={PAGE}/noprompt", "-l", str(SECONDS)]
    arguments += ["-H", directory.url, "-b", directory.base]
    if _needs_upgrade(directory.url):
        arguments.append("-ZZ")
    if directory.bind_dn:
        if directory.password_file is None or not is_private(directory.password_file):
            raise _refused("password", "Tệp mật khẩu phải riêng tư (chmod 600).", "chmod 600 the password file")
        arguments += ["-D", directory.bind_dn, "-y", str(directory.password_file)]
    return arguments


def _needs_upgrade(url: str) -> bool:
    """Report whether the connection must change to TLS: plain `ldap://` must, except on this machine. Raises Refusal for other
    schemes.
    """
    parts = urlsplit(url)
    if parts.scheme == "ldaps" and parts.hostname:
        return False
    if parts.scheme != "ldap" or not parts.hostname:
        raise _refused("url", "Địa chỉ danh bạ phải là ldaps://MÁY hoặc ldap://MÁY.", "ldaps://HOST or ldap://HOST")
    return parts.hostname not in _LOOPBACK


def _refused(what: str, vietnamese: str, english: str) -> Refusal:
    return Refusal(f"directory_{what}", vietnamese, english)
