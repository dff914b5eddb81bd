"""The page, read as a browser and a screen reader would read it."""

import base64
import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from fractions import Fraction
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest

import report as package
from db.schema import SampleOutcome
from db.states import VideoState
from report import as_html
from report.model import Appearance, Coverage, Person, Provenance, Stretch, VideoReport

VOID = {"meta", "link", "img", "br"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    parent: "Element | None"
    children: list["Element | str"] = field(default_factory=list)

    def all(self) -> list["Element"]:
        """This one and everything in it, in the order of the page."""
        found, waiting = [], [self]
        while waiting:
            element = waiting.pop()
            found.append(element)
            waiting += [child for child in reversed(element.children) if isinstance(child, Element)]
        return found

    def find(self, tag: str, **wanted: str) -> list["Element"]:
        return [
            element
            for element in self.all()
            if element.tag == tag
            and all(value in element.attributes.get(name.rstrip("_"), "").split() for name, value in wanted.items())
        ]

    def one(self, tag: str, **wanted: str) -> "Element":
        (found,) = self.find(tag, **wanted)
        return found

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join(" ".join(parts).split())


class Reader(HTMLParser):
    """Builds the tree, and insists that every element is closed where it was opened."""

    def __init__(self) -> None:
        super().__init__()
        self.root = Element("root", {}, None)
        self.here = self.root

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"an attribute twice in {tag}"
        element = Element(tag, {name: value or "" for name, value in attrs}, self.here)
        self.here.children.append(element)
        if tag not in VOID:
            self.here = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.here.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.here))

    def handle_endtag(self, tag: str) -> None:
        assert tag == self.here.tag, f"</{tag}> closes <{self.here.tag}>"
        assert self.here.parent
        self.here = self.here.parent

    def handle_data(self, data: str) -> None:
        self.here.children.append(data)


def parse(text: str) -> Element:
    reader = Reader()
    reader.feed(text)
    reader.close()
    assert reader.here is reader.root
    return reader.root


def read(report: VideoReport) -> Element:
    return parse(as_html.render(report))


def test_the_answer_comes_first(illustrated: VideoReport) -> None:
    page = read(illustrated)
    assert page.one("h1").text == "Evening news"
    assert page.one("h2", id="answer").text == "4 people on camera"
    cast = page.one("ul", class_="cast").find("li")
    # Whoever was on camera longest, first.
    assert [item.one("span", class_="who").text for item in cast] == [
        "Barack Obama", "Joe Biden", "Unknown 2", "Unknown 1, perhaps Joe Biden", "Not recognisable 1"
    ]  # fmt: skip
    assert [item.one("span", class_="total").text for item in cast] == ["30 s", "18 s", "3.4 s", "3 s", "3 s"]
    assert cast[0].one("img").attributes["alt"] == "Face of Barack Obama"


def test_each_person_has_a_lane_with_exact_times(illustrated: VideoReport) -> None:
    lanes = read(illustrated).one("table", class_="lanes")
    names = [row.one("th").text for row in lanes.one("tbody").find("tr")]
    assert names == [
        "Barack Obama", "Unknown 1, perhaps Joe Biden", "Joe Biden", "Unknown 2", "Not recognisable 1", "Looked at"
    ]  # fmt: skip
    bars = lanes.one("tr", id="t1").find("a", class_="bar")
    assert [bar.attributes["aria-label"] for bar in bars] == [
        "0:03.003 – 0:12.012 · 4 faces",
        "0:24.024 – 0:33.033 · 4 faces",
        "0:54.021 – 0:57.024 · 2 faces",
    ]
    assert all(bar.attributes["data-tip"] == bar.attributes["aria-label"] for bar in bars)


def test_who_is_not_recognisable_is_shown_and_counted_as_nobody(illustrated: VideoReport) -> None:
    page = read(illustrated)
    assert (
        page.one("section", class_="answer")
        .one("p")
        .text.startswith("2 named, 1 to be reviewed, 1 unknown, 1 seen, not recognisable · somebody in view for ")
    )
    section = page.one("article", id="p5")
    assert section.one("span", class_="pill").text == "seen, not recognisable"
    assert section.one("table", class_="finding").one("td").text == (
        "No face is good enough to be compared with anybody."
    )
    alone = read(replace(illustrated, people=illustrated.people[4:]))
    assert alone.one("h2", id="answer").text == "Nobody recognisable on camera"


