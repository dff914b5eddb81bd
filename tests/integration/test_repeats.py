"""Repeats cost nothing: what a copy shows is taken over from what an earlier video showed, and from nothing else."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from support.clips import X264, Encoding, frames_at, write_clip
from support.night import Night, night
from support.pictures import illustrated
from typer.testing import CliRunner

from cli.main import app
from config.face_settings import FaceSettings
from config.sampling_settings import RepeatSettings, SamplingSettings
from config.service_settings import WorkSettings
from config.settings import Settings, load_settings
from config.storage_settings import StorageSettings
from crops.collecting import collect
from db import removal, videos
from db.schema import Segment
from demo.material import Material
from models.faces import RgbImage
from report import as_json
from report.build import build
from report.duplicates import Duplicate, duplicates
from report.model import VideoReport
from scheduler.experience import Memory
from scheduler.sweep import prepare
from worker.work import scan_segment

ROWS, COLUMNS = 360, 640
SCENE = 50
"""Frames, 25 a second: two seconds, five samples."""
INTERVAL = 0.4
MIDDLES = {"obama": 265, "biden": 382, "coffee": 200, "obama2": 456}
"""Row of each photograph in which the middle of its face lies."""
POOR = Encoding("libx264", gop=25, codec_options={"preset": "veryfast", "crf": "30", "sc_threshold": "0"})


@pytest.fixture(scope="module")
def photographs(material: Material) -> dict[str, RgbImage]:
    """720 pixels wide, the face in the middle of the height."""
    found = {}
    for name, middle in MIDDLES.items():
        with Image.open(getattr(material, name)) as opened:
            picture = opened.convert("RGB")
        scale = 720 / picture.width
        picture = picture.resize((720, round(picture.height * scale)), Image.Resampling.LANCZOS)
        top = max(0, min(picture.height - 400, round(middle * scale) - 200))
        found[name] = np.asarray(picture.crop((0, top, 720, top + 400)))
    return found


def scene(photograph: RgbImage, *, backwards: bool = False) -> Iterator[RgbImage]:
    """A slow pan over a photograph: each sample shows something else."""
    for number in range(SCENE)[:: -1 if backwards else 1]:
        left, top = round(80 * number / SCENE), round(40 * number / SCENE)
        yield np.ascontiguousarray(photograph[top : top + ROWS, left : left + COLUMNS])


def film(photographs: dict[str, RgbImage], names: Sequence[str]) -> list[RgbImage]:
    return [frame for name in names for frame in scene(photographs[name])]


def copy_of(frames: Sequence[RgbImage], scale: float = 1.0, *, logo: bool = False) -> list[RgbImage]:
    made = []
    for frame in frames:
        image = np.array(cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        if logo:
            cv2.putText(image, "NEWS", (image.shape[1] - 100, image.shape[0] - 20), 0, 1.0, (255, 255, 255), 3)
        made.append(image)
    return made


@pytest.fixture(scope="module")
def clips(photographs: dict[str, RgbImage], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("clips")
    whole = film(photographs, list(MIDDLES))
    kinds: dict[str, tuple[list[RgbImage], Encoding]] = {
        "film": (whole, X264),
        "poor copy": (copy_of(whole, 0.75), POOR),
        "copy with a logo": (copy_of(whole, logo=True), POOR),
        "backwards": ([frame[:, ::-1].copy() for frame in whole], X264),
        "programme": ([*film(photographs, ["obama2"]), *copy_of(film(photographs, ["biden", "coffee"]))], POOR),
    }
    return {
        kind: write_clip(folder / f"{kind}.mkv", frames_at(len(frames)), encoding, frames)
        for kind, (frames, encoding) in kinds.items()
    }


def settings_in(home: Path, *, enabled: bool = True) -> Settings:
    return Settings(
        home=home,
        sampling=SamplingSettings(interval=INTERVAL, tolerance=0, segment=4),
        faces=FaceSettings(detector="hog", smallest=80),
        repeats=RepeatSettings(enabled=enabled),
    )


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Night]:
    with night(settings_in(tmp_path / "home")) as one:
        yield one


def reused(report: VideoReport) -> int:
    assert report.sampling is not None
    return report.sampling.reused


def people(report: VideoReport) -> list[list[tuple[float, float]]]:
    """When each person is on camera."""
    return [
        [(float(seen.start), float(seen.end)) for seen in person.appearances] for person in report.people
    ]  # fmt: skip


def shared(one: Night, video_id: int, *, earlier: bool = False) -> list[Duplicate]:
    with one.process.database.reading() as session:
        video = videos.get(session, video_id)
    return duplicates(one.process.database, video, one.process.settings.repeats, earlier=earlier)


@pytest.mark.parametrize(("kind", "share"), [("poor copy", 0.8), ("copy with a logo", 0.5)])
def test_a_copy_takes_over_what_the_original_showed(
    kind: str, share: float, opened: Night, clips: dict[str, Path]
) -> None:
    original = opened.end_of(clips["film"])
    copy = opened.end_of(clips[kind])
    assert reused(original.report) == 0
    assert copy.samples.count("A") >= 18
    assert reused(copy.report) >= share * copy.samples.count("A")
    assert len(original.report.people) == 2
    assert people(copy.report) == people(original.report)
    document = json.loads(as_json.render(copy.report))
    assert document["sampling"]["reused"] == reused(copy.report)


def test_what_is_reused_is_what_looking_finds(tmp_path: Path, clips: dict[str, Path]) -> None:
    ends = []
    for name, enabled in (("with", True), ("without", False)):
        with night(settings_in(tmp_path / name, enabled=enabled)) as one:
            one.end_of(clips["film"])
            ends.append(one.end_of(clips["poor copy"]))
    assert reused(ends[0].report) > 0
    assert reused(ends[1].report) == 0
    assert people(ends[0].report) == people(ends[1].report)
    assert ends[0].samples == ends[1].samples


def test_what_is_taken_over_has_pictures_of_its_own(tmp_path: Path, clips: dict[str, Path]) -> None:
    """An original that is erased takes its pictures along, and nobody else's."""
    place, home = tmp_path / "faces", tmp_path / "home"
    place.mkdir()
    settings = settings_in(home).model_copy(update={"storage": StorageSettings(crops=str(place))})
    with night(settings) as one:
        database = one.process.database
        original = one.submit(clips["film"])
        one.work(original)
        copy = one.submit(clips["poor copy"])
        assert reused(one.work(copy).report) > 0
        with database.reading() as session:
            before = illustrated(session, videos.get(session, copy), settings.storage)
        assert all(person.best_face and person.best_face.jpeg for person in before.people)
        packs = len(list(place.rglob("*.crops")))
        with database.writing() as session:
            removal.remove(session, [original])
        assert 0 < collect(database, settings.storage).packs < packs
        with database.reading() as session:
            assert illustrated(session, videos.get(session, copy), settings.storage).people == before.people


