"""The cage: the same samples as without it, and a worker that survives whatever the decoder does."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from support.clips import frames_at, write_clip

from config.errors import DecoderCrashed, DecoderFailed, DecoderHung, DecoderMemory, EmptyFile, FileMissing, NotAVideo
from config.sampling_settings import DecodeSettings
from worker import video
from worker.cage.keeper import Keeper
from worker.looking import Looker
from worker.sampling import sample_frames

LIMITS = DecodeSettings(memory=256, silence=20, longest=30)
STRICT = DecodeSettings(memory=256, silence=1, longest=1)


def hostile(way: str) -> list[str]:
    return [sys.executable, "-m", "support.hostile", way]


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames_at(75))


@pytest.fixture
def tests_on_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))


def test_the_cage_changes_no_facts_and_no_samples(clip: Path) -> None:
    facts = video.probe(clip)
    with Keeper(LIMITS) as keeper:
        assert keeper.probe(clip) == facts
        for tolerance_ms in (0, 150):
            caged = list(keeper.samples(clip, facts, 1, None, 300, tolerance_ms))
            free = list(sample_frames(clip, facts, 1, None, 300, tolerance_ms))
            assert [(s.number, s.pts, s.held, s.key) for s in caged] == [(s.number, s.pts, s.held, s.key) for s in free]
            for one, other in zip(caged, free, strict=True):
                assert one.image is not None
                assert other.image is not None
                np.testing.assert_array_equal(one.image, other.image)


def test_one_process_serves_many_files_and_tells_what_it_spent(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mkv", frames_at(20))
    with Keeper(LIMITS) as keeper:
        first = keeper.probe(clip)
        spent = keeper.spent
        assert spent > 0
        samples = keeper.samples(clip, first, 0, 3, 1000, 0)
        next(samples)
        # Whoever leaves in the middle leaves nothing behind.
        assert keeper.probe(other) == video.probe(other)
        assert len(list(keeper.samples(other, keeper.probe(other), 0, 2, 400, 0))) == 2
        assert keeper.spent > spent


def test_what_is_wrong_with_a_file_comes_through(tmp_path: Path) -> None:
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "empty.mp4").write_bytes(b"")
    with Keeper(LIMITS) as keeper:
        for name, kind in (("text.mp4", NotAVideo), ("empty.mp4", EmptyFile), ("gone \udcff.mp4", FileMissing)):
            with pytest.raises(kind) as caught:
                keeper.probe(tmp_path / name)
            assert name[:4] in caught.value.subject
            assert caught.value.what


@pytest.mark.usefixtures("tests_on_the_path")
@pytest.mark.parametrize(
    ("way", "limits", "kind", "told"),
    [
        ("crash", LIMITS, DecoderCrashed, "SIGSEGV"),
        ("leave", LIMITS, DecoderCrashed, "exit code 3"),
        ("hang", STRICT, DecoderHung, "1.0 s"),
        ("toil", STRICT, DecoderHung, "1.0 s"),
        ("gorge", LIMITS, DecoderMemory, "too much memory"),
        ("write", LIMITS, DecoderCrashed, "exit code 1"),
        ("babble", LIMITS, DecoderCrashed, "nonsense"),
        ("boast", LIMITS, DecoderCrashed, "nonsense"),
        ("stutter", STRICT, DecoderHung, "1.0 s"),
        ("nest", LIMITS, DecoderCrashed, "nonsense"),
    ],
)
def test_whatever_the_decoder_does_is_a_named_error(
    way: str,
    limits: DecodeSettings,
    kind: type[DecoderFailed],
    told: str,
    clip: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOSTILE_FILE", str(tmp_path / "large"))
    facts = video.probe(clip)
    with Keeper(limits, hostile(way)) as keeper:
        with pytest.raises(kind, match=told) as caught:
            list(keeper.samples(clip, facts, 0, 3, 1000, 0))
        assert caught.value.subject == str(clip)
        assert not caught.value.permanent
        with pytest.raises(kind):
            keeper.probe(clip)
    assert not (tmp_path / "large").exists() or not (tmp_path / "large").stat().st_size


@pytest.mark.usefixtures("tests_on_the_path")
@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("overflow", "is no whole number"),
        ("repeat", "sample after sample 2"),
        ("stop", "end after sample -1"),
        ("exaggerate", "facts after sample -1"),
    ],
)
def test_samples_that_cannot_be_are_nonsense(way: str, told: str, clip: Path) -> None:
    facts = video.probe(clip)
    with Keeper(LIMITS, hostile(way)) as keeper, pytest.raises(DecoderCrashed, match=f"nonsense: .*{told}"):
        list(keeper.samples(clip, facts, 0, 3, 1000, 0))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux seals files")
@pytest.mark.usefixtures("tests_on_the_path")
def test_nobody_can_take_the_memory_of_the_picture_away(clip: Path) -> None:
    # Who reads memory of a file that has become smaller is killed: here the tests, elsewhere the worker.
    facts = video.probe(clip)
    with Keeper(LIMITS, hostile("shrink")) as keeper, pytest.raises(DecoderCrashed, match="exit code 1"):
        list(keeper.samples(clip, facts, 0, 3, 1000, 0))


@pytest.mark.usefixtures("tests_on_the_path")
def test_a_picture_larger_than_any_is_nonsense(clip: Path) -> None:
    with Keeper(LIMITS, hostile("exaggerate")) as keeper, pytest.raises(DecoderCrashed, match="nonsense"):
        keeper.probe(clip)


@pytest.mark.usefixtures("tests_on_the_path")
def test_after_a_crash_the_next_file_is_decoded(clip: Path) -> None:
    facts = video.probe(clip)
    with Keeper(LIMITS, hostile("crash")) as keeper:
        for _ in range(2):
            samples = keeper.samples(clip, facts, 0, 3, 1000, 0)
            assert next(samples).number == 0
            with pytest.raises(DecoderCrashed):
                next(samples)


def decoder_of(keeper: Keeper) -> int:
    assert keeper.pid is not None
    return keeper.pid


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGKILL, DecoderCrashed), (signal.SIGSTOP, DecoderHung)])
def test_a_decoder_that_is_killed_or_stopped(number: signal.Signals, kind: type[DecoderFailed], clip: Path) -> None:
    with Keeper(DecodeSettings(memory=256, silence=3, longest=30)) as keeper:
        facts = keeper.probe(clip)
        samples = keeper.samples(clip, facts, 0, 30, 100, 0)
        next(samples)
        os.kill(decoder_of(keeper), number)
        with pytest.raises(kind):
            list(samples)
        assert len(list(keeper.samples(clip, facts, 0, 30, 100, 0))) == 30


@pytest.mark.usefixtures("tests_on_the_path")
def test_who_waits_is_called_and_may_stop_it(clip: Path) -> None:
    class EnoughError(Exception):
        pass

    def stop() -> None:
        raise EnoughError

    facts = video.probe(clip)
    with Keeper(LIMITS, hostile("toil")) as keeper:
        with pytest.raises(EnoughError):
            list(keeper.samples(clip, facts, 0, 3, 1000, 0, stop))
        # The answer to the old question is not taken for that to a new one.
        assert next(keeper.samples(clip, facts, 2, 3, 1000, 0)).number == 2


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


def wait_for(true: Callable[[], bool]) -> bool:
    end = time.monotonic() + 20
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def test_the_decoder_goes_with_its_keeper(clip: Path) -> None:
    keeper = Keeper(LIMITS)
    keeper.probe(clip)
    pid = decoder_of(keeper)
    keeper.close()
    assert is_gone(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a child with its parent")
def test_the_decoder_goes_with_a_worker_that_is_killed(clip: Path) -> None:
    program = (
        "import sys, time; from pathlib import Path; from worker.cage.keeper import Keeper; "
        "from config.sampling_settings import DecodeSettings; "
        "k = Keeper(DecodeSettings()); k.probe(Path(sys.argv[1])); "
        "print(k.pid, flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", program, str(clip)], stdout=subprocess.PIPE, text=True) as worker:
        assert worker.stdout is not None
        pid = int(worker.stdout.readline())
        worker.kill()
    assert wait_for(lambda: is_gone(pid))


def test_no_code_of_the_folder_that_somebody_works_in_is_run(
    clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("worker", "models", "numpy", "socket"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'was_run')!r}, 'w')")
    monkeypatch.chdir(tmp_path)
    with Keeper(LIMITS) as keeper:
        keeper.probe(clip)
    assert not (tmp_path / "was_run").exists()


def test_single_frames_are_those_without_the_cage_between_other_orders(clip: Path, tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mkv", frames_at(40))
    with Keeper(LIMITS) as keeper:
        for path in (clip, clip, other, clip):
            facts = keeper.probe(path) if path == other else video.probe(path)
            second = int(1 / facts.time_base)
            between, window = (0, second), (second // 3, second // 2)
            with Looker(path, facts) as looker:
                free = looker.frame(between, window)
            caged = keeper.look(path, facts, between, window)
            assert caged is not None
            assert free is not None
            assert free.image is not None
            assert caged.pts == free.pts
            np.testing.assert_array_equal(caged.image, free.image)
            assert keeper.look(path, facts, (0, 2), (1, 1)) is None
        first = keeper.pid
        with pytest.raises(FileMissing):
            keeper.look(other.with_name("gone.mkv"), facts, between, window)
        assert keeper.pid == first


@pytest.mark.usefixtures("tests_on_the_path")
def test_a_decoder_that_dies_or_lies_about_a_frame_is_told(clip: Path) -> None:
    facts = video.probe(clip)
    for way in ("crash", "leave", "overflow", "repeat", "exaggerate"):
        with Keeper(STRICT, hostile(way)) as keeper, pytest.raises(DecoderCrashed):
            keeper.look(clip, facts, (0, 1000), (1, 2))
