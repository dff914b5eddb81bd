"""What the names of files and folders tell about uploads: `[[intake.rules]]` of the settings.

A rule's path is matched with as many of the last parts of a place as it has itself, so that `{channel}/{}` reads the
name of the folder that a file lies in, wherever that folder is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, tzinfo

import parse

from config import moments
from config.night_settings import UploadRule
from db.facts import UploadFacts
from intake.facts import facts


@dataclass(frozen=True, slots=True)
class _Compiled:
    parts: Sequence[parse.Parser]
    rule: UploadRule


class Rules:
    """The rules of the settings, ready to be asked.

    Args:
        rules: in order; the first that fits counts.
        zone: of times that name none.
    """

    def __init__(self, rules: Sequence[UploadRule], zone: tzinfo) -> None:
        self._zone = zone
        self._rules = [
            _Compiled([parse.compile(part, case_sensitive=True) for part in rule.path.split("/")], rule)
            for rule in rules
        ]

    def facts(self, place: str, now: datetime) -> UploadFacts:
        """What the first rule that fits a place tells; nothing where none does.

        A rule whose fields hold what cannot be, a thirtieth of February, does not fit.
        """
        for compiled in self._rules:
            found = _match(compiled.parts, place.split("/"))
            if found is None:
                continue
            try:
                return self._told(found, now).or_else(self._constants(compiled.rule, now))
            except ValueError:
                continue
        return UploadFacts()

    def _told(self, found: dict[str, object], now: datetime) -> UploadFacts:
        texts = {name: str(value) for name, value in found.items() if name != "recorded"}
        told = facts({**texts}, self._zone, now)
        recorded = found.get("recorded")
        return told if recorded is None else UploadFacts(recorded_at=self._moment(recorded)).or_else(told)

    def _constants(self, rule: UploadRule, now: datetime) -> UploadFacts:
        constants = {"channel": rule.channel, "priority": rule.priority, "deadline": rule.deadline}
        return facts({**constants}, self._zone, now)

    def _moment(self, found: object) -> datetime:
        if isinstance(found, datetime):
            return moments.in_zone(found, self._zone)
        if isinstance(found, date):
            return moments.in_zone(datetime.combine(found, time()), self._zone)
        return moments.moment(str(found), self._zone)


def _match(parsers: Sequence[parse.Parser], parts: Sequence[str]) -> dict[str, object] | None:
    """Fields of the last parts of a place; None where one does not fit."""
    if len(parts) < len(parsers):
        return None
    found: dict[str, object] = {}
    for parser, part in zip(parsers, parts[-len(parsers) :], strict=True):
        try:
            result = parser.parse(part)
        except ValueError:
            # Digits that are no date.
            return None
        if result is None:
            return None
        found |= result.named
    return found
