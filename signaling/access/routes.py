"""The routes of a user's own sign-in: /session…, /sessions…. Administration of other accounts is in `administration`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import segno
from fastapi import APIRouter, Depends, Path, Request, Response
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.accounts import actors, passwords, second_factor, signing
from rooms.accounts.signing import Signed
from rooms.booking.rules import addressing
from rooms.identifiers import digest
from rooms.policy import roles as policy
from rooms.policy.actors import Actor
from rooms.store.tables.accounts import Account, SignIn
from rooms.store.tables.org import Person, Unit
from signaling.access import models, origin, refusals
from signaling.access.access import Access, address_of, agent_of, session_id
from signaling.access.refusals import refused
from signaling.host.declared import OWN, PUBLIC, needs
from signaling.host.routers import new_router

NOTHING = 204


def routes(access: Access) -> APIRouter:
    """Return the router to be mounted under `/api/v1`."""
    router = new_router("session", dependencies=[Depends(origin.check_route)])
    _signing(router, access)
    _own(router, access)
    _second(router, access)
    return router


def _signing(router: APIRouter, access: Access) -> None:
    @router.post("/session", openapi_extra=needs(PUBLIC))
    async def sign_in(request: Request, response: Response, body: models.SigningIn) -> models.Session:
        """Sign in by name and password. With `code`, one request does both steps. Sets the cookie."""
        now = access.clock()
        account, secret = await access.sign_in(request, body.name, body.password.get_secret_value(), now)
        access.cookies.sign_in(response, secret, account.name)
        signed = await _fresh(access, secret, now)
        if body.code is not None and signed.needs_code:
            return await _step(access, request, response, signed, body.code, now)
        return await state(access, request, signed, now)

    @router.post("/session/link", openapi_extra=needs(PUBLIC))
    async def by_link(request: Request, response: Response, body: models.LinkUse) -> models.Session:
        """Sign in once by the link of an administrator. This session must set a new password first."""
        now = access.clock()
        if not access.networks.takes(address_of(request), now.timestamp()):
            raise refused("too_many_requests")
        account, secret = await access.database.transact(
            lambda s: signing.use_link(s, body.secret, now, address=address_of(request), agent=agent_of(request))
        )
        access.networks.gives_back(address_of(request))
        access.cookies.sign_in(response, secret, account.name)
        return await state(access, request, await _fresh(access, secret, now), now)

    @router.post("/session/totp", openapi_extra=needs(OWN))
    async def second_step(request: Request, response: Response, body: models.SecondStep) -> models.Session:
        """Do the second step of a sign-in, or do it later when a request needs it (`second_factor_needed`)."""
        now = access.clock()
        signed = await _signed(access, request, now)
        if not signed.account.totp_confirmed:
            raise second_factor.wrong()
        return await _step(access, request, response, signed, body.code, now)

    @router.get("/session", openapi_extra=needs(PUBLIC))
    async def current(request: Request) -> models.Session:
        """Return the user that is signed in in this browser, or `signed_in` false."""
        now = access.clock()
        signed = await access.signed(request, now)
        return await state(access, request, signed, now)

    @router.delete("/session", status_code=NOTHING, openapi_extra=needs(PUBLIC))
    async def sign_out(request: Request, response: Response) -> None:
        """Sign out of this browser. The calls that this session opened end (`calls` of `GET /session`)."""
        signed = await access.signed(request, access.clock())
        if signed is not None:
            await access.database.transact(lambda s: signing.end(s, signed.row.digest))
            access.live.end_session(session_id(signed.row.digest))
        access.cookies.sign_out(response)


def _own(router: APIRouter, access: Access) -> None:
    @router.put("/session/password", openapi_extra=needs(OWN))
    async def change_password(request: Request, response: Response, body: models.PasswordChange) -> models.Session:
        """Set a new password. All other sessions of this account end."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)
        new = body.new.get_secret_value()
        await _check_current(access, signed, body.current.get_secret_value(), new, now)
        passwords.check(new, names=await _names(access, signed.account), totp=signed.account.totp_confirmed)
        hashed = await access.hashing.hash(new, signed.account.id)
        actor = await access.actor_of(signed, request, now)
        secret = await access.database.transact(lambda s: _replace(s, signed, hashed, actor, now))
        _others_end(access, signed, secret)
        access.cookies.sign_in(response, secret, signed.account.name)
        return await state(access, request, await _fresh(access, secret, now), now)

    @router.patch("/session", openapi_extra=needs(OWN))
    async def language(request: Request, body: models.SessionChange) -> models.Session:
        """Set the language of the pages."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)

        async def store(session: AsyncSession) -> None:
            (await session.get_one(Account, signed.account.id)).language = body.language

        await access.database.transact(store)
        return await state(access, request, await access.signed(request, now), now)

    @router.get("/sessions", openapi_extra=needs(OWN))
    async def sessions(request: Request) -> list[models.OwnSession]:
        """List every browser in which the user is signed in."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)
        async with access.database.reading() as session:
            rows = await signing.sessions(session, signed.account.id, now)
        return [_own_session(row, signed) for row in rows]

    @router.delete("/sessions", status_code=NOTHING, openapi_extra=needs(OWN))
    async def end_others(request: Request) -> None:
        """Sign out everywhere except here. Calls of the other sessions end."""
        signed = await _signed(access, request, access.clock(), code_first=True)
        await access.database.transact(lambda s: signing.end_all(s, signed.account.id, signed.row.digest))
        access.live.end_account(signed.account.id, session_id(signed.row.digest))

    @router.delete("/sessions/{session_id}", status_code=NOTHING, openapi_extra=needs(OWN, of="session"))
    async def end_one(request: Request, ended: Annotated[models.Identifier, Path(alias="session_id")]) -> None:
        """Sign out of one browser. The calls that it opened end."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)

        async def end(session: AsyncSession) -> None:
            rows = await signing.sessions(session, signed.account.id, now)
            row = next((one for one in rows if session_id(one.digest) == ended), None)
            if row is None:
                raise refused("session_unknown")
            await signing.end(session, row.digest)

        await access.database.transact(end)
        access.live.end_session(ended)


def _second(router: APIRouter, access: Access) -> None:
    @router.post("/session/totp/enrolment", openapi_extra=needs(OWN))
    async def enrol(request: Request) -> models.Enrolment:
        """Make a new secret for the application. The secret is valid after a first code."""
        signed = await _signed(access, request, access.clock(), settled=True)

        async def begin(session: AsyncSession) -> second_factor.Enrolment:
            return second_factor.begin(await _locked(session, signed), access.seal)

        made = await access.database.transact(begin)
        return models.Enrolment(uri=made.uri, secret=made.secret, svg=_qr(made.uri))

    @router.put("/session/totp/enrolment", openapi_extra=needs(OWN))
    async def confirm(request: Request, response: Response, body: models.SecondStep) -> models.Recovery:
        """Confirm the application with a first code. The recovery codes are shown only this once. Other sessions end."""
        now = access.clock()
        signed = await _signed(access, request, now, settled=True)
        access.codes.admit(signed.account.id, now)
        actor = await access.actor_of(signed, request, now)

        async def store(session: AsyncSession) -> tuple[list[str], str]:
            account = await _locked(session, signed)
            codes = await second_factor.confirm(session, account, body.code, access.seal, actor, now)
            await signing.end_all(session, account.id, signed.row.digest)
            return codes, await signing.upgrade(session, signed, now)

        codes, secret = await access.database.transact(store)
        _others_end(access, signed, secret)
        access.codes.forgive(signed.account.id)
        access.cookies.renew(response, secret)
        return models.Recovery(codes=codes)

    @router.post("/session/totp/recovery", openapi_extra=needs(OWN))
    async def recovery(request: Request, body: models.SecondStep) -> models.Recovery:
        """Make new recovery codes in place of the old ones."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)
        await access.prove(signed.account, body.code, now)

        async def renew(session: AsyncSession) -> list[str]:
            return second_factor.renew_recovery(await _locked(session, signed))

        return models.Recovery(codes=await access.database.transact(renew))

    @router.post("/session/totp/removal", openapi_extra=needs(OWN))
    async def remove(request: Request, body: models.SecondStep) -> models.Session:
        """Forget the application after one of its codes: needed before a new telephone is set up. Other sessions end."""
        now = access.clock()
        signed = await _signed(access, request, now, code_first=True)
        await access.prove(signed.account, body.code, now)
        actor = await access.actor_of(signed, request, now)

        async def forget(session: AsyncSession) -> None:
            await second_factor.remove(session, await _locked(session, signed), actor, now)
            await signing.weaken(session, signed.row.digest)
            await signing.end_all(session, signed.account.id, signed.row.digest)

        await access.database.transact(forget)
        access.live.end_account(signed.account.id, session_id(signed.row.digest))
        return await state(access, request, await access.signed(request, now), now)


