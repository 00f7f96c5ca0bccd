"""The scene of one conference: the programs, mixes, voices, prompts and thumbnails that its mixer makes, and their halls.

Pure: `State` goes in and `Scene` comes out, both frozen. Every SSRC in a scene is 0; `applier.py` gives the numbers.
`PICTURE.md` beside this file gives the rules and the reasons.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, NamedTuple

from conference.announcements.spoken_texts import Language
from conference.ground import limits
from conference.ground.plan import MediaPlan
from conference.picture import groups, layout
from conference.picture.groups import Key, View, Wish
from conference.picture.layout import Layout, Stage
from conference.picture.power import Power, full
from conference.picture.words import splash
from conference.picture.words.splash import UNKNOWN, About
from media import scene as pictures

PAYLOAD_TYPES: Final[Mapping[str, int]] = {"pcmu": 0, "pcma": 8, "g722": 9, "vp8": 96, "h264": 97, "opus": 111}
"""The payload types of the mixer's outputs. RFC 3551 §6 fixes those below 96. The others are dynamic, as browsers choose them.
"""
BROWSERS: Final = "browsers"
"""The name of the program for browsers that do not decode H.264."""

Mode = Literal["meeting", "reception", "echo"]
"""The mode of a program. `reception`: each hall is alone, with text and announcements. `echo`: a hall sees and hears itself."""


class FeedKey(NamedTuple):
    """A stream from a site to the mixer. `content`: the stream is a presentation."""

    site: str
    kind: Literal["audio", "video"]
    content: bool = False


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream of a site in a codec that the mixer decodes. `unmeasured`: Opus without audio levels."""

    codec: Any
    payload_type: int
    unmeasured: bool = False


@dataclass(frozen=True, slots=True)
class Site:
    """A hall or a browser. A stream is None while the site does not send it."""

    sid: str
    label: str
    muted: bool
    speaking: bool
    floor_wanted: bool
    camera: Stream | None
    microphone: Stream | None
    content: Stream | None


@dataclass(frozen=True, slots=True)
class Viewer:
    """A hall that gets pictures and sound. Its rate limits are for one picture; 0: no limit."""

    sid: str
    plan: MediaPlan | None
    audio: Any
    """The codec; None: no sound."""
    layout: Layout | None
    text: str
    language: Language
    has_camera: bool
    video_bps: int
    video_beside_content_bps: int
    content_bps: int
    alone: str = ""
    """The site that this hall sees alone, whatever the others see."""
    card: tuple[str, str] = ("", "")
    """The address of the QR code by which people in this hall vote, and the words about the vote. Empty: none."""


@dataclass(frozen=True, slots=True)
class State:
    """All inputs of a scene."""

    mode: Mode
    sites: tuple[Site, ...]
    """The sites in the order of `sites.look`."""
    viewers: tuple[Viewer, ...]
    """The viewers in the order in which the halls joined."""
    stage: Stage
    holder: str | None
    """The holder of the content token."""
    power: Power
    layout: Layout | None = None
    """The layout that an operator chose. None: the number of pictures decides (`layout.automatic`)."""
    text: str = ""
    vote: Mapping[Language, str] = field(default_factory=dict)
    """The words about the open vote or the newest result, by language. Empty: there are none."""
    about: About = UNKNOWN
    waiting: bool = False
    """The chair has not opened the meeting: halls see the splash, and nobody's picture."""
    begun: bool = False
    """The chair opened the meeting a moment ago."""
    recess: str | None = None
    """The local time of return during a recess. None: no recess."""
    stopped: bool = False
    """The chair stopped the meeting because of secret content. Halls see and hear no site."""
    apart: frozenset[str] = frozenset()
    """The halls that wait in the lobby. They are not among `sites`."""
    page: int = 0
    watched: bool = False
    """An operator looks at thumbnails."""
    composed: bool = False
    """A browser that does not decode H.264 is present."""
    recording: bool = False
    prompts: tuple[pictures.Prompt, ...] = ()

    @property
    def shown(self) -> list[str]:
        """The sites with a picture."""
        return [one.sid for one in self.sites if one.camera is not None]

    @property
    def blank(self) -> bool:
        """Report whether halls see words in place of sites, and hear nobody."""
        return self.recess is not None or self.stopped


@dataclass(frozen=True, slots=True)
class Scene:
    picture: pictures.Scene
    """The mixer's scene, without SSRCs."""
    halls_of: Mapping[str, tuple[str, ...]]
    """The halls of each program, by the program's id."""
    mix_of: Mapping[str, str]
    """The id of each hall's mix, by hall."""
    large: frozenset[str]
    """The sites that are large in a program."""
    preview: str
    """The program that most halls see; empty: there is none."""
    programs_wanted: int
    """The number of programs that the halls would get with unlimited power."""
    simpler: frozenset[str]
    """The halls whose picture is simpler than it would be with unlimited power."""

    @property
    def turns_pages(self) -> bool:
        """Report whether a lecturer looks at many listeners, page by page."""
        return any(one.layout == "lecture" and one.without for one in self.picture.groups)


