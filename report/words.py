"""Small things that every part of the page needs: counts and shares in words, rules of the style sheet."""

from fractions import Fraction

from models.decision import Decision
from report.timeline import Place

DECISIONS = {
    Decision.NAMED: "named",
    Decision.REVIEW: "to be reviewed",
    Decision.UNKNOWN: "unknown",
    Decision.UNRECOGNISABLE: "seen, not recognisable",
}
"""What a page says for each decision."""


class Rules:
    """Collects the places of marks as rules of the style sheet."""

    def __init__(self) -> None:
        self._rules: list[str] = []

    def add(self, kind: str, where: Place) -> str:
        """The mark's name."""
        mark = f"{kind}{len(self._rules)}"
        self._rules.append(f"#{mark}{{left:{where.left:g}%;width:{where.width:g}%}}")
        return mark

    def text(self) -> str:
        """All rules."""
        return "\n".join(self._rules)


def number_of(count: int, noun: str) -> str:
    """A count with its noun: `1 face`, `28 800 samples`."""
    return f"{count:,} {noun}{'' if count == 1 else 's'}".replace(",", " ")


def chance(confidence: float | None) -> str | None:
    """A confidence in per cent, never as certain; None where there is none."""
    if confidence is None:
        return None
    percent = round(100 * confidence)
    return "<1 %" if percent < 1 else ">99 %" if percent > 99 else f"{percent} %"


def share(part: Fraction | int, all_: Fraction | int) -> str:
    """Per cent; what is there is never shown as nothing, what is missing never as all."""
    if not all_:
        return "0 %"
    percent = 100 * part / all_
    if 0 < percent < 1:
        return "<1 %"
    if 99 < percent < 100:
        return ">99 %"
    return f"{round(percent)} %"
