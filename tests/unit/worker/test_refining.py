"""People in frames between two samples, known again by their faces; each frame is looked at once."""

from collections.abc import Callable

import numpy as np
from support.records import direction

from db.borders import BorderFound, BorderRecord, Witnesses
from db.schema import Side
from models.engine import FaceEngine
from models.faces import Box, Embedding, Face, Quality, RgbImage
from worker.refining import refine
from worker.samples import Frame

Shown = Callable[[int], list[Embedding]]


class Pictures(FaceEngine):
    """Finds whom a script says to be in the frame; frames carry their tick as pixels."""

    def __init__(self, shown: Shown) -> None:
        self._shown = shown
        self.sizes: list[tuple[int, ...]] = []

    def analyse(self, image: RgbImage) -> list[Face]:
        self.sizes.append(image.shape)
        tick = int(image[0, 0] @ np.array([1, 256, 65536]))
        found = self._shown(tick)
        return [Face(Box(0, 0, 9, 9), 1.0, np.zeros((5, 2), np.float32), Quality(1, 1, 1), each) for each in found]


def picture(tick: int) -> RgbImage:
    colour = [tick & 255, tick >> 8 & 255, tick >> 16]
    return np.full((200, 400, 3), colour, np.uint8)


def found(
    shown: Shown, *wanted: tuple[BorderRecord, Witnesses]
) -> tuple[list[BorderFound], list[int], list[tuple[int, ...]]]:
    """What is found, the frames that were decoded, and the sizes of those that faces were looked for in."""
    decoded: list[int] = []

    def get_frame(between: tuple[int, int], window: tuple[int, int]) -> Frame:
        assert between[0] < window[0] <= window[1] < between[1]
        pts = sum(window) // 2
        decoded.append(pts)
        return Frame(0, pts, picture(pts))

    engine = Pictures(shown)
    records = [record for record, _ in wanted]
    witnesses = {record.edge: known for record, known in wanted}
    answer = refine(records, witnesses, get_frame, engine, largest_distance=0.48, smallest=60, tolerance=500)
    return answer, decoded, engine.sizes


def border(
    face_id: int, side: Side, person: int, gap: tuple[int, int] = (9000, 12_000), width: int = 100
) -> tuple[BorderRecord, Witnesses]:
    seen, unseen = gap if side == Side.END else gap[::-1]
    known = np.stack([direction(person), direction(person)])
    return BorderRecord(face_id, side, 1, (face_id, face_id + 1), seen, unseen), Witnesses(known, width)


def test_two_people_who_change_at_a_cut_cost_what_one_costs() -> None:
    cut = 10_300

    def shown(tick: int) -> list[Embedding]:
        return [direction(1)] if tick < cut else [direction(2), direction(3)]

    alone, decoded_alone, _ = found(shown, border(1, Side.END, 1))
    both, decoded, _ = found(shown, border(1, Side.END, 1), border(3, Side.START, 2))
    assert decoded == decoded_alone
    assert len(set(decoded)) == len(decoded) == 3
    (end, start) = both
    assert alone == [end]
    assert end.seen < cut <= end.unseen
    assert (start.unseen, start.seen) == (end.seen, end.unseen)


def test_somebody_else_does_not_count() -> None:
    (start,), _, _ = found(lambda tick: [direction(2)] if tick < 11_000 else [direction(1)], border(1, Side.START, 1))
    assert start.unseen < 11_000 <= start.seen


def test_a_face_counts_up_to_the_distance_at_which_faces_are_grouped() -> None:
    def at(distance: float) -> Embedding:
        return np.asarray(direction(1) + distance * direction(2), np.float32)

    (near,), _, _ = found(lambda _: [at(0.47)], border(1, Side.END, 1))
    assert near.unseen == 12_000
    (far,), _, _ = found(lambda _: [at(0.49)], border(1, Side.END, 1))
    assert far.seen == 9000


def test_frames_are_reduced_to_twice_what_the_smallest_face_needs() -> None:
    _, _, sizes = found(lambda _: [], border(1, Side.START, 1, width=240))
    assert set(sizes) == {(100, 200, 3)}
    # The smaller of two faces must be found, too.
    _, _, sizes = found(lambda _: [], border(1, Side.START, 1, width=240), border(3, Side.END, 2, width=90))
    assert set(sizes) == {(200, 400, 3)}


def test_a_call_after_each_frame_may_stop_the_work() -> None:
    class Stopped(Exception):
        pass

    def stop() -> None:
        raise Stopped

    record, known = border(1, Side.START, 1)
    try:
        refine(
            [record], {record.edge: known}, lambda _, window: Frame(0, window[0], picture(window[0])),
            Pictures(lambda _: []), largest_distance=0.5, smallest=60, tolerance=500, on_look=stop,
        )  # fmt: skip
    except Stopped:
        return
    raise AssertionError("it went on")