def scene(state: State) -> Scene:
    sharing = None if state.blank else presenter(state.sites, state.holder)
    wanted, programs, contents = _chosen(state, sharing)
    served = {_group(state, key, found): found for key, found in (*programs.items(), *contents.items())}
    browsers = _browsers(state, sharing)
    made = (*served, *((browsers,) if browsers is not None else ()))
    counts = {group.id: len(found) for group, found in served.items() if group.clock}
    preview = max(counts, key=counts.__getitem__, default="")
    opened = _open_microphones(state)
    speaking = frozenset(opened)
    hearing = [one for one in state.viewers if one.audio is not None and one.sid not in state.apart]
    mixes = {one.sid: _mix(state, one, one.sid in speaking) for one in hearing}
    small = _thumbnail_sites(state)
    sources = tuple(_sources(state, made, small, opened, sharing))
    return Scene(
        pictures.Scene(
            version=0,
            sources=sources,
            sites=tuple(map(_info, state.sites)),
            groups=made,
            mixes=tuple(dict.fromkeys(mixes.values())),
            voices=tuple(_voices(state, sources, opened)),
            open_microphones=opened,
            content=sharing.sid if sharing is not None else "",
            recording=state.recording,
            prompts=state.prompts,
            thumbnails=(*small, *([preview] if state.watched and preview else [])),
        ),
        halls_of={group.id: tuple(wish.hall for wish in found) for group, found in served.items()},
        mix_of={sid: mix.id for sid, mix in mixes.items()},
        large=frozenset(one.cells[0] for one in made if one.cells and one.layout in layout.LARGE_FIRST),
        preview=preview,
        programs_wanted=len(wanted),
        simpler=_simpler(state, sharing, programs, contents),
    )


def presenter(sites: Sequence[Site], holder: str | None) -> Site | None:
    """Return the site whose slides are shown: the holder of the token, or else the first site that sends slides."""
    shares = [one for one in sites if one.content is not None]
    holds = (one for one in shares if one.sid == holder)
    return next(holds, None) or next(iter(shares), None)


# -- the wishes of halls


def _wishes(state: State, sharing: Site | None, coded: bool) -> Iterator[Wish]:
    """Yield the program that each hall wants. `coded`: with the own QR code of the hall, by which its people vote."""
    shown = state.shown
    suits = layout.automatic(len(shown), layout.ordered_mode(state.stage, shown))
    name = layout.acting(state.layout, "", state.stage, shown) or suits
    broadcast: Layout | None = "1" if state.stage.mode == "broadcast" else None
    owns = {
        one.sid: broadcast or layout.acting(one.layout, one.sid, state.stage, shown) or name for one in state.viewers
    }
    large = {own: layout.large(own, shown, state.stage) for own in set(owns.values())}
    here = {site.sid for site in state.sites}
    for one in state.viewers:
        if one.plan is None or one.plan.video is None or not one.plan.video.stream.we_send:
            continue
        alone, own = here == {one.sid} and state.mode == "meeting", owns[one.sid]
        text, code = _text(state, one, alone, coded)
        told = f"{text} {code}".strip()
        if one.sid in state.apart:
            view = View(f"lobby {text}", "1", text=text, apart=True)
        elif state.blank or state.waiting:
            view = View(f"splash {text}", "1", text=text)
        elif one.alone in here - {one.sid}:
            view = View(f"site {one.alone} {told}", "1", text=text, site=one.alone, code=code)
        elif sharing is not None and not _has_second(state, one) and sharing.sid != one.sid:
            view = View(f"slides {told}", "slides", content=sharing.sid, text=text, code=code)
        elif state.mode == "meeting" and (alone or large[own] == one.sid):
            view = View(f"front {own} {told}", own, viewer=one.sid, text=text, code=code)
        else:
            view = View(f"all {own} {told}", own, text=text, code=code)
        budget_bps = one.video_bps if sharing is None else one.video_beside_content_bps
        yield Wish(one.sid, view, one.plan.video, budget_bps)


def _text(state: State, one: Viewer, alone: bool, coded: bool) -> tuple[str, str]:
    """Return the words in the picture of a hall, and the address of its QR code."""
    address, words = one.card
    busy = state.stopped or state.waiting or one.sid in state.apart or state.recess is not None or one.text
    if coded and address and state.vote and not busy:
        return words, address
    return _words(state, one, alone), ""


