"""The certificate in use: the local authority's, renewed automatically, or the operator's, read again after a change."""

import asyncio
import logging
import ssl
from pathlib import Path

from signaling.front import tls
from signaling.host import limits
from signaling.host.clock import CLOCK
from signaling.host.settings import Settings

log = logging.getLogger(__name__)


class Certificate:
    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.issued: tls.Issued | None = None
        self.outside: tuple[str, ...] = ()
        """Host names of the settings for which the local authority cannot sign."""
        chain, key = self._files()
        self._loaded = (chain.read_bytes(), key.read_bytes())
        self.context: ssl.SSLContext = tls.context(chain, key)

    @property
    def fingerprint(self) -> str | None:
        return self.issued.fingerprint if self.issued else None

    def refresh(self) -> bool:
        """Renew the certificate or read it again. Later connections get the new certificate. Return True if it changed."""
        chain, key = self._files()
        content = (chain.read_bytes(), key.read_bytes())
        if content == self._loaded:
            return False
        self.context.load_cert_chain(chain, key)
        self._loaded = content
        return True

    async def keep(self) -> None:
        """Refresh the certificate again and again, until cancelled."""
        while True:
            await asyncio.sleep(limits.RENEW_CHECK_S)
            try:
                if await asyncio.to_thread(self.refresh):
                    log.info("the certificate was renewed")
            except (OSError, ValueError, ssl.SSLError):
                log.exception("the certificate could not be renewed; the old one stays in use")

    def _files(self) -> tuple[Path, Path]:
        if self._settings.tls_cert is not None and self._settings.tls_key is not None:
            return self._settings.tls_cert, self._settings.tls_key
        subject = tls.Subject.of_this_machine(self._settings.own_names)
        folder = self._settings.data_dir / "tls"
        self.issued = tls.issue(folder, subject, tls.utc(CLOCK.time()))
        self.outside = tls.outside(folder, self._settings.own_names)
        return self.issued.chain, self.issued.key
