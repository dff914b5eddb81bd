"""What samples tell of borders, which of them are looked at, and what becomes of what was found."""

from collections.abc import Mapping, Sequence
from fractions import Fraction

import pytest

from db.borders import BorderRecord
from db.casts import AppearanceRecord, Cast, EdgeSample, GroupRecord
from db.schema import SampleOutcome, Side
from db.segments import RunRecord
from models.decision import Candidate, Decision, Verdict
from worker.borders import Account, Instants, settled, wanted

SAMPLE = 3000
TOLERANCE = Fraction(500)
A, C, F, U = SampleOutcome.ANALYSED, SampleOutcome.CARRIED, SampleOutcome.FLAT, SampleOutcome.UNDECODABLE


def run(first: int, end: int, outcome: SampleOutcome = A) -> RunRecord:
    lost = outcome == U
    return RunRecord(first, end, outcome, None if lost else first * SAMPLE, None if lost else (end - 1) * SAMPLE)


def account(
    runs: Mapping[int, Sequence[RunRecord]], times: Mapping[int, int] | None = None, end: int | None = 32_000
) -> Account:
    return Account(runs, times or {}, Instants(Fraction(SAMPLE), Fraction(1000), end))


def seen(first: int, last: int, face_ids: tuple[int, ...] = (7, 8, 9)) -> AppearanceRecord:
    return AppearanceRecord(
        first * SAMPLE,
        last * SAMPLE,
        len(face_ids),
        face_ids[0],
        EdgeSample(first, face_ids),
        EdgeSample(last, face_ids[::-1]),
    )


def verdict(identity: int | None) -> Verdict:
    return Verdict(Decision.UNKNOWN) if identity is None else Verdict(Decision.NAMED, Candidate(identity, 0.3, 0.3))


def cast(*appearances: AppearanceRecord, identity: int | None = None) -> Cast:
    return Cast([GroupRecord((7, 8, 9), 7, verdict(identity), appearances)], [], [])


def bounds(seen_: AppearanceRecord, within: Account) -> tuple[int | None, int, int, int | None]:
    ((found,),) = [group.appearances for group in settled(cast(seen_), within, {}).groups]
    return found.unseen_before_pts, found.start_pts, found.end_pts, found.unseen_after_pts


def asked(seen_: AppearanceRecord, within: Account, identity: int | None = None, **more: object) -> list[BorderRecord]:
    options: dict[str, object] = {"whose": "everybody", "tolerance": TOLERANCE, "found": set(), **more}
    sampled = settled(cast(seen_, identity=identity), within, {})
    return wanted(sampled, within, options["found"], options["whose"], options["tolerance"])  # type: ignore[arg-type]  # as given


def test_between_samples_of_known_times_borders_are_looked_at() -> None:
    within = account({1: [run(0, 10)]}, {2: 6100, 7: 20_900})
    assert bounds(seen(3, 6), within) == (6100, 9000, 18_000, 20_900)
    assert asked(seen(3, 6), within) == [
        BorderRecord(7, Side.START, 1, (7, 8, 9), 9000, 6100),
        BorderRecord(9, Side.END, 1, (9, 8, 7), 18_000, 20_900),
    ]


def test_a_frame_whose_time_nobody_kept_lies_where_sampling_puts_it() -> None:
    # Sample 2's frame is from 5 s on, sample 7's before 26 s.
    assert bounds(seen(3, 6), account({1: [run(0, 10)]})) == (5000, 9000, 18_000, 26_000)


def test_flat_and_carried_frames_are_known_not_to_show_anybody_new() -> None:
    within = account({1: [run(0, 1), run(1, 3, C), run(3, 7), run(7, 10, F)]})
    assert bounds(seen(3, 6), within) == (6000, 9000, 18_000, 21_000)
    assert len(asked(seen(3, 6), within)) == 2


def test_nothing_comes_before_the_first_sample_and_the_videos_end_is_the_last_border() -> None:
    within = account({1: [run(0, 10)]})
    assert bounds(seen(0, 9), within) == (0, 0, 27_000, 32_000)
    assert asked(seen(0, 9), within) == [BorderRecord(9, Side.END, 1, (9, 8, 7), 27_000, 32_000)]
    # Its end may not be known, or may lie before its last frame.
    assert bounds(seen(0, 9), account({1: [run(0, 10)]}, end=None))[3] is None
    assert asked(seen(0, 9), account({1: [run(0, 10)]}, end=None)) == []
    assert bounds(seen(0, 9), account({1: [run(0, 10)]}, end=20_000))[3] == 27_000
    assert asked(seen(0, 9), account({1: [run(0, 10)]}, end=20_000)) == []


def test_what_nobody_could_look_at_stays_uncertain_and_is_not_asked_for() -> None:
    within = account({1: [run(0, 1), run(1, 3, U), run(3, 7), run(7, 9, U), run(9, 10)]})
    assert bounds(seen(3, 6), within) == (0, 9000, 18_000, 27_000)
    assert asked(seen(3, 6), within) == []
    all_lost = account({1: [run(0, 3, U), run(3, 7), run(7, 10, U)]})
    assert bounds(seen(3, 6), all_lost) == (0, 9000, 18_000, 32_000)


def test_a_border_between_two_segments_is_the_later_ones() -> None:
    within = account({2: [run(4, 10)], 1: [run(0, 4)]})
    assert asked(seen(4, 9), within)[0].segment_id == 2
    assert [record.segment_id for record in asked(seen(0, 3), within)] == [2]


def test_what_is_known_well_enough_or_was_looked_at_is_not_asked_for() -> None:
    within = account({1: [run(0, 10)]}, {2: 8500, 7: 20_900})
    assert [record.side for record in asked(seen(3, 6), within)] == [Side.END]
    assert asked(seen(3, 6), within, found={(9, Side.END)}) == []


@pytest.mark.parametrize(("identity", "count"), [(None, 0), (42, 2)])
def test_borders_of_unknown_people_need_not_be_looked_at(identity: int | None, count: int) -> None:
    assert len(asked(seen(3, 6), account({1: [run(0, 10)]}), identity, whose="named")) == count


def test_what_was_found_is_the_border_wherever_the_same_faces_are_its_edges() -> None:
    within = account({1: [run(0, 10)]})
    found = {
        (7, Side.START): BorderRecord(7, Side.START, 1, (7,), 7200, 6800),
        (9, Side.END): BorderRecord(9, Side.END, 1, (9,), 20_000, 20_400),
        (8, Side.END): BorderRecord(8, Side.END, 1, (8,), 15_100, 15_500),
    }
    (group,) = settled(cast(seen(3, 6)), within, found).groups
    (whole,) = group.appearances
    assert (whole.unseen_before_pts, whole.start_pts) == (6800, 7200)
    assert (whole.end_pts, whole.unseen_after_pts) == (20_000, 20_400)
    # Other names may end the appearance at another face.
    (group,) = settled(cast(seen(3, 5, (7, 8))), within, found).groups
    assert [(part.start_pts, part.end_pts) for part in group.appearances] == [(7200, 15_100)]


def test_nobody_looks_for_the_borders_of_who_is_not_recognisable() -> None:
    within = account({1: [run(0, 10)]})
    stretch = seen(3, 5)
    poor = Cast([GroupRecord((7, 8, 9), 7, Verdict(Decision.UNRECOGNISABLE), (stretch,))], [], [])
    assert asked(stretch, within)
    assert wanted(settled(poor, within, {}), within, set(), "everybody", TOLERANCE) == []
