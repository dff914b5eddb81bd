"""WebVTT: read back by a small strict reader of the grammar."""

import html
import re
from dataclasses import dataclass, replace
from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from report import as_vtt
from report.model import Appearance, Person, VideoReport

TIMESTAMP = r"(\d{2,}):([0-5]\d):([0-5]\d)\.(\d{3})"


@dataclass(frozen=True)
class Cue:
    start: int
    end: int
    names: tuple[str, ...]


def parse(text: str) -> list[Cue]:
    """The cues of a file; the grammar of WebVTT as far as the report uses it, and no further."""
    assert "\r" not in text
    assert text.endswith("\n")
    head, *blocks = text.removesuffix("\n").split("\n\n")
    assert head == "WEBVTT"
    cues = []
    for block in blocks:
        lines = block.split("\n")
        assert all(lines), "an empty line ends a block"
        if lines[0].startswith("NOTE"):
            assert "-->" not in block
            continue
        match = re.fullmatch(f"{TIMESTAMP} --> {TIMESTAMP}", lines[0])
        assert match, lines[0]
        numbers = [int(part) for part in match.groups()]
        start, end = (((h * 60 + m) * 60 + s) * 1000 + ms for h, m, s, ms in (numbers[:4], numbers[4:]))
        payload = lines[1:]
        assert payload
        for line in payload:
            assert "-->" not in line
            assert "<" not in line
            assert ">" not in line
            assert re.fullmatch(r"(?:[^&]|&(?:amp|lt|gt);)*", line)
        cues.append(Cue(start, end, tuple(html.unescape(line) for line in payload)))
    return cues


def test_cues_say_who_is_on_camera(broadcast: VideoReport) -> None:
    assert parse(as_vtt.render(broadcast)) == [
        Cue(3003, 6006, ("Barack Obama",)),
        Cue(6006, 9009, ("Barack Obama", "Unknown 1, perhaps Joe Biden")),
        Cue(9009, 15012, ("Barack Obama", "Joe Biden")),
        Cue(15012, 24024, ("Joe Biden",)),
        Cue(24024, 27494, ("Barack Obama", "Joe Biden")),
        Cue(27494, 36003, ("Barack Obama",)),
        Cue(54021, 57024, ("Barack Obama",)),
        Cue(57024, 60024, ("Barack Obama", "Unknown 2", "Not recognisable 1")),
        Cue(60024, 60027, ("Unknown 2", "Not recognisable 1")),
        Cue(60027, 60460, ("Unknown 2",)),
    ]


def test_markup_in_names_and_titles_is_text(broadcast: VideoReport) -> None:
    name = "<b>A & B</b> --> 00:00:01.000\n\n\u2028x\0"
    people = (replace(broadcast.people[0], label=name), *broadcast.people[1:])
    text = as_vtt.render(replace(broadcast, people=people, title="--> \n\nWEBVTT\n\n00:00 --> "))
    assert parse(text)[0].names == ("<b>A & B</b> --> 00:00:01.000 x\ufffd",)


def test_a_comment_says_how_exact_the_cues_are(broadcast: VideoReport) -> None:
    assert "may have come up to 3.6 s earlier, or left" in as_vtt.render(broadcast)
    assert "earlier" not in as_vtt.render(replace(broadcast, people=()))


def test_nobody_is_a_file_without_cues(broadcast: VideoReport) -> None:
    assert parse(as_vtt.render(replace(broadcast, people=()))) == []


INSTANTS = st.fractions(min_value=-1, max_value=30, max_denominator=3000)
STRETCHES = st.lists(st.tuples(INSTANTS, st.fractions(min_value=0, max_value=9, max_denominator=3000)), max_size=5)


def appearance(start: Fraction, length: Fraction) -> Appearance:
    until = start + length + Fraction(1, 5000)
    return Appearance(1, 0, 0, start, start + length, until, 1, None, 0, 0, start, until)


def at(person: Person, millisecond: int) -> bool:
    return any(
        round(a.start * 1000) <= millisecond < max(round(a.until * 1000), max(0, round(a.start * 1000)) + 1)
        for a in person.appearances
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STRETCHES, min_size=1, max_size=4))
def test_at_any_time_the_cue_names_exactly_those_on_camera(
    broadcast: VideoReport, stretches: list[list[tuple[Fraction, Fraction]]]
) -> None:
    people = tuple(
        replace(
            broadcast.people[0],
            label=f"P{number}",
            appearances=tuple(appearance(*stretch) for stretch in sorted(mine)),
        )
        for number, mine in enumerate(stretches)
    )
    cues = parse(as_vtt.render(replace(broadcast, people=people)))
    reached = 0
    for cue in cues:
        assert reached <= cue.start < cue.end
        reached = cue.end
    borders = {0, *(border for cue in cues for border in (cue.start, cue.end))}
    borders |= {max(0, round(a.start * 1000)) for person in people for a in person.appearances}
    for millisecond in borders:
        shown = [cue.names for cue in cues if cue.start <= millisecond < cue.end]
        expected = tuple(person.label for person in people if at(person, millisecond))
        assert shown == ([expected] if expected else [])
