"""The routes that administer accounts, their roles and the keys of other systems: /accounts…, /clients…."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import administration, clients, roles
from rooms.accounts.administration import Seen
from rooms.policy import roles as policy
from rooms.store.tables.accounts import Client, RoleGrant
from rooms.store.tables.org import Unit
from signaling.access import limits, models
from signaling.access.access import Access
from signaling.host.addresses import sign_in_link
from signaling.host.declared import needs
from signaling.host.routers import new_router

NOTHING = 204
IfMatch = Annotated[str, Header(alias="if-match", max_length=40)]


def routes(access: Access) -> APIRouter:
    """Return the router to be mounted under `/api/v1`."""
    router = new_router("accounts")
    _accounts(router, access)
    _one_account(router, access)
    _roles(router, access)
    _clients(router, access)
    return router


def _accounts(router: APIRouter, access: Access) -> None:
    @router.get("/accounts", openapi_extra=needs("accounts.read"))
    async def listed(
        request: Request,
        search: Annotated[str, Query(max_length=100)] = "",
        cursor: Annotated[str, Query(max_length=200)] = "",
        limit: Annotated[int, Query(ge=1, le=limits.PAGE_MOST)] = limits.PAGE,
    ) -> models.AccountPage:
        """List the accounts of the units that the reader administers, by name."""
        now = access.clock()
        actor = await access.required(request, now)
        policy.require_anywhere(actor, "accounts.read")
        async with access.database.reading() as session:
            found = await administration.listed(session, actor, now, search, _opened(cursor), limit + 1)
        following = _sealed(found[limit - 1].account.name) if len(found) > limit else None
        return models.AccountPage(items=[_view(one, now) for one in found[:limit]], next=following)

    @router.post("/accounts", status_code=201, openapi_extra=needs("accounts.write", of="person"))
    async def create(request: Request, body: models.NewAccount) -> models.AccountView:
        """Make an account for a person. A sign-in link opens the account."""
        now = access.clock()
        actor = await access.required(request, now)
        made = await access.database.transact(
            lambda s: administration.create(s, body.name, body.person_id, actor, now, body.language)
        )
        async with access.database.reading() as session:
            return _view(await administration.view(session, made.id, actor, now), now)

    @router.get("/accounts/{account_id}", openapi_extra=needs("accounts.read", of="account"))
    async def one(request: Request, account_id: models.Identifier) -> models.AccountView:
        """Return an account with its roles."""
        now = access.clock()
        actor = await access.required(request, now)
        async with access.database.reading() as session:
            return _view(await administration.view(session, account_id, actor, now), now)


def _one_account(router: APIRouter, access: Access) -> None:
    @router.patch("/accounts/{account_id}", openapi_extra=needs("accounts.write", of="account"))
    async def change(
        request: Request, account_id: models.Identifier, body: models.AccountChange, if_match: IfMatch = ""
    ) -> models.AccountView:
        """Change the name, the language or the active state. With `If-Match: "VERSION"` only if the version is still the
        newest.
        """
        now = access.clock()
        actor = await access.required(request, now)
        wanted = body.model_dump(exclude_none=True)
        version = int(digits) if (digits := if_match.strip('W/" ')).isdecimal() else None
        await access.database.transact(
            lambda s: administration.change(s, account_id, actor, now, wanted, expected_version=version)
        )
        if wanted.get("active") is False:
            access.live.end_account(account_id)
        async with access.database.reading() as session:
            return _view(await administration.view(session, account_id, actor, now), now)

    @router.post("/accounts/{account_id}/link", openapi_extra=needs("accounts.write", of="account"))
    async def link(request: Request, account_id: models.Identifier) -> models.SignInLinkView:
        """Make a link that signs in once: for a new account, or after a forgotten password. The link is shown only this once."""
        now = access.clock()
        actor = await access.required(request, now)
        secret, ends_at = await access.database.transact(lambda s: administration.link(s, account_id, actor, now))
        return models.SignInLinkView(url=sign_in_link(base_of(access, request), secret), ends_at=ends_at)

    @router.post(
        "/accounts/{account_id}/sign-out", status_code=NOTHING, openapi_extra=needs("accounts.write", of="account")
    )
    async def sign_out(request: Request, account_id: models.Identifier) -> None:
        """Sign the account out everywhere. Its calls end."""
        now = access.clock()
        actor = await access.required(request, now)
        await access.database.transact(lambda s: administration.sign_out(s, account_id, actor, now))
        access.live.end_account(account_id)

    @router.delete(
        "/accounts/{account_id}/totp", status_code=NOTHING, openapi_extra=needs("accounts.write", of="account")
    )
    async def reset(request: Request, account_id: models.Identifier) -> None:
        """Forget the authenticator application of a lost telephone, and sign the account out."""
        now = access.clock()
        actor = await access.required(request, now)
        await access.database.transact(lambda s: administration.reset_second_factor(s, account_id, actor, now))
        access.live.end_account(account_id)


def _roles(router: APIRouter, access: Access) -> None:
    @router.post("/accounts/{account_id}/roles", status_code=201, openapi_extra=needs("accounts.write", of="account"))
    async def grant(request: Request, account_id: models.Identifier, body: models.NewGrant) -> models.AccountView:
        """Give a role in a unit that the caller administers."""
        now = access.clock()
        actor = await access.required(request, now)

        async def work(session: AsyncSession) -> Seen:
            account = await administration.found(session, account_id)
            await roles.grant(session, account, body.role, body.unit_id, actor, now, body.starts_at, body.ends_at)
            return await administration.view(session, account_id, actor, now)

        return _view(await access.database.transact(work), now)

    @router.delete("/accounts/{account_id}/roles/{grant_id}", openapi_extra=needs("accounts.write", of="account"))
    async def revoke(
        request: Request, account_id: models.Identifier, grant_id: models.Identifier
    ) -> models.AccountView:
        """End a role now."""
        now = access.clock()
        actor = await access.required(request, now)

        async def work(session: AsyncSession) -> Seen:
            account = await administration.found(session, account_id)
            await roles.revoke(session, account, grant_id, actor, now)
            return await administration.view(session, account_id, actor, now)

        return _view(await access.database.transact(work), now)


def _clients(router: APIRouter, access: Access) -> None:
    @router.get("/clients", openapi_extra=needs("accounts.read"))
    async def listed(request: Request) -> models.ClientPage:
        """List the systems that have keys, in the units that the reader administers."""
        actor = await access.required(request, access.clock())
        policy.require_anywhere(actor, "accounts.read")
        async with access.database.reading() as session:
            found = await clients.visible(session, actor)
        return models.ClientPage(items=[_client(client, unit) for client, unit in found])

    @router.post("/clients", status_code=201, openapi_extra=needs("clients.write", of="unit"))
    async def create(request: Request, body: models.NewClient) -> models.ClientKey:
        """Make a key for another system. The key is shown only this once."""
        now = access.clock()
        actor = await access.required(request, now)
        made, key = await access.database.transact(
            lambda s: clients.create(s, body.name, body.unit_id, body.roles, actor, now)
        )
        return await _with_key(access, made, key)

    @router.post("/clients/{client_id}/key", openapi_extra=needs("clients.write", of="client"))
    async def renew(request: Request, client_id: models.Identifier) -> models.ClientKey:
        """Make a new key. The old key opens nothing any more."""
        now = access.clock()
        actor = await access.required(request, now)
        renewed, key = await access.database.transact(lambda s: clients.renew(s, client_id, actor, now))
        return await _with_key(access, renewed, key)

    @router.delete("/clients/{client_id}", status_code=NOTHING, openapi_extra=needs("clients.write", of="client"))
    async def revoke(request: Request, client_id: models.Identifier) -> None:
        """Revoke the key of a system. The key opens nothing any more."""
        now = access.clock()
        actor = await access.required(request, now)
        await access.database.transact(lambda s: clients.revoke(s, client_id, actor, now))


def base_of(access: Access, request: Request) -> str:
    """Return the address under which people reach this server. The Host header was checked before."""
    return access.options.public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"


async def _with_key(access: Access, client: Client, key: str) -> models.ClientKey:
    async with access.database.reading() as session:
        unit = await session.get_one(Unit, client.unit_id)
    return models.ClientKey(client=_client(client, unit), key=key)


def _client(client: Client, unit: Unit) -> models.ClientView:
    return models.ClientView(
        id=client.id,
        name=client.name,
        unit_id=client.unit_id,
        unit_name=unit.name,
        roles=list(client.roles),
        created_at=client.created_at,
        revoked_at=client.revoked_at,
    )


def _view(seen: Seen, now: datetime) -> models.AccountView:
    account, person, unit = seen.account, seen.person, seen.unit
    return models.AccountView(
        id=account.id,
        name=account.name,
        person_id=account.person_id,
        person_name=person.name if person else "",
        unit_id=unit.id if unit else None,
        unit_name=unit.name if unit else "",
        active=account.active,
        has_password=bool(account.password),
        totp=account.totp_confirmed,
        sso=account.issuer is not None,
        language="en" if account.language == "en" else "vi",
        created_at=account.created_at,
        last_seen_at=seen.last_seen_at,
        version=account.version,
        roles=[_grant(row, place, now) for row, place in seen.grants],
    )


def _grant(row: RoleGrant, unit: Unit, now: datetime) -> models.Grant:
    return models.Grant(
        id=row.id,
        role=row.role,
        unit_id=row.unit_id,
        unit_name=unit.name,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        in_force=row.starts_at <= now,
    )


def _sealed(name: str) -> str:
    return base64.urlsafe_b64encode(name.encode()).decode().rstrip("=")


def _opened(cursor: str) -> str:
    try:
        return base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
    except (binascii.Error, ValueError):
        return ""
