"""The routes of single sign-on: to the issuer and back. A sealed cookie holds the data between the two."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from datetime import datetime
from hmac import compare_digest
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import federation, signing
from rooms.accounts.federation import Identity
from rooms.errors import Refusal
from rooms.identifiers import new_secret
from rooms.policy.actors import Actor
from rooms.sealing import SealBroken
from rooms.store import audit
from rooms.store.tables.accounts import Account
from signaling.access import limits, models, origin
from signaling.access.access import Access, address_of, agent_of
from signaling.access.administration import base_of
from signaling.access.issuer import IssuerBroken, Provider
from signaling.access.refusals import refused
from signaling.host.declared import PUBLIC, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle

log = logging.getLogger(__name__)
CALLBACK = "/api/v1/session/oidc/callback"
Text = Annotated[str, Query(max_length=2000)]


@dataclass(frozen=True)
class Flow:
    """The data of one sign-in through the issuer. The sealed cookie keeps them until the browser returns."""

    state: str
    nonce: str
    verifier: str
    next: str
    at: float
    account_id: str = ""
    """The signed-in account that connects this identity; empty for a sign-in."""


def routes(access: Access) -> APIRouter:
    """Return the router to be mounted under `/api/v1`."""
    router = new_router("session", dependencies=[Depends(origin.check_route)])
    flows = Throttle(access.shared, "single sign-on", limits.FLOWS_PER_MINUTE, limits.NETWORKS_REMEMBERED)
    provider = Provider(access.options.issuer) if access.options.issuer else None

    @router.post("/session/oidc", openapi_extra=needs(PUBLIC))
    async def leave(request: Request, response: Response, body: models.SingleSignOn) -> models.Departure:
        """Return the address of the single sign-on. With `connect`, that identity is connected to the account that is signed in
        here.
        """
        if provider is None:
            raise refused("issuer_absent")
        now = access.clock()
        if not flows.takes(address_of(request), now.timestamp()):
            raise refused("too_many_requests")
        account_id = (await access.required(request, now)).id if body.connect else ""
        verifier = new_secret() + new_secret()
        flow = Flow(new_secret(), new_secret(), verifier, _local(body.next), now.timestamp(), account_id)
        redirect = base_of(access, request) + CALLBACK
        try:
            url = await provider.authorization_url(redirect, flow.state, flow.nonce, flow.verifier, now)
        except IssuerBroken as error:
            log.warning("single sign-on: %s", error)
            raise refused("issuer_failed") from error
        access.cookies.set_flow(response, json.dumps(asdict(flow)))
        return models.Departure(url=url)

    @router.get("/session/oidc/callback", status_code=303, response_class=RedirectResponse, openapi_extra=needs(PUBLIC))
    async def come_back(
        request: Request, code: Text = "", state: Text = "", iss: Text = "", error: Text = ""
    ) -> Response:
        """Handle the return from the single sign-on: redirect to the requested page, or to the sign-in with `?trouble=CODE`."""
        now = access.clock()
        try:
            if provider is None:
                raise refused("issuer_absent")
            flow = _flow(access, request, state, now)
            identity = await _identity(access, provider, request, flow, code, iss, error, now)
            account, secret = await access.database.transact(lambda s: _arrive(s, access, request, flow, identity, now))
            response: Response = RedirectResponse(flow.next, 303)
            access.cookies.sign_in(response, secret, account.name)
        except Refusal as refusal:
            response = RedirectResponse(f"/sign-in?trouble={quote(refusal.code)}", 303)
        access.cookies.end_flow(response)
        return response

    return router


def _flow(access: Access, request: Request, state: str, now: datetime) -> Flow:
    """Return the data of the flow. Raises Refusal `flow_broken`."""
    try:
        flow = Flow(**json.loads(access.cookies.flow_of(request)))
    except (SealBroken, ValueError, TypeError) as error:
        raise refused("flow_broken") from error
    if not compare_digest(flow.state.encode(), state.encode()) or not 0 <= now.timestamp() - flow.at <= limits.FLOW_S:
        raise refused("flow_broken")
    return flow


async def _identity(
    access: Access, provider: Provider, request: Request, flow: Flow, code: str, iss: str, error: str, now: datetime
) -> Identity:
    """Return the identity. Raises Refusal `issuer_failed`. `iss` protects against a mix-up of issuers (RFC 9207)."""
    if error or not code or (iss and iss != provider.settings.url):
        raise refused("issuer_failed")
    try:
        return await provider.identity(base_of(access, request) + CALLBACK, code, flow.nonce, flow.verifier, now)
    except IssuerBroken as broken:
        log.warning("single sign-on: %s", broken)
        raise refused("issuer_failed") from broken


async def _arrive(
    session: AsyncSession, access: Access, request: Request, flow: Flow, identity: Identity, now: datetime
) -> tuple[Account, str]:
    """Return (account, secret of its session). Raises Refusal `identity_unknown`, `identity_taken`."""
    actor = Actor("system", address=address_of(request))
    account = await _account(session, access, flow, identity, actor, now)
    if not account.active:
        raise federation.not_known()
    who = Actor("account", account.id, account.person_id or "", address=address_of(request))
    await audit.record(session, now, who, "session.sso", "account", account.id)
    factors = 2 if identity.second_factor else 1
    secret = await signing.start(
        session, account, now, address=address_of(request), agent=agent_of(request), factors=factors
    )
    return account, secret


async def _account(
    session: AsyncSession, access: Access, flow: Flow, identity: Identity, actor: Actor, now: datetime
) -> Account:
    if flow.account_id:
        account = await session.get_one(Account, flow.account_id)
        await federation.connect(session, account, identity, Actor("account", account.id, address=actor.address), now)
        return account
    known = await federation.account_of(session, identity)
    if known is not None:
        return known
    issuer = access.options.issuer
    return await federation.admit(session, identity, issuer.unit_code if issuer else "", actor, now)


def _local(path: str) -> str:
    """Return the path if it is a page of this server, else `/`."""
    plain = path.startswith("/") and not path.startswith("//") and path.isprintable() and "\\" not in path
    return path if plain else "/"
