"""The route that draws the address of a page of this server as a QR code. A hall or a phone scans the code from a screen.

The caller gives only the path, so the route draws no foreign address. The address may hold the secret of a link. The caller
sends it in the body, because logs contain addresses and no bodies.
"""

import functools
import io

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from signaling.api.ground.problems import refused
from signaling.api.routes.live.hosts import address_of
from signaling.host import limits
from signaling.host.bodies import Body
from signaling.host.declared import PUBLIC, needs
from signaling.host.routers import new_router
from signaling.host.throttle import Throttle
from signaling.orders.doorway import Doorway

QUIET_MODULES = 4
"""The white border: ISO/IEC 18004:2015, 6.3.8."""


class Drawn(Body):
    """The page to draw: the path with its query and fragment."""

    path: str = Field(
        max_length=limits.QR_CHARACTERS, pattern=r"^/([!-.0-\[\]-~][!-~]*)?$", examples=["/m/abc-defg-hij"]
    )


class QrCode(BaseModel):
    """A QR code with error correction M."""

    address: str = Field(description="The whole address that the code holds.")
    svg: str


def routes(doorway: Doorway, public_url: str) -> APIRouter:
    router = new_router("codes")
    drawings = Throttle(doorway.shared, "qr", limits.QR_PER_MINUTE)

    @router.post("/qr", openapi_extra=needs(PUBLIC))
    async def draw(request: Request, wanted: Drawn) -> QrCode:
        """Draw the address of a page of this server as a QR code."""
        if not drawings.takes(address_of(request), doorway.now()):
            raise refused("too_many_requests")
        base = public_url.rstrip("/") or f"{request.url.scheme}://{request.url.netloc}"
        return QrCode(address=base + wanted.path, svg=svg(base + wanted.path))

    return router


@functools.lru_cache(maxsize=limits.QR_KEPT)
def svg(address: str) -> str:
    """Return the code as an SVG image without a fixed size. Its viewBox counts modules."""
    import segno  # slow import: most servers draw few codes

    out = io.BytesIO()
    made = segno.make(address, error="m", micro=False)
    look = {"border": QUIET_MODULES, "xmldecl": False, "svgclass": None, "lineclass": None, "omitsize": True}
    made.save(out, kind="svg", light="#fff", **look)
    return out.getvalue().decode()
