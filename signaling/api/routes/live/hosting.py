"""The routes of a host's actions on participants, in browsers and in halls: `/api/v1/conferences/{conference}/host`.

A host proves the right by the key `moderation` of its `Pass` (`conferences.py`), as in the lobby. The routes give the orders of
`signaling.orders`, which `/desk` gives too.
"""

from fastapi import APIRouter, Request

from signaling.api.routes.live.hosts import Bearer, Name, address_of, host_of
from signaling.host import limits as bounds
from signaling.host.declared import SECRET, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle
from signaling.orders import authority, performing
from signaling.orders.doorway import Doorway
from signaling.orders.performing import Given
from signaling.orders.shapes import Extended, Extending, Muted, Muting, Nothing, Removing, Undoing, Undone, Whom


def routes(around: Doorway) -> APIRouter:
    router = new_router("hosting", prefix="/conferences/{conference}/host")
    tries = Throttle(around.shared, "tries of hosts", bounds.LOBBY_TRIES_PER_MINUTE)
    _one(router, around, tries)
    _removal(router, around, tries)
    _all(router, around, tries)
    return router


async def _given(around: Doorway, request: Request, conference: str, authorization: str, tries: Throttle) -> Given:
    """Return the order of a host. Raise the refusals of `host_of`."""
    host = await host_of(around, request, conference, authorization, tries)
    return Given(around, conference, host, address_of(request), authority.host_by(around, conference, host))


def _one(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/mute", status_code=204, openapi_extra=needs(SECRET))
    async def mute(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Mute a microphone at once. A participant may switch it on again; a hall may only after a host has asked."""
        await performing.mute_one(await _given(around, request, conference, authorization, tries), wanted)

    @router.post("/ask-to-unmute", status_code=204, openapi_extra=needs(SECRET))
    async def ask(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Ask a participant to unmute. A browser shows a question with a button; a hall hears and reads which key to press.
        Refused with `microphone_on`, `microphone_denied`, `floor_needed`, `in_recess`.
        """
        await performing.unmute_ask(await _given(around, request, conference, authorization, tries), wanted)

    @router.post("/lower-hand", status_code=204, openapi_extra=needs(SECRET))
    async def lower(request: Request, conference: Name, wanted: Whom, authorization: Bearer = "") -> None:
        """Lower the raised hand of a participant."""
        await performing.lower_hand(await _given(around, request, conference, authorization, tries), wanted)


def _removal(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/remove", status_code=204, openapi_extra=needs(SECRET))
    async def remove(request: Request, conference: Name, wanted: Removing, authorization: Bearer = "") -> None:
        """Remove a participant. Its tokens become invalid. A hall is hung up and not called again. `keep_out` lasts until a
        host pardons (`lobby/pardon`). Refused with `host_stays`.
        """
        await performing.remove(await _given(around, request, conference, authorization, tries), wanted)


def _all(router: APIRouter, around: Doorway, tries: Throttle) -> None:
    @router.post("/mute-all", openapi_extra=needs(SECRET))
    async def mute_all(request: Request, conference: Name, authorization: Bearer = "") -> Muted:
        """Mute every microphone except that of the host who asks."""
        return await performing.mute_all(await _given(around, request, conference, authorization, tries), Muting())

    @router.post("/mute-all/undo", openapi_extra=needs(SECRET))
    async def undo(request: Request, conference: Name, wanted: Undoing, authorization: Bearer = "") -> Undone:
        """Unmute the halls that were muted, and ask the other participants: the server switches on no browser's microphone.
        Refused with `undo_gone`.
        """
        return await performing.mute_all_undo(await _given(around, request, conference, authorization, tries), wanted)

    @router.post("/extend", openapi_extra=needs(SECRET))
    async def extend(request: Request, conference: Name, wanted: Extending, authorization: Bearer = "") -> Extended:
        """Extend the booked end, if halls and people are free. Otherwise the refusal says who comes next, and which extension is
        free. Refused with `overlap`, `capacity`, `not_running`.
        """
        return await performing.extend(await _given(around, request, conference, authorization, tries), wanted)

    @router.post("/begin", status_code=204, openapi_extra=needs(SECRET))
    async def begin(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """Open the meeting (khai mạc). The halls that wait see it now. The microphones of the chair's halls go on, and the
        other halls may switch theirs on. Refused with `not_on_now`.
        """
        await performing.begin(await _given(around, request, conference, authorization, tries), Nothing())

    @router.post("/end", status_code=204, openapi_extra=needs(SECRET))
    async def end(request: Request, conference: Name, authorization: Bearer = "") -> None:
        """End the meeting for all, with its halls. A booked date that has begun ends too, and no participant can enter it
        again.
        """
        await performing.end(await _given(around, request, conference, authorization, tries), Nothing())