def test_marks_lie_where_their_times_are(illustrated: VideoReport) -> None:
    page = read(illustrated)
    style = page.one("style").text
    length = 1812 * 1001 / 30000
    bar = page.one("tr", id="t3").one("a", class_="bar")
    place = re.search(rf"#{bar.attributes['id']}{{left:([\d.]+)%;width:([\d.]+)%}}", style)
    assert place
    assert float(place[1]) == pytest.approx(9.009 / length * 100, abs=0.01)
    assert float(place[2]) == pytest.approx((27.494 - 9.009) / length * 100, abs=0.01)
    gaps = page.find("i", class_="gap")
    (place,) = [re.search(rf"#{gap.attributes['id']}{{left:([\d.]+)%;width:([\d.]+)%}}", style) for gap in gaps]
    assert place
    assert float(place[1]) == pytest.approx(45 / length * 100, abs=0.01)
    assert float(place[2]) == pytest.approx(9 / length * 100, abs=0.01)


def test_borders_that_were_looked_at_are_in_a_note_only(illustrated: VideoReport) -> None:
    biden = read(illustrated).one("article", id="p3")
    (item,) = biden.one("ol", class_="sheet").find("li")
    assert item.text == "0:09 – 0:27 7 faces"
    when = item.one("span", class_="when")
    assert when.attributes["title"] == "came between 0:08.609 and 0:09.009, left between 0:27.027 and 0:27.494"


def test_a_section_shows_appearances_and_evidence(illustrated: VideoReport, crops: Mapping[str, bytes]) -> None:
    obama = read(illustrated).one("article", id="p1")
    assert obama.one("span", class_="pill").text == "named · >99 %"
    sheet = obama.one("ol", class_="sheet").find("li")
    assert [item.text for item in sheet] == [
        "0:03 – 0:12 4 faces · known to 3.6 s", "0:24 – 0:33 4 faces · known to 3 s",
        "0:54 – 0:57 2 faces · known to 3.6 s",
    ]  # fmt: skip
    shown = base64.b64encode(crops["Barack Obama"]).decode()
    assert {image.attributes["src"] for image in obama.find("img")} == {f"data:image/jpeg;base64,{shown}"}
    tables = obama.find("table", class_="finding")
    assert [[row.text for row in table.find("tr")] for table in tables] == [
        ["First Barack Obama 0.312", "Second Joe Biden 0.641", "Confidence that the first is right >99 %"],
        ["First Barack Obama 0.406", "Second Joe Biden 0.500", "Confidence that the first is right 97 %"],
    ]
    assert tables[1].one("caption").text.startswith("Group 4, 4 faces")


def test_an_unknown_person_is_called_so(broadcast: VideoReport) -> None:
    unknown = read(broadcast).one("article", id="p4")
    assert unknown.one("h3").text == "Unknown 2"
    assert unknown.one("span", class_="pill").text == "unknown"
    assert unknown.one("table").find("tr")[0].text == "First Eileen Collins 0.625"
    # Without a picture there is a sign in its place that a screen reader can tell.
    assert {sign.attributes["aria-label"] for sign in unknown.find("span", class_="letters")} == {
        "No picture of Unknown 2"
    }


def test_whom_a_reviewer_has_to_decide_about_stands_out(broadcast: VideoReport) -> None:
    page = read(broadcast)
    doubted = page.one("article", id="p2")
    assert "review" in doubted.attributes["class"].split()
    assert doubted.one("h3").text == "Unknown 1, perhaps Joe Biden"
    assert doubted.one("span", class_="pill").text == "to be reviewed · 62 %"
    assert (
        page.one("section", class_="answer")
        .one("p", class_="muted")
        .text.startswith("2 named, 1 to be reviewed, 1 unknown")
    )


def test_without_a_calibration_the_margin_is_told(broadcast: VideoReport) -> None:
    first = broadcast.people[0]
    evidence = tuple(replace(one, confidence=None) for one in first.evidence)
    page = read(replace(broadcast, people=(replace(first, evidence=evidence), *broadcast.people[1:])))
    obama = page.one("article", id="p1")
    assert obama.one("span", class_="pill").text == "named"
    assert [table.find("tr")[2].text for table in obama.find("table", class_="finding")] == [
        "Margin 0.328",
        "Margin 0.094",
    ]


def test_what_was_not_looked_at_is_told(broadcast: VideoReport) -> None:
    page = read(broadcast)
    rows = page.one("table", class_="accounts").find("tr")[1:]
    counts = {row.one("th").text: row.find("td")[1].text for row in rows}
    assert counts == {"analysed": "15", "unchanged": "2", "flat": "1", "not looked at": "3", "planned": "21"}
    assert [item.text for item in page.one("ul", class_="lost").find("li")] == [
        "0:45 – 0:54 · 3 samples · could not be decoded"
    ]
    assert {path.attributes["class"] for path in page.one("svg").find("path")} == {o.value for o in SampleOutcome}
    assert "Part of this video was not looked at" in page.one("section", class_="notice").text
    assert page.one("tr", class_="covered").one("td", class_="total").text == "86 %"


