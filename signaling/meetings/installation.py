"""The first start of an installation: the schema of the database, the demo month, and the link of the first administrator."""

from collections.abc import Callable
from datetime import datetime

from rooms.accounts import first_administrator
from rooms.demo import loading
from rooms.errors import Refusal
from rooms.policy.actors import COMMAND
from rooms.store.database import Database
from rooms.store.migrations import steps
from signaling.host.addresses import sign_in_link as link_url
from signaling.host.files import keep_out_of_git
from signaling.host.settings import Settings, SettingsError


class Installation:
    """The data folder and the database of one server."""

    def __init__(self, settings: Settings, database: Database, clock: Callable[[], datetime]) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self.administered = True
        """True if a root unit has an administrator who can sign in."""
        self.first_secret = ""
        """The secret of the link that makes the first administrator. Empty if there is an administrator, or if `local_creation`
        is off.
        """
        self.demo_secrets: dict[str, str] = {}
        """The secrets of sign-in links for the demo accounts that have no password yet. The keys are `NAME (ROLE)`."""

    async def migrate(self) -> None:
        url = self._settings.database_url
        if url.startswith("sqlite:"):
            self._settings.data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        keep_out_of_git(self._settings.data_dir)
        try:
            found = await steps.current(url)
            if found == steps.newest():
                return
            # An empty database has nothing to lose, so the first start needs no other command.
            if self._settings.database_upgrade or not found:
                await steps.upgrade(url)
            else:
                raise SettingsError(
                    "Cơ sở dữ liệu chưa đúng phiên bản của chương trình. Hãy sao lưu rồi chạy: diemcau db upgrade.",
                    "The database does not have the schema of this program. Back it up, then run: diemcau db upgrade.",
                )
        except Refusal as refusal:
            raise SettingsError(refusal.vietnamese, refusal.english) from refusal

    async def load_demo(self) -> None:
        now = self._clock()
        async with self._database.reading() as session:
            empty = await loading.offered(session)
        if empty:
            done = await self._database.transact(lambda session: loading.load(session, COMMAND, now))
        elif self._settings.local_creation:
            done = await self._database.transact(lambda session: loading.unused(session, COMMAND, now))
        else:
            return
        self.demo_secrets = {f"{name} ({done.roles[name]})": secret for name, secret in done.links.items()}

    async def look_for_administrator(self) -> None:
        now = self._clock()
        async with self._database.reading() as session:
            self.administered = await first_administrator.administered(session, now)
        if self.administered or not self._settings.local_creation:
            return
        _, self.first_secret = await self._database.transact(
            lambda session: first_administrator.link(session, COMMAND, now)
        )

    def first_link(self, address: str) -> str:
        """Return the link for the first sign-in of the administrator; empty without `first_secret`."""
        return link_url(address, self.first_secret) if self.first_secret else ""

    def demo_links(self, address: str) -> dict[str, str]:
        """Return the links that sign in once, for demo accounts without a password."""
        return {name: link_url(address, secret) for name, secret in self.demo_secrets.items()}
