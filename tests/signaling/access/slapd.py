"""A real OpenLDAP server in its own process. It holds the people of a small office."""

from __future__ import annotations

import base64
import socket
import subprocess
import time
from pathlib import Path

from tests.ports import free_port

SCHEMAS = Path("/etc/ldap/schema")
BASE = "dc=longan,dc=gov,dc=vn"
ADMIN = f"cn=admin,{BASE}"
PASSWORD = "mật khẩu danh bạ"
CONFIG = """
include {schemas}/core.schema
include {schemas}/cosine.schema
include {schemas}/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {folder}/slapd.pid
sizelimit 500
database mdb
suffix "{base}"
rootdn "{admin}"
rootpw "{password}"
directory {folder}/data
access to * by dn="{admin}" write by * none
"""


def person(uid: str, name: str, unit: str, **more: str) -> str:
    """Return an LDIF entry. RFC 2849 requires base64 for values beyond ASCII."""
    values = {"cn": name, "sn": name.split(" ")[-1], "ou": unit, "mail": f"{uid}@longan.gov.vn"} | more
    lines = [f"dn: uid={uid},ou=people,{BASE}", "objectClass: inetOrgPerson", f"uid: {uid}"]
    lines += [f"{key}:: {base64.b64encode(value.encode()).decode()}" for key, value in values.items()]
    return "\n".join(lines) + "\n"


def tree(people: list[str]) -> str:
    root = f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\no: Long An\ndc: longan\n"
    return "\n".join([root, f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people\n", *people])


class Slapd:
    """An OpenLDAP server. `start` loads its content and waits until it answers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = free_port()
        self.url = f"ldap://127.0.0.1:{self.port}"
        self.password_file = folder / "password"

    def start(self, content: str) -> None:
        (self.folder / "data").mkdir()
        config = self.folder / "slapd.conf"
        config.write_text(CONFIG.format(schemas=SCHEMAS, folder=self.folder, base=BASE, admin=ADMIN, password=PASSWORD))
        self.password_file.write_text(PASSWORD)
        self.password_file.chmod(0o600)
        (self.folder / "tree.ldif").write_text(content)
        add = ["/usr/sbin/slapadd", "-f", str(config), "-l", str(self.folder / "tree.ldif")]
        subprocess.run(add, check=True, capture_output=True, timeout=60)
        self._process = subprocess.Popen(
            ["/usr/sbin/slapd", "-f", str(config), "-h", self.url, "-d", "0"], stderr=subprocess.DEVNULL
        )
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        raise RuntimeError("slapd did not start")

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(30)
