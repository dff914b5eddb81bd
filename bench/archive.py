"""Times bringing an archive up to date: `rollcall rematch`, linking unknown people, finding who contests names.

    python -m bench.archive [--videos 1000] [--groups 30] [--identities 10000] [--unknown 20000] [--night 10]

Made-up people (`bench.identification`): the enrolled, and others whom nobody has named. Videos show people of both
kinds in equal parts, each group ten faces. After one more person was enrolled past videos are asked again, where no
name changes; then the unknown people are linked for the first time, and again after a night of more videos. SQLite, one
process. The numbers stand in docs/performance.md.
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
from db import matching, spaces, unknown_people
from db.migrate import ensure_schema
from db.schema import Appearance, Cluster, FaceGroup, UnknownState, Video
from db.vectors import to_bytes
from models.decision import Verdict
from models.faces import Embeddings
from worker.calibrating import Calibration, Targets, calibrate
from worker.linking import link_unknown
from worker.process import WorkerProcess
from worker.rematch import rematch
from worker.rivals import find_rivals


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--videos", type=int, default=1000)
    parser.add_argument("--groups", type=int, default=30)
    parser.add_argument("--identities", type=int, default=10_000)
    parser.add_argument("--unknown", type=int, default=20_000)
    parser.add_argument("--night", type=int, default=10, help="videos that come then")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        process = WorkerProcess(Settings(home=Path(home)))
        ensure_schema(process.database)
        enrolled = people(given.identities, 1)
        _enrol(process, 1, enrolled)
        began = time.perf_counter()
        made = calibrate(process.database, process.engine.space.name, Targets(0.01, 0.05))
        print(f"{given.identities} people calibrated in {time.perf_counter() - began:.1f} s")
        unknown = people(given.unknown, 2)
        _add_videos(process, made, (enrolled, unknown), range(1, given.videos + 1), given.groups)
        _enrol(process, given.identities + 1, people(1, 5))
        began, cpu = time.perf_counter(), time.process_time()
        found = rematch(process)
        took, spent = time.perf_counter() - began, time.process_time() - cpu
        print(
            f"{given.videos} videos of {given.groups} groups asked again in {took:.1f} s ({spent:.1f} s of processor), "
            f"{1000 * took / given.videos:.1f} ms each; {found.videos} changed"
        )
        _link(process, "at first")
        nights = range(given.videos + 1, given.videos + given.night + 1)
        _add_videos(process, made, (enrolled, unknown), nights, given.groups)
        _link(process, "after a night")
        began = time.perf_counter()
        with process.database.reading() as session:
            unknown_people.summaries(session, (UnknownState.OPEN,), 50)
        print(f"listed in {time.perf_counter() - began:.1f} s")
        process.database.close()


def _link(process: WorkerProcess, when: str) -> None:
    began = time.perf_counter()
    linked = link_unknown(process.database)
    between = time.perf_counter()
    rivals = find_rivals(process)
    ended = time.perf_counter()
    with process.database.reading() as session:
        concerned = len(matching.to_match_again(session, process.uncalibrated.name))
    print(
        f"{when}: {linked.clusters} unknown groups linked in {between - began:.1f} s, {linked.people} new people; "
        f"{rivals} rivals found in {ended - between:.1f} s, which concern {concerned} videos"
    )


def _enrol(process: WorkerProcess, first: int, embeddings: Embeddings) -> None:
    with process.database.writing() as session:
        space_id = spaces.ensure(session, process.engine.space)
        enrol(session, space_id, first, [to_bytes(one) for one in embeddings])
        spaces.bump_gallery_version(session, space_id)


def _add_videos(
    process: WorkerProcess, made: Calibration, seen: Sequence[Embeddings], videos: range, groups: int
) -> None:
    """Ended videos whose groups, of both kinds of people in turn, were decided by the gallery of now."""
    generator = np.random.default_rng(videos.start)
    now = datetime.now(UTC)
    with process.database.writing() as session:
        space = spaces.find(session, process.engine.space.name)
        assert space is not None
        gallery = process.gallery(session, space)
        for number in videos:
            session.execute(
                insert(Video).values(
                    id=number, content_hash=f"{number:064x}", byte_size=1, title=str(number), path=f"/{number}",
                    state="done", space_id=space.id, rule=made.rule.name, gallery_version=gallery.version,
                    matched_version=gallery.version, matched_rule=made.rule.name, submitted_at=now, ended_at=now,
                    time_base_num=1, time_base_den=1000,
                )
            )  # fmt: skip
            drawn = [kind[generator.integers(len(kind))] for _ in range(groups // 2 + 1) for kind in seen][:groups]
            templates = (drawn + generator.normal(0, 0.02, (groups, 128))).astype(np.float32)
            verdicts = gallery.verdicts(templates, process.uncalibrated)
            session.execute(insert(FaceGroup), _groups(number, groups, verdicts))
            first = (number - 1) * groups + 1
            session.execute(
                insert(Appearance),
                [{"group_id": first + at, "start_pts": 0, "end_pts": 9, "face_count": 10} for at in range(groups)],
            )
            session.execute(insert(Cluster), _clusters(number, groups, templates, verdicts))


def _groups(video_id: int, groups: int, verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    return [
        {
            "id": (video_id - 1) * groups + number, "video_id": video_id, "number": number,
            "decision": verdict.decision, "identity_id": verdict.identity_id, "confirmed": False, "face_count": 10,
        }
        for number, verdict in enumerate(verdicts, start=1)
    ]  # fmt: skip


def _clusters(
    video_id: int, groups: int, templates: Embeddings, verdicts: Sequence[Verdict]
) -> list[dict[str, object]]:
    return [
        {
            "video_id": video_id, "number": number, "template": to_bytes(template),
            "decision": verdict.decision, "identity_id": verdict.likely,
            "group_id": (video_id - 1) * groups + number,
        }
        for number, (template, verdict) in enumerate(zip(templates, verdicts, strict=True), start=1)
    ]  # fmt: skip


if __name__ == "__main__":
    main()