async def state(access: Access, request: Request, signed: Signed | None, now: datetime) -> models.Session:
    """Return the state of this browser for the pages."""
    issuer = access.options.issuer.label if access.options.issuer else None
    if signed is None:
        return models.Session(signed_in=False, issuer=issuer)
    actor = await access.actor_of(signed, request, now)
    account = signed.account
    async with access.database.reading() as session:
        me = await _me(session, account, actor, now, hidden=signed.needs_code)
        address = await addressing.word(session)
    return models.Session(
        signed_in=True,
        me=me,
        second_factor=_factor(signed, actor),
        totp=account.totp_confirmed,
        has_password=bool(account.password),
        must_change=signed.must_change,
        ends_at=signed.row.ends_at,
        issuer=issuer,
        mails=access.options.mails,
        halls=access.options.halls,
        halls_local=access.options.halls_local,
        address=address,
        calls=access.live.calls_of(session_id(signed.row.digest)),
    )


def _others_end(access: Access, signed: Signed, secret: str) -> None:
    """End the calls of the account in other browsers. This browser continues with `secret`."""
    own = session_id(digest(secret))
    access.live.rotate(session_id(signed.row.digest), own)
    access.live.end_account(signed.account.id, own)


def _factor(signed: Signed, actor: Actor) -> models.Factor:
    if signed.row.factors >= 2:
        return "done"
    if signed.needs_code:
        return "needed"
    return "enrol" if any(policy.guarded(actor, one.role) for one in actor.roles) else "none"


