"""The proof of a request's sender: a digest proves an alias, and failures lead to bans.

Three cases get the same answer in the same time: an unknown alias, an alias of another network, a wrong password.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from signaling.sip.agent.bans import Bans, lock, source
from signaling.sip.agent.challenges import Challenges
from signaling.sip.agent.peers import Peers
from signaling.sip.agent.registrar import Account, Directory, Registrar
from signaling.sip.dialog.core import Core
from signaling.sip.dialog.digest import Algorithm, Verdict, Verifier, digest_of
from signaling.sip.transaction.transport import Hop
from signaling.sip.wire.message import Request

ALGORITHMS: Final[tuple[Algorithm, ...]] = ("MD5", "SHA-256")


class Authentication:
    """The checks of a sender. `unix_time`: the clock of bans and nonces."""

    def __init__(
        self,
        core: Core,
        directory: Directory,
        registrar: Registrar,
        peers: Peers,
        bans: Bans,
        unix_time: Callable[[], float],
    ) -> None:
        config = core.config
        self._core = core
        self._directory = directory
        self._registrar = registrar
        self._peers = peers
        self._bans = bans
        self._unix_time = unix_time
        self.challenges = Challenges()
        self._verifier = Verifier(config.key, config.realm, core.random_bytes)
        self._nobody: dict[Algorithm, str] = {
            name: digest_of(name, "nobody", config.realm, config.key.hex()) for name in ALGORITHMS
        }
        """The secrets for aliases that do not exist, by algorithm."""

    def knows(self, hop: Hop) -> bool:
        """Report whether this address is known from before: by a trunk, a live registration from this port, a call, a
        subscription or a transaction.
        """
        return hop.host in self._peers or self._registrar.holds(hop) or self._directory.trunk(hop.host) is not None

    def banned(self, host: str) -> bool:
        return self._bans.banned(source(host), self._unix_time())

    def ban(self, host: str, reason: str) -> None:
        self._bans.ban(source(host), self._unix_time(), reason)

    def suspect(self, hop: Hop, reason: str) -> bool:
        """Count a failure of a source whose address is proven. Return True if the source is banned now."""
        return self._bans.failed(source(hop.host), self._unix_time(), reason)

    def prove(self, request: Request, hop: Hop) -> Account | None:
        """Return the account that the digest of a request proves. Otherwise answer the request and return None."""
        alias = (request.to if request.method == "REGISTER" else request.from_).uri.alias
        account = self._directory.account(alias)
        if account is not None and hop.host not in account.networks:
            account = None
        now, subject = self._unix_time(), lock(alias, hop.host)
        decoy = self._decoy(alias)
        algorithm = account.algorithm if account else decoy
        secret = account.secret if account else self._nobody[algorithm]
        blocked = self._bans.banned(subject, now) and not self._registrar.holds(hop, alias)
        verdict = self._verifier.judge(request, secret, algorithm, alias, hop.host, now)
        if verdict is Verdict.RIGHT and account is not None and not blocked:
            self.challenges.proven(hop)
            self._bans.proven(alias, hop.host)
            return account
        if verdict is Verdict.NONE or (verdict is Verdict.STALE and account is not None and not blocked):
            self._challenge(request, hop, algorithm, stale=verdict is Verdict.STALE)
            return None
        status = 400 if verdict is Verdict.ELSEWHERE else 403
        self._core.reply(request, hop, status, most=0 if hop.reliable or self.knows(hop) else request.size)
        self.challenges.answered(hop, request.call_id)
        if verdict is not Verdict.WRONG:
            return None  # the proof is for another address, or the alias is unknown here or locked for this source
        if account is not None:
            self._bans.failed(subject, now, "wrong password")
        self.suspect(hop, "wrong alias or password")
        return None

    def _decoy(self, alias: str) -> Algorithm:
        """Return the algorithm for an alias that does not exist.

        The algorithm is the same each time. A change would show that the alias does not exist.
        """
        used = self._directory.algorithms()
        if len(used) < 2:
            return next(iter(used), "MD5")
        return "MD5" if int(digest_of("SHA-256", alias, self._core.config.key.hex())[:2], 16) < 128 else "SHA-256"

    def _challenge(self, request: Request, hop: Hop, algorithm: Algorithm, *, stale: bool) -> None:
        text = self._verifier.challenge(hop.host, algorithm, self._unix_time(), stale=stale)
        self._core.reply(request, hop, 401, [("www-authenticate", text)])
        if hop.reliable and not stale and self.challenges.challenged(hop, request, self._directory.share(hop.host)):
            self.suspect(hop, "authentication challenges were not answered")
