"""What is measured: the cases by name, the rows that need another dlib, and the same inputs for all."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from bench import cases, material, reference
from bench.cases import CASES
from bench.command import listing, main
from bench.measure import Result, Spread
from bench.openblas import MISSING
from bench.plot import draw
from db.schema import SampleOutcome
from db.segments import FaceRecord
from demo.film import Film
from models.faces import Box, Face, Quality
from worker import video
from worker.samples import Sample
from worker.sampling import sample_frames
from worker.scan import Scan


def test_every_case_is_listed_with_what_it_measures() -> None:
    told = listing().splitlines()
    assert [line.split()[0] for line in told] == [*CASES, "memory", "accuracy"]
    assert all(len(line.split()) > 3 for line in told)


@pytest.mark.parametrize("name", ["embedding", "detection"])
def test_without_the_other_build_its_row_is_left_out_and_the_table_says_how_to_get_it(name: str, film: Film) -> None:
    assert film.path.is_file()
    case = CASES[name](None)
    assert case.name == name
    assert not any("OpenBLAS" in contender for contender in case.contenders)
    assert case.missing == MISSING
    assert case.operations > 0
    assert set(case.others) <= set(case.contenders)


def test_both_sides_look_at_the_same_instants_of_a_part(film: Film) -> None:
    facts = video.probe(film.path)
    for seconds in (12, 13):
        numbers = len(cases.instants(seconds))
        ours = sample_frames(film.path, facts, 0, numbers, reference.INTERVAL_MS)
        assert len(list(ours)) == len(list(reference.every_nth_frame(film.path, seconds))) == numbers


def test_an_unchanged_frame_shows_the_faces_of_the_last_that_was_analysed() -> None:
    face = Face(Box(0, 0, 9, 9), 1.0, np.zeros((5, 2), np.float32), Quality(1, 1, 1), np.zeros(128, np.float32))
    done = Scan([FaceRecord(sample, sample, face, b"") for sample in (1, 1, 6)])
    outcomes = [
        SampleOutcome.ANALYSED, SampleOutcome.ANALYSED, SampleOutcome.CARRIED, SampleOutcome.CARRIED,
        SampleOutcome.FLAT, SampleOutcome.CARRIED, SampleOutcome.ANALYSED, SampleOutcome.ANALYSED,
        SampleOutcome.CARRIED, SampleOutcome.UNDECODABLE,
    ]  # fmt: skip
    for number, outcome in enumerate(outcomes):
        done.account(Sample(number, number, None, held=False), outcome)
    # Two in sample 1 and each of 2, 3 and 5, one in 6, none in 7 and so none in 8.
    assert cases.count_faces(done) == 2 + 2 * 3 + 1


def test_people_are_counted_from_the_films_truth() -> None:
    # See `demo.film.scenes`: a rocket, a man from 4.4 s to 13.6 s, black until 18.6 s.
    assert material.showing_people([Fraction(0), Fraction(6), Fraction(12), Fraction(15)]) == 2


def test_chips_are_faces_and_their_mirror_images() -> None:
    chips = material.chips()
    half = len(chips) // 2
    assert chips.shape == (2 * half, 150, 150, 3)
    assert half >= 6
    assert (chips[0, :, ::-1] == chips[half]).all()


def test_a_named_case_must_exist(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["bench", "everything"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "no case everything" in capsys.readouterr().err


def test_the_plot_is_drawn(tmp_path: Path) -> None:
    one = Spread(1, 1, 1)
    rows = [Result("dlib", one, one, {}), Result("Rollcall", one, Spread(18, 20, 23), {})]
    draw({"embedding": rows, "detection": rows}, tmp_path / "plot.png")
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
