"""One file among two hundred that kills whoever looks at it."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select
from support import ledger_dump
from support.clips import X264, frames_at, write_clip
from support.installation import Installation, installed
from support.outcome import Outcome, outcome
from support.poison import Poison

from config.service_settings import WorkSettings
from db.schema import Segment, TaskRun, Video

FILES = 200
POISON = "clip 100.mp4"
SETTINGS = {"sampling__interval": 0.5, "work__retry_delay": 0.2, "borders__tolerance": 0}
TRIES = WorkSettings().attempts


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two hundred uploads of a second each, the poison of forty; all different."""
    folder = tmp_path_factory.mktemp("clips")
    for number in range(FILES):
        noise = np.random.default_rng(number)
        name = f"clip {number:03}.mp4"
        # Whoever is to kill those that open the poison needs some time to see them.
        count, size = (200, (180, 320, 3)) if name == POISON else (5, (48, 64, 3))
        pictures = [noise.integers(0, 256, size, np.uint8) for _ in range(count)]
        write_clip(folder / name, frames_at(count, 200), X264, pictures)
    return folder


@pytest.fixture(scope="module")
def calm_clips(clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    """What comes of them where nobody dies."""
    installation = installed(tmp_path_factory.mktemp("calm") / "home", **SETTINGS)
    installation.run("submit", str(clips))
    installation.run("work", "--until-empty")
    found = outcome(installation, str(clips))
    assert found.counts == {"done": FILES}
    return found


@pytest.mark.parametrize(
    ("worker", "cause"), [(False, "decoder-crashed"), (True, "worker-died")], ids=["its decoder", "its worker"]
)
def test_the_others_are_done_and_it_is_in_quarantine(
    tmp_path: Path, clips: Path, calm_clips: Outcome, worker: bool, cause: str
) -> None:
    installation = installed(tmp_path / "home", **SETTINGS)
    installation.run("submit", str(clips))
    with Poison(clips / POISON, worker=worker) as poison:
        installation.run("work", "--until-empty", expect=3)
        assert poison.killed == TRIES
    found = outcome(installation, str(clips))
    assert found.counts == {"done": FILES - 1, "quarantined": 1}
    told, tries = told_of_the_poison(installation)
    assert told == ("quarantined", cause, TRIES, 0)
    assert tries == [("scan", attempt) for attempt in range(1, TRIES + 1)] + [("finish", 1)]
    # Of all others every row and every report is the calm run's.
    only = [line for line in ledger_dump.differences(calm_clips.rows, found.rows) if not of_the_poison(line, clips)]
    assert only == []
    assert {name for name in found.reports if found.reports[name] != calm_clips.reports[name]} <= {
        (POISON, form) for _, form in found.reports
    }
    # Whoever may look at it now finds nothing wrong, and the outcome is the calm run's after all.
    installation.run("retry", "--all")
    installation.run("work", "--until-empty")
    again = outcome(installation, str(clips))
    assert ledger_dump.differences(calm_clips.rows, again.rows) == []
    assert again.reports == calm_clips.reports


def told_of_the_poison(installation: Installation) -> tuple[tuple[str, str | None, int, int], list[tuple[str, int]]]:
    """Its segment's state, cause, tries and excused tries; its tries by kind."""
    database = installation.database()
    with database.reading() as session:
        (segment,) = session.scalars(select(Segment).join(Video).where(Video.title == POISON))
        tries = session.execute(
            select(TaskRun.kind, TaskRun.attempt).where(TaskRun.video_id == segment.video_id).order_by(TaskRun.id)
        )
        told = segment.state, segment.cause, segment.attempts, segment.excused
        found = [(kind, attempt) for kind, attempt in tries]
    database.close()
    return told, found


def of_the_poison(line: str, clips: Path) -> bool:
    """Whether a row is about it: by its name, or by what its rows are told by."""
    digest = sha256((clips / POISON).read_bytes()).hexdigest()
    return POISON in line or digest in line or digest[:60] in line
