"""Several machines with one ledger, one broker and one object store; one of them is cut off in the middle of its work.

Hosts are network namespaces on wires of their own. Servers listen at the switch, as machines of their own would.
"""

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from sqlalchemy import func, select
from support import ledgers, object_store, open_work, processes, redis_server, small_day
from support.clips import X264, frames_at, write_clip
from support.hosts import Hosts, HostsUnavailable
from support.installation import ROLLCALL, Installation, installed
from support.object_store import TestBucket
from support.outcome import Outcome, assert_same, outcome
from support.postgres_server import PostgresServer
from support.redis_server import RedisServer
from support.small_day import SmallDay
from support.supervisor import BEAT, WORKER, Supervisor

from db.schema import Segment, TaskRun
from db.session import Database
from db.states import SegmentState

WORKERS = ("north", "south")
DESK = "desk"
LEASE = 6


@dataclass(frozen=True)
class Site:
    """Hosts, each with a home folder of its own, and how this machine sees their ledger."""

    hosts: Hosts
    homes: dict[str, Installation]
    bucket: TestBucket
    ledger: Database

    @property
    def place(self) -> str:
        """Where uploads lie."""
        return f"s3://{self.bucket.name}"

    def run(self, name: str, *words: str, expect: int = 0) -> None:
        """Run `rollcall WORDS…` on a host."""
        process = self.homes[name].start(*self.hosts.on(name, ROLLCALL, *words))
        assert process.wait(timeout=120) == expect, self.homes[name].log()

    def log(self) -> str:
        """The ends of all logs."""
        return "\n".join(f"{name}:\n{home.log()}" for name, home in self.homes.items())

    def held_on(self, name: str) -> list[tuple[int, int]]:
        """Segments that a host works on, with their attempts."""
        with self.ledger.reading() as session:
            rows = session.execute(
                select(Segment.id, Segment.attempts).where(
                    Segment.state == SegmentState.RUNNING, Segment.lease_owner.startswith(f"{name}:")
                )
            )
            return [(row[0], row[1]) for row in rows]

    def attempts(self, segment_id: int) -> int:
        """How often a segment was claimed."""
        with self.ledger.reading() as session:
            return session.scalars(select(Segment.attempts).where(Segment.id == segment_id)).one()


@pytest.fixture
def site(
    tmp_path: Path, day: SmallDay, postgres_server_of_ours: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Site]:
    """Two hosts for workers, one for beat and the command line; the day's uploads lie in a bucket."""
    program = redis_server.find()
    if program is None:
        pytest.skip("no Redis: install redis-server")
    with ExitStack() as stack:
        try:
            hosts = stack.enter_context(Hosts(*WORKERS, DESK))
        except HostsUnavailable as error:
            pytest.skip(f"no network namespaces: {error}")
        redis = stack.enter_context(RedisServer(program, tmp_path / "redis", hosts.address))
        server = postgres_server_of_ours.listen_at(hosts.address)
        stack.callback(postgres_server_of_ours.start)
        stack.callback(postgres_server_of_ours.stop_fast)
        url = stack.enter_context(ledgers.postgres(server))
        endpoint = stack.enter_context(object_store.serving(hosts.address))
        for name, value in object_store.environment().items():
            monkeypatch.setenv(name, value)
        bucket, pictures = (TestBucket(f"{name}-{time.monotonic_ns()}", endpoint) for name in ("uploads", "pictures"))
        for made in (bucket, pictures):
            made.client.create_bucket(Bucket=made.name)
        for path in sorted(day.folder.iterdir()):
            bucket.put(path.name, path.read_bytes())
        shared = {
            **small_day.SETTINGS, "work__lease": LEASE, "database__url": url, "broker__url": redis.url,
            "storage__endpoint": endpoint, "storage__crops": f"s3://{pictures.name}",
        }  # fmt: skip
        homes = {name: installed(tmp_path / name, **shared) for name in (*WORKERS, DESK)}
        ledger = Database(url)
        stack.callback(ledger.close)
        yield Site(hosts, homes, bucket, ledger)


def begin(site: Site, day: SmallDay) -> None:
    """Enrol and submit, from the desk."""
    site.run(DESK, "migrate")
    for words in day.enrolments():
        site.run(DESK, *words)
    site.run(DESK, "submit", site.place, expect=3)


@pytest.mark.parametrize("seconds", [0, 50], ids=["until others have its work", "until its connections are given up"])
def test_a_host_that_is_cut_off_in_the_middle_of_its_work_and_comes_back(
    site: Site, day: SmallDay, calm: Outcome, tmp_path: Path, seconds: float
) -> None:
    begin(site, day)
    cut, other = WORKERS
    with ExitStack() as stack:
        keepers = {name: stack.enter_context(Supervisor(home)) for name, home in site.homes.items()}
        for name in WORKERS:
            keepers[name].start("worker", *site.hosts.on(name, *WORKER, "--concurrency", "1"))
        keepers[DESK].start("beat", *site.hosts.on(DESK, *BEAT))
        processes.until(lambda: open_work.scanned(site.ledger) >= 3, "three segments are scanned", site.log)
        processes.until(lambda: site.held_on(cut), "the host works", site.log)
        site.hosts.cut(cut)
        # What was on the wire has arrived by now, or never will.
        time.sleep(0.5)
        held = site.held_on(cut)
        began = time.monotonic()
        for segment_id, attempt in held:
            processes.until(
                lambda segment_id=segment_id, attempt=attempt: site.attempts(segment_id) > attempt,  # type: ignore[misc]  # called at once
                "somebody else has its segment", site.log,
            )  # fmt: skip
        processes.until(lambda: time.monotonic() - began >= seconds, "it was away for so long", site.log)
        site.hosts.mend(cut)
        processes.until(lambda: not open_work.left(site.ledger), "the queue is empty", site.log, seconds=300)
        assert owners(site) == set(WORKERS), "both have worked"
        assert_same(outcome(seen_from_here(site), site.place), calm, site.log())
        # It takes work again, without having been started anew.
        keepers[other].stop("worker")
        before = last_try(site)
        clip = write_clip(tmp_path / "more.mp4", frames_at(40), X264)
        site.bucket.put(clip.name, clip.read_bytes())
        site.run(DESK, "submit", f"{site.place}/{clip.name}")
        processes.until(lambda: not open_work.left(site.ledger), "the new upload is done", site.log, seconds=300)
        assert owners(site, before) == {cut}
        assert keepers[cut].restarts() == 0
        assert keepers[cut].ended() == keepers[DESK].ended() == [], site.log()


def owners(site: Site, after: int = 0) -> set[str]:
    """Hosts that have tried something, since a try."""
    with site.ledger.reading() as session:
        return {owner.partition(":")[0] for owner in session.scalars(select(TaskRun.owner).where(TaskRun.id > after))}


def last_try(site: Site) -> int:
    """The newest try."""
    with site.ledger.reading() as session:
        return session.scalars(select(func.max(TaskRun.id))).one() or 0


def seen_from_here(site: Site) -> Installation:
    """The desk's, for commands that are run on this machine."""
    desk = site.homes[DESK]
    return replace(desk, environment={**desk.environment, **object_store.CREDENTIALS})