def test_provenance_is_complete(broadcast: VideoReport) -> None:
    page = read(broadcast)
    facts = {part.one("dt").text: part.one("dd").text for part in page.one("dl").find("div")}
    assert facts == {
        "File, SHA-256": "3f" * 32,
        "Container and codec": "mov,mp4 , h264",
        "Time base": "1⁄90000 s per tick",
        "Sampling interval": "3 s ± 0.3 s",
        "Key frames decoded alone": "8 of 21 samples",
        "Frames known from earlier videos": "3 of 21 samples; their faces were taken over",
        "Detector": "hog/smallest60/pixels2073600",
        "Embedding space": "dlib-resnet-v1/chip150-0.25",
        "Weights, SHA-256": "abababababababab…",
        "Gallery version": "9",
        "Rule": "normalised/3/-0.0937/0.0312",
        "Rollcall": "0.0.0",
    }
    assert page.one("footer").text.startswith("Video 1 · /uploads/evening.mp4 · submitted 2026-01-05 22:00:00 UTC")


def test_the_page_needs_nothing_else(illustrated: VideoReport) -> None:
    page = read(illustrated)
    assert not page.find("script")
    for element in page.all():
        assert "style" not in element.attributes
        assert not [name for name in element.attributes if name.startswith("on")]
        for name in ("src", "href", "srcset", "data", "action"):
            assert element.attributes.get(name, "#").startswith(("#", "data:")), element
    assert not re.search(r"url\(|@import|https?:", page.one("style").text)


def test_the_policy_allows_this_style_and_nothing_more(illustrated: VideoReport) -> None:
    text = as_html.render(illustrated)
    metas = {meta.attributes.get("http-equiv", ""): meta.attributes["content"] for meta in parse(text).find("meta")[1:]}
    rules = dict(rule.strip().split(" ", 1) for rule in metas["Content-Security-Policy"].split(";"))
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert rules == {
        "default-src": "'none'",
        "img-src": "data:",
        "style-src": f"'sha256-{digest}'",
        "base-uri": "'none'",
        "form-action": "'none'",
    }
    assert text.index("Content-Security-Policy") < text.index("<style>")


