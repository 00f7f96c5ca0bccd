"""The description of what a mixer makes for a conference. It is always sent complete, so a restart only sends it again.

It owns the messages of the control channel for pictures and sound, and their limits. It knows neither sockets nor codecs. SSRCs
are those of the loopback line between mixer and plane. Sites have the names that the conference uses.
"""

from __future__ import annotations

import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from typing import Any, Literal, TypeVar

from media.ground import limits

VideoCodec = Literal["h264", "vp8"]
AudioCodec = Literal["opus", "g722", "pcma", "pcmu"]
Layout = Literal["1", "1+5", "1+7", "2x2", "3x3", "4x4", "lecture", "slides"]

CLOCK_HZ: Mapping[str, int] = {"opus": 48000, "g722": 8000, "pcma": 8000, "pcmu": 8000, "h264": 90000, "vp8": 90000}
"""The clock of RTP timestamps. G.722 uses 8000 for sound at 16 kHz (RFC 3551 §4.5.2)."""

_SIZES = range(64, limits.MIXER_PICTURE_WIDTH + 1)
_T = TypeVar("_T")


class SceneError(ValueError):
    """A scene that cannot be made: it is beyond a limit or has a name or SSRC twice. Nothing was changed."""


@dataclass(frozen=True, slots=True)
class Source:
    """A stream that the plane forwards to the mixer. `content` means the site's presentation, not its camera. `unmeasured`
    means Opus without audio levels; all its packets arrive, also the quiet ones.
    """

    ssrc: int
    kind: Literal["video", "audio"]
    codec: VideoCodec | AudioCodec
    payload_type: int
    site: str
    content: bool = False
    unmeasured: bool = False


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """The texts and signs on a site's tile. With `picture` False the site sends no video, and its name is in the middle."""

    site: str
    label: str
    muted: bool = False
    speaking: bool = False
    floor_wanted: bool = False
    picture: bool = True


@dataclass(frozen=True, slots=True)
class Group:
    """An encoded program, sent to all halls that agreed on these values.

    - `cells`: the site in each place of the layout, "" for an empty place. Places after the last cell stay empty. In the layout
      "slides", the first place shows the presentation of `content`, and `cells` fill the others. In the layout "1", a `content`
      is the only picture.
    - `without`: a place of this site stays empty.
    - `clock`, `notice` (during a recording) and `text` (a message; "" for none) are drawn over the picture. `code` is an address,
      drawn as a QR code above the message; "" for none.
    - `mode`: the packetization mode (RFC 6184 §5.4). Slices fit into a packet in both modes.
    - `ending`: its halls leave the group now, so its cost is free for others.
    """

    id: str
    ssrc: int
    payload_type: int
    codec: VideoCodec
    width: int
    height: int
    fps: int
    bitrate_bps: int
    layout: Layout
    cells: tuple[str, ...]
    profile: Literal["baseline", "high"] = "baseline"
    mode: int = 1
    without: str = ""
    content: str = ""
    clock: bool = False
    notice: bool = False
    text: str = ""
    code: str = ""
    ending: bool = False


@dataclass(frozen=True, slots=True)
class Mix:
    """The sound of all open microphones except `without`, in one codec. Mixes with equal sound are encoded once. `hears`: the
    `Prompt.site` of the announcements that this mix plays; empty: as `without`.
    """

    id: str
    ssrc: int
    payload_type: int
    codec: AudioCodec
    without: str = ""
    hears: str = ""


@dataclass(frozen=True, slots=True)
class Voice:
    """A site's own sound as Opus for browsers. It is sent while its microphone is open."""

    site: str
    ssrc_in: int
    ssrc_out: int
    payload_type: int


