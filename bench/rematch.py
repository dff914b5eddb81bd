"""Times asking past videos again after one more person was enrolled: `rollcall rematch` where no name changes.

    python -m bench.rematch [--videos 1000] [--groups 30] [--identities 10000]

Made-up people (`bench.identification`), a third of whom videos show; SQLite, one process. The numbers stand in
docs/performance.md.
"""

import argparse
import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from sqlalchemy import insert

from bench.identification import people
from bench.memory import enrol
from config.settings import Settings
from db import spaces
from db.migrate import ensure_schema
from db.schema import Cluster, Video
from db.vectors import to_bytes
from models.decision import Verdict
from models.faces import Embeddings
from worker.calibrating import Calibration, Targets, calibrate
from worker.process import WorkerProcess
from worker.rematch import rematch


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--identities", type=int, default=10_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        process = WorkerProcess(Settings(home=Path(home)))
        ensure_schema(process.database)
        enrolled = people(given.identities, 1)
        _enrol(process, 1, enrolled)
        began = time.perf_counter()
        made = calibrate(process.database, process.engine.space.name, Targets(0.01, 0.05))
        print(f"{given.identities} people calibrated in {time.perf_counter() - began:.1f} s")
        seen = np.concatenate([enrolled, people(2 * given.identities, 2)])
        _add_videos(process, made, seen, given.videos, given.groups)
        _enrol(process, given.identities + 1, people(1, 5))
        began, cpu = time.perf_counter(), time.process_time()
        found = rematch(process)
        took, spent = time.perf_counter() - began, time.process_time() - cpu
        print(
            f"{given.videos} videos of {given.groups} groups asked again in {took:.1f} s ({spent:.1f} s of processor), "
            f"{1000 * took / given.videos:.1f} ms each; {found.videos} changed"
        )
        process.database.close()


def _enrol(process: WorkerProcess, first: int, embeddings: Embeddings) -> None:
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        enrol(session, space_id, first, [to_bytes(one) for one in embeddings])
        spaces.bump_gallery_version(session, space_id)


def _add_videos(process: WorkerProcess, made: Calibration, seen: Embeddings, videos: int, groups: int) -> None:
    """Ended videos whose groups were decided by the gallery of now."""
    generator = np.random.default_rng(3)
    now = datetime.now(UTC)
    with process.database.writing() as session:
        space = spaces.find(session, process.engine.space.name)
        assert space is not None
        gallery = process.gallery(session, space)
        for number in range(1, videos + 1):
            session.execute(
                insert(Video).values(
                    id=number, content_hash=f"{number:064x}", byte_size=1, title=str(number), path=f"/{number}",
                    state="done", space_id=space.id, rule=made.rule.name, gallery_version=gallery.version,
                    matched_version=gallery.version, matched_rule=made.rule.name, submitted_at=now, ended_at=now,
                )
            )  # fmt: skip
            noise = generator.normal(0, 0.02, (groups, seen.shape[1]))
            templates = (seen[generator.integers(len(seen), size=groups)] + noise).astype(np.float32)
            verdicts = gallery.verdicts(templates, process.uncalibrated)
            session.execute(insert(Cluster), _clusters(number, templates, verdicts))


def _clusters(video_id: int, templates: Embeddings, verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    return [
        {
            "video_id": video_id, "number": number, "template": to_bytes(template),
            "decision": verdict.decision, "identity_id": verdict.likely,
        }
        for number, (template, verdict) in enumerate(zip(templates, verdicts, strict=True), start=1)
    ]  # fmt: skip


if __name__ == "__main__":
    main()
