"""Measures looking frames up by their hashes in a ledger of many.

    python bench/known_frames.py [--frames 1000000] [--url postgresql://…]

The hashes are those of scenes: each of so many random ones occurs several times, some of its bits turned. Half of the
frames that are looked up are copies of known ones, with two bits turned, and half are new. Prints milliseconds for a
frame, in groups of six as a worker asks for them in 1080p, for several radii, and the bytes that a frame takes.
"""

import argparse
import tempfile
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
from sqlalchemy import insert, text

from db import frames, segments, videos
from db.facts import VideoFacts
from db.migrate import upgrade
from db.schema import FrameRow
from db.session import Database
from models import multi_index
from models.multi_index import Hashes

_AT_ONCE = 6
_ROUNDS = 100
_INSERTED_AT_ONCE = 20_000
_FRAMES_OF_A_SCENE = 20
_MOST_TURNED = 12


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--url", help="an empty database; without, a new SQLite file")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        database = Database(chosen.url or f"sqlite:///{Path(folder) / 'ledger.db'}")
        upgrade(database)
        generator = np.random.default_rng(1)
        known = _hashes(generator, chosen.frames)
        began = time.perf_counter()
        _fill(database, known)
        print(f"{chosen.frames} frames written in {time.perf_counter() - began:.0f} s")
        _measure(database, known, generator)
        database.close()


def _hashes(generator: np.random.Generator, count: int) -> Hashes:
    scenes = generator.integers(0, 2**64, -(-count // _FRAMES_OF_A_SCENE), np.uint64)
    return _turned(generator, np.repeat(scenes, _FRAMES_OF_A_SCENE)[:count], _MOST_TURNED)


def _turned(generator: np.random.Generator, hashes: Hashes, most: int) -> Hashes:
    """The hashes with up to so many bits turned in each."""
    turned = hashes.copy()
    for number in range(most):
        bits = np.uint64(1) << generator.integers(0, 64, len(hashes), np.uint64)
        turned ^= np.where(generator.integers(0, most, len(hashes)) >= number, bits, np.uint64(0))
    return turned


def _fill(database: Database, hashes: Hashes) -> None:
    with database.writing() as session:
        facts = VideoFacts("mov", "h264", 1920, 1080, 0, Fraction(1, 1000), 0, None)
        video = videos.add(session, content_hash="0" * 64, byte_size=1, path="/film", title="film", outcome=facts)
        (segment_id,) = segments.plan(session, video.id, [(0, None)], 3000)
    parts = multi_index.parts(hashes)
    for start in range(0, len(hashes), _INSERTED_AT_ONCE):
        some = slice(start, start + _INSERTED_AT_ONCE)
        rows = [
            {
                "segment_id": segment_id, "sample": start + number, "pts": 3000 * (start + number), "hash": value,
                "part_0": first, "part_1": second, "part_2": third, "part_3": fourth,
            }
            for number, (value, (first, second, third, fourth)) in enumerate(
                zip(hashes[some].view(np.int64).tolist(), parts[some].tolist(), strict=True)
            )
        ]  # fmt: skip
        with database.writing() as session:
            session.execute(insert(FrameRow), rows)
    if not database.is_sqlite:
        with database.writing() as session:
            session.execute(text("ANALYZE frames"))


def _measure(database: Database, known: Hashes, generator: np.random.Generator) -> None:
    for radius in (2, 4, 6, 8):
        times, found = [], 0
        for _ in range(_ROUNDS):
            copies = _turned(generator, generator.choice(known, _AT_ONCE // 2), 2)
            asked = np.concatenate([copies, generator.integers(0, 2**64, _AT_ONCE - len(copies), np.uint64)])
            began = time.perf_counter()
            with database.reading() as session:
                near = frames.near(session, asked, radius, reused=False)
            times.append((time.perf_counter() - began) / _AT_ONCE * 1000)
            found += len(np.unique(near.asked))
        low, middle, high = np.percentile(times, [5, 50, 95])
        print(
            f"radius {radius}, {multi_index.look_ups(radius)} look-ups a frame: {middle:.2f} ms a frame "
            f"({low:.2f} to {high:.2f}); {found} of {_ROUNDS * (_AT_ONCE // 2)} copies found"
        )


if __name__ == "__main__":
    main()