@dataclass(frozen=True, slots=True)
class Prompt:
    """A recorded announcement (a file for FFmpeg), played once in the mix that leaves out `site`. An id is never used again."""

    id: str
    site: str
    path: str


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything that the mixer makes. `open_microphones` are the sites that are heard; sound of others is not decoded.
    `thumbnails` are sites that need a small picture every ten seconds, and groups that need one every two seconds.
    """

    version: int
    sources: tuple[Source, ...] = ()
    sites: tuple[SiteInfo, ...] = ()
    groups: tuple[Group, ...] = ()
    mixes: tuple[Mix, ...] = ()
    voices: tuple[Voice, ...] = ()
    open_microphones: tuple[str, ...] = ()
    content: str = ""
    recording: bool = False
    prompts: tuple[Prompt, ...] = ()
    thumbnails: tuple[str, ...] = ()

    def outputs(self) -> dict[int, Group | Mix | Voice]:
        """Return the outputs by the SSRC that the mixer sends."""
        made: dict[int, Group | Mix | Voice] = {group.ssrc: group for group in self.groups}
        made.update((mix.ssrc, mix) for mix in self.mixes)
        made.update((voice.ssrc_out, voice) for voice in self.voices)
        return made

    def info(self) -> dict[str, SiteInfo]:
        return {site.site: site for site in self.sites}

    def source_of(self, site: str, kind: str, content: bool = False) -> Source | None:
        """Return the last matching source. If a site has just changed its codec, this is the source with the new codec."""
        found = [one for one in self.sources if (one.site, one.kind, one.content) == (site, kind, content)]
        return found[-1] if found else None


def check(scene: Scene) -> None:
    """Raise `SceneError` if the scene is beyond a limit of `media/ground/limits.py`, or has two equal SSRCs or group ids."""
    for name, bound in (
        ("sources", limits.MIXER_SOURCES),
        ("sites", limits.MIXER_SITES),
        ("groups", limits.MIXER_GROUPS),
        ("mixes", limits.MIXER_MIXES),
        ("voices", limits.MIXER_VOICES),
        ("open_microphones", limits.MIXER_MICROPHONES),
        ("prompts", limits.MIXER_PROMPTS),
        ("thumbnails", limits.MIXER_SITES),
    ):
        if len(getattr(scene, name)) > bound:
            raise SceneError(f"{name}: more than {bound}")
    incoming = [source.ssrc for source in scene.sources]
    outgoing = [group.ssrc for group in scene.groups] + [mix.ssrc for mix in scene.mixes]
    outgoing += [voice.ssrc_out for voice in scene.voices]
    for what, numbers in (("sources", incoming), ("outputs", outgoing)):
        if len(set(numbers)) != len(numbers):
            raise SceneError(f"two {what} have the same SSRC")
    for number in (*incoming, *outgoing):
        if not 0 < number < 1 << 32:
            raise SceneError(f"SSRC {number}")
    if len({group.id for group in scene.groups}) != len(scene.groups):
        raise SceneError("two groups have the same id")
    for group in scene.groups:
        _check_group(group)
    for site in scene.sites:
        if len(site.label) > limits.MIXER_LABEL_CHARACTERS:
            raise SceneError(f"label of {site.site}: more than {limits.MIXER_LABEL_CHARACTERS} characters")


def _check_group(group: Group) -> None:
    size = f"{group.width}x{group.height}"
    if group.width not in _SIZES or group.height not in _SIZES or group.width % 2 or group.height % 2:
        raise SceneError(f"group {group.id}: size {size}")
    if group.width * group.height > limits.MIXER_PICTURE_WIDTH * limits.MIXER_PICTURE_HEIGHT:
        raise SceneError(f"group {group.id}: size {size}")
    if not 1 <= group.fps <= limits.MIXER_FPS:
        raise SceneError(f"group {group.id}: {group.fps} frames a second")
    if not limits.MIXER_BITRATE_BPS[0] <= group.bitrate_bps <= limits.MIXER_BITRATE_BPS[1]:
        raise SceneError(f"group {group.id}: {group.bitrate_bps} bit/s")
    if len(group.cells) > limits.MIXER_CELLS:
        raise SceneError(f"group {group.id}: more than {limits.MIXER_CELLS} cells")
    if len(group.text) > limits.MIXER_TEXT_CHARACTERS:
        raise SceneError(f"group {group.id}: text of more than {limits.MIXER_TEXT_CHARACTERS} characters")
    if len(group.code) > limits.MIXER_CODE_CHARACTERS:
        raise SceneError(f"group {group.id}: code of more than {limits.MIXER_CODE_CHARACTERS} characters")


@dataclass(frozen=True, slots=True)
class Difference:
    """The outputs that end and begin when `before` becomes `after`, by their SSRC."""

    ended: frozenset[int]
    begun: frozenset[int]
    changed: frozenset[int] = field(default_factory=frozenset)
    """Outputs that keep their SSRC and change other values."""


def difference(before: Scene, after: Scene) -> Difference:
    """Return the difference of the outputs. An output that shows or plays other sites continues without a break."""
    old, new = before.outputs(), after.outputs()
    kept = old.keys() & new.keys()
    return Difference(
        frozenset(old.keys() - new.keys()),
        frozenset(new.keys() - old.keys()),
        frozenset(number for number in kept if old[number] != new[number]),
    )


def to_json(value: Any) -> Any:
    """Convert to JSON values: dataclasses become objects, tuples become arrays. Fields with default values are left out."""
    if is_dataclass(value):
        told = ((one, getattr(value, one.name)) for one in fields(value))
        return {one.name: to_json(item) for one, item in told if one.default is MISSING or item != one.default}
    return [to_json(one) for one in value] if isinstance(value, tuple) else value


def from_json(kind: type[_T], value: Any) -> _T:
    """Convert back. Raises `SceneError` for an unknown or missing field, and for a value of a wrong type."""
    if not isinstance(value, dict):
        raise SceneError(f"{kind.__name__}: not an object")
    hints = _HINTS[kind]
    if not value.keys() <= hints.keys():
        raise SceneError(f"{kind.__name__}: unknown {sorted(value.keys() - hints.keys())}")
    try:
        return kind(**{name: _read(hints[name], item, f"{kind.__name__}.{name}") for name, item in value.items()})
    except TypeError as error:
        raise SceneError(f"{kind.__name__}: {error}") from error


def _read(hint: Any, value: Any, where: str) -> Any:
    origin = typing.get_origin(hint)
    if origin is tuple:
        if not isinstance(value, list):
            raise SceneError(f"{where}: not an array")
        return tuple(_read(typing.get_args(hint)[0], one, where) for one in value)
    if is_dataclass(hint):
        return from_json(typing.cast("type[Any]", hint), value)
    wanted = _words(hint)
    if (wanted and value not in wanted) or (not wanted and type(value) is not hint):
        raise SceneError(f"{where}: {value!r}")
    return value


def _words(hint: Any) -> tuple[Any, ...]:
    """Return the values of a Literal, or of a union of Literals."""
    if typing.get_origin(hint) is Literal:
        return typing.get_args(hint)
    return tuple(word for part in typing.get_args(hint) for word in _words(part))


_HINTS: dict[type, dict[str, Any]] = {
    kind: typing.get_type_hints(kind) for kind in (Source, SiteInfo, Group, Mix, Voice, Prompt, Scene)
}
