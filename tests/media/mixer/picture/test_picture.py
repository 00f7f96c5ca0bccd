"""Pictures, with real decoders and encoders: the places of sites, drawings, caching, and streams that halls can decode."""

import itertools
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import segno
from PIL import ImageFont

from media.ground import limits
from media.mixer.ground.layouts import LAYOUTS, Rect, rects
from media.mixer.ground.load import at_step
from media.mixer.ground.scene import Group, Layout, Scene, SiteInfo, Source
from media.mixer.picture.canvas import Canvas, Drawn, Part
from media.mixer.picture.decoding import PATIENCE_US, Decoder, Decoding, is_key
from media.mixer.picture.encoding import NAL_BYTES, Encoder, EncoderSettings, level
from media.mixer.picture.planes import Overlay, colour, new_picture
from media.mixer.picture.plates import STAGE_YUV, TILE_YUV, Label, Plates, paragraphs, shorten, wrap
from media.mixer.picture.program import KEY_PACE_US, STILL_TICKS, Program, View
from media.mixer.picture.tiles import STALE_US, Tile, Tiles, fit
from tests.media.mixer.studio import Camera, KeptPort, Screen, nal_units, read_counter

HUES = [(60 + 10 * i, 40 + 11 * i, 220 - 11 * i) for i in range(16)]
GROUP = Group("g", 1, 96, "h264", 1280, 720, 30, 2_500_000, "3x3", tuple(f"s{i}" for i in range(9)))
PERIOD_US = 33_333


class Stage:
    """Sixteen sites with cameras and real decoders. The test moves the time."""

    def __init__(self, group: Group = GROUP, codec: str = "h264", sites: int = 16) -> None:
        self.frames = KeptPort()
        self.decoding = Decoding(self.frames.request_keyframe, lambda: self.now_us)
        self.decoding.start()
        self.tiles = Tiles(self.decoding.latest)
        self.cameras = {100 + i: Camera(HUES[i], codec) for i in range(sites)}
        self.scene = Scene(
            1,
            sources=tuple(Source(ssrc, "video", codec, 96, f"s{ssrc - 100}") for ssrc in self.cameras),  # type: ignore[arg-type]
            sites=tuple(SiteInfo(f"s{i}", "") for i in range(sites)),
            groups=(group,),
        )
        self.now_us = 1_000_000_000
        self.decoding.want(self.scene.sources)
        self.program = Program(
            self.frames.opened(), self.tiles, self.view(group), lambda: self.now_us, lambda: "14:05:32"
        )
        self.screen = Screen(group.codec)

    def view(self, group: Group, step: int = 0, **scene: Any) -> View:
        self.scene = replace(self.scene, groups=(group,), **scene)
        return View(at_step(group, step), self.scene)

    def roll(self, *ssrcs: int) -> None:
        """Send one frame from each camera, and wait until they are decoded."""
        before = self.decoding.figures()
        chosen = ssrcs or tuple(self.cameras)
        for ssrc in chosen:
            self.decoding.put("frame", ssrc, self.cameras[ssrc].number * 3000, self.now_us, self.cameras[ssrc].take())
        for _ in range(500):
            if all(self.decoding.figures()[ssrc] > before[ssrc] for ssrc in chosen):
                return
            time.sleep(0.01)
        raise AssertionError("not decoded")

    def tick(self) -> np.ndarray | None:
        """Return the picture that the hall sees after this tick, or None if nothing was sent."""
        self.now_us += PERIOD_US
        ssrc = self.program.view.effective.group.ssrc
        before = len(self.frames.video.get(ssrc, ()))
        self.program.tick(self.now_us)
        sent = self.frames.video.get(ssrc, [])
        return self.screen.show(sent[-1][1]) if len(sent) > before else None


@pytest.fixture
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    made = Stage(*getattr(request, "param", ()))
    yield made
    made.decoding.stop()


