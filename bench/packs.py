"""Measures what it costs to keep crops in the ledger, in a folder, and in a bucket.

    python -m bench.packs [--faces 2000] [--groups 500] [--rounds 3] [--database postgresql://…]

A segment of so many faces, with a crop of about 5 kB each, is recorded; then the report of a video of ten such segments
is made as a page, its groups' best faces spread over all of them. The bucket is moto's, on this machine: what a network
adds is not in it. The best of some rounds is printed, and what a video's rows take of the ledger.
"""

import argparse
import logging
import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
from moto.server import ThreadedMotoServer
from sqlalchemy import insert, select, text

from config.service_settings import DatabaseSettings
from config.settings import Settings
from config.storage_settings import StorageSettings
from crops.reading import read
from crops.writing import packed
from db import leases, reports, segments, spaces, videos
from db.facts import VideoFacts
from db.leases import Allowance
from db.migrate import upgrade
from db.schema import FaceGroup, FaceRow, SampleOutcome
from db.segments import FaceRecord, RunRecord
from db.session import Database, open_database
from db.states import VideoState
from models.crops import crop
from models.faces import Box, EmbeddingSpace, Face, Quality
from report import as_html
from report.build import build
from storage.s3_client import client_for

_SEGMENTS = 10
_FACTS = VideoFacts("matroska", "h264", 1920, 1080, 0, Fraction(1, 1000), 0, 3_600_000)
_SPACE = EmbeddingSpace("bench/space", 128, "0" * 64)
_LONGEST = 360.0


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.packs", description=__doc__)
    parser.add_argument("--faces", type=int, default=2000)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--database", default="", help="address of an empty PostgreSQL database; else SQLite")
    options = parser.parse_args()
    faces = _faces(options.faces)
    sizes = np.array([len(each.crop) for each in faces])
    print(f"{len(faces)} faces, crops of {sizes.mean():.0f} bytes; load {os.getloadavg()[0]:.1f}")
    with _server() as endpoint, tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "faces").mkdir()
        places = {"ledger": "", "folder": f"{folder}/faces", "bucket": "s3://faces/bench"}
        for number, (name, place) in enumerate(places.items()):
            storage = StorageSettings(endpoint=endpoint, crops=place)
            home = Path(folder) / name
            home.mkdir()
            settings = Settings(home=home, storage=storage, database=DatabaseSettings(url=options.database))
            database = open_database(settings)
            upgrade(database)
            before = _size(database)
            seconds, video_id = _record(database, storage, faces, options.rounds, number)
            bytes_each = (_size(database) - before) / (len(faces) * options.rounds * _SEGMENTS)
            page = _report(database, storage, video_id, options.groups, options.rounds)
            told = f"segment {1000 * seconds:.0f} ms, report {1000 * page:.0f} ms, {bytes_each:.0f} bytes a face"
            print(f"{name}: {told}; load {os.getloadavg()[0]:.1f}")
            database.close()


@contextmanager
def _server() -> Iterator[str]:
    os.environ |= {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    endpoint = f"http://{host}:{port}"
    client_for(StorageSettings(endpoint=endpoint)).create_bucket(Bucket="faces")  # type: ignore[attr-defined]  # boto3's
    yield endpoint
    server.stop()


def _faces(count: int) -> list[FaceRecord]:
    generator = np.random.default_rng(0)
    noise = generator.integers(0, 255, (60, 107, 3), np.uint8)
    picture = np.asarray(cv2.resize(noise, (1920, 1080), interpolation=cv2.INTER_CUBIC), np.uint8)
    found = []
    for sample in range(count):
        left, top = int(generator.integers(100, 1600)), int(generator.integers(100, 760))
        box = Box(left, top, left + 150, top + 150)
        embedding = generator.random(128, dtype=np.float32)
        one = Face(box, 1.0, np.zeros((5, 2), np.float32), Quality(0.9, 0.9, 0.9, 0.9, 0.9), embedding)
        found.append(FaceRecord(sample, 1000 * sample, one, crop(picture, box)))
    return found


def _record(
    database: Database, storage: StorageSettings, faces: list[FaceRecord], rounds: int, number: int
) -> tuple[float, int]:
    """The shortest time for a segment, and the last video."""
    best, now = float("inf"), leases.utc_now()
    for place in range(rounds):
        with database.writing() as session:
            ranges = [(len(faces) * one, len(faces) * (one + 1)) for one in range(_SEGMENTS)]
            video_id = videos.add(
                session, content_hash=f"{number}-{place}", byte_size=1, path="/a", title="a.mkv", outcome=_FACTS
            ).id
            ids = segments.plan(session, video_id, ranges, 1000)
            held = [
                segments.claim(session, one, owner="b/1", lease=60, allowed=Allowance(3, 2), now=now) for one in ids
            ]
            space_id = spaces.ensure(session, _SPACE)
        for one in held:
            assert one is not None
            runs = [RunRecord(one[1].first_sample, one[1].end_sample or 0, SampleOutcome.ANALYSED, 0, 1000)]
            began = time.perf_counter()
            packing = packed([each.crop for each in faces], database, storage, _LONGEST)
            with packing as pack, database.writing() as session:
                segments.record(session, one[0], space_id=space_id, detector="bench", faces=faces, runs=runs, pack=pack)
            best = min(best, time.perf_counter() - began)
    return best, video_id


def _report(database: Database, storage: StorageSettings, video_id: int, groups: int, rounds: int) -> float:
    """The shortest time for a page."""
    with database.writing() as session:
        ids = session.scalars(select(FaceRow.id).where(FaceRow.video_id == video_id).order_by(FaceRow.id)).all()
        rows = [
            {"video_id": video_id, "number": number, "decision": "unknown", "face_count": 1, "best_face_id": face_id}
            for number, face_id in enumerate(ids[:: len(ids) // groups][:groups], start=1)
        ]
        session.execute(insert(FaceGroup), rows)
        video = videos.get(session, video_id)
        video.state, video.ended_at = VideoState.DONE, leases.utc_now() - timedelta(days=1)
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        with database.reading() as session:
            kept = reports.pictures(session, video_id)
        pictures = read(kept, storage)
        assert len(pictures.jpegs) == groups
        with database.reading() as session:
            as_html.render(build(session, videos.get(session, video_id), pictures))
        best = min(best, time.perf_counter() - began)
    return best


def _size(database: Database) -> int:
    with database.writing() as session:
        if database.is_sqlite:
            pages = session.scalar(text("SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"))
        else:
            pages = session.scalar(text("SELECT pg_database_size(current_database())"))
    return int(pages or 0)


if __name__ == "__main__":
    main()
