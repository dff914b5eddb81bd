"""The film shows what its script says: looked at with the decoder and a face detector."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import av
import dlib
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from demo import film as subject
from demo.film import RATE, SIZE, Film, Scene, truth
from demo.material import Material
from demo.shots import Black, Move, RgbImage, Window, recorded

DEFAULT_INTERVAL = 3


class Frames:
    """What the tests need of the decoded film."""

    def __init__(self, film: Film) -> None:
        wanted = {number for first, end in spans(film) for number in (first, (first + end) // 2, end - 1)}
        wanted |= set(range(0, int(film.seconds * RATE), DEFAULT_INTERVAL * RATE))
        self.pictures: dict[int, RgbImage] = {}
        self.times: list[Fraction] = []
        self.key_frames: list[int] = []
        with av.open(str(film.path)) as container:
            self.codec = container.streams.video[0].codec_context.name
            self.pixel_format = container.streams.video[0].codec_context.pix_fmt
            for number, frame in enumerate(container.decode(video=0)):
                assert frame.pts is not None
                assert frame.time_base is not None
                self.times.append(frame.pts * frame.time_base)
                if frame.key_frame:
                    self.key_frames.append(number)
                if number in wanted:
                    self.pictures[number] = frame.to_ndarray(format="rgb24").astype(np.uint8, copy=False)


def spans(film: Film) -> list[tuple[int, int]]:
    """First frame and the one after the last of every scene."""
    borders = [0]
    for scene in film.scenes:
        borders.append(borders[-1] + scene.frame_count)
    return list(pairwise(borders))


@cache
def detector() -> Callable[[RgbImage, int], Sequence[object]]:
    made: Callable[[RgbImage, int], Sequence[object]] = dlib.get_frontal_face_detector()
    return made


def faces(picture: RgbImage) -> int:
    return len(detector()(picture, 0))


@pytest.fixture(scope="module")
def frames(film: Film) -> Frames:
    return Frames(film)


def test_it_is_h264_of_the_declared_shape_with_exact_times(film: Film, frames: Frames) -> None:
    assert (frames.codec, frames.pixel_format) == ("h264", "yuv420p")
    assert frames.times == [Fraction(number, RATE) for number in range(int(film.seconds * RATE))]
    height, width = frames.pictures[0].shape[:2]
    assert (width, height) == SIZE


def test_a_key_frame_comes_every_two_seconds_at_least(frames: Frames) -> None:
    borders = [*frames.key_frames, len(frames.times)]
    assert max(later - earlier for earlier, later in pairwise(borders)) <= 2 * RATE


def test_as_many_faces_as_people_in_the_middle_of_each_scene(film: Film, frames: Frames) -> None:
    seen = [faces(frames.pictures[(first + end) // 2]) for first, end in spans(film)]
    assert seen == [len(scene.people) for scene in film.scenes]


def test_as_many_faces_as_people_at_every_default_sample(film: Film, frames: Frames) -> None:
    for second in range(0, int(film.seconds), DEFAULT_INTERVAL):
        present = sum(each.start <= second < each.end for each in film.truth)
        assert faces(frames.pictures[second * RATE]) == present, f"at {second} s"


def test_black_is_black_and_nothing_else_is(film: Film, frames: Frames) -> None:
    for scene, (first, end) in zip(film.scenes, spans(film), strict=True):
        deviations = [float(frames.pictures[n].std()) for n in (first, (first + end) // 2, end - 1)]
        if isinstance(scene.shot, Black):
            assert max(deviations) < 1
        else:
            assert min(deviations) > 20


def test_the_camera_stands_still_for_three_samples_and_moves_elsewhere(film: Film, frames: Frames) -> None:
    still = 0
    for scene, (first, end) in zip(film.scenes, spans(film), strict=True):
        samples = [frames.pictures[n] for n in range(first, end) if n % (DEFAULT_INTERVAL * RATE) == 0]
        changes = [float(np.abs(one.astype(int) - other).mean()) for one, other in pairwise(samples)]
        if isinstance(scene.shot, Move) and scene.shot.still:
            still = sum(change < 1.5 for change in changes)
        elif not isinstance(scene.shot, Black):
            assert all(change > 5 for change in changes)
    assert still >= 3


def test_cuts_keep_away_from_the_default_samples(film: Film) -> None:
    for _, end in spans(film):
        past = Fraction(end, RATE) % DEFAULT_INTERVAL
        assert min(past, DEFAULT_INTERVAL - past) >= Fraction(1, 2)


def test_the_script_has_what_a_demo_must_show(film: Film) -> None:
    assert 60 <= film.seconds <= 75
    people = [each.person for each in film.truth]
    assert {each.name for each in film.truth} == {*subject.ENROLLED, None}
    assert all(people.count(person) == 2 for person in subject.ENROLLED), "they leave and come back"
    assert any(len(scene.people) == 2 for scene in film.scenes)
    assert any(not scene.people and not isinstance(scene.shot, Black) for scene in film.scenes)


def test_nobody_is_enrolled_from_a_picture_that_the_film_shows(film: Film, material: Material) -> None:
    assert set(film.photographs) == set(subject.ENROLLED)
    enrolled = {path for paths in film.photographs.values() for path in paths}
    assert enrolled & {material.obama, material.obama2} == {material.obama, material.obama2}
    assert not enrolled & {material.obama3, material.biden, material.astronaut, material.carphone}
    assert max(subject._DRIVER_ENROLLED_FROM) < 30, "a frame of the recording's first second"
    assert min(subject._DRIVER_SHOWN) >= 60, "its third second"
    for path in film.photographs[subject.DRIVER]:
        with Image.open(path) as picture:
            assert faces(np.asarray(picture)) == 1


def test_a_recording_gives_the_frames_asked_for(material: Material) -> None:
    everything = recorded(material.carphone, 0, 999)
    assert len(everything) == 120
    (one,) = recorded(material.carphone, 63, 63)
    assert np.array_equal(one, everything[63])


def test_a_cached_film_is_not_drawn_again(film: Film, material: Material) -> None:
    before = film.path.stat().st_mtime_ns
    drawn: list[int] = []
    again = subject.compose(material, film.path.parents[1], lambda done, _: drawn.append(done))
    assert (again.path, again.path.stat().st_mtime_ns, drawn) == (film.path, before, [])


def short(material: Material) -> list[Scene]:
    pan = Move(material.coffee, Window(240, 180, 320), Window(340, 210, 240), still=0.5)
    return [Scene(Fraction(1), pan), Scene(Fraction(1, 5), Black())]


def test_drawing_it_twice_gives_the_same_bytes(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subject, "scenes", short)
    told: list[tuple[int, int]] = []
    first = subject.compose(material, tmp_path / "a", lambda done, total: told.append((done, total)))
    second = subject.compose(material, tmp_path / "b")
    assert told == [(number, 30) for number in range(1, 31)]
    assert first.path.read_bytes() == second.path.read_bytes()
    assert [path.name for path in (tmp_path / "a").iterdir()] == [first.path.parent.name]


def test_the_slower_of_two_processes_keeps_the_film_of_the_faster(tmp_path: Path) -> None:
    made, there = tmp_path / "made", tmp_path / "there"
    for folder, content in ((made, "slower"), (there, "faster")):
        folder.mkdir()
        (folder / "film.mp4").write_text(content)
    subject._publish(made, there)
    assert (there / "film.mp4").read_text() == "faster"


def test_a_broken_composition_leaves_nothing(
    material: Material, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(subject, "scenes", short)
    with pytest.raises(KeyboardInterrupt):
        subject.compose(material, tmp_path, interrupted)
    assert list(tmp_path.iterdir()) == []


scripts = st.lists(
    st.tuples(st.integers(1, 200), st.sets(st.sampled_from([*subject.ENROLLED, subject.BIDEN]), max_size=3)),
    max_size=8,
)


@given(scripts)
def test_the_truth_says_who_is_in_which_frame(script: Sequence[tuple[int, set[str]]]) -> None:
    scenes = [Scene(Fraction(count, RATE), Black(), tuple(sorted(people))) for count, people in script]
    told = truth(scenes)
    assert told == sorted(told, key=lambda each: (each.start, each.person))
    now = Fraction(0)
    for scene in scenes:
        for moment in (now, now + scene.seconds - Fraction(1, RATE)):
            present = [each.person for each in told if each.start <= moment < each.end]
            assert sorted(present) == list(scene.people)
        now += scene.seconds
    for one in told:
        assert (one.name is None) == (one.person == subject.BIDEN)
        assert not [other for other in told if other.person == one.person and other.start == one.end]
