"""The routes that store a hall with its terminal and account in one step, and that give accounts to many terminals."""

import asyncio
from collections.abc import Sequence
from typing import Annotated, Final

from fastapi import Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from rooms.dialling import accounts
from rooms.dialling.devices import equipping
from rooms.exchange import sheets
from rooms.org.fields import ZONE
from signaling.api.ground.sheets import XLSX
from signaling.api.ground.visits import Caller, Version, Visit, anywhere
from signaling.api.models.parts import Id
from signaling.api.models.sites import EquippedHall, EquippedHallFields, SipAccount, SipSheetFields
from signaling.api.routes.control.rights import hall_desk
from signaling.api.routes.register.sites import hall_view, terminal_views
from signaling.host.declared import needs
from signaling.host.routers import new_router

router = new_router("sites")
Key = Annotated[Id, Path()]
HEADINGS: Final = ("Đơn vị", "Điểm cầu", "Hội trường", "Thiết bị", "Tên đăng ký", "Mật khẩu", "Miền")
SERVER: Final = ("Địa chỉ máy chủ", "Cổng UDP", "Cổng TCP", "Cổng TLS")


@router.post("/equipped-halls", status_code=201, openapi_extra=needs("sites.write", of="site"))
async def create_equipped_hall(visit: Caller, response: Response, wanted: EquippedHallFields) -> EquippedHall:
    """Add a hall with a terminal and its SIP account, all or nothing. The password is shown only this once."""
    return await _equip(visit, response, wanted, equipping.Part(wanted.hall.model_dump()))


@router.put("/equipped-halls/{hall_id}", openapi_extra=needs("sites.write", of="hall"))
async def edit_equipped_hall(
    visit: Caller, response: Response, hall_id: Key, wanted: EquippedHallFields, version: Version
) -> EquippedHall:
    """Correct a hall and a terminal in it. `terminal` without `id` adds a terminal, and a missing field of a stored one stays."""
    return await _equip(visit, response, wanted, equipping.Part(wanted.hall.model_dump(), hall_id, version))


async def _equip(visit: Visit, response: Response, wanted: EquippedHallFields, hall: equipping.Part) -> EquippedHall:
    actor = anywhere(visit, "sites.write")
    desk, sip = hall_desk(visit).terminals if wanted.sip is not None else None, wanted.sip
    account = equipping.Account(**sip.model_dump()) if sip is not None else None

    async def work(session: AsyncSession) -> EquippedHall:
        digest = desk.digest if desk is not None else None
        made = await equipping.equip(session, hall, _device(wanted), account, visit.desk.seal, digest, actor, visit.now)
        device = (await terminal_views(session, visit, [made.terminal]))[0] if made.terminal is not None else None
        shown = None
        if sip is not None and desk is not None:
            shown = SipAccount(alias=sip.alias, password=made.password, realm=desk.realm, servers=list(desk.servers))
        return EquippedHall(hall=await hall_view(session, made.hall.id, response), terminal=device, sip=shown)

    stored = await visit.write(work)
    await visit.refresh_halls()
    response.headers["cache-control"] = "no-store"
    return stored


def _device(wanted: EquippedHallFields) -> equipping.Part | None:
    given = wanted.terminal
    if given is None:
        return None
    values = given.model_dump(exclude={"id", "version"}, exclude_unset=given.id is not None)
    return equipping.Part(values, given.id or "", given.version)


@router.post(
    "/terminals/sip-accounts",
    openapi_extra=needs("sites.write", of="terminal"),
    response_class=Response,
    responses={200: {"description": "the sheet", "content": {XLSX: {}}}},
)
async def give_sip_accounts(visit: Caller, wanted: SipSheetFields) -> Response:
    """Give accounts to many terminals, and return the sheet of names and passwords. The server keeps no password, so that the
    sheet is made only once.
    """
    actor, desk = anywhere(visit, "sites.write"), hall_desk(visit).terminals

    async def work(session: AsyncSession) -> list[accounts.Given]:
        wish = (wanted.terminal_ids, wanted.renew, visit.desk.seal, desk.digest)
        return await accounts.give_many(session, *wish, actor, visit.now)

    given = await visit.write(work)
    await visit.refresh_halls()
    shared = (desk.realm, *_server(desk.servers))
    rows = [(one.unit, one.site, one.hall, one.terminal, one.alias, one.password, *shared) for one in given]
    content = await asyncio.to_thread(sheets.for_people, "Tài khoản SIP", HEADINGS + SERVER, rows)
    name = f'attachment; filename="tai-khoan-sip-{visit.now.astimezone(ZONE):%Y%m%d-%H%M}.xlsx"'
    return Response(content, media_type=XLSX, headers={"content-disposition": name, "cache-control": "no-store"})


def _server(servers: Sequence[str]) -> tuple[str, ...]:
    """Return the address of the server and its ports in the order of SERVER. Empty: no such port."""
    address, ports = "", {}
    for one in servers:
        transport, _, place = one.partition(":")
        address, _, ports[transport] = place.rpartition(":")
    return (address, *(ports.get(transport, "") for transport in ("udp", "tcp", "tls")))
