"""What is known of past videos is brought up to date with gallery, rule and each other: nothing is decoded for it."""

from collections.abc import Callable
from dataclasses import dataclass

from db import links
from worker.linking import Linked, link_unknown
from worker.process import WorkerProcess
from worker.rematch import Rematched, rematch
from worker.rivals import find_rivals


@dataclass(frozen=True, slots=True)
class Renewed:
    """What has changed."""

    rematched: Rematched
    linked: Linked


def renew(process: WorkerProcess, on_video: Callable[[int, int], None] = lambda _done, _all: None) -> Renewed:
    """Match past videos with the gallery and the rule of now, link who is unknown then, and let these contest names.

    Args:
        process: the ledger, the gallery and the rule.
        on_video: called after each video that was matched, see `rematch`.
    """
    rematched = rematch(process, on_video)
    if rematched.videos:
        with process.database.writing() as session:
            links.forget_unseen(session)
    linked = link_unknown(process.database)
    find_rivals(process)
    rematched += rematch(process, on_video)
    return Renewed(rematched, linked)
