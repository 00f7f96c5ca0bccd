"""The authorities that sign the certificate of the issuer of single sign-on."""

import os
import ssl
from datetime import UTC, datetime
from pathlib import Path

from signaling.access import issuer
from signaling.front.tls import Subject, issue


def test_a_replaced_authority_counts_without_a_new_start(tmp_path: Path) -> None:
    """The new file has the old name. A file that stays is read once."""
    file = tmp_path / "ca.pem"
    for modified_ns, name in enumerate(("old", "new")):
        text = issue(tmp_path / name, Subject(("localhost",), ()), datetime.now(UTC)).authority.read_text()
        file.write_text(text)
        os.utime(file, ns=(modified_ns, modified_ns))
        trusted = issuer._trust(str(file))
        assert trusted.get_ca_certs(binary_form=True) == [ssl.PEM_cert_to_DER_cert(text)]
        assert issuer._trust(str(file)) is trusted