def check_structure(page: Element) -> None:
    """What every state of the page must keep."""
    assert page.one("html").attributes["lang"] == "en"
    ids = [element.attributes["id"] for element in page.all() if "id" in element.attributes]
    assert [name for name, count in Counter(ids).items() if count > 1] == []
    for element in page.all():
        target = element.attributes.get("href", "")
        if target.startswith("#"):
            assert target[1:] in ids, f"{target} leads nowhere"
        if "aria-labelledby" in element.attributes:
            assert element.attributes["aria-labelledby"] in ids
    for image in page.find("img"):
        assert image.attributes["alt"]
    for link in page.find("a"):
        assert link.text or link.attributes.get("aria-label") or link.find("img"), "a link that says nothing"
    levels = [int(element.tag[1]) for element in page.all() if re.fullmatch("h[1-6]", element.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(following - level <= 1 for level, following in pairwise(levels))


@pytest.mark.parametrize("state", list(VideoState)[3:])
def test_every_end_of_a_video_has_a_sound_page(illustrated: VideoReport, state: VideoState) -> None:
    check_structure(read(replace(illustrated, state=state)))


def test_nobody_on_camera(broadcast: VideoReport) -> None:
    page = read(replace(broadcast, people=(), state=VideoState.DONE))
    check_structure(page)
    assert page.one("h2", id="answer").text == "Nobody was seen on camera"
    assert "18 samples out of 21" in page.one("section", class_="answer").text
    assert not page.find("article")


def test_a_rejected_file_tells_why(broadcast: VideoReport) -> None:
    page = read(
        replace(
            broadcast,
            state=VideoState.REJECTED,
            cause="no-video-stream",
            detail="holds sound only",
            facts=None,
            sampling=None,
            people=(),
            length=Fraction(0),
            coverage=Coverage(()),
            provenance=Provenance("0.0.0", None, None, None, None, None, None),
        )
    )
    check_structure(page)
    told = page.one("section", class_="bad").text
    assert "This file was rejected: no-video-stream" in told
    assert "holds sound only" in told
    assert page.one("h2", id="answer").text == "Not known who was on camera"
    assert not page.find("table")


def test_a_failed_video_does_not_say_that_nobody_was_there(broadcast: VideoReport) -> None:
    page = read(replace(broadcast, state=VideoState.FAILED, cause="worker-died", people=()))
    check_structure(page)
    assert "worker-died" in page.one("section", class_="bad").text
    assert page.one("h2", id="answer").text == "Not known who was on camera"
    assert page.find("table", class_="accounts")


@pytest.mark.parametrize(
    "odd",
    [
        "<script>alert(1)</script>",
        "\"><img src=x onerror='alert(1)'>",
        "{{ 7 * 7 }} {% raw %}",
        "نشرة الأخبار",
        "👩‍🚀 \u202etxt.exe\u202c",
        "</style><style>*{display:none}",
        "a" * 5000,
    ],
)
def test_odd_names_and_titles_are_text(illustrated: VideoReport, odd: str) -> None:
    first = illustrated.people[0]
    people = (replace(first, label=odd, name=odd), *illustrated.people[1:])
    page = read(replace(illustrated, title=odd, people=people, cause=odd, detail=odd))
    check_structure(page)
    shown = " ".join(odd.split())
    assert page.one("h1").text == shown
    assert page.one("h3", id="h1").text == shown
    assert not page.find("script")
    assert len(page.find("style")) == 1
    assert {image.attributes["src"][:5] for image in page.find("img")} == {"data:"}
    # Names in other directions do not turn what stands beside them.
    assert page.one("h3", id="h1").find("bdi")


def crowd(report: VideoReport, people: int, appearances: int, jpeg: bytes) -> VideoReport:
    """A day with many people who come and go."""
    best = report.people[0].best_face
    assert best
    face = replace(best, jpeg=jpeg)
    day = Fraction(86400)

    def person(number: int) -> Person:
        starts = [Fraction(86400 * index, appearances) + number * 3 for index in range(appearances)]
        seen = tuple(Appearance(1, 0, 0, at, at + 6, min(at + 9, day), 3, face, 0, 0, at, at + 9) for at in starts)
        return replace(report.people[0], label=f"P {number}", appearances=seen, best_face=face)

    outcomes = [SampleOutcome.ANALYSED, SampleOutcome.CARRIED, SampleOutcome.UNDECODABLE]
    stretches = tuple(
        Stretch(outcomes[k % 3], k, k + 1, Fraction(k * 3), Fraction(k * 3 + 3), None, None, None, None)
        for k in range(28800)
    )
    return replace(
        report, people=tuple(map(person, range(people))), length=day, coverage=Coverage(stretches), title="A day"
    )


def test_a_day_of_many_people_stays_readable_and_small(illustrated: VideoReport, crops: Mapping[str, bytes]) -> None:
    text = as_html.render(crowd(illustrated, 200, 16, crops["Joe Biden"]))
    assert len(text.encode()) < 6_000_000
    page = parse(text)
    check_structure(page)
    assert len(page.one("ul", class_="cast").find("li")) == 13
    assert "+ 188" in page.one("li", class_="rest").text
    assert len(page.find("article")) == 200
    section = page.one("article", id="p7")
    assert len(section.find("img")) == 1 + 4
    assert section.one("summary").text == "12 more appearances"
    assert len(section.one("details").find("li")) == 12
    assert len(page.one("ul", class_="lost").find("li")) == 21
    assert "9580 more stretches" in page.one("ul", class_="lost").text


def test_appearances_that_a_bar_joins_are_counted_on_it(broadcast: VideoReport) -> None:
    page = read(crowd(broadcast, 1, 4000, b""))
    labels = [bar.attributes["aria-label"] for bar in page.find("a", class_="bar")]
    assert len(labels) <= 500
    assert labels[0].startswith("4000 appearances, 0:00 – 23:59:")


def _colours(scope: str) -> dict[str, str]:
    css = (Path(package.__file__).parent / "templates" / "report.css").read_text()
    light, dark = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", light))
    return found | (dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+);", dark)) if scope == "dark" else {})


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) > 4 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of WCAG 2.2."""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("scope", ["light", "dark"])
def test_text_and_marks_have_contrast_enough(scope: str) -> None:
    colours = _colours(scope)
    text = [
        *[(ink, ground) for ink in ("ink", "muted") for ground in ("paper", "sheet", "warn", "bad", "faint")],
        *[("paper", "ink"), ("named", "named-soft"), ("unknown", "unknown-soft"), ("review", "review-soft")],
        *[(badge, "paper") for badge in ("named", "review", "unknown", "lost")],
    ]
    for ink, ground in text:
        assert contrast(colours[ink], colours[ground]) >= 4.5, f"{ink} on {ground}"
    for mark in ("named", "review", "unknown", "stripe", "analysed", "lost"):
        assert contrast(colours[mark], colours["sheet"]) >= 3, f"{mark} on sheet"