def test_where_pictures_cannot_be_compared_or_kept_a_segment_is_put_off(tmp_path: Path, clips: dict[str, Path]) -> None:
    """A store that is out of reach is an outage: the try does not count, and the next one ends as if nothing was."""
    place, away = tmp_path / "faces", tmp_path / "unmounted"
    place.mkdir()
    home = settings_in(tmp_path / "home")
    work = WorkSettings(lease=1, retry_delay=0, attempts=1)
    settings = home.model_copy(update={"storage": StorageSettings(crops=str(place)), "work": work})
    with night(settings) as one:
        original = one.end_of(clips["film"])
        place.rename(away)
        copy = one.submit(clips["poor copy"])
        segment_id, _ = prepare(one.process.database, settings, Memory()).segments[0]
        assert scan_segment(one.process, segment_id) is None
        with one.process.database.reading() as session:
            segment = session.get_one(Segment, segment_id)
            assert (segment.state, segment.cause) == ("waiting", "storage-unavailable")
            assert (segment.attempts, segment.excused) == (1, 1)
        away.rename(place)
        end = one.work(copy)
    assert end.state == "done"
    assert end.tries == ["storage-unavailable"]
    assert reused(end.report) > 0
    assert people(end.report) == people(original.report)


def test_other_pictures_of_the_same_people_are_looked_at(opened: Night, clips: dict[str, Path]) -> None:
    opened.end_of(clips["film"])
    assert reused(opened.end_of(clips["backwards"]).report) == 0


def test_videos_of_one_night_do_not_depend_on_each_other(opened: Night, clips: dict[str, Path]) -> None:
    """Which of the two is finished first depends on how the night was shared; the reports must not."""
    ids = [opened.submit(clips[kind]) for kind in ("film", "poor copy")]
    opened.work(ids[0])
    with opened.process.database.reading() as session:
        reports = [build(session, videos.get(session, video_id)) for video_id in ids]
    assert [reused(report) for report in reports] == [0, 0]
    # They are told to be the same nonetheless.
    (found,) = shared(opened, ids[1])
    assert found.second.id == ids[0]


def test_the_parts_that_two_videos_share_are_listed(opened: Night, clips: dict[str, Path]) -> None:
    first, _ = opened.submit(clips["film"]), opened.submit(clips["backwards"])
    opened.work(first)
    programme = opened.submit(clips["programme"])
    opened.work(programme)
    found = sorted(shared(opened, programme), key=lambda each: each.overlap.first_start)
    assert {each.second.id for each in found} == {first}
    times = [
        (each.overlap.first_start, each.overlap.first_end, each.overlap.second_start, each.overlap.second_end)
        for each in found
    ]
    # Two seconds of one scene that the film ends with, and four of two that stand in its middle.
    expected = [(0.0, 1.6, 6.0, 7.6), (2.0, 5.6, 2.0, 5.6)]
    assert len(times) == len(expected)
    for told, known in zip(times, expected, strict=True):
        assert told == pytest.approx(known, abs=2 * INTERVAL + 1e-6)
    assert shared(opened, first, earlier=True) == []


def test_the_command_lists_each_pair_once(
    tmp_path: Path, clips: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    with night(settings_in(home)) as one:
        first = one.submit(clips["film"])
        one.work(first)
        one.end_of(clips["poor copy"])
    monkeypatch.setenv("ROLLCALL_HOME", str(home))
    load_settings.cache_clear()
    runner = CliRunner()
    try:
        (line,) = runner.invoke(app, ["duplicates", "--json"]).stdout.splitlines()
        told = json.loads(line)
        assert (told["video"]["title"], told["same_as"]["title"]) == ("poor copy.mkv", "film.mkv")
        assert told["frames"] >= 15
        assert told["video"]["start"] == told["same_as"]["start"] == 0
        table = runner.invoke(app, ["duplicates"]).stdout
        assert "poor copy.mkv" in table
        of_one = runner.invoke(app, ["duplicates", str(first)]).stdout
        assert of_one.count("poor copy.mkv") == 1
        missing = runner.invoke(app, ["duplicates", "nothing"])
        assert missing.exit_code != 0
        monkeypatch.setenv("ROLLCALL_HOME", str(tmp_path / "empty"))
        load_settings.cache_clear()
        assert "No two videos" in runner.invoke(app, ["duplicates"]).stdout
    finally:
        load_settings.cache_clear()