async def _me(session: AsyncSession, account: Account, actor: Actor, now: datetime, *, hidden: bool) -> models.Me:
    """Return the user. `hidden`: leave out the rights, because a password alone must not show them."""
    person, unit = await actors.home_of(session, account)
    shown = () if hidden else actor.roles
    wanted = {one.unit_id for one in shown}
    units = dict((await session.execute(select(Unit.id, Unit.name).where(Unit.id.in_(wanted)))).all())
    people = select(Person.id, Person.name).where(Person.id.in_(actor.deputises))
    principals = dict((await session.execute(people)).all())
    return models.Me(
        account_id=account.id,
        name=account.name,
        person_id=account.person_id,
        person_name=person.name if person else account.name,
        title=await actors.title_of(session, account.person_id, now) if account.person_id else "",
        unit_id=unit.id if unit else None,
        unit_name=unit.name if unit else "",
        language="en" if account.language == "en" else "vi",
        roles=[
            models.HeldRole(
                role=one.role,
                unit_id=one.unit_id,
                unit_name=units.get(one.unit_id, ""),
                for_person=one.for_person,
                for_person_name=principals.get(one.for_person, ""),
            )
            for one in shown
        ],
        actions=[] if hidden else sorted(policy.actions_of(actor)),
    )


async def _signed(
    access: Access, request: Request, now: datetime, *, code_first: bool = False, settled: bool = False
) -> Signed:
    """Return the session. `code_first`: require the code if there is an application; `settled`: require a chosen password too."""
    found = await access.signed(request, now)
    if found is None:
        raise refused("signed_out")
    if (code_first or settled) and found.needs_code:
        raise refusals.second_factor_needed()
    if settled and found.must_change:
        raise refused("password_change_needed")
    return found


async def _fresh(access: Access, secret: str, now: datetime) -> Signed:
    async with access.database.reading() as session:
        found = await signing.signed(session, secret, now)
    if found is None:
        raise refused("signed_out")  # the session ended elsewhere at the same moment
    return found


async def _step(
    access: Access, request: Request, response: Response, signed: Signed, code: str, now: datetime
) -> models.Session:
    secret = await access.second_step(signed, code, now)
    access.cookies.renew(response, secret)
    return await state(access, request, await _fresh(access, secret, now), now)


async def _check_current(access: Access, signed: Signed, current: str, new: str, now: datetime) -> None:
    """Check the current password, so that another person at an open screen cannot change it. A session by link has no password
    to check.
    """
    account = signed.account
    if signed.row.by_link or not account.password:
        return
    key = f"change:{account.id}"
    access.names.admit(key, now)
    if not await access.hashing.verify(account.password, current, source=account.id, known=True):
        raise refused("password_wrong")
    access.names.forgive(key)
    if passwords.normalised(current) == passwords.normalised(new):
        raise refused("password_same")


async def _names(access: Access, account: Account) -> tuple[str, ...]:
    async with access.database.reading() as session:
        person, unit = await actors.home_of(session, account)
    return (account.name, person.name if person else "", unit.name if unit else "")


async def _replace(session: AsyncSession, signed: Signed, hashed: str, actor: Actor, now: datetime) -> str:
    account = await _locked(session, signed)
    await signing.set_password(session, account, hashed, actor, now)
    row = signed.row
    return await signing.start(session, account, now, address=row.address, agent=row.agent, factors=row.factors)


async def _locked(session: AsyncSession, signed: Signed) -> Account:
    return await session.get_one(Account, signed.account.id, with_for_update=True)


def _own_session(row: SignIn, signed: Signed) -> models.OwnSession:
    return models.OwnSession(
        id=session_id(row.digest),
        created_at=row.created_at,
        seen_at=row.seen_at,
        ends_at=row.ends_at,
        address=row.address,
        agent=row.agent,
        factors=row.factors,
        current=row.digest == signed.row.digest,
    )


def _qr(text: str) -> str:
    """Return an SVG image without script or style (the page's CSP allows neither)."""
    return segno.make(text, error="m").svg_inline(scale=5, border=4, omitsize=True)