def _words(state: State, one: Viewer, alone: bool) -> str:
    """Return the words in the picture of a hall. The words of a break come first, then a text for this hall
    alone, the words about a vote, and the text for all halls."""
    if state.stopped:
        return splash.STOPPED[one.language]
    if one.sid in state.apart:
        return splash.APART[one.language]
    if state.recess is not None:
        return splash.slate(state.recess, one.language)
    text = one.text or state.vote.get(one.language) or state.text
    if not text and (state.waiting or alone):
        return splash.words(state.about, one.language, waits=state.waiting)
    return splash.BEGUN[one.language] if not text and state.begun else text


def _has_second(state: State, one: Viewer) -> bool:
    """Report whether this hall gets the presentation as a separate picture."""
    return one.plan is not None and one.plan.content is not None and state.power.content_height > 0


def _content_wishes(state: State, sharing: Site | None) -> Iterator[Wish]:
    """Yield the separate presentation for each hall that receives a second picture. The presenter does not get its own slides
    back.
    """
    if sharing is None or state.waiting:
        return
    view = View("content", "1", content=sharing.sid)
    for one in state.viewers:
        if one.sid in state.apart:
            continue
        if one.sid != sharing.sid and one.plan is not None and one.plan.content and _has_second(state, one):
            yield Wish(one.sid, view, one.plan.content, one.content_bps)


# -- programs


Chosen = Mapping[Key, tuple[Wish, ...]]


def _chosen(state: State, sharing: Site | None) -> tuple[Chosen, Chosen, Chosen]:
    """Return the programs that the halls want, the programs within the power, and the separate presentations."""
    power = state.power
    wishes = tuple(_wishes(state, sharing, coded=power.codes))
    coded = any(wish.view.code for wish in wishes)
    if coded and len(groups.gather(wishes, len(wishes), power.main_height)) > power.programs:
        # A QR code belongs to one hall. Without a program for each hall there is none.
        wishes = tuple(_wishes(state, sharing, coded=False))
    wanted = groups.gather(wishes, limits.GROUPS, power.main_height)
    enough = len(wanted) <= power.programs
    programs = wanted if enough else groups.gather(wishes, power.programs, power.main_height)
    contents = groups.gather(_content_wishes(state, sharing), limits.CONTENT_GROUPS, power.content_height)
    return wanted, programs, contents


def _simpler(state: State, sharing: Site | None, programs: Chosen, contents: Chosen) -> frozenset[str]:
    """Return the halls that miss a program or a presentation of the full power, or get a smaller or another one."""
    if state.power.is_full:
        return frozenset()
    _, best, best_contents = _chosen(replace(state, power=full(state.power)), sharing)
    pairs = ((best, programs), (best_contents, contents))
    return frozenset(hall for before, now in pairs for hall in _worse(before, now))


def _worse(before: Chosen, now: Chosen) -> Iterator[str]:
    shown = {wish.hall: key for key, halls in now.items() for wish in halls}
    for key, halls in before.items():
        yield from (wish.hall for wish in halls if not groups.is_as_good(shown.get(wish.hall), key))


def _group(state: State, key: Key, wishes: Sequence[Wish]) -> pictures.Group:
    view, shape = key
    cells: tuple[str, ...] = ()
    if view.site:
        cells = (view.site,)
    elif view.role != "content" and state.mode != "reception" and not (state.waiting or state.blank or view.apart):
        name: Any = view.layout
        cells = layout.cells(name, state.shown, state.stage, view.viewer, state.page)
        if view.viewer and not cells:
            # No other site has a picture, so the name of the site on stage, or else of the first site, is shown in its place.
            others = [one.sid for one in state.sites if one.sid != view.viewer]
            cells = tuple(layout.ordered(others, state.stage)[:1])
    return pictures.Group(
        id=f"{view.role} {shape.name}",
        ssrc=0,
        payload_type=PAYLOAD_TYPES["h264"],
        codec="h264",
        width=shape.width,
        height=shape.height,
        fps=shape.fps,
        bitrate_bps=shape.bitrate_bps,
        layout=view.layout,  # type: ignore[arg-type]
        cells=cells,
        profile=shape.profile,
        mode=groups.mode_of(wishes),
        without=view.viewer,
        content=view.content,
        clock=view.role != "content",
        notice=view.role != "content",
        text=view.text,
        code=view.code,
    )


