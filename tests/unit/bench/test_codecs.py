"""The cases of many kinds of files: all sides look at the same film, and at as many frames."""

from pathlib import Path

import av
import pytest

from bench import codecs, material
from bench.codecs import ENCODINGS, Encoding
from demo.film import Film
from models.faces import RgbImage

TINY = Encoding("tiny", "libx264", "mp4", 90, 2, {"preset": "ultrafast", "sc_threshold": "0"})


@pytest.fixture
def short(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, film: Film) -> None:
    assert film.path.is_file()
    monkeypatch.setattr(codecs, "SECONDS", 13)
    monkeypatch.setattr(material, "CACHE", tmp_path)


@pytest.mark.usefixtures("short")
def test_every_contender_gives_a_frame_for_each_instant() -> None:
    case = codecs._case(TINY)
    frames: dict[str, list[RgbImage]] = {}
    for name, work in case.contenders.items():
        found = work()
        assert isinstance(found, list)
        frames[name] = found
        assert [picture.shape for picture in found] == [(90, 160, 3)] * 3
    assert list(frames) == ["every frame decoded", "OpenCV, seeking", "Rollcall, tolerance 0", "Rollcall"]
    exact = case.compare(frames["every frame decoded"], frames["Rollcall, tolerance 0"])
    assert exact["largest mean difference"] < 3


@pytest.mark.usefixtures("short")
def test_key_frames_lie_as_far_apart_as_is_said() -> None:
    with av.open(str(codecs.clip(TINY))) as container:
        stream = container.streams.video[0]
        keys = [packet.pts for packet in container.demux(stream) if packet.is_keyframe and packet.pts is not None]
        assert stream.time_base is not None
        assert [key * stream.time_base for key in keys] == [0, 2, 4, 6, 8, 10, 12]


def test_names_are_unique_and_pictures_have_even_sides() -> None:
    assert len({encoding.name for encoding in ENCODINGS}) == len(ENCODINGS)
    assert all(encoding.columns % 2 == encoding.rows % 2 == 0 for encoding in ENCODINGS)