def middle(picture: np.ndarray, rect: Rect) -> np.ndarray:
    """Return the mean colour of the middle of a place: below the counter, above the label, away from the edges."""
    y, x = rect.y + rect.height * 4 // 10, rect.x + rect.width // 4
    return picture[y : y + rect.height // 4, x : x + rect.width // 2].reshape(-1, 3).mean(0)


@pytest.mark.parametrize("layout", [one for one in LAYOUTS if one != "slides"])
def test_each_site_is_in_its_place_and_moves(stage: Stage, layout: Layout) -> None:
    places = rects(layout, 1280, 720)
    group = replace(GROUP, layout=layout, cells=tuple(f"s{i}" for i in range(len(places))))
    stage.program.show(stage.view(group))
    for _ in range(6):
        stage.roll()
        picture = stage.tick()
    assert picture is not None
    assert picture.shape == (720, 1280, 3)
    for i, rect in enumerate(places):
        assert np.abs(middle(picture, rect) - HUES[i]).max() < 6, i
        assert read_counter(picture[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width, 0]) == 5


@pytest.mark.parametrize("stage", [(replace(GROUP, codec="vp8"), "vp8")], indirect=True)
def test_vp8_in_and_out(stage: Stage) -> None:
    for _ in range(6):
        stage.roll()
        picture = stage.tick()
    assert picture is not None
    assert is_key("vp8", stage.frames.video[1][0][1])
    assert not is_key("vp8", stage.frames.video[1][-1][1])
    for i, rect in enumerate(rects("3x3", 1280, 720)):
        assert np.abs(middle(picture, rect) - HUES[i]).max() < 6


def test_slides_are_shown_first_with_people_beside_them(stage: Stage) -> None:
    slides = Source(115, "video", "h264", 96, "s0", content=True)
    group = replace(GROUP, layout="slides", content="s0", cells=("s0", "s1"))
    view = stage.view(group, sources=(*stage.scene.sources[:15], slides))
    stage.decoding.want(view.scene.sources)
    stage.program.show(view)
    stage.roll()
    picture = stage.tick()
    assert picture is not None
    places = rects("slides", 1280, 720)
    for rect, hue in zip(places[:3], (HUES[15], HUES[0], HUES[1]), strict=True):
        assert np.abs(middle(picture, rect) - hue).max() < 6
    assert np.abs(middle(picture, places[3]) - STAGE_YUV).max() < 4


def test_a_site_left_out_is_not_shown_to_itself(stage: Stage) -> None:
    stage.program.show(stage.view(replace(GROUP, without="s0")))
    stage.roll()
    picture = stage.tick()
    assert picture is not None
    assert np.abs(middle(picture, rects("3x3", 1280, 720)[0]) - STAGE_YUV).max() < 4


def test_a_site_without_a_picture_has_its_name_in_the_middle(stage: Stage) -> None:
    stage.roll()
    sites = (SiteInfo("s0", "UBND xã Ea Sô", picture=False), *stage.scene.sites[1:])
    stage.program.show(stage.view(GROUP, sites=sites))
    picture = stage.tick()
    assert picture is not None
    rect = rects("3x3", 1280, 720)[0]
    tile = picture[rect.y : rect.y + rect.height, rect.x : rect.x + rect.width]
    assert np.abs(np.median(tile.reshape(-1, 3), axis=0) - TILE_YUV).max() < 4
    assert (tile[..., 0] > 150).sum() > 200  # the letters


def test_a_camera_that_freezes_for_long_is_reported_as_no_video(stage: Stage) -> None:
    stage.roll()
    assert stage.tick() is not None
    stage.now_us += STALE_US + 1
    picture = stage.tick()
    assert picture is not None
    assert np.abs(middle(picture, rects("3x3", 1280, 720)[4]) - TILE_YUV).max() < 30


def test_the_tile_of_a_speaker_has_a_ring_and_a_sign(stage: Stage) -> None:
    for _ in range(2):
        stage.roll()
        stage.tick()
    sites = (replace(stage.scene.sites[0], speaking=True), *stage.scene.sites[1:])
    stage.program.show(stage.view(GROUP, sites=sites))
    for _ in range(6):
        stage.roll()
        picture = stage.tick()
    assert picture is not None
    assert np.abs(picture[40:180, 1].mean(0) - colour(0x4FD1AC)).max() < 12
    rect = rects("3x3", 1280, 720)[0]
    foot = picture[rect.height - 28 : rect.height - 8, 12:30, 0]
    assert foot.max() > 140
    assert foot.min() < 60


# -- caching


def test_unchanged_tiles_are_not_pasted_again(stage: Stage) -> None:
    stage.roll()
    stage.tick()
    canvas = stage.program._composer.canvas
    assert canvas is not None
    before, frame = canvas.pasted, canvas.frame
    stage.roll(103)
    stage.tick()
    assert canvas.pasted == before + 1
    assert stage.program._composer.canvas is canvas
    assert canvas.frame is frame


def test_two_groups_of_one_size_share_their_tiles(stage: Stage) -> None:
    stage.roll()
    label = Label("")
    first = stage.tiles.tile(100, label, 424, 238, stage.now_us)
    assert stage.tiles.tile(100, label, 424, 238, stage.now_us) is first
    assert stage.tiles.tile(100, label, 212, 118, stage.now_us) is not first
    stage.roll(100)
    assert stage.tiles.tile(100, label, 424, 238, stage.now_us).version > first.version
    stage.tiles.sweep(stage.now_us + 3_000_000)
    assert len(stage.tiles) == 0


def test_a_still_picture_is_sent_at_a_fifth_of_the_rate(stage: Stage) -> None:
    stage.roll()
    sent = [stage.tick() is not None for _ in range(1 + 4 * STILL_TICKS)]
    assert sent[0]
    assert sum(sent[1:]) == 4


def test_timestamps_are_time(stage: Stage) -> None:
    for _ in range(3):
        stage.roll()
        stage.tick()
    for timestamp, _, capture_us in stage.frames.video[1]:
        assert timestamp == capture_us * 9 // 100 & 0xFFFFFFFF


def random_tile(rng: np.random.Generator, version: int, rect: Rect) -> Tile:
    _, planes = new_picture(rect.width, rect.height)
    planes.y[:] = rng.integers(0, 255, planes.y.shape)
    planes.u[:], planes.v[:] = rng.integers(0, 255, (2, 1, 1))
    return Tile(planes, version)


def test_a_reused_canvas_equals_a_freshly_painted_one() -> None:
    rng = np.random.default_rng(5)
    plates, canvas, versions = Plates(), Canvas(640, 360), itertools.count(1)
    places = rects("2x2", 640, 360)
    tiles = [random_tile(rng, next(versions), rect) for rect in places]
    for step in range(80):
        if step % 3:
            i = int(rng.integers(0, 4))
            tiles[i] = random_tile(rng, next(versions), places[i])
        drawn = [Drawn(plates.clock(f"14:05:{step // 4:02}", 360), 520, 8)]
        if step // 7 % 2:
            drawn.append(Drawn(plates.message("Hội nghị bắt đầu lại lúc 14 giờ", 640, 360), 40, 280))
        if step // 11 % 2:
            drawn.append(Drawn(plates.notice(360), 8, 8))
        parts = [Part(rect, tile.version, tile.planes) for rect, tile in zip(places, tiles, strict=True)]
        changed = canvas.compose(parts, drawn)
        fresh = Canvas(640, 360)
        fresh.compose(parts, drawn)
        for kept, new in ((canvas._planes.y, fresh._planes.y), (canvas._planes.u, fresh._planes.u)):
            assert np.array_equal(kept, new), step
        assert not canvas.compose(parts, drawn)
        assert changed or step % 3 == 0


# -- encoders


@pytest.mark.parametrize("profile", ["baseline", "high"])
@pytest.mark.parametrize("preset", ["superfast", "ultrafast"])
def test_every_nal_unit_fits_a_packet(profile: Any, preset: Any) -> None:
    encoder = Encoder(EncoderSettings("h264", profile, 1280, 720, 30, 4_000_000, preset))
    frame, planes = new_picture(1280, 720)
    noise, count = np.random.default_rng(1).integers(16, 235, (180, 400)).astype(np.uint8).repeat(4, 0).repeat(4, 1), 0
    for number in range(20):
        planes.y[:] = noise[:, number * 7 : number * 7 + 1280]
        unit, key = encoder.encode(frame, number * 3000, number == 10)
        sizes = [len(nal) for nal in nal_units(unit)]
        assert max(sizes) <= NAL_BYTES
        count += len(sizes)
        kinds = [nal[0] & 31 for nal in nal_units(unit)]
        assert key is (number in (0, 10))
        assert (5 in kinds) is key
        assert ({7, 8} <= set(kinds)) is key
        if key:
            sps = next(nal for nal in nal_units(unit) if nal[0] & 31 == 7)
            simple = profile == "baseline" or preset == "ultrafast"  # ultrafast uses no feature of the high profile
            assert sps[1] == (66 if simple else 100)
            assert sps[3] == 31
            assert not simple or sps[2] & 0x40  # constrained baseline
    assert count > 100


def test_the_bitrate_is_kept() -> None:
    encoder = Encoder(EncoderSettings("h264", "baseline", 640, 360, 30, 600_000))
    frame, planes = new_picture(640, 360)
    rng, total = np.random.default_rng(2), 0
    noise = rng.integers(60, 190, (360, 900)).astype(np.uint8)
    for number in range(90):
        planes.y[:] = noise[:, number : number + 640]
        total += len(encoder.encode(frame, number * 3000, number % 30 == 29)[0])
    assert total * 8 / 3 < 600_000 * 1.35


@pytest.mark.parametrize(
    ("size", "fps", "wanted"),
    [((352, 288), 15, "1.3"), ((640, 360), 30, "3.0"), ((1280, 720), 30, "3.1"), ((1920, 1080), 30, "4.0")],
)
def test_levels(size: tuple[int, int], fps: int, wanted: str) -> None:
    assert level(EncoderSettings("h264", "baseline", *size, fps, 1_000_000)) == wanted


def test_key_frames_come_when_asked_for_and_are_paced(stage: Stage) -> None:
    for _ in range(20):
        stage.roll(100)
        stage.tick()
    assert stage.program.work.keys == 1
    for _ in range(8):
        stage.program.request_keyframe()
        stage.roll(100)
        stage.tick()
    assert stage.program.work.keys == 2  # half a second has not passed
    for _ in range(KEY_PACE_US // PERIOD_US):
        stage.roll(100)
        stage.tick()
    assert stage.program.work.keys == 3


def test_degradation_changes_the_picture_but_not_the_stream(stage: Stage) -> None:
    group = replace(GROUP, width=1920, height=1080)
    stage.program.show(stage.view(group))
    stage.roll()
    stage.tick()
    stage.program.show(stage.view(group, step=3))
    stage.roll()
    picture = stage.tick()
    assert picture is not None
    assert picture.shape == (720, 1280, 3)
    assert set(stage.frames.video) == {1}
    assert 5 in {nal[0] & 31 for nal in nal_units(stage.frames.video[1][-1][1])}


# -- decoders


def test_a_lost_frame_freezes_the_tile_until_a_key_frame() -> None:
    asked: list[int] = []
    decoder, camera = Decoder(Source(5, "video", "h264", 96, "s"), asked.append), Camera((90, 100, 110))
    now = 10_000_000
    assert len(decoder.decode(camera.take(), 0, now)) == 1
    camera.take()
    decoder.lost(now)
    assert asked == [5]
    assert decoder.decode(camera.take(), 6000, now + 33_000) == []
    assert decoder.decode(camera.take(), 9000, now + 1_100_000) == []
    assert asked == [5, 5]
    assert len(decoder.decode(camera.take(key=True), 12000, now + 1_200_000)) == 1
    assert len(decoder.decode(camera.take(), 15000, now + 1_233_000)) == 1
    decoder.lost(now + 2_000_000)
    assert decoder.decode(camera.take(), 18000, now + 2_100_000) == []
    assert len(decoder.decode(camera.take(), 21000, now + 2_000_000 + PATIENCE_US)) == 1


def test_nothing_is_decoded_before_the_first_key_frame() -> None:
    asked: list[int] = []
    decoder, camera = Decoder(Source(5, "video", "h264", 96, "s"), asked.append), Camera((90, 100, 110))
    camera.take()
    assert decoder.decode(camera.take(), 0, 10_000_000) == []
    assert asked == [5]


@pytest.mark.parametrize("codec", ["h264", "vp8"])
def test_corrupted_frames_do_not_stop_the_decoder(codec: Any) -> None:
    rng = np.random.default_rng(4)
    decoder, camera = Decoder(Source(5, "video", codec, 96, "s"), lambda _: None), Camera((90, 100, 110), codec)
    shown = 0
    for number in range(60):
        unit = bytearray(camera.take(key=number % 10 == 0))
        if number % 10 == 5:
            for at in rng.integers(0, len(unit), 20):
                unit[at] = int(rng.integers(0, 256))
        shown += len(decoder.decode(bytes(unit), number * 3000, 10_000_000 + number * 33_000))
    assert shown >= 30
    assert decoder.decode(b"", 0, 99_000_000) == []


def test_a_picture_beyond_the_bound_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    width, height = 640, 360
    for pixels, shown in ((width * (height + 8), 1), (width * height - 1, 0)):
        monkeypatch.setattr(limits, "MIXER_SOURCE_PIXELS", pixels)
        decoder = Decoder(Source(5, "video", "vp8", 96, "s"), lambda _: None)
        camera = Camera((90, 100, 110), "vp8", (width, height))
        assert len(decoder.decode(camera.take(), 0, 10_000_000)) == shown


def test_a_decoder_that_cannot_keep_up_skips_to_a_key_frame(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    decoding = Decoding(asked.append, lambda: 10_000_000, threads=1)
    decoding.start()
    gate = Decoding._decode
    held: list[bool] = [True]

    def slow(self: Decoding, task: Any) -> None:
        while held[0]:
            time.sleep(0.005)
        gate(self, task)

    monkeypatch.setattr(Decoding, "_decode", slow)
    camera = Camera((90, 100, 110))
    decoding.want([Source(5, "video", "h264", 96, "s")])
    for number in range(limits.MIXER_FRAMES_WAITING + 10):
        decoding.put("frame", 5, number * 3000, 10_000_000, camera.take())
    stream = decoding._streams[5]
    assert stream.waiting <= limits.MIXER_FRAMES_WAITING + 1
    assert stream.skipping
    held[0] = False
    while stream.waiting:
        time.sleep(0.005)
    decoding.put("frame", 5, 999_000, 12_000_000, camera.take())
    decoding.put("frame", 5, 1_002_000, 12_000_000, camera.take(key=True))
    decoding.stop()
    assert asked
    assert stream.picture is not None
    assert stream.picture.rtp_timestamp == 1_002_000


def test_only_what_is_wanted_is_decoded() -> None:
    decoding = Decoding(lambda _: None, lambda: 0)
    decoding.start()
    one, two = (Source(ssrc, "video", "h264", 96, f"s{ssrc}") for ssrc in (1, 2))
    assert decoding.want([one, two]) == ([one, two], [])
    assert decoding.want([two]) == ([], [1])
    changed = replace(two, codec="vp8")
    assert decoding.want([changed]) == ([changed], [2])
    decoding.put("frame", 1, 0, 0, Camera((1, 2, 3)).take())
    assert decoding.figures() == {2: 0}
    decoding.stop()


# -- plates


def test_every_vietnamese_letter_has_its_own_shape() -> None:
    from media.mixer.picture.plates import _font

    letters = "aàáảãạăằắẳẵặâầấẩẫậbcdđeèéẻẽẹêềếểễệghiìíỉĩịklmnoòóỏõọôồốổỗộơờớởỡợpqrstuùúủũụưừứửữựvxyỳýỷỹỵ"
    font: ImageFont.FreeTypeFont = _font(24)
    shapes = {bytes(font.getmask(one)) + repr(font.getbbox(one)).encode() for one in letters + letters.upper()}
    assert len(shapes) == len(letters) * 2
    missing = bytes(font.getmask("\ue000"))
    assert all(bytes(font.getmask(one)) != missing for one in letters + letters.upper() + "–…’“”0123456789:")


def test_long_names_are_cut_at_a_word() -> None:
    from media.mixer.picture.plates import _font

    font = _font(14)
    name = "Văn phòng Ủy ban nhân dân tỉnh Đắk Lắk – Hội trường lớn tầng 3"
    cut = shorten(name, font, 200)
    assert cut.endswith("…")
    assert name.startswith(cut[:-1])
    assert font.getlength(cut) <= 200
    assert name[len(cut) - 1] == " "
    assert shorten("x" * 500, font, 100).endswith("x…")
    lines = wrap(name, font, 200, 2)
    assert len(lines) == 2
    assert all(font.getlength(line) <= 200 for line in lines)


def test_marks_differ_in_shape_and_not_in_colour_alone() -> None:
    plates = Plates()
    luma = []
    for label in (Label("Ea Sô"), Label("Ea Sô", muted=True), Label("Ea Sô", speaking=True), Label("Ea Sô", hand=True)):
        _, planes = new_picture(300, 40)
        planes.fill((100, 128, 128))
        plates.label(label, 300, 240).blend(planes, 0, 0)
        luma.append((planes.y > 110).copy())
    for first, second in itertools.combinations(luma, 2):
        assert (first != second).sum() > 40


def test_plates_kept_are_bounded() -> None:
    plates = Plates()
    for number in range(limits.MIXER_PLATES + 1):
        plates.clock(str(number), 90)
    assert len(plates) == limits.MIXER_PLATES


def test_blending_is_exact_at_both_ends_and_cut_at_the_edge() -> None:
    rgba = np.zeros((20, 40, 4), np.uint8)
    rgba[..., :3] = (255, 0, 0)
    rgba[:, :20, 3] = 255
    _, planes = new_picture(30, 16)
    planes.fill((50, 60, 70))
    Overlay(rgba).blend(planes, 0, 0)
    Overlay(rgba).blend(planes, 40, 40)
    assert [int(plane[0, 0]) for plane in (planes.y, planes.u, planes.v)] == list(colour(0xFF0000))
    assert [int(plane[0, -1]) for plane in (planes.y, planes.u, planes.v)] == [50, 60, 70]


@pytest.mark.parametrize(
    ("source", "wanted"),
    [
        ((1920, 1080), Rect(0, 0, 424, 238)),
        ((640, 480), Rect(52, 0, 318, 238)),
        ((360, 640), Rect(144, 0, 134, 238)),
        ((2560, 1080), Rect(0, 30, 424, 178)),
        ((4096, 16), Rect(0, 118, 424, 2)),
    ],
)
def test_pictures_fit_into_the_tile_uncropped(source: tuple[int, int], wanted: Rect) -> None:
    assert fit(*source, 424, 238) == wanted


def test_a_message_keeps_its_line_breaks_and_all_of_its_lines() -> None:
    from media.mixer.picture.plates import _font

    font = _font(20)
    assert paragraphs("Giao ban\nMã cuộc họp\nĐang chờ", font, 2000, 3) == ["Giao ban", "Mã cuộc họp", "Đang chờ"]
    long = paragraphs("rất dài " * 40 + "\nMã cuộc họp\nĐang chờ", font, 300, 3)
    assert long[0].endswith("…")
    assert long[1:] == ["Mã cuộc họp", "Đang chờ"]
    assert len(paragraphs("một hai ba " * 20, font, 300, 3)) == 3
    assert paragraphs("a\n\nb\nc\nd", font, 2000, 3) == ["a", "b", "c d"]


@pytest.mark.parametrize(("width", "height", "bitrate_bps"), [(1280, 720, 1_000_000), (352, 288, 128_000)])
def test_a_phone_reads_the_qr_code_in_the_encoded_picture(width: int, height: int, bitrate_bps: int) -> None:
    """Each module of the code is found in the decoded picture, also in a small program of a slow line."""
    address = "https://hop.langson.gov.vn/phieu#K7Q2M9XA"
    wanted = np.asarray(
        [[int(dark) for dark in row] for row in segno.make(address, error="m").matrix_iter(border=4)], bool
    )
    words = (
        "BIỂU QUYẾT: Nghị quyết về dự toán ngân sách năm 2027\nBấm *11 tán thành\nMã K7Q2-M9XA: đại biểu khác quét QR"
    )
    group = replace(GROUP, width=width, height=height, bitrate_bps=bitrate_bps, text=words, code=address)
    stage = Stage(group)
    try:
        for _ in range(6):
            stage.roll()
            picture = stage.tick()
    finally:
        stage.decoding.stop()
    assert picture is not None
    side = Plates().code(address, height).width
    module = side // len(wanted)
    centres = np.arange(len(wanted)) * module + module // 2
    dark = picture[..., 0] < 128
    places = itertools.product(range(height - side), range(width // 8))
    assert any((dark[np.ix_(top + centres, left + centres)] == wanted).all() for top, left in places)


def test_a_qr_code_is_drawn_once_and_only_where_it_fits(stage: Stage) -> None:
    address = "https://hop.langson.gov.vn/phieu#K7Q2M9XA"
    plates = Plates()
    assert plates.code(address, 720) is plates.code(address, 720)
    usual = replace(GROUP, text="BIỂU QUYẾT", clock=False)
    small = replace(usual, width=176, height=144, bitrate_bps=64_000)

    def shown(group: Group) -> np.ndarray:
        stage.program.show(stage.view(group))
        stage.tick()
        assert stage.program.picture is not None
        return stage.program.picture.to_ndarray(format="gray").copy()

    stage.roll()
    assert (shown(small) == shown(replace(small, code=address))).all(), "only the words"
    assert (shown(usual) != shown(replace(usual, code=address))).any()