def _browsers(state: State, sharing: Site | None) -> pictures.Group | None:
    """Return the program for browsers that do not decode H.264. None if no browser needs it, or nothing can be shown.

    It shows only H.264 pictures and slides, because the browsers decode the other streams themselves.
    """
    if not state.composed or state.blank:
        return None
    shown = [one.sid for one in state.sites if _is_h264(one.camera)]
    content = sharing.sid if sharing is not None and _is_h264(sharing.content) else ""
    if not shown and not content:
        return None
    # The browser that looks is not in this picture, so two sites are shown side by side.
    suits = layout.automatic(max(len(shown), 3) if len(shown) > 1 else 1, layout.ordered_mode(state.stage, shown))
    name: Layout = "slides" if content else layout.acting(state.layout, "", state.stage, shown) or suits
    return pictures.Group(
        id=BROWSERS,
        ssrc=0,
        payload_type=PAYLOAD_TYPES["vp8"],
        codec="vp8",
        width=limits.BROWSER_SIZE[0],
        height=limits.BROWSER_SIZE[1],
        fps=limits.BROWSER_FPS,
        bitrate_bps=limits.BROWSER_BPS,
        layout=name,
        cells=layout.cells(name, shown, state.stage, "", state.page),
        content=content,
        clock=True,
        notice=True,
        text=state.text,
    )


def _is_h264(stream: Stream | None) -> bool:
    return stream is not None and stream.codec == "h264"


# -- sound


def _open_microphones(state: State) -> tuple[str, ...]:
    """Return the open microphones, MICROPHONES at most. If there are more, the sites that were on stage last come first, then
    the others in their order.
    """
    if state.mode == "reception" or state.blank:
        return ()
    able = [one.sid for one in state.sites if one.microphone is not None and not one.muted]
    if len(able) > limits.MICROPHONES:
        able = layout.ordered(able, state.stage)[: limits.MICROPHONES]
    return tuple(able)


def _mix(state: State, one: Viewer, speaks: bool) -> pictures.Mix:
    """Return the mix for one hall.

    A hall with an open microphone or its own announcement gets its own mix, without its own voice. In the test room (`echo`)
    the mix has the voice. Other halls share one mix for each codec, and for each language while an announcement to all halls is
    played.
    """
    told = {prompt.site for prompt in state.prompts}
    group = hearers(one.language)
    alone = speaks or one.sid in told
    hears = group if group in told and one.sid not in told else ""
    name = f"mix {one.audio} {one.sid if alone else hears}".rstrip()
    excluded = one.sid if alone and state.mode != "echo" else ""
    return pictures.Mix(name, 0, PAYLOAD_TYPES[one.audio], one.audio, excluded, hears)


def hearers(language: Language) -> str:
    """Return the `Prompt.site` of an announcement to all halls with this language."""
    return f"@{language}"


def _voices(state: State, sources: Sequence[pictures.Source], opened: Sequence[str]) -> Iterator[pictures.Voice]:
    """Yield the voices of halls for browsers, as many as the mixer makes. Halls with an open microphone come first, in the
    order of the stage.
    """
    if state.mode != "meeting" or state.stopped:
        return
    halls, speaking = [one.sid for one in state.viewers], set(opened)
    known = set(halls)
    heard = [sid for sid in layout.ordered(opened, state.stage) if sid in known]
    others = [sid for sid in halls if sid not in speaking]
    fed = {one.site for one in sources if one.kind == "audio"}
    for sid in (heard + others)[: limits.VOICES]:
        if sid in fed:
            yield pictures.Voice(sid, 0, 0, PAYLOAD_TYPES["opus"])


# -- the mixer's sources


def _sources(
    state: State,
    made: Sequence[pictures.Group],
    small: Sequence[str],
    opened: Sequence[str],
    sharing: Site | None,
) -> Iterator[pictures.Source]:
    """Yield the streams that are shown or heard, and the sound of muted halls. The mixer gets no other streams."""
    shown = {sid for group in made for sid in group.cells} | set(small)
    # A muted hall's sound is a source too, so that it is ready at the unmute.
    silent = state.mode == "reception" or state.stopped
    heard = set() if silent else {*opened, *(one.sid for one in state.viewers)}
    for one in state.sites:
        if one.camera is not None and one.sid in shown:
            yield _source(one.camera, FeedKey(one.sid, "video"))
        if one.microphone is not None and one.sid in heard:
            yield _source(one.microphone, FeedKey(one.sid, "audio"))
    if sharing is not None and sharing.content is not None and any(group.content for group in made):
        yield _source(sharing.content, FeedKey(sharing.sid, "video", True))


def _source(stream: Stream, key: FeedKey) -> pictures.Source:
    return pictures.Source(0, key.kind, stream.codec, stream.payload_type, key.site, key.content, stream.unmeasured)


def _info(one: Site) -> pictures.SiteInfo:
    return pictures.SiteInfo(one.sid, one.label, one.muted, one.speaking, one.floor_wanted, one.camera is not None)


def _thumbnail_sites(state: State) -> tuple[str, ...]:
    """Return a few sites at a time, because each decoded picture costs CPU."""
    if not state.watched or not state.viewers or state.stopped:
        return ()
    able = [one.sid for one in state.viewers if one.has_camera and one.sid not in state.apart]
    start = state.page * limits.THUMBNAILS % max(1, len(able))
    return tuple((able + able)[start : start + limits.THUMBNAILS][: len(able)])
