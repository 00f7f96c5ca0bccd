"""The models of `/test`, where users test their devices and connection. No field takes free text."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from signaling.api.models.parts import Strict, View

CheckId = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{20}$")]
CheckCode = Annotated[str, StringConstraints(pattern=r"^[0-9]{8}$"), Field(examples=["40718832"])]
Verdict = Literal["good", "fair", "bad", "untried"]
Failure = Literal["", "denied", "blocked", "absent", "busy", "insecure", "unsupported", "unknown"]
Share = Annotated[float, Field(ge=0, le=1)]
Milliseconds = Annotated[float, Field(ge=0, le=60_000)]
Kilobits = Annotated[int, Field(ge=0, le=10_000_000)]
Pixels = Annotated[int, Field(ge=0, le=16_384)]


class CheckOpened(View):
    """A conference of the caller alone, for a minute and a half. One connection sends, and the other receives the same media.

    `key` hands in the result once. `relay`: token of a third connection over TURN; empty if there is no TURN server.
    """

    id: CheckId
    key: str
    url: str
    sender: str
    receiver: str
    relay: str
    expires_at: int


class NetworkFigures(Strict):
    """The result of a call through this server. Null: it could not be measured, or was not tried."""

    verdict: Verdict
    way: Literal["udp", "tcp", "relay", "none"]
    udp: bool | None
    tcp: bool | None
    relay: bool | None
    rtt_ms: Milliseconds | None
    jitter_ms: Milliseconds | None
    up_loss: Share | None
    down_loss: Share | None
    up_kbps: Kilobits | None
    down_kbps: Kilobits | None
    limit: Literal["none", "cpu", "bandwidth", "other"]
    height_back: Pixels | None = Field(description="The height of the returned picture.")


class MicrophoneFigures(Strict):
    verdict: Verdict
    failure: Failure
    heard: bool
    level: Share = Field(description="The loudest level, on the scale of the page.")


class SpeakerFigures(Strict):
    verdict: Verdict
    heard: bool | None


class CameraFigures(Strict):
    verdict: Verdict
    failure: Failure
    width: Pixels
    height: Pixels
    fps: Annotated[int, Field(ge=0, le=240)]
    dark: bool


class BrowserFigures(Strict):
    """The family of the browser. The full name is not kept, because it would make users recognisable."""

    family: Literal["chromium", "edge", "firefox", "safari", "other"]
    major: Annotated[int, Field(ge=0, le=9999)]
    system: Literal["windows", "android", "ios", "mac", "linux", "other"]


class CheckFigures(Strict):
    """Everything that is kept of a check."""

    network: NetworkFigures
    microphone: MicrophoneFigures
    speaker: SpeakerFigures
    camera: CameraFigures
    browser: BrowserFigures


class CheckResult(Strict):
    key: Annotated[str, StringConstraints(pattern=r"^[0-9]{1,12}\.[0-9a-f]{32}$")]
    figures: CheckFigures


class CheckKept(View):
    """The code that the user reads to the help desk."""

    code: CheckCode
    kept_until: datetime


class CheckView(View):
    """A check as the help desk sees it."""

    code: CheckCode
    made_at: datetime
    kept_until: datetime
    figures: CheckFigures
